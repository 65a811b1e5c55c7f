// What settings of security come to, in virtual time: refusals that are final, names, and where tokens come from.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { adminConfigDefinitions } from '@odradek/config'
import { ApiKey, SaslAuthenticateResponse, SaslHandshakeResponse } from '@odradek/protocol'
import type { HttpRequest, HttpResponse } from '@odradek/world'
import { createSimulation } from '@odradek/world/sim'
import { Kafka } from '../../src/kafka.ts'
import type { Cluster } from '../../src/network/cluster.ts'
import type { SaslSettings } from '../../src/security/cached-token.ts'
import { CachedToken } from '../../src/security/cached-token.ts'
import { unsecuredJwt } from '../../src/security/jwt.ts'
import { clientSecurity, type SecuritySettings, type TypedSecurity } from '../../src/security/security.ts'
import { tokenFetcher } from '../../src/security/token-fetchers.ts'
import { FakeCluster, settled } from '../support/fake-cluster.ts'

const defaults = Object.fromEntries([...adminConfigDefinitions.values()].map(({ name, default: value }) => [name, value ?? null]))
const login = 'org.apache.kafka.common.security'

function securityOf(given: Record<string, unknown>, typed: TypedSecurity = {}, world = createSimulation({ seed: 1 }).node('n').world) {
  return clientSecurity(world, { ...defaults, ...given } as unknown as SecuritySettings, new Set(Object.keys(given)), typed)
}

