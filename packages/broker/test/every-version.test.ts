// Every API in every version that is served: an answer comes that the codec of that version reads to its end, for a request
// that works and for one that names what does not exist.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ErrorCode, type MessageCodec } from '@odradek/protocol'
import type { BrokerContext } from '../src/broker-context.ts'
import type { Handler } from '../src/handler.ts'
import { brokerHandlers, controllerHandlers } from '../src/handler-tables.ts'
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
  await createTopic(client, 'doomed')
  await produce(client, 'topic', batchOf('a'))
})
after(() => broker[Symbol.asyncDispose]())

async function answer(connection: RawClient, handler: Handler<BrokerContext>, version: number, body: RequestBody): Promise<object> {
  const response = handler.response as MessageCodec<object>
  return connection.call(handler.request as MessageCodec<RequestBody>, response, version, body as never)
}

const codeOf = (response: object) => ('errorCode' in response ? (response.errorCode as number) : ErrorCode.NONE)

describe('every API in every version', () => {
  for (const handler of brokerHandlers().values()) {
    for (let version = handler.api.min; version <= handler.maxVersion; version++) {
      test(`${handler.api.name} ${version}`, async () => {
        const { good, bad } = requestBodies({ topicId })[handler.api.name](version)
        assert.notEqual(codeOf(await answer(client, handler, version, good)), ErrorCode.UNKNOWN_SERVER_ERROR)
        assert.notEqual(codeOf(await answer(client, handler, version, bad)), ErrorCode.UNKNOWN_SERVER_ERROR)
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
