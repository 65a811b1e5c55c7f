// Frames by hand against a broker of any kind: the client of bytes, the calls that tests need most, and builders of frames
// that no client would send.
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
  decodeRecords,
  encodeBatch,
  FetchRequest,
  FetchResponse,
  type Input,
  iterateBatches,
  ProduceRequest,
  ProduceResponse
} from '@odradek/protocol'
import { RawClient } from '../../../packages/broker/test/support/raw-client.ts'

export { RawClient }

export const int16 = (value: number) => {
  const buffer = Buffer.alloc(2)
  buffer.writeInt16BE(value)
  return buffer
}

export const int32 = (value: number) => {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(value)
  return buffer
}

/** The frame (without its size) of a request: key, version, then `rest` (by default correlation id 1 and a null client id). */
export const frameOf = (apiKey: number, version: number, rest = Buffer.from([0, 0, 0, 1, 0xff, 0xff])) =>
  Buffer.concat([int16(apiKey), int16(version), rest])

export interface ProduceFields {
  partition?: number
  acks?: number
  version?: number
  transactionalId?: string | null
}

type ProduceAnswer = ProduceResponse['responses'][number]['partitionResponses'][number]
type FetchAnswer = FetchResponse['responses'][number]['partitions'][number]

export const produceRequest = (topic: string, records: Buffer | null, fields: ProduceFields = {}): Input<ProduceRequest> => ({
  acks: fields.acks ?? -1,
  timeoutMs: 5_000,
  transactionalId: fields.transactionalId ?? null,
  topicData: [{ name: topic, partitionData: [{ index: fields.partition ?? 0, records }] }]
})

/** The answer for one partition. */
export async function produce(
  client: RawClient,
  topic: string,
  records: Buffer | null,
  fields: ProduceFields = {}
): Promise<ProduceAnswer> {
  const answer = await client.call(ProduceRequest, ProduceResponse, fields.version ?? 12, produceRequest(topic, records, fields))
  return answer.responses[0].partitionResponses[0]
}

/** The answer for one partition of a sessionless fetch by name. */
export async function fetchOne(
  client: RawClient,
  topic: string,
  fetchOffset: number,
  fields: Input<FetchRequest> = {}
): Promise<FetchAnswer & { topLevelErrorCode: number }> {
  const answer = await client.call(FetchRequest, FetchResponse, 12, {
    maxWaitMs: 0,
    minBytes: 1,
    ...fields,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }]
  })
  if (answer.responses.length === 0) throw new Error(`fetch failed: ${answer.errorCode}`)
  return { ...answer.responses[0].partitions[0], topLevelErrorCode: answer.errorCode }
}

export function valuesOf(records: Buffer | null): string[] {
  return iterateBatches(records ?? Buffer.alloc(0)).flatMap((batch) => decodeRecords(batch).map(({ value }) => String(value)))
}

export const batchOf = (...values: string[]) => encodeBatch({ records: values.map((value) => ({ value })), timestamp: Date.now() })

type TopicFields = Input<CreateTopicsRequest>['topics']

/** Creates one topic and gives its error code. */
export async function createTopics(client: RawClient, ...topics: NonNullable<TopicFields>): Promise<number[]> {
  const answer = await client.call(CreateTopicsRequest, CreateTopicsResponse, 5, { topics, timeoutMs: 10_000 })
  return answer.topics.map(({ errorCode }) => errorCode)
}

/** Creates a topic that can be written at once. */
export async function createTopic(client: RawClient, name: string, configs: Record<string, string> = {}): Promise<void> {
  const pairs = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  const [code] = await createTopics(client, { name, numPartitions: 1, replicationFactor: 1, configs: pairs })
  if (code !== 0) throw new Error(`${name} was not made: ${code}`)
  // Apache Kafka answers before its broker has read the metadata
  while ((await fetchOne(client, name, 0)).errorCode !== 0) await new Promise(setImmediate)
}
