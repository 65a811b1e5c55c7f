// Every API in every version that is served: an answer comes that the codec of that version reads to its end, for a request
// that works and for one that names what does not exist, with the error codes that belong there, and in the first what was asked for.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  ErrorCode,
  errorByCode,
  FindCoordinatorRequest,
  FindCoordinatorResponse,
  type MessageCodec,
  OffsetCommitRequest,
  OffsetCommitResponse
} from '@odradek/protocol'
import type { BrokerContext } from '../src/broker-context.ts'
import type { Handler } from '../src/handler.ts'
import { brokerHandlers, controllerHandlers } from '../src/handler-tables.ts'
import { expectedAnswer } from './support/expected-answers.ts'
import type { RawClient } from './support/raw-client.ts'
import { type RequestBody, requestBodies } from './support/requests.ts'
import { batchOf, createTopic, produce, startBroker, type TestBroker } from './support/test-broker.ts'

let broker: TestBroker
let client: RawClient
let topicId = ''

before(async () => {
  broker = await startBroker()
  client = await broker.connect()
  topicId = await createTopic(client, 'topic')
  await produce(client, 'topic', batchOf('a'))
  await commitUntilTaken()
})
after(() => broker[Symbol.asyncDispose]())

async function answer(connection: RawClient, handler: Handler<BrokerContext>, version: number, body: RequestBody): Promise<object> {
  const response = handler.response as MessageCodec<object>
  return connection.call(handler.request as MessageCodec<RequestBody>, response, version, body as never)
}

/** The names of all error codes in an answer, in their order. */
function codesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return []
  const isCode = (key: string) => key === 'errorCode' || key === 'topicConfigErrorCode'
  return Object.entries(value).flatMap(([key, item]) => (isCode(key) ? [errorByCode(item as number).name] : codesIn(item)))
}

/** The coordinator of groups has loaded, and `group` has an offset. */
async function commitUntilTaken(): Promise<void> {
  for (;;) {
    const topics = [{ name: 'topic', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: 'm' }] }]
    await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 4, { keyType: 0, coordinatorKeys: ['group', 'g2'] })
    const answer = await client.call(OffsetCommitRequest, OffsetCommitResponse, 7, { groupId: 'group', topics })
    if (answer.topics[0].partitions[0].errorCode === ErrorCode.NONE) return
  }
}

describe('every API in every version', () => {
  for (const handler of brokerHandlers().values()) {
    for (let version = handler.api.min; version <= handler.maxVersion; version++) {
      test(`${handler.api.name} ${version}`, async () => {
        const { name } = handler.api
        const { good, bad } = requestBodies({ topicId })[name](version)
        if (name === 'DeleteTopics') await createTopic(client, 'doomed')
        const end = broker.server.replicas.get('topic', 0)?.log.highWatermark ?? -1
        const expected = expectedAnswer(name, version, { topicId, end, port: broker.port })
        const answered = await answer(client, handler, version, good)
        assert.deepEqual([codesIn(answered), codesIn(await answer(client, handler, version, bad))], [expected.good, expected.bad])
        assert.partialDeepStrictEqual(answered, expected.fields)
        assert.deepEqual(
          broker.lines.filter((line) => line.includes('ERROR')),
          []
        )
        assert.deepEqual(broker.halted, [])
      })
    }
  }

  for (const handler of controllerHandlers().values()) {
    test(`${handler.api.name} on the controller listener`, async () => {
      const controller = await broker.connectToController()
      for (let version = handler.api.min; version <= handler.maxVersion; version++) {
        const { good, bad } = requestBodies({ topicId })[handler.api.name](version)
        await answer(controller, handler, version, handler.api.name === 'DescribeCluster' && version >= 1 ? { endpointType: 2 } : good)
        await answer(controller, handler, version, bad)
      }
      assert.deepEqual(
        broker.lines.filter((line) => line.includes('ERROR')),
        []
      )
    })
  }

  test('has a request in this test', () => {
    assert.deepEqual(
      [...brokerHandlers().values()].map(({ api }) => api.name).filter((name) => requestBodies({ topicId })[name] === undefined),
      []
    )
  })
})
