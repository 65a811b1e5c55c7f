import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '@odradek/base'
import {
  ErrorCode,
  GetTelemetrySubscriptionsRequest,
  GetTelemetrySubscriptionsResponse,
  PushTelemetryRequest,
  PushTelemetryResponse
} from '@odradek/protocol'
import { startBroker } from './support/test-broker.ts'

test('a client is asked for no metrics, and those that come all the same are checked and dropped', async () => {
  await using broker = await startBroker({ overrides: { 'telemetry.max.bytes': '1000' } })
  const client = await broker.connect()
  const ask = (clientInstanceId: string) =>
    client.call(GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse, 0, { clientInstanceId })
  const { clientInstanceId, ...asked } = await ask(ZERO_UUID)
  assert.notEqual(clientInstanceId, ZERO_UUID)
  assert.equal((await ask(clientInstanceId)).clientInstanceId, clientInstanceId)
  assert.deepEqual([asked.errorCode, asked.requestedMetrics, asked.telemetryMaxBytes], [ErrorCode.NONE, [], 1000])
  const push = async (fields: object) => {
    const body = { clientInstanceId, subscriptionId: asked.subscriptionId, metrics: Buffer.alloc(1000), ...fields }
    return (await client.call(PushTelemetryRequest, PushTelemetryResponse, 0, body)).errorCode
  }
  assert.equal(await push({}), ErrorCode.NONE)
  assert.equal(await push({ metrics: Buffer.alloc(1001) }), ErrorCode.TELEMETRY_TOO_LARGE)
  assert.equal(await push({ subscriptionId: 5 }), ErrorCode.UNKNOWN_SUBSCRIPTION_ID)
  assert.equal(await push({ compressionType: 77 }), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
  assert.equal(await push({ clientInstanceId: ZERO_UUID }), ErrorCode.INVALID_REQUEST)
})
