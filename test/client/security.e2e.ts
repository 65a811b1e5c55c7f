// TLS and SASL against Apache Kafka itself, whatever ODRADEK_INTEROP_BROKER says: certificates, credentials and tokens that are right,
// those that are wrong, and sessions that end under load.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inspect, promisify } from 'node:util'
import { Kafka, KafkaError, type KafkaOptions } from '@odradek/client'
import { storePassword } from '../interop/support/certificates.ts'
import { repositoryRoot, toolchain } from '../interop/support/toolchains.ts'
import { eventually } from './eventually.ts'
import { prepareCertificates, type SecureBroker, startSecureBroker, users } from './secure-broker.ts'

const login = 'org.apache.kafka.common.security'
const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
const alice = { username: 'alice', password: users.alice }
const silent = { isEnabled: () => false, log() {} }

function jwt(lifetimeSeconds: number, claims: object = {}): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Date.now() / 1000
  return `${part({ alg: 'none' })}.${part({ sub: 'bob', iat: now - 60, exp: now + lifetimeSeconds, ...claims })}.`
}

describe('a client with TLS and SASL', { timeout: 300_000 }, () => {
  let secure: SecureBroker
  let skipped = false

  before(async () => {
    const certificates = toolchain({ skip: () => {} }, 'Java with Maven, and openssl', prepareCertificates)
    if (certificates === undefined) skipped = true
    else secure = await startSecureBroker(certificates)
  })
  after(() => secure?.[Symbol.asyncDispose]())

  const it = (name: string, run: () => Promise<void>): void => {
    test(name, async (t) => (skipped ? t.skip('Java with Maven, or openssl, is not present') : run()))
  }

  /** The number of brokers, or the error. */
  async function connects(options: KafkaOptions): Promise<number | KafkaError> {
    await using kafka = new Kafka({ logger: silent, ...options })
    try {
      return (await kafka.admin().describeCluster({ timeoutMs: 15_000 })).nodes.length
    } catch (error) {
      assert.ok(error instanceof KafkaError, String(error))
      return error
    }
  }

  async function refused(code: string, pattern: RegExp, options: KafkaOptions): Promise<void> {
    const began = performance.now()
    const error = await connects(options)
    assert.ok(error instanceof KafkaError, `it connects, which should be ${code}`)
    assert.equal(error.code, code, error.message)
    assert.match(error.message, pattern)
    assert.equal(error.retriable, false)
    assert.ok(performance.now() - began < 5_000, 'at once, without trying again')
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /secret/)
  }

  const trust = (): Partial<KafkaOptions> => ({
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': secure.certificates.file('ca.pem')
  })

  it('connects over TLS, in the words of Node and in those of Kafka', async () => {
    const { ca } = secure
    assert.equal(await connects({ brokers: secure.address('SSL'), tls: { ca } }), 1)
    assert.equal(await connects({ brokers: secure.address('SSL'), securityProtocol: 'SSL', ...trust() }), 1)
    for (const [suite, version] of [
      ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'TLSv1.2'],
      ['TLS_AES_128_GCM_SHA256', 'TLSv1.3']
    ]) {
      const only = { sslCipherSuites: suite, sslEnabledProtocols: version }
      assert.equal(await connects({ brokers: secure.address('SSL'), securityProtocol: 'SSL', ...trust(), ...only }), 1, suite)
    }
    const inline = { 'ssl.truststore.type': 'PEM', 'ssl.truststore.certificates': ca }
    assert.equal(await connects({ brokers: secure.address('SSL'), securityProtocol: 'SSL', ...inline, sslEnabledProtocols: 'TLSv1.2' }), 1)
  })

  it('shows its certificate, from PEM, PKCS #12 and JKS', async () => {
    const { file } = secure.certificates
    const brokers = secure.address('MTLS')
    for (const [type, extension] of [
      ['PKCS12', 'p12'],
      ['JKS', 'jks']
    ]) {
      const stores = {
        'ssl.truststore.type': type,
        'ssl.truststore.location': file(`trust.${extension}`),
        'ssl.truststore.password': storePassword,
        'ssl.keystore.type': type,
        'ssl.keystore.location': file(`client.${extension}`),
        'ssl.keystore.password': storePassword
      }
      assert.equal(await connects({ brokers, securityProtocol: 'SSL', ...stores }), 1, type)
    }
    const pem = join(secure.certificates.dir, 'client-pair.pem')
    writeFileSync(pem, readFileSync(file('client-encrypted.key'), 'utf8') + readFileSync(file('client.pem'), 'utf8'))
    const own = { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': pem, 'ssl.key.password': storePassword }
    assert.equal(await connects({ brokers, securityProtocol: 'SSL', ...trust(), ...own }), 1)
  })

  it('is refused at once over TLS: an untrusted certificate, a wrong host name, no certificate of its own, a wrong store', async () => {
    const { ca, certificates } = secure
    await refused('SSL_AUTHENTICATION_FAILED', /self-signed/, { brokers: secure.address('SSL'), tls: true })
    await refused('SSL_AUTHENTICATION_FAILED', /broker\.example/, { brokers: secure.address('ELSEWHERE'), tls: { ca } })
    await refused('SSL_AUTHENTICATION_FAILED', /certificate/, { brokers: secure.address('MTLS'), tls: { ca } })
    const store = { 'ssl.truststore.location': certificates.file('trust.p12'), 'ssl.truststore.password': 'another-secret' }
    await refused('SSL_STORE_INVALID', /trust\.p12/, { brokers: secure.address('SSL'), securityProtocol: 'SSL', ...store })
    const unchecked = { brokers: secure.address('ELSEWHERE'), securityProtocol: 'SSL', ...trust() }
    assert.equal(await connects({ ...unchecked, 'ssl.endpoint.identification.algorithm': '' }), 1)
  })

  it('says what is amiss when only one side speaks TLS', async () => {
    await using kafka = new Kafka({ logger: silent, brokers: secure.address('PLAINTEXT'), tls: { ca: secure.ca } })
    await assert.rejects(kafka.admin().describeCluster({ timeoutMs: 1_500 }), /TLS handshake.*is it a TLS port/)
    await refused('PROTOCOL_VIOLATION', /does not speak Kafka's protocol/, { brokers: secure.address('SSL') })
  })

  for (const mechanism of mechanisms) {
    it(`logs in by ${mechanism}, with and without TLS, typed and by sasl.jaas.config`, async () => {
      const { ca } = secure
      assert.equal(await connects({ brokers: secure.address('SASL_SSL'), tls: { ca }, sasl: { mechanism, ...alice } }), 1)
      const module = mechanism === 'PLAIN' ? 'plain.PlainLoginModule' : 'scram.ScramLoginModule'
      const jaas = `${login}.${module} required username="alice" password="${users.alice}";`
      const settings = { securityProtocol: 'SASL_PLAINTEXT', saslMechanism: mechanism, saslJaasConfig: jaas }
      assert.equal(await connects({ brokers: secure.address('SASL_PLAINTEXT'), ...settings }), 1)
    })

    it(`is refused by ${mechanism} at once: admin, producer and consumer`, async () => {
      const options: KafkaOptions = {
        logger: silent,
        brokers: secure.address('SASL_PLAINTEXT'),
        sasl: { mechanism, username: 'alice', password: 'another-secret' }
      }
      await refused('SASL_AUTHENTICATION_FAILED', /refuses the credentials/, options)
      await using kafka = new Kafka(options)
      const began = performance.now()
      await assert.rejects(kafka.producer().send('orders', { value: 'x' }), { code: 'SASL_AUTHENTICATION_FAILED' })
      const consumer = kafka.consumer({ groupId: 'g' })
      consumer.subscribe(['orders'])
      await assert.rejects(consumer.poll({ timeoutMs: 10_000 }), { code: 'SASL_AUTHENTICATION_FAILED' })
      assert.ok(performance.now() - began < 5_000)
      assert.doesNotMatch(inspect([kafka, consumer], { depth: 12, showHidden: true }), /another-secret/)
    })
  }

  it('logs in by OAUTHBEARER with a function, and is refused with a token that has expired', async () => {
    const brokers = secure.address('SASL_SSL')
    const tls = { ca: secure.ca }
    assert.equal(await connects({ brokers, tls, sasl: { mechanism: 'oauthbearer', token: async () => jwt(600) } }), 1)
    const module = `${login}.oauthbearer.OAuthBearerLoginModule required`
    const settings = { securityProtocol: 'SASL_PLAINTEXT', saslMechanism: 'OAUTHBEARER' }
    const unsecured = { ...settings, saslJaasConfig: `${module} unsecuredLoginStringClaim_sub="bob";` }
    assert.equal(await connects({ brokers: secure.address('SASL_PLAINTEXT'), ...unsecured }), 1)
    const path = join(secure.certificates.dir, 'token')
    writeFileSync(path, `${jwt(600)}\n`)
    const file = { ...settings, 'sasl.oauthbearer.token.endpoint.url': `file://${path}`, saslJaasConfig: `${module};` }
    assert.equal(await connects({ brokers: secure.address('SASL_PLAINTEXT'), ...file }), 1)
    const expired = { mechanism: 'oauthbearer', token: () => jwt(-30) } as const
    await refused('SASL_AUTHENTICATION_FAILED', /invalid_token/, { brokers, tls, sasl: expired })
    const broken = { mechanism: 'oauthbearer', token: () => Promise.reject(new Error('the provider is down')) } as const
    await refused('SASL_LOGIN_FAILED', /the provider is down/, { brokers, tls, sasl: broken })
  })

  it('gets its tokens from an endpoint, by client credentials', async () => {
    const asked: string[] = []
    const idp = createServer((request, response) => {
      asked.push(`${request.method} ${Buffer.from(request.headers.authorization?.replace('Basic ', '') ?? '', 'base64')}`)
      const isRight = asked.at(-1) === 'POST me:idp-secret'
      response.writeHead(isRight ? 200 : 401).end(JSON.stringify(isRight ? { access_token: jwt(600) } : { error: 'invalid_client' }))
    })
    await new Promise<void>((resolve) => idp.listen(0, '127.0.0.1', resolve))
    const endpoint = (secret: string) => ({
      brokers: secure.address('SASL_PLAINTEXT'),
      securityProtocol: 'SASL_PLAINTEXT',
      saslMechanism: 'OAUTHBEARER',
      'sasl.oauthbearer.token.endpoint.url': `http://localhost:${(idp.address() as AddressInfo).port}/token`,
      'sasl.oauthbearer.client.credentials.client.id': 'me',
      'sasl.oauthbearer.client.credentials.client.secret': secret
    })
    try {
      assert.equal(await connects(endpoint('idp-secret')), 1)
      assert.equal(asked.length, 1)
      await refused('SASL_LOGIN_FAILED', /status 401/, endpoint('another-secret'))
    } finally {
      idp.close()
      idp.closeAllConnections()
    }
  })

  it('says which mechanisms there are, and when the listener has no SASL', async () => {
    await refused('SASL_AUTHENTICATION_FAILED', /is the listener one with SASL/, {
      brokers: secure.address('PLAINTEXT'),
      sasl: { mechanism: 'plain', ...alice }
    })
  })

  it('re-authenticates under load on the living connection, without losing a record or the order', async () => {
    for (const sasl of [
      { mechanism: 'SCRAM-SHA-512', ...alice },
      { mechanism: 'oauthbearer', token: () => jwt(600) }
    ] as const) {
      await using kafka = new Kafka({ logger: silent, brokers: secure.address('REAUTH'), tls: { ca: secure.ca }, sasl })
      const topic = `steady-${sasl.mechanism.toLowerCase()}`
      const admin = kafka.admin()
      await admin.createTopics([topic])
      let opened = 0
      const count = (): void => void opened++
      subscribe('odradek:connection:open', count)
      const producer = kafka.producer({ lingerMs: 2 })
      const until = performance.now() + 5_000
      let sent = 0
      const offsets: Promise<number>[] = []
      while (performance.now() < until) {
        for (let burst = 0; burst < 20; burst++) offsets.push(producer.send(topic, { value: String(sent++) }).then(({ offset }) => offset))
        await offsets.at(-1)
      }
      await producer.flush()
      unsubscribe('odradek:connection:open', count)
      assert.deepEqual(
        await Promise.all(offsets),
        Array.from({ length: sent }, (_, index) => index)
      )
      assert.ok(sent > 1_000, `${sent} records`)
      assert.equal(opened, 1, 'one connection all the time')
      assert.ok((producer.metrics().get('successful-reauthentication-total') ?? 0) >= 2)
      await admin.deleteTopics([topic])
    }
  })

  it('logs in with a delegation token', async () => {
    const brokers = secure.address('SASL_SSL')
    const tls = { ca: secure.ca }
    await using kafka = new Kafka({ logger: silent, brokers, tls, sasl: { mechanism: 'SCRAM-SHA-256', ...alice } })
    const { tokenId, hmac } = await kafka.admin().createDelegationToken()
    const password = hmac.toString('base64')
    const jaas = (secret: string): string =>
      `${login}.scram.ScramLoginModule required username="${tokenId}" password="${secret}" tokenauth="true";`
    const settings = { securityProtocol: 'SASL_SSL', saslMechanism: 'SCRAM-SHA-256', ...trust() }
    await eventually(async () => assert.equal(await connects({ brokers, ...settings, saslJaasConfig: jaas(password) }), 1))
    await refused('SASL_AUTHENTICATION_FAILED', /SCRAM-SHA-256/, { brokers, ...settings, saslJaasConfig: jaas('another-secret') })
  })

  it('asks for nothing about metrics where a broker has no receiver for them', async () => {
    const apis: unknown[] = []
    const listener = (message: unknown): void => void apis.push((message as { api: string }).api)
    subscribe('odradek:network:request', listener)
    {
      await using kafka = new Kafka({ logger: silent, brokers: secure.address('PLAINTEXT') })
      await kafka.producer().send('unmeasured', { value: 'x' })
    }
    unsubscribe('odradek:network:request', listener)
    assert.ok(apis.includes('ProduceRequest'))
    assert.deepEqual(
      apis.filter((api) => /Telemetry/.test(String(api))),
      []
    )
  })

  it('is what --command-config of the commands makes', async () => {
    const path = join(secure.certificates.dir, 'client.properties')
    const lines = (password: string): string =>
      [
        'security.protocol=SASL_SSL',
        'ssl.truststore.type=PEM',
        `ssl.truststore.location=${secure.certificates.file('ca.pem')}`,
        'sasl.mechanism=SCRAM-SHA-512',
        `sasl.jaas.config=${login}.scram.ScramLoginModule required \\`,
        `  username="alice" password="${password}";`
      ].join('\n')
    const command = (name: string, ...args: string[]) =>
      promisify(execFile)(process.execPath, [join(repositoryRoot, 'packages/cli/bin', `${name}.mjs`), ...args], { timeout: 30_000 })
    const to = ['--bootstrap-server', secure.address('SASL_SSL'), '--command-config', path]
    writeFileSync(path, lines(users.alice))
    await command('kafka-topics', ...to, '--create', '--topic', 'by-command')
    assert.match((await command('kafka-topics', ...to, '--list')).stdout, /^by-command$/m)
    const producing = command('kafka-console-producer', ...to, '--topic', 'by-command')
    producing.child.stdin?.end('one\ntwo\n')
    await producing
    const consumed = await command('kafka-console-consumer', ...to, '--topic', 'by-command', '--from-beginning', '--max-messages', '2')
    assert.equal(consumed.stdout, 'one\ntwo\n')
    writeFileSync(path, lines('another-secret'))
    await assert.rejects(command('kafka-topics', ...to, '--list'), (error: { stdout: string; stderr: string; code: number }) => {
      assert.equal(error.code, 1)
      assert.match(error.stdout + error.stderr, /SaslAuthenticationException/)
      assert.doesNotMatch(error.stdout + error.stderr, /another-secret/)
      return true
    })
  })
})
