import type { Cluster } from '../network/cluster.ts'
import * as topics from './topics.ts'

type Rest<F extends (cluster: Cluster, ...rest: never[]) => unknown> = F extends (cluster: Cluster, ...rest: infer A) => unknown ? A : never

export class Admin implements AsyncDisposable {
  readonly #cluster: Cluster
  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }
  createTopics(...args: Rest<typeof topics.createTopics>) {
    return topics.createTopics(this.#cluster, ...args)
  }
  async close(): Promise<void> {
    this.#cluster.close()
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
