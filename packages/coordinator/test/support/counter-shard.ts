// The smallest state machine worth replicating: named numbers. A record sets one of them.
import { TimelineMap } from '@odradek/base'
import {
  type CoordinatorResult,
  CoordinatorRuntime,
  type CoordinatorShard,
  type RecordSerde,
  type RuntimeConfig,
  type ShardEnvironment
} from '../../src/index.ts'
import type { MemoryLog } from './memory-log.ts'
import type { VirtualWorld } from './virtual-world.ts'

export interface SetRecord {
  name: string
  value: number | null
}

export const setRecordSerde: RecordSerde<SetRecord> = {
  encode: ({ name, value }) => ({ key: Buffer.from(name), value: value === null ? null : Buffer.from(String(value)) }),
  decode: (key, value) =>
    key.toString().startsWith('?') ? undefined : { name: key.toString(), value: value === null ? null : Number(value.toString()) }
}

export class CounterShard implements CoordinatorShard<SetRecord> {
  readonly environment: ShardEnvironment<SetRecord>
  readonly values: TimelineMap<string, number>
  /** Values of open transactions, by producer. */
  readonly pending: TimelineMap<number, readonly SetRecord[]>
  readonly events: string[] = []

  constructor(environment: ShardEnvironment<SetRecord>) {
    this.environment = environment
    this.values = new TimelineMap(environment.registry)
    this.pending = new TimelineMap(environment.registry)
  }

  replay(_offset: number, producerId: number, _producerEpoch: number, record: SetRecord): void {
    if (record.name === 'poison') throw new Error('poison')
    if (producerId >= 0) this.pending.set(producerId, [...(this.pending.get(producerId) ?? []), record])
    else this.#apply(record)
  }

  replayEndTransactionMarker(producerId: number, _producerEpoch: number, isCommit: boolean): void {
    const records = this.pending.get(producerId) ?? []
    this.pending.delete(producerId)
    if (isCommit) for (const record of records) this.#apply(record)
  }

  onLoaded(): void {
    this.events.push('loaded')
  }

  onUnloaded(): void {
    this.events.push('unloaded')
  }

  set(...records: [string, number | null][]): CoordinatorResult<string, SetRecord> {
    return { records: records.map(([name, value]) => ({ name, value })), response: `set ${records.length}` }
  }

  snapshot(epoch?: number): Record<string, number> {
    return Object.fromEntries([...this.values.entries(epoch)].sort())
  }

  #apply({ name, value }: SetRecord): void {
    if (value === null) this.values.delete(name)
    else this.values.set(name, value)
  }
}

export type CounterRuntime = CoordinatorRuntime<CounterShard, SetRecord>

export function createCounterRuntime(world: VirtualWorld, log: MemoryLog, config: Partial<RuntimeConfig> = {}): CounterRuntime {
  return new CoordinatorRuntime<CounterShard, SetRecord>({
    world,
    topic: 'counters',
    log,
    serde: setRecordSerde,
    config: {
      appendLingerMs: -1,
      writeTimeoutMs: 5_000,
      compression: 'none',
      loadBufferBytes: 1 << 20,
      maxPendingWrites: 1_000,
      ...config
    },
    createShard: (environment) => new CounterShard(environment)
  })
}

/** How a failed write answers. */
export const failed = (errorCode: number): string => `error ${errorCode}`
