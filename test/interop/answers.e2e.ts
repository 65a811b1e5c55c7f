// Every answer as Apache Kafka gives it: the same requests, byte for byte, to both, and the answers compared field by field.
// What cannot agree (ids, clocks, sizes of the metadata log) is left out by name; what differs on purpose is in
// docs/differences.md and not among the cases.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  apiKeys,
  CreateTopicsRequest,
  CreateTopicsResponse,
  ErrorCode,
  FindCoordinatorRequest,
  FindCoordinatorResponse,
  type MessageCodec,
  MetadataRequest,
  MetadataResponse
} from '@odradek/protocol'
import { RawClient } from '../../packages/broker/test/support/raw-client.ts'
import { type AnswerCase, answerCases, topics } from './support/answer-cases.ts'
import { type BrokerKind, type BrokerProcess, startBroker } from './support/brokers.ts'
import { kafkaClassPath, toolchain } from './support/toolchains.ts'

const kinds: readonly BrokerKind[] = ['apache', 'odradek']
const IGNORED =
  /throttleTimeMs|subscriptionId|finalizedFeaturesEpoch|logAppendTimeMs|Timestamp$|highWatermark$|[lL]eaderEpoch$|totalBytes|usableBytes|replicaDirectoryId|memberId|logEndOffset|partitionSize/

interface Side {
  readonly broker: BrokerProcess
  readonly ids: Record<string, string>
  client: RawClient
}

const sides = new Map<BrokerKind, Side>()
let present: string | undefined

before(async () => {
  present = toolchain({ skip: () => {} }, 'Java with Maven', kafkaClassPath)
  if (present === undefined) return
  for (const kind of kinds) {
    const broker = await startBroker({ kind })
    const client = await RawClient.connect(broker.port)
    sides.set(kind, { broker, client, ids: await prepare(client) })
  }
})

after(async () => {
  for (const { broker, client } of sides.values()) {
    client.close()
    await broker[Symbol.asyncDispose]()
  }
})

/** Topics are there, with their leaders, and so is the coordinator of groups; gives the ids of the topics. */
async function prepare(client: RawClient): Promise<Record<string, string>> {
  const wanted = Object.entries(topics).map(([name, { partitions, configs = {} }]) => ({
    name,
    numPartitions: partitions,
    replicationFactor: 1,
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  }))
  await client.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics: wanted, timeoutMs: 10_000 })
  for (;;) {
    const { topics: found } = await client.call(MetadataRequest, MetadataResponse, 12, { topics: wanted.map(({ name }) => ({ name })) })
    const { errorCode } = await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: 'plain' })
    const isReady = found.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leaderId }) => leaderId === 1))
    if (isReady && errorCode === ErrorCode.NONE) return Object.fromEntries(found.map(({ name, topicId }) => [name, topicId]))
  }
}

async function answerOf(kind: BrokerKind, { api, body }: AnswerCase, version: number): Promise<unknown> {
  const side = sides.get(kind) as Side
  const info = [...apiKeys.values()].find(({ name }) => name === api)
  assert.ok(info, api)
  if (side.client.isClosed) side.client = await RawClient.connect(side.broker.port)
  for (let attempt = 0; ; attempt++) {
    const answer = await side.client.call(
      info.request as MessageCodec<object>,
      info.response as MessageCodec<object>,
      version,
      body(version, side.ids) as never
    )
    // both may still be loading the groups
    if (attempt > 200 || !JSON.stringify(answer).includes(`"errorCode":${ErrorCode.COORDINATOR_LOAD_IN_PROGRESS}`))
      return comparable(answer, side)
  }
}

/** The answer without what only this broker can know, lists in one order. */
function comparable(value: unknown, side: Side): unknown {
  if (Buffer.isBuffer(value)) return `${value.length} bytes`
  if (Array.isArray(value)) {
    const items = value.map((item) => comparable(item, side))
    return items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  if (typeof value === 'object' && value !== null) {
    const known = Object.entries(value).filter(([key]) => !IGNORED.test(key) && key !== 'unknownTaggedFields')
    return Object.fromEntries(known.map(([key, item]) => [key, isOwn(key, item) ? 'own' : comparable(item, side)]))
  }
  if (typeof value === 'string') return comparableText(value, side)
  return value
}

/** What each broker has of its own. */
function isOwn(key: string, value: unknown): boolean {
  return key === 'clusterId' || (['port', 'sessionId'].includes(key) && (value as number) > 0)
}

function comparableText(text: string, { ids, broker }: Side): string {
  const topic = Object.keys(ids).find((name) => ids[name] === text)
  if (topic !== undefined) return `id of ${topic}`
  if (/^[A-Za-z0-9_-]{22}$/.test(text) && !text.startsWith('AAAAAAAA')) return 'some id'
  return text.replaceAll(broker.dataDir, 'data').replaceAll(String(broker.port), 'port')
}

describe('the answers of Apache Kafka and of Odradek', { timeout: 600_000 }, () => {
  for (const api of new Set(answerCases.map((each) => each.api))) {
    test(`to ${api} agree`, async (t) => {
      if (present === undefined) return t.skip('Java with Maven is not present')
      const { min, advertisedMax } = [...apiKeys.values()].find(({ name }) => name === api) ?? { min: 0, advertisedMax: -1 }
      const every = Array.from({ length: advertisedMax - min + 1 }, (_, index) => min + index)
      const different: unknown[] = []
      for (const each of answerCases.filter((candidate) => candidate.api === api)) {
        for (const version of each.versions ?? every) {
          const [apache, odradek] = [await answerOf('apache', each, version), await answerOf('odradek', each, version)]
          if (JSON.stringify(apache) !== JSON.stringify(odradek))
            different.push({ case: `${each.label}, version ${version}`, apache, odradek })
        }
      }
      assert.deepEqual(different, [])
    })
  }
})
