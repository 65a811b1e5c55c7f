import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ApiVersionsRequest, ApiVersionsResponse, apiKeys, ErrorCode } from '@odradek/protocol'
import { brokerHandlers } from '../src/handler-tables.ts'
import { startBroker, type TestBroker } from './support/test-broker.ts'

let broker: TestBroker
before(async () => {
  broker = await startBroker()
})
after(() => broker[Symbol.asyncDispose]())

const software = { clientSoftwareName: 'test-client', clientSoftwareVersion: '1.0.0' }

describe('ApiVersions', () => {
  for (const version of [0, 1, 2, 3, 4]) {
    test(`version ${version} tells what is served, and only that`, async () => {
      const client = await broker.connect()
      const response = await client.call(ApiVersionsRequest, ApiVersionsResponse, version, version >= 3 ? software : {})
      assert.equal(response.errorCode, ErrorCode.NONE)
      const served = [...brokerHandlers().values()].filter(({ isAdvertised }) => isAdvertised)
      assert.deepEqual(
        response.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, minVersion, maxVersion]),
        served.map(({ api }) => [api.key, api.advertisedMin, api.advertisedMax])
      )
      assert.equal(
        response.apiKeys.find(({ apiKey }) => apiKey === 0)?.minVersion,
        0,
        'Produce claims version 0 for the sake of librdkafka'
      )
      assert.equal(
        response.apiKeys.some(({ apiKey }) => apiKey === 24),
        false,
        'no AddPartitionsToTxn yet'
      )
    })
  }

  test('tells features, those with a lowest level of 0 only to clients that understand them', async () => {
    const client = await broker.connect()
    const v3 = await client.call(ApiVersionsRequest, ApiVersionsResponse, 3, software)
    const v4 = await client.call(ApiVersionsRequest, ApiVersionsResponse, 4, software)
    const lowest = (response: ApiVersionsResponse, name: string) =>
      response.supportedFeatures.find((feature) => feature.name === name)?.minVersion
    assert.equal(lowest(v3, 'kraft.version'), undefined)
    assert.equal(lowest(v4, 'kraft.version'), 0)
    assert.equal(lowest(v4, 'metadata.version'), 7)
    assert.ok(v4.finalizedFeaturesEpoch > 0)
    assert.equal(v4.finalizedFeatures.find(({ name }) => name === 'metadata.version')?.maxVersionLevel, 30)
  })

  test('of an unknown version is answered in version 0 with its own range', async () => {
    const client = await broker.connect()
    const frame = Buffer.alloc(20)
    frame.writeInt16BE(18, 0)
    frame.writeInt16BE(99, 2)
    frame.writeInt32BE(4711, 4)
    client.sendFrame(frame)
    const { correlationId, body } = await client.response(ApiVersionsResponse, 0)
    assert.equal(correlationId, 4711)
    assert.equal(body.errorCode, ErrorCode.UNSUPPORTED_VERSION)
    assert.deepEqual(
      body.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, minVersion, maxVersion]),
      [[18, 0, 4]]
    )
    assert.equal((await client.call(ApiVersionsRequest, ApiVersionsResponse, 3, software)).errorCode, ErrorCode.NONE)
  })

  for (const [name, version] of [
    ['bad name', '1'],
    ['', '1'],
    ['name', ''],
    ['name-', '1'],
    ['name', '1.0 beta'],
    ['x'.repeat(200) + '\n', '1']
  ]) {
    test(`refuses the software ${JSON.stringify(name.slice(0, 12))} ${JSON.stringify(version)}`, async () => {
      const client = await broker.connect()
      const response = await client.call(ApiVersionsRequest, ApiVersionsResponse, 3, {
        clientSoftwareName: name,
        clientSoftwareVersion: version
      })
      assert.equal(response.errorCode, ErrorCode.INVALID_REQUEST)
    })
  }

  test('on the controller listener tells what the controller serves', async () => {
    const client = await broker.connectToController()
    const response = await client.call(ApiVersionsRequest, ApiVersionsResponse, 3, software)
    const keys = response.apiKeys.map(({ apiKey }) => apiKey)
    assert.ok(keys.includes(55))
    assert.equal(keys.includes(0), false)
    for (const key of keys) assert.ok(apiKeys.get(key)?.listeners.includes('controller'), `${key} is an API of controllers`)
  })
})
