// Transactions that no coordinator will ever end: open in a partition for longer than any may be, and the coordinator, if it knows the
// producer at all, has nothing to do in that partition.
import type { Admin, ProducerState, TopicPartition, TransactionDescription } from '@odradek/client'
import type { Arguments } from '../command-line.ts'
import { mapOrder, nameOrder, partitionOrder } from '../java.ts'
import { table } from '../table.ts'
import { ToolError } from '../tool.ts'
import { attempt, descriptionWords, failure, keyOf, producersCall, producersWords } from './kafka-transactions-words.ts'

/** Topics or partitions in one request. */
const BATCH = 500
const MINUTE_MS = 60_000
const DEFAULT_TIMEOUT_MINUTES = 15

interface Scope {
  readonly topic: string | undefined
  readonly partition: number | undefined
  readonly brokerId: number | undefined
}

interface OpenTransaction extends TopicPartition {
  readonly producer: ProducerState
}

export async function findHanging(admin: Admin, args: Arguments): Promise<string> {
  const scope = { topic: args.value('--topic'), partition: args.integer('--partition'), brokerId: args.integer('--broker-id') }
  if (scope.topic === undefined && scope.brokerId === undefined)
    throw new ToolError('The `find-hanging` command requires either --topic or --broker-id to limit the scope of the search')
  if (scope.partition !== undefined && scope.topic === undefined)
    throw new ToolError('The --partition argument requires --topic to be provided')
  const timeoutMs = (args.integer('--max-transaction-timeout') ?? DEFAULT_TIMEOUT_MINUTES) * MINUTE_MS
  const open = await openTransactions(admin, await partitionsOf(admin, scope), { brokerId: scope.brokerId, timeoutMs })
  const hanging = open.length === 0 ? [] : await withoutCoordinator(admin, open)
  const now = Date.now()
  return table(
    ['Topic', 'Partition', 'ProducerId', 'ProducerEpoch', 'CoordinatorEpoch', 'StartOffset', 'LastTimestamp', 'Duration(min)'],
    hanging.map(({ topic, partition, producer }) => [
      topic,
      partition,
      producer.producerId,
      producer.producerEpoch,
      producer.coordinatorEpoch ?? -1,
      producer.currentTransactionStartOffset ?? -1,
      producer.lastTimestamp,
      Math.trunc((now - producer.lastTimestamp) / MINUTE_MS)
    ])
  )
}

const batches = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(items.length / BATCH) }, (_, index) => items.slice(index * BATCH, (index + 1) * BATCH))

async function partitionsOf(admin: Admin, { topic, partition, brokerId }: Scope): Promise<TopicPartition[]> {
  if (topic !== undefined && partition !== undefined) return [{ topic, partition }]
  const topics = topic === undefined ? await topicNames(admin) : [topic]
  const found: TopicPartition[] = []
  for (const batch of batches(topics)) {
    const described = await attempt('listNodes', admin.describeTopics(batch), `Failed to describe ${batch.length} topics`)
    for (const { name, partitions } of nameOrder([...described.values()], ({ name }) => name)) {
      for (const { partition, replicas } of partitions)
        if (brokerId === undefined || replicas.some(({ id }) => id === brokerId)) found.push({ topic: name, partition })
    }
  }
  return found
}

async function topicNames(admin: Admin): Promise<string[]> {
  return [...(await attempt('listTopics', admin.listTopics({ listInternal: true }), 'Failed to list topics')).keys()]
}

async function openTransactions(
  admin: Admin,
  partitions: readonly TopicPartition[],
  { brokerId, timeoutMs }: { readonly brokerId: number | undefined; readonly timeoutMs: number }
): Promise<OpenTransaction[]> {
  const open: OpenTransaction[] = []
  for (const batch of batches(partitions)) {
    const broker = brokerId === undefined ? 'Optional.empty' : `Optional[${brokerId}]`
    const what = `Failed to describe producers for ${batch.length} partitions on broker ${broker}`
    const words = producersWords(batch[0], brokerId)
    const described = await attempt(producersCall(brokerId), admin.describeProducers(batch, { brokerId }), what, words)
    const now = Date.now()
    for (const one of partitionOrder(batch)) {
      for (const producer of described.get(keyOf(one)) ?? []) {
        const isOpen = producer.currentTransactionStartOffset !== undefined
        if (isOpen && now - producer.lastTimestamp > timeoutMs) open.push({ ...one, producer })
      }
    }
  }
  return open
}

async function withoutCoordinator(admin: Admin, open: readonly OpenTransaction[]): Promise<OpenTransaction[]> {
  const byProducer = Map.groupBy(open, ({ producer }) => producer.producerId)
  const producerIds = mapOrder([...byProducer.keys()], (id) => Number(BigInt.asIntN(32, BigInt(id) ^ (BigInt(id) >> 32n))))
  const what = `Failed to list transactions for ${producerIds.length} producers`
  const listed = await attempt('listTransactions(api=METADATA)', admin.listTransactions({ producerIds }), what)
  const ids = new Map(listed.map(({ producerId, transactionalId }) => [producerId, transactionalId]))
  const descriptions = await describe(admin, [...new Set(ids.values())])
  return producerIds.flatMap((producerId) => {
    const expected = descriptions.get(ids.get(producerId) ?? '')?.topicPartitions ?? []
    return (byProducer.get(producerId) ?? []).filter((one) => !expected.some((other) => keyOf(other) === keyOf(one)))
  })
}

async function describe(admin: Admin, transactionalIds: readonly string[]): Promise<ReadonlyMap<string, TransactionDescription>> {
  const { values, errors } = await admin.describeTransactions(transactionalIds).outcomes()
  for (const [id, error] of errors) {
    if (error.code === 'TRANSACTIONAL_ID_NOT_FOUND') continue
    throw failure(
      `Failed to describe ${transactionalIds.length} transactions`,
      descriptionWords(id)(error.code, error.message) ?? error.message
    )
  }
  return values
}
