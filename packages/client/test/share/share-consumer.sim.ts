// Share consumers in virtual time, against partitions that keep locks and sessions as Kafka does, among failures.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPrng, type Prng } from '@odradek/base'
import { type ShareConsumerSettings, shareConsumerConfigDefinitions } from '@odradek/config'
import { ErrorCode } from '@odradek/protocol'
import { resolveOptions } from '../../src/options.ts'
import type { Acknowledgement } from '../../src/share/acknowledgements.ts'
import { ShareConsumer } from '../../src/share/share-consumer.ts'
import { ShareCluster, type ShareFault } from '../support/share-log.ts'

const faults: readonly ShareFault[] = [
  { errorCode: ErrorCode.SHARE_SESSION_NOT_FOUND },
  { errorCode: ErrorCode.SHARE_SESSION_LIMIT_REACHED },
  { drop: 'hang up' },
  { drop: 'hang up', after: true }
]
const verdicts: readonly Acknowledgement[] = ['accept', 'accept', 'accept', 'release', 'renew']
const PER_PARTITION = 60

class Member {
  readonly consumer: ShareConsumer
  readonly #cluster: ShareCluster
  readonly #prng: Prng
  readonly #isExplicit: boolean
  readonly seen = new Set<string>()
  /** Accepted, by this member, in its last word on the record. */
  readonly #said = new Map<string, Acknowledgement>()

  constructor(cluster: ShareCluster, prng: Prng) {
    this.#cluster = cluster
    this.#prng = prng
    this.#isExplicit = prng.chance(0.5)
    const { settings } = resolveOptions<ShareConsumerSettings>('share consumer', shareConsumerConfigDefinitions, {
      groupId: 'g',
      maxPollRecords: 1 + prng.below(20),
      shareAcquireMode: prng.pick(['record_limit', 'batch_optimized']),
      shareAcknowledgementMode: this.#isExplicit ? 'explicit' : 'implicit'
    })
    this.consumer = new ShareConsumer({ cluster: cluster.fake.connect(), settings })
    this.consumer.subscribe('t')
    this.consumer.setAcknowledgementCommitCallback(({ partition, offsets }, error) => {
      for (const offset of offsets) {
        const place = `${partition}-${offset}`
        assert.ok(this.seen.has(place), `${place} was acknowledged and never handed out`)
        const isAccepted = error === undefined && (!this.#isExplicit || this.#said.get(place) === 'accept')
        if (isAccepted) assert.equal(cluster.state(partition, offset), 'acknowledged', `${place} is said to be done`)
      }
    })
  }

  async run(stop: AbortSignal): Promise<void> {
    const { consumer } = this
    while (!stop.aborted) {
      for (const { partition, offset } of await consumer.poll({ timeoutMs: this.#prng.below(400) })) {
        const place = `${partition}-${offset}`
        this.seen.add(place)
        if (!this.#isExplicit) continue
        const verdict = this.#cluster.isDone ? 'accept' : this.#prng.pick(verdicts)
        this.#said.set(place, verdict)
        consumer.acknowledge({ topic: 't', partition, offset }, verdict)
      }
      const then = this.#prng.below(5)
      if (then === 0) await consumer.commitSync()
      else if (then === 1) consumer.commitAsync()
      if (this.#prng.chance(0.05)) await this.#sleep(this.#prng.below(5000))
    }
    await consumer.close()
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#cluster.fake.client.world.timers.schedule(ms, resolve)
    })
  }
}

describe('share consumers among failures', () => {
  for (let seed = 1; seed <= Number(process.env.SEEDS ?? 30); seed++) {
    test(`every record is handed out and acknowledged, and the protocol is kept (seed ${seed})`, async () => {
      const prng = createPrng(`share-${seed}`)
      const cluster = await ShareCluster.start({ brokers: 3, partitions: 4, perPartition: PER_PARTITION, seed })
      let areFaultsOver = false
      cluster.fault = () => (!areFaultsOver && prng.chance(0.1) ? prng.pick(faults) : undefined)
      const stop = new AbortController()
      const members = Array.from({ length: 1 + prng.below(3) }, () => new Member(cluster, prng))
      const running = Promise.all(members.map((member) => member.run(stop.signal)))
      for (let step = 0; step < 1000 && !cluster.isDone; step++) {
        await cluster.fake.sim.advance(200)
        if (!areFaultsOver && prng.chance(0.05)) cluster.moveLeader(prng.below(4), 1 + prng.below(3))
        areFaultsOver ||= step > 150
      }
      assert.ok(cluster.isDone, 'records are left')
      stop.abort()
      await cluster.fake.sim.complete(running)
      assert.equal(new Set(members.flatMap(({ seen }) => [...seen])).size, 4 * PER_PARTITION)
      assert.equal(await cluster.fake.openSockets(), 0)
    })
  }
})
