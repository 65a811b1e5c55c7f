// What stream and run see of their consumer, and small things that consumer.ts needs.
import type { World } from '@odradek/world'
import { KafkaError, toKafkaError } from '../errors.ts'
import { invalidConfig } from '../options.ts'
import type { Deserializer } from '../serdes/serde.ts'
import type { Topic } from '../topic.ts'
import type { Taken } from './consumer-records.ts'
import type { Deserializers } from './fetched-records.ts'
import type { PartitionState } from './partition-state.ts'
import type { ConsumerRecord } from './record.ts'

export const timeUp = Symbol('the time of this poll is over')

export interface TakeOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  readonly max: number
  /** Asked whenever something has happened: true ends the waiting. */
  readonly until?: () => boolean
}

export interface ConsumerEngine<K, V> {
  readonly world: World
  readonly maxPollRecords: number
  readonly groupId: string
  take(options: TakeOptions): Promise<{ records: ConsumerRecord<K, V>[]; taken: Taken[] }>
  /** Called before partitions are revoked: resolves when nothing of them is being worked on. */
  setDrain(drain: ((states: readonly PartitionState[]) => Promise<void>) | undefined): void
  wake(): void
  commitFinished(): Promise<void>
  unsubscribe(): Promise<void>
}

/** False: the time was over first. */
export async function endsWithin(world: World, promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const { promise: over, resolve } = Promise.withResolvers<boolean>()
  const timer = world.timers.schedule(timeoutMs, () => resolve(false))
  try {
    return await Promise.race([promise.then(() => true), over])
  } finally {
    timer.cancel()
  }
}

export function toListenerError(error: unknown): KafkaError {
  if (error instanceof KafkaError) return error
  return new KafkaError(-1, {
    code: 'REBALANCE_LISTENER_FAILED',
    message: `A rebalance listener threw: ${toKafkaError(error).message}`,
    cause: error,
    retriable: false
  })
}

/** The types that come with typed topics, by name; those of a topic are also those of its retry topics. */
export function typesOf<K, V>(to: unknown, retries?: { namesFor(topic: string): readonly string[] }): [string, Deserializers<K, V>][] {
  const types: [string, Deserializers<K, V>][] = []
  for (const each of Array.isArray(to) ? to : [to]) {
    if (typeof each !== 'object' || each === null || !('name' in each) || !('key' in each)) continue
    const { name, key, value } = each as Topic<K, V>
    for (const like of [name, ...(retries?.namesFor(name) ?? [])]) types.push([like, { key, value }])
  }
  return types
}

/** The setting names Java classes; here it is an object. */
export function deserializerOf<T>(name: string, given: unknown): Deserializer<T> | undefined {
  if (given === null || given === undefined || given === '') return undefined
  if (typeof given === 'object' && 'deserialize' in given) return given as Deserializer<T>
  throw invalidConfig(`${name} is an object with a deserialize method, as string() and json() give`)
}
