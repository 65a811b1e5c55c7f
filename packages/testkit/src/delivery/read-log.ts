// What the log of a topic holds, read by plain requests of an old version and not by the client under test.
import {
  decodeRecords,
  ErrorCode,
  FetchRequest,
  FetchResponse,
  iterateBatches,
  type KafkaRecord,
  ListOffsetsRequest,
  ListOffsetsResponse
} from '@odradek/protocol'
import { ClientConnection } from '@odradek/transport'
import type { World } from '@odradek/world'

const FETCH_VERSION = 11
const LIST_OFFSETS_VERSION = 5

export interface ReadLogOptions {
  readonly world: World
  readonly host: string
  readonly port: number
  readonly topic: string
  readonly partitions: number
  /** Without the records of aborted transactions. Default false. */
  readonly isReadCommitted?: boolean
}

export interface ReadRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** Everything from the first offset to the end, partition by partition. */
export async function readLog(options: ReadLogOptions): Promise<ReadRecord[]> {
  const { world, host, port } = options
  const connection = await ClientConnection.connect({ world, host, port, clientId: 'read-log' })
  try {
    const records: ReadRecord[] = []
    for (let partition = 0; partition < options.partitions; partition++)
      for (const record of await readPartition(connection, options, partition)) records.push(record)
    return records
  } finally {
    connection.close()
  }
}

async function readPartition(connection: ClientConnection, options: ReadLogOptions, partition: number): Promise<ReadRecord[]> {
  const { topic } = options
  const isolationLevel = options.isReadCommitted === true ? 1 : 0
  const end = await offsetOf(connection, options, partition, -1)
  const records: ReadRecord[] = []
  for (let fetchOffset = await offsetOf(connection, options, partition, -2); fetchOffset < end; ) {
    const partitions = [{ partition, fetchOffset, partitionMaxBytes: 1 << 20 }]
    const body = { replicaId: -1, maxWaitMs: 100, minBytes: 1, maxBytes: 1 << 20, isolationLevel, topics: [{ topic, partitions }] }
    const response = await connection.send(FetchRequest, FetchResponse, body, { version: FETCH_VERSION })
    const [found] = response.responses[0].partitions
    if (found.errorCode !== ErrorCode.NONE) throw new Error(`reading ${topic}-${partition} at ${fetchOffset}: error ${found.errorCode}`)
    const next = walk(found, fetchOffset, (offset, { key, value }) => records.push({ topic, partition, offset, key, value }))
    if (next === fetchOffset) throw new Error(`${topic}-${partition} has nothing at ${fetchOffset}, and its end is ${end}`)
    fetchOffset = next
  }
  return records
}

type Fetched = FetchResponse['responses'][number]['partitions'][number]

function walk(fetched: Fetched, fetchOffset: number, visit: (offset: number, record: KafkaRecord) => void): number {
  const aborted = fetched.abortedTransactions ?? []
  const ended = new Map<number, number>()
  let next = fetchOffset
  for (const batch of iterateBatches(fetched.records ?? Buffer.alloc(0))) {
    if (!batch.isValid()) throw new Error(`the batch at ${batch.baseOffset} is damaged`)
    const isAborted =
      batch.isTransactional &&
      aborted.some(
        ({ producerId, firstOffset }) =>
          producerId === batch.producerId && firstOffset <= batch.lastOffset && firstOffset > (ended.get(producerId) ?? -1)
      )
    if (batch.isControl) ended.set(batch.producerId, batch.lastOffset)
    else if (!isAborted) for (const record of decodeRecords(batch)) if (record.offset >= fetchOffset) visit(record.offset, record)
    next = Math.max(next, batch.nextOffset)
  }
  return next
}

async function offsetOf(connection: ClientConnection, options: ReadLogOptions, partition: number, timestamp: number): Promise<number> {
  const { topic } = options
  const topics = [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }]
  const isolationLevel = options.isReadCommitted === true ? 1 : 0
  const response = await connection.send(
    ListOffsetsRequest,
    ListOffsetsResponse,
    { replicaId: -1, isolationLevel, topics },
    { version: LIST_OFFSETS_VERSION }
  )
  const [found] = response.topics[0].partitions
  if (found.errorCode !== ErrorCode.NONE) throw new Error(`the offsets of ${topic}-${partition}: error ${found.errorCode}`)
  return found.offset
}
