// Consume, transform, produce, exactly once: one batch of a consumer and what it becomes, in one transaction with the offsets. What fails
// puts the consumer back to where the batch began; what may pass (a rebalance, a coordinator that moves) is tried again, with whatever
// partitions are assigned then.
import type { World } from '@odradek/world'
import { KafkaError, toKafkaError } from '../errors.ts'
import { backoffMs, sleep } from '../network/retry.ts'
import type { Producer, Transaction } from '../producer/producer.ts'
import { partitionKey } from '../types.ts'
import type { Consumer } from './consumer.ts'
import type { ConsumerRecords } from './consumer-records.ts'
import type { PollOptions } from './types.ts'

export interface ConsumeTransaction<K, V> extends Pick<Transaction, 'send' | 'sendBatch'> {
  readonly records: ConsumerRecords<K, V>
}

export interface ConsumeTransactionOptions extends PollOptions {
  /** Of the producer that is made for the consumer. A name that outlives the process ends at once what a crash left open. Default: a new one. */
  readonly transactionalId?: string
  /** Tries after the first, for what may pass. Default 10. */
  readonly retries?: number
}

const BACKOFF = { initialMs: 100, maxMs: 1000 }

/** The group has moved on, or the brokers ask for the transaction to be aborted: not the end. */
const passing: ReadonlySet<string> = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'STALE_MEMBER_EPOCH',
  'FENCED_MEMBER_EPOCH',
  'REBALANCE_IN_PROGRESS',
  'TRANSACTION_ABORTABLE',
  'CONCURRENT_TRANSACTIONS'
])

export class TransactionalWork<K, V> {
  readonly #consumer: Consumer<K, V>
  readonly #world: World
  readonly #makeProducer: (transactionalId: string | undefined) => Producer
  #producer: Producer | undefined

  constructor(consumer: Consumer<K, V>, world: World, makeProducer: (transactionalId: string | undefined) => Producer) {
    this.#consumer = consumer
    this.#world = world
    this.#makeProducer = makeProducer
  }

  async close(): Promise<void> {
    await this.#producer?.close()
  }

  /** Resolves to the number of records; 0: none came in time, and `body` was not called. */
  async run(body: (transaction: ConsumeTransaction<K, V>) => Promise<unknown>, options: ConsumeTransactionOptions): Promise<number> {
    const { retries = 10, signal, timeoutMs } = options
    for (let failures = 0; ; failures++) {
      const records = await this.#consumer.poll({ signal, timeoutMs })
      if (records.isEmpty) return 0
      this.#producer ??= this.#makeProducer(options.transactionalId)
      let isCommitting = false
      try {
        await this.#producer.transaction(
          async ({ send, sendBatch, sendOffsets }) => {
            await body({ records, send, sendBatch })
            await sendOffsets(this.#offsetsOf(records), this.#consumer.groupMetadata(), { signal })
            isCommitting = true
          },
          { signal }
        )
        return records.count
      } catch (error) {
        await this.#putBack(records, isCommitting, signal)
        const passes = error instanceof KafkaError && (error.retriable || passing.has(error.code))
        if (passes && failures < retries) {
          await sleep(this.#world, backoffMs(BACKOFF, failures, this.#world), signal)
          continue
        }
        // It may be fenced or broken for good: the next transaction has one of its own.
        const producer = this.#producer
        this.#producer = undefined
        await producer.close().catch(() => {})
        throw error instanceof Error ? error : toKafkaError(error)
      }
    }
  }

  #offsetsOf(records: ConsumerRecords<K, V>) {
    const read = new Set(records.partitions.map(({ topic, partition }) => partitionKey(topic, partition)))
    return this.#consumer.consumedOffsets().filter(({ topic, partition }) => read.has(partitionKey(topic, partition)))
  }

  /** `isCommitting`: the transaction may have been committed all the same; then the group knows, and the records are not for a second time. */
  async #putBack(records: ConsumerRecords<K, V>, isCommitting: boolean, signal: AbortSignal | undefined): Promise<void> {
    const committed = isCommitting ? await this.#consumer.committed(records.partitions, { signal }).catch(() => undefined) : undefined
    const assigned = new Set(this.#consumer.assignment().map(({ topic, partition }) => partitionKey(topic, partition)))
    for (const place of records.partitions) {
      const key = partitionKey(place.topic, place.partition)
      const [first] = records.records(place)
      if (assigned.has(key)) this.#consumer.seek(place, Math.max(first.offset, committed?.get(key)?.offset ?? 0))
    }
  }
}
