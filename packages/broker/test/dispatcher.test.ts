import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode, FetchRequest, FetchResponse } from '@odradek/protocol'
import { createTopic, fetchOne, startBroker } from './support/test-broker.ts'

test('a handler that fails answers so, and the connection and the node go on', async () => {
  await using broker = await startBroker()
  const client = await broker.connect()
  await createTopic(client, 'topic')
  const fields = { maxWaitMs: 0, minBytes: 0, topics: [{ topic: 'topic', partitions: [{ partition: 0, fetchOffset: 0 }] }] }
  const fetchBytesMax = broker.server.fetchBytesMax
  for (let round = 0; round < 2; round++) {
    broker.server.fetchBytesMax = () => {
      throw new TypeError('planted')
    }
    assert.equal((await client.call(FetchRequest, FetchResponse, 12, fields)).errorCode, ErrorCode.UNKNOWN_SERVER_ERROR)
    broker.server.fetchBytesMax = fetchBytesMax
    assert.equal((await fetchOne(client, 'topic', 0)).errorCode, ErrorCode.NONE)
  }
  assert.equal(broker.lines.filter((line) => / ERROR .*Fetch version 12/.test(line)).length, 2)
  assert.deepEqual(broker.halted, [])
})
