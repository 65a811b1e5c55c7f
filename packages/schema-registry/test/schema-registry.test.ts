import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { SchemaRegistry } from '../src/index.ts'
import { startFakeRegistry } from './fake-registry.ts'

const schema = '{"type":"record","name":"Order","fields":[{"name":"total","type":"int"}]}'
const other = '{"type":"string"}'

test('a schema is registered once, and found by id, by version, as the latest and by its text', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const id = await registry.register('orders-value', { schema })
  assert.equal(await registry.register('orders-value', { schema }, { normalize: true }), id)
  assert.equal(await registry.register('orders-value', { schema: other }), id + 1)
  const first = { id, subject: 'orders-value', version: 1, schemaType: 'AVRO', schema, references: [] }
  assert.deepEqual(await registry.getById(id), { schemaType: 'AVRO', schema, references: [] })
  assert.deepEqual(await registry.getVersion('orders-value', 1), first)
  assert.deepEqual(await registry.lookup('orders-value', { schema }), first)
  assert.equal((await registry.getLatest('orders-value')).schema, other)
  assert.deepEqual(await registry.versions('orders-value'), [1, 2])
  assert.deepEqual(await registry.subjects(), ['orders-value'])
  assert.deepEqual(await registry.checkCompatibility('orders-value', { schema }), { isCompatible: true, messages: [] })
  fake.isCompatible = false
  assert.deepEqual(await registry.checkCompatibility('orders-value', { schema }), { isCompatible: false, messages: ['it says no'] })
  await registry.deleteVersion('orders-value', 2)
  assert.deepEqual(await registry.deleteSubject('orders-value', { permanent: true }), [1])
  assert.deepEqual(await registry.subjects(), [])
  assert.ok(fake.requests.includes('POST /subjects/orders-value/versions?normalize=true'))
  assert.ok(fake.requests.includes('DELETE /subjects/orders-value?permanent=true'))
})

test('names with any character reach the registry as they are', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: `${fake.url}/` })
  await registry.register('a/b?c=%d', { schema })
  assert.deepEqual(await registry.subjects(), ['a/b?c=%d'])
})

test('what the registry refuses is an error with its status and code, and is not tried again', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const refused = { code: 'REGISTRY_REFUSED', status: 404, errorCode: 40401, retriable: false }
  await assert.rejects(registry.getLatest('no-such-subject'), refused)
  assert.equal(fake.requests.length, 1)
})

test('a server that has no such path is told from a registry that has no such subject', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const absent = await registry.getLatest('absent').catch((error) => error)
  assert.equal(absent.errorCode, 40401)
  assert.doesNotMatch(absent.message, /at this path/)
  const elsewhere = { status: 404, message: /There is no schema registry at this path: that of Apicurio, say, is \/apis\/ccompat\/v7$/ }
  for (const body of ['<html></html>', { error_code: 0, message: 'Not Found' }, { title: 'NotFoundException', status: 404 }]) {
    fake.intercept = () => ({ status: 404, body })
    await assert.rejects(registry.subjects(), elsewhere)
  }
})

test('credentials go along, as basic or bearer, and no message shows them', async () => {
  await using fake = await startFakeRegistry()
  await new SchemaRegistry({ url: fake.url, auth: { username: 'alice', password: 'pässword' } }).subjects()
  assert.equal(fake.headers[0].authorization, `Basic ${Buffer.from('alice:pässword').toString('base64')}`)
  await new SchemaRegistry({
    url: fake.url,
    auth: { bearer: async () => 'token-1' },
    headers: { 'target-sr-cluster': 'lsrc-1' }
  }).subjects()
  assert.equal(fake.headers[1].authorization, 'Bearer token-1')
  assert.equal(fake.headers[1]['target-sr-cluster'], 'lsrc-1')
  fake.intercept = () => ({ status: 401, body: { error_code: 401, message: 'Unauthorized' } })
  const error = await new SchemaRegistry({ url: fake.url, auth: { bearer: 'secret' } }).subjects().catch((each) => each)
  assert.equal(error.status, 401)
  assert.doesNotMatch(`${error.stack}`, /secret/)
  assert.throws(
    () => new SchemaRegistry({ url: 'http://user:secret@localhost:8081' }),
    (each: Error) => !each.message.includes('secret')
  )
})

test('errors of the server pass to the next address, which then is asked first', async () => {
  await using broken = await startFakeRegistry()
  await using fake = await startFakeRegistry()
  broken.intercept = () => ({ status: 503, body: '<html>no registry here</html>' })
  const registry = new SchemaRegistry({ url: [broken.url, fake.url], retryBackoffMs: 1 })
  await registry.subjects()
  await registry.subjects()
  assert.deepEqual([broken.requests.length, fake.requests.length], [1, 2])
  fake.intercept = broken.intercept
  await assert.rejects(registry.subjects(), { code: 'REGISTRY_REFUSED', status: 503, retriable: true })
  // Four rounds over both.
  assert.deepEqual([broken.requests.length, fake.requests.length], [5, 6])
})

