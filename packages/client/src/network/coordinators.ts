// Which broker coordinates a group, a transaction or a share partition: asked for when needed, remembered until told that it is wrong.
import { CoordinatorType, ErrorCode, FindCoordinatorRequest, FindCoordinatorResponse } from '@odradek/protocol'
import type { ClientConnection } from '@odradek/transport'
import { KafkaError } from '../errors.ts'
import type { Node } from './metadata.ts'

export type CoordinatorKind = 'group' | 'transaction' | 'share'

const keyTypes: Readonly<Record<CoordinatorKind, number>> = {
  group: CoordinatorType.GROUP,
  transaction: CoordinatorType.TRANSACTION,
  share: CoordinatorType.SHARE
}

/** An admin may ask about ever new groups. */
const KEPT_MAX = 1_000

export class CoordinatorCache {
  readonly #nodes = new Map<string, Node>()

  get(kind: CoordinatorKind, key: string): Node | undefined {
    return this.#nodes.get(`${kind}:${key}`)
  }

  forget(kind: CoordinatorKind, key: string): void {
    this.#nodes.delete(`${kind}:${key}`)
  }

  /** One request for all keys, or one each for brokers before 3.0. What has no coordinator now has an error. */
  async find(
    connection: ClientConnection,
    kind: CoordinatorKind,
    keys: readonly string[],
    signal?: AbortSignal
  ): Promise<Map<string, Node | KafkaError>> {
    const version = connection.versionFor(FindCoordinatorRequest, kind === 'share' ? { min: 6 } : undefined)
    const keyType = keyTypes[kind]
    const results = new Map<string, Node | KafkaError>()
    if (version >= 4) {
      const body = { keyType, coordinatorKeys: keys }
      const { coordinators } = await connection.send(FindCoordinatorRequest, FindCoordinatorResponse, body, { version, signal })
      for (const found of coordinators) results.set(found.key, this.#remember(kind, found.key, found))
    } else {
      const ask = async (key: string): Promise<void> => {
        const found = await connection.send(FindCoordinatorRequest, FindCoordinatorResponse, { keyType, key }, { version, signal })
        results.set(key, this.#remember(kind, key, found))
      }
      await Promise.all(keys.map(ask))
    }
    for (const key of keys) if (!results.has(key)) results.set(key, new KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE))
    return results
  }

  #remember(
    kind: CoordinatorKind,
    key: string,
    found: { errorCode: number; errorMessage: string | null; nodeId: number; host: string; port: number }
  ): Node | KafkaError {
    if (found.errorCode !== ErrorCode.NONE) return new KafkaError(found.errorCode, { message: found.errorMessage })
    if (found.nodeId < 0 || found.host === '') return new KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    const node: Node = { id: found.nodeId, host: found.host, port: found.port, rack: null }
    this.#nodes.set(`${kind}:${key}`, node)
    // Of those over the bound the one that was found first is asked for again when it is needed.
    if (this.#nodes.size > KEPT_MAX) for (const oldest of this.#nodes.keys()) if (this.#nodes.delete(oldest)) break
    return node
  }
}