describe('settings of security', () => {
  test('name the protocol themselves, or it follows from tls and sasl', () => {
    const sasl = { mechanism: 'plain', username: 'a', password: 'b' } as const
    const has = (given: Record<string, unknown>, typed?: TypedSecurity) => Object.keys(securityOf(given, typed)).join()
    assert.equal(has({}), '')
    assert.equal(has({}, { tls: true }), 'tls')
    assert.equal(has({}, { tls: {}, sasl }), 'tls,sasl')
    assert.equal(has({}, { sasl }), 'sasl')
    assert.equal(has({ 'security.protocol': 'SSL' }), 'tls')
    assert.equal(has({ 'security.protocol': 'sasl_ssl' }, { sasl }), 'tls,sasl')
  })

  test('that contradict each other, or need Java, are refused with what to do, and without what is secret', () => {
    const plain = `${login}.plain.PlainLoginModule required username="alice" password="the-secret";`
    const bearer = `${login}.oauthbearer.OAuthBearerLoginModule required clientId="x" clientSecret="the-secret";`
    const sasl = { 'security.protocol': 'SASL_SSL' }
    const oauth = { ...sasl, 'sasl.mechanism': 'OAUTHBEARER', 'sasl.jaas.config': bearer }
    const url = 'sasl.oauthbearer.token.endpoint.url'
    const cases: [Record<string, unknown>, TypedSecurity, RegExp][] = [
      [{ 'security.protocol': 'PLAINTEXT' }, { tls: true }, /tls is given/],
      [{ 'security.protocol': 'SSL' }, { sasl: { mechanism: 'PLAIN', username: 'a', password: 'the-secret' } }, /sasl is given/],
      [sasl, {}, /GSSAPI is not built: use one of PLAIN/],
      [{ ...sasl, 'sasl.mechanism': 'PLAIN' }, {}, /sasl\.jaas\.config is missing/],
      [{ ...sasl, 'sasl.mechanism': 'SCRAM-SHA-256', 'sasl.jaas.config': plain }, {}, /not one for SCRAM-SHA-256/],
      [{ ...sasl, 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': plain.replace(';', '') }, {}, /semicolon/],
      [{ ...sasl, 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': plain, 'sasl.login.class': 'x.Y' }, {}, /sasl\.login\.class/],
      [{}, { sasl: { mechanism: 'plain', username: '', password: 'the-secret' } }, /sasl\.username/],
      [{}, { sasl: { mechanism: 'oauthbearer' } as never }, /sasl\.token is missing/],
      [oauth, {}, /token\.endpoint\.url is missing/],
      [{ ...oauth, [url]: 'http://idp.example/token' }, {}, /must be https, file, or http of this machine/],
      [{ ...oauth, [url]: 'nonsense' }, {}, /must be https/],
      [{ ...oauth, 'sasl.login.callback.handler.class': 'com.example.Mine' }, {}, /com\.example\.Mine is a class of Java/],
      [{ 'security.protocol': 'SSL', 'ssl.engine.factory.class': 'x.Y' }, {}, /ssl\.engine\.factory\.class/]
    ]
    for (const [given, typed, pattern] of cases) {
      assert.throws(
        () => securityOf(given, typed),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'INVALID_CONFIG')
          assert.match(error.message, pattern)
          assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /the-secret/)
          return true
        }
      )
    }
  })
})

describe('a cluster with security', () => {
  const refuse = (fake: FakeCluster) => {
    fake.handlers.set(ApiKey.SASL_HANDSHAKE, () => SaslHandshakeResponse.create({ mechanisms: ['PLAIN'] }))
    fake.handlers.set(ApiKey.SASL_AUTHENTICATE, () => SaslAuthenticateResponse.create({ errorCode: 58, errorMessage: 'no such user' }))
  }
  const plain = { sasl: { mechanism: 'PLAIN', username: 'alice', password: 'the-secret' } } as const

  test('fails at once with wrong credentials, however many brokers there are, and asks nobody again', async () => {
    const fake = await FakeCluster.start([1, 2, 3])
    refuse(fake)
    const { world } = fake.client
    const cluster = fake.connect({ brokers: 'b1:9092,b2:9092,b3:9092,nowhere:9092', security: securityOf({}, plain, world) })
    const outcome = await fake.sim.complete(settled(cluster.metadata([])))
    assert.equal(outcome.code, 'SASL_AUTHENTICATION_FAILED')
    assert.match(outcome.message ?? '', /no such user/)
    await fake.sim.advance(120_000)
    assert.equal(fake.count(ApiKey.SASL_AUTHENTICATE), 1)
    assert.doesNotMatch(inspect(cluster, { depth: 12, showHidden: true }), /the-secret/)
    cluster.close()
    assert.equal(await fake.openSockets(), 0)
  })

  test('whose credentials are wrong, or become so, makes producers and consumers fail without trying for ever', async () => {
    const fake = await FakeCluster.start([1])
    fake.topics.set('t', { topicId: 'AAAAAAAAQACAAAAAAAAAAQ', partitions: [{ leader: 1, epoch: 0 }] })
    refuse(fake)
    const kafka = new Kafka({ world: fake.client.world, brokers: 'b1:9092', ...plain })
    const { sim } = fake
    const producer = kafka.producer({ enableIdempotence: false, deliveryTimeoutMs: 40_000 })
    assert.equal((await sim.complete(settled(producer.send('t', { value: 'x' })))).code, 'SASL_AUTHENTICATION_FAILED')
    const consumer = kafka.consumer({ groupId: 'g', groupProtocol: 'classic' })
    consumer.subscribe(['t'])
    assert.equal((await sim.complete(settled(consumer.poll({ timeoutMs: 5_000 })))).code, 'SASL_AUTHENTICATION_FAILED')
    await sim.complete(consumer.close())
    await sim.advance(60_000)
    assert.ok(fake.count(ApiKey.SASL_AUTHENTICATE) < 10, `${fake.count(ApiKey.SASL_AUTHENTICATE)} tries`)

    fake.handlers.set(ApiKey.SASL_AUTHENTICATE, () => SaslAuthenticateResponse.create({ sessionLifetimeMs: 3_600_000 }))
    assert.equal((await sim.complete(producer.partitionsFor('t'))).length, 1)
    refuse(fake)
    sim.network.resetConnections('client', 'b1')
    const before = fake.count(ApiKey.SASL_AUTHENTICATE)
    const outcome = await sim.complete(settled(producer.send('t', { value: 'y' })))
    assert.equal(outcome.code, 'SASL_AUTHENTICATION_FAILED')
    assert.ok(fake.count(ApiKey.SASL_AUTHENTICATE) - before < 5)
    await sim.complete(kafka.close())
  })

  test('waits longer and longer between its tries to connect', async () => {
    const fake = await FakeCluster.start([1])
    fake.sim.network.refuseConnections('b1')
    const cluster = fake.connect({
      reconnectBackoffMs: 50,
      reconnectBackoffMaxMs: 1_000,
      retryBackoffMs: 1,
      retryBackoffMaxMs: 1,
      apiTimeoutMs: 20_000
    })
    let tries = 0
    const { failed } = cluster.networkMetrics
    cluster.networkMetrics.failed = (...args) => {
      tries++
      failed.apply(cluster.networkMetrics, args)
    }
    await fake.sim.complete(settled(cluster.metadata([])))
    assert.ok(tries >= 15 && tries <= 32, `${tries} tries in 20 s`)
    cluster.close()
  })

  test('finds its brokers by the canonical names of a bootstrap name, which certificates are for', async () => {
    const fake = await FakeCluster.start([1, 2])
    for (const id of [1, 2]) {
      const { host } = fake.broker(id).node
      host.aliases = [`b${id}.example`, 'kafka.example']
      host.certificate = { names: [`b${id}.example`, `b${id}`], issuer: 'root' }
    }
    const find = (usesCanonicalNames: boolean): Promise<Awaited<ReturnType<Cluster['metadata']>>> => {
      const security = { tls: async () => ({ ca: ['root'] }) }
      return fake.connect({ brokers: 'kafka.example:9092', usesCanonicalNames, security, apiTimeoutMs: 2_000 }).metadata([])
    }
    assert.equal((await fake.sim.complete(find(true))).nodes.size, 2)
    assert.equal((await fake.sim.complete(settled(find(false)))).code, 'SSL_AUTHENTICATION_FAILED')
    const nowhere = fake.connect({ brokers: 'nowhere.example:9092', usesCanonicalNames: true })
    assert.equal((await fake.sim.complete(settled(nowhere.metadata([])))).code, 'NO_RESOLVABLE_BOOTSTRAP')
  })
})

describe('tokens', () => {
  const settings = { ...defaults } as unknown as SaslSettings
  const scene = () => {
    const sim = createSimulation({ seed: 3 })
    return { sim, client: sim.node('client'), idp: sim.node('idp') }
  }

  test('are kept for most of their life, asked for once by all, and not used again when a broker refused them', async () => {
    const { sim, client } = scene()
    let made = 0
    const source = new CachedToken(client.world, settings, async () => {
      made++
      const now = client.world.clock.now() / 1000
      return unsecuredJwt({ sub: String(made), iat: now, exp: now + 3_600 })
    })
    const [first, second] = await sim.complete(Promise.all([source.token(), source.token()]))
    assert.equal(first, second)
    await sim.advance(2_800_000)
    assert.equal(await sim.complete(source.token()), first)
    await sim.advance(300_000)
    assert.notEqual(await sim.complete(source.token()), first)
    assert.equal(made, 2)
    source.forget()
    await sim.complete(source.token())
    assert.equal(made, 3)
  })

  test('of which a new one cannot be had serve while they live; others are asked for each time', async () => {
    const { sim, client } = scene()
    let isDown = false
    let made = 0
    const token = async (): Promise<string> => {
      if (isDown) throw new Error('down')
      made++
      const now = client.world.clock.now() / 1000
      return unsecuredJwt({ iat: now, exp: now + 1_000 })
    }
    const source = new CachedToken(client.world, settings, token)
    const first = await sim.complete(source.token())
    isDown = true
    await sim.advance(950_000)
    assert.equal(await sim.complete(source.token()), first)
    await sim.advance(60_000)
    const outcome = await sim.complete(settled(source.token()))
    assert.deepEqual([outcome.code, /down/.test(outcome.message ?? '')], ['SASL_LOGIN_FAILED', true])
    const opaque = new CachedToken(client.world, settings, async () => `opaque-${made++}`)
    assert.notEqual((await sim.complete(opaque.token())).value, (await sim.complete(opaque.token())).value)
  })

  test('of a function that never answers are an error in bounded time, and are asked for again', async () => {
    const fake = await FakeCluster.start([1])
    fake.handlers.set(ApiKey.SASL_HANDSHAKE, () => SaslHandshakeResponse.create({ mechanisms: ['OAUTHBEARER'] }))
    fake.handlers.set(ApiKey.SASL_AUTHENTICATE, () => SaslAuthenticateResponse.create({ sessionLifetimeMs: 3_600_000 }))
    let hangs = true
    const token = (): Promise<string> => (hangs ? new Promise<string>(() => {}) : Promise.resolve('opaque'))
    const kafka = new Kafka({ world: fake.client.world, brokers: 'b1:9092', sasl: { mechanism: 'oauthbearer', token } })
    const { sim } = fake
    const first = await sim.complete(settled(kafka.admin().describeCluster({ timeoutMs: 120_000 })))
    assert.equal(first.code, 'SASL_LOGIN_FAILED')
    assert.match(first.message ?? '', /within 30000 ms/)
    hangs = false
    fake.handlers.set(ApiKey.DESCRIBE_CLUSTER, () => ({ brokers: [{ brokerId: 1, host: 'b1', port: 9092 }], controllerId: 1 }))
    assert.equal((await sim.complete(kafka.admin().describeCluster())).nodes.length, 1)
    await sim.complete(kafka.close())
  })

  const endpoint = {
    'sasl.oauthbearer.token.endpoint.url': 'https://idp/token',
    'sasl.oauthbearer.client.credentials.client.id': 'me',
    'sasl.oauthbearer.client.credentials.client.secret': 'the-secret',
    'sasl.oauthbearer.scope': 'kafka all'
  }
  const fetchWith = (answer: (request: HttpRequest) => HttpResponse, given: Record<string, unknown> = {}) => {
    const { sim, client, idp } = scene()
    const requests: HttpRequest[] = []
    idp.host.onRequest = (request) => {
      requests.push(request)
      return answer(request)
    }
    const all = { ...settings, ...endpoint, ...given } as SaslSettings
    const fetch = tokenFetcher(client.world, all, new Set(Object.keys(endpoint)), { extension_traceId: '7' })
    return { sim, requests, outcome: sim.complete(settled(fetch())) }
  }
  const ok = (body: unknown): HttpResponse => ({ status: 200, body: Buffer.from(JSON.stringify(body)) })

  test('of an endpoint are asked for by the grant of client credentials', async () => {
    const { outcome, requests } = fetchWith(() => ok({ access_token: 'a.b.c', token_type: 'bearer' }))
    assert.deepEqual((await outcome).value, { value: 'a.b.c', extensions: { traceId: '7' } })
    const [{ method, headers, body }] = requests
    assert.equal(method, 'POST')
    assert.equal(Buffer.from(headers.authorization.replace('Basic ', ''), 'base64').toString(), 'me:the-secret')
    assert.equal(body, 'grant_type=client_credentials&scope=kafka+all')
  })

  test('that an endpoint refuses are not asked for again; what may pass is, for a bounded time', async () => {
    const refused = fetchWith(() => ({ status: 401, body: Buffer.from('{"error":"the-secret"}') }))
    const first = await refused.outcome
    assert.deepEqual([first.code, refused.requests.length], ['SASL_LOGIN_FAILED', 1])
    assert.match(first.message ?? '', /idp answers with status 401/)
    assert.doesNotMatch(inspect(first.error, { depth: 9 }), /the-secret/)

    let calls = 0
    const late = fetchWith(() => (++calls < 4 ? { status: 503, body: Buffer.alloc(0) } : ok({ access_token: 't' })))
    assert.equal(((await late.outcome).value as { value: string }).value, 't')

    const never = fetchWith(() => ({ status: 503, body: Buffer.alloc(0) }))
    assert.equal((await never.outcome).code, 'SASL_LOGIN_FAILED')
    assert.ok(never.sim.nowMs <= 10_500 && never.requests.length < 12, `${never.requests.length} requests, ${never.sim.nowMs} ms`)

    for (const body of [{}, { access_token: '' }, { access_token: 7 }, null])
      assert.equal((await fetchWith(() => ok(body)).outcome).code, 'SASL_LOGIN_FAILED')
    const html = fetchWith(() => ({ status: 200, body: Buffer.from('<html>') }))
    assert.match((await html.outcome).message ?? '', /not JSON/)
  })
})