test('an error that passes is tried again', async () => {
  await using fake = await startFakeRegistry()
  let failures = 2
  fake.intercept = () => (failures-- > 0 ? { status: 500, body: { error_code: 50003, message: 'Error while forwarding' } } : undefined)
  const registry = new SchemaRegistry({ url: fake.url, retryBackoffMs: 1 })
  assert.equal(await registry.register('s', { schema }), 1)
  assert.equal(fake.requests.length, 3)
})

test('a deletion is not tried again at an address that has it', async () => {
  await using fake = await startFakeRegistry()
  fake.intercept = () => ({ status: 500, body: {} })
  await assert.rejects(new SchemaRegistry({ url: fake.url, retryBackoffMs: 1 }).deleteSubject('s'), { status: 500 })
  assert.equal(fake.requests.length, 1)
})

test('a registry that is down, or never answers, is an error in bounded time', async () => {
  const closed = await startFakeRegistry()
  await closed[Symbol.asyncDispose]()
  const down = new SchemaRegistry({ url: closed.url, retries: 2, retryBackoffMs: 1 })
  await assert.rejects(down.subjects(), { code: 'REGISTRY_UNREACHABLE', retriable: true, message: /127\.0\.0\.1.*ECONNREFUSED/ })
  await using silent = await startFakeRegistry()
  silent.intercept = () => 'hang'
  const begin = performance.now()
  const attempts = new SchemaRegistry({ url: silent.url, requestTimeoutMs: 50, retries: 1, retryBackoffMs: 1 })
  await assert.rejects(attempts.subjects(), { code: 'REGISTRY_UNREACHABLE' })
  assert.equal(silent.requests.length, 2)
  const whole = new SchemaRegistry({ url: silent.url, timeoutMs: 100, retries: 1_000, retryBackoffMs: 1_000 })
  await assert.rejects(whole.subjects(), { code: 'REGISTRY_UNREACHABLE' })
  assert.ok(performance.now() - begin < 5_000)
})

test('a signal ends a call with its own reason', async () => {
  await using fake = await startFakeRegistry()
  fake.intercept = () => 'hang'
  const registry = new SchemaRegistry({ url: fake.url })
  const reason = new Error('enough')
  for (const call of [(signal: AbortSignal) => registry.subjects({ signal }), (signal: AbortSignal) => registry.getById(1, { signal })]) {
    const controller = new AbortController()
    const pending = call(controller.signal)
    controller.abort(reason)
    await assert.rejects(pending, reason)
  }
})

test('answers that are not what they should be are typed errors', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  for (const body of ['', 'null', '[]', '{"id":-1}', '{"id":"1"}', '{"id":4294967296}', 'no json']) {
    fake.intercept = () => ({ status: 200, body })
    for (const call of [() => registry.register('s', { schema }), () => registry.getById(7), () => registry.getVersion('s', 1)])
      await assert.rejects(call, { code: /SCHEMA_INVALID|REGISTRY_REFUSED/ }, body)
  }
  fake.intercept = () => ({ status: 200, body: { schema: 'x', schemaType: 'THRIFT' } })
  await assert.rejects(registry.getById(7), { code: 'SCHEMA_INVALID', message: /THRIFT/ })
})

test('an answer that never ends is cut off, and credentials do not follow a redirect', async () => {
  const chunk = Buffer.alloc(1024 * 1024, ' ')
  let redirected = 0
  const server = createServer((request, response) => {
    if (request.url === '/elsewhere') redirected++
    if (request.url === '/subjects?deleted=true') return void response.writeHead(307, { location: '/elsewhere' }).end()
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const registry = new SchemaRegistry({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, retries: 0 })
  await assert.rejects(registry.subjects(), { code: 'REGISTRY_UNREACHABLE', message: /more than 16777216 bytes/ })
  await assert.rejects(registry.subjects({ deleted: true }), { code: 'REGISTRY_UNREACHABLE' })
  assert.equal(redirected, 0)
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

test('a schema is fetched once for all who ask, and at most cacheSize schemas are kept', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url, cacheSize: 2 })
  for (const name of ['a', 'b', 'c']) await registry.register('s', { schema: `{"type":"record","name":"${name}","fields":[]}` })
  const fetched = () => fake.requests.filter((each) => each.startsWith('GET /schemas')).map((each) => each.split('/').at(-1))
  await Promise.all([registry.getById(1), registry.getById(1), registry.getById(2)])
  await registry.getById(1)
  assert.deepEqual(fetched(), ['1', '2'])
  await registry.getById(3)
  await registry.getById(1)
  await registry.getById(2)
  assert.deepEqual(fetched(), ['1', '2', '3', '2'])
})

test('a failure is not kept', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  await assert.rejects(registry.getById(1), { errorCode: 40403 })
  await registry.register('s', { schema })
  assert.equal((await registry.getById(1)).schema, schema)
})

test('settings that cannot be meant are refused', () => {
  for (const options of [
    { url: [] },
    { url: 'localhost:8081' },
    { url: 'ftp://x' },
    { url: 'http://x', timeoutMs: 0 },
    { url: 'http://x', cacheSize: 0 },
    { url: 'http://x', retries: -1 }
  ])
    assert.throws(() => new SchemaRegistry(options), { code: 'CONFIG_INVALID' }, JSON.stringify(options))
})
