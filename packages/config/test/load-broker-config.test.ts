import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { OdradekError } from '@odradek/base'
import { developmentProperties, loadBrokerConfig } from '../src/index.ts'

type Texts = Record<string, string>

// By kind of node: combined, broker, controller, nothing set.
const bases: Record<string, Texts> = {
  c: {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.listener.names': 'CONTROLLER',
    listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    'controller.quorum.voters': '1@localhost:9093'
  },
  b: {
    'process.roles': 'broker',
    'node.id': '1',
    'controller.listener.names': 'CONTROLLER',
    listeners: 'PLAINTEXT://:9092',
    'controller.quorum.voters': '2@localhost:9093'
  },
  k: {
    'process.roles': 'controller',
    'node.id': '1',
    'controller.listener.names': 'CONTROLLER',
    listeners: 'CONTROLLER://:9093',
    'controller.quorum.voters': '1@localhost:9093'
  },
  n: {}
}

// Whether Apache Kafka 4.3.1 takes a configuration: kind of node, changes (null: not set), taken.
const facts: [base: string, changes: Record<string, string | null>, taken: boolean][] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/startup.json'), 'utf8')
)

// Taken by Apache, refused here, and why.
const stricter: Record<string, string> = {
  'listeners=PLAINTEXT://h:-1,CONTROLLER://:9093': 'no such port',
  'listeners=PLAINTEXT://h:99999,CONTROLLER://:9093': 'no such port',
  'listener.name.plaintext.max.connections=x': 'the values of a listener are checked like the common ones',
  'listener.name.plaintext.ssl.client.auth=foo': 'the values of a listener are checked like the common ones',
  'log.cleaner.min.cleanable.ratio=NaN': 'not a ratio',
  'log.cleaner.min.cleanable.ratio=0x1p-1': 'hexadecimal doubles have no use here',
  'log.segment.bytes=２０００００００': 'ASCII digits only',
  'authorizer.class.name=foo': 'a class that is not here must not be skipped silently',
  'alter.config.policy.class.name=java.lang.String': 'no such class here',
  'replica.selector.class=foo': 'no such class here',
  'security.providers=x': 'no such class here',
  'log.dir=${env:FOO}': 'without a provider it is refused, never taken literally',
  'sasl.jaas.config=com.sun.security.auth.module.JndiLoginModule required;': 'login modules are allow-listed',
  'sasl.oauthbearer.jwks.endpoint.url=file:/etc/passwd': 'URLs are allow-listed',
  'sasl.oauthbearer.token.endpoint.url=http://169.254.169.254/': 'URLs are allow-listed'
}
// Refused by Apache, taken here, and why.
const milder: Record<string, string> = { 'log.cleaner.threads=0': 'Apache fails on a division by zero' }

function load(base: string, changes: Record<string, string | null> = {}) {
  const properties = Object.fromEntries(Object.entries({ ...bases[base], ...changes }).filter(([, value]) => value !== null)) as Texts
  return loadBrokerConfig({ properties })
}

function refusal(base: string, changes: Record<string, string | null>): string | undefined {
  try {
    load(base, changes)
    return undefined
  } catch (error) {
    assert.equal((error as OdradekError).code, 'CONFIG_INVALID', String(error))
    return (error as OdradekError).message
  }
}

const label = (changes: Record<string, string | null>) =>
  Object.entries(changes)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')

test('a node takes and refuses the configurations that Apache Kafka takes and refuses', () => {
  const different = facts.flatMap(([base, changes, taken]) => {
    const message = refusal(base, changes)
    const expected = (taken && stricter[label(changes)] === undefined) || milder[label(changes)] !== undefined
    return (message === undefined) === expected ? [] : [`${base} ${label(changes)}: ${message ?? 'taken'}`]
  })
  assert.deepEqual(different, [])
})

test('a refusal names the setting, and the value unless it is secret', () => {
  assert.equal(
    refusal('c', { 'log.segment.bytes': '100' }),
    'Invalid value 100 for configuration log.segment.bytes: Value must be at least 1048576'
  )
  assert.equal(
    refusal('c', { 'log.segment.bytes': '1e9' }),
    'Invalid value 1e9 for configuration log.segment.bytes: Not a number of type INT'
  )
  assert.equal(
    refusal('c', { 'auto.create.topics.enable': 'yes' }),
    'Invalid value yes for configuration auto.create.topics.enable: Expected value to be either true or false'
  )
  assert.equal(
    refusal('c', { 'compression.type': 'GZIP' }),
    'Invalid value GZIP for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer'
  )
  assert.equal(
    refusal('c', { 'compression.gzip.level': '0' }),
    'Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1'
  )
  assert.equal(refusal('c', { 'log.dirs': '' }), "Configuration 'log.dirs' must not be empty. Valid values include: any non-empty value")
  assert.equal(refusal('c', { 'node.id': null }), 'Missing required configuration "node.id" which has no default value.')
  assert.match(
    refusal('c', { 'controller.quorum.voters': '2@localhost:9093' }) ?? '',
    /the node id 1 must be included in the set of voters/
  )
  const secret = 'com.sun.JndiLoginModule required password=hunter2;'
  for (const name of ['sasl.jaas.config', 'listener.name.plaintext.plain.sasl.jaas.config']) {
    const message = refusal('c', { [name]: secret })
    assert.match(message ?? '', new RegExp(`^Invalid value \\[hidden\\] for configuration ${name}: `))
    assert.doesNotMatch(message ?? '', /hunter2|Jndi/)
  }
})

describe('what Kafka works out from several settings', () => {
  const ms = (changes: Texts) => {
    const { config } = load('c', changes)
    return [
      config.get('log.retention.ms'),
      config.get('log.roll.ms'),
      config.get('log.roll.jitter.ms'),
      config.get('log.flush.interval.ms')
    ]
  }

  test('milliseconds win over minutes and hours', () => {
    assert.deepEqual(ms({}), [604_800_000, 604_800_000, 0, 2 ** 63])
    assert.deepEqual(ms({ 'log.retention.ms': '5', 'log.retention.minutes': '7', 'log.roll.ms': '6', 'log.roll.hours': '9' }), [
      5,
      6,
      0,
      2 ** 63
    ])
    assert.deepEqual(ms({ 'log.retention.minutes': '5', 'log.retention.hours': '7', 'log.roll.jitter.hours': '9' }), [
      300_000,
      604_800_000,
      32_400_000,
      2 ** 63
    ])
    assert.deepEqual(ms({ 'log.retention.hours': '-1', 'log.flush.scheduler.interval.ms': '8' }), [-1, 604_800_000, 0, 8])
  })

  test('log directories come from log.dirs or log.dir, the metadata directory is the first of them', () => {
    assert.deepEqual(load('c', { 'log.dir': '/x' }).config.logDirs, ['/x'])
    const { config } = load('c', { 'log.dirs': ' /a , /b ', 'log.dir': '/x' })
    assert.deepEqual([config.logDirs, config.metadataLogDir], [['/a', '/b'], '/a'])
    assert.equal(load('c', { 'metadata.log.dir': '/m' }).config.metadataLogDir, '/m')
  })

  test('node.id may come from broker.id', () => {
    assert.equal(load('c', { 'node.id': null, 'broker.id': '3', 'controller.quorum.voters': '3@h:1' }).config.nodeId, 3)
    assert.equal(load('c').config.get('broker.id'), 1)
  })

  test('listeners are split by role, and the controller listener is PLAINTEXT unless something is secured', () => {
    const { config } = load('c', { listeners: 'plaintext://[::1]:9092,CONTROLLER://:9093' })
    assert.deepEqual(config.brokerListeners, [{ listenerName: 'PLAINTEXT', securityProtocol: 'PLAINTEXT', host: '::1', port: 9092 }])
    assert.deepEqual(config.controllerListeners, [{ listenerName: 'CONTROLLER', securityProtocol: 'PLAINTEXT', host: '', port: 9093 }])
    assert.deepEqual(config.advertisedListeners, config.brokerListeners)
    assert.equal(config.interBrokerListenerName, 'PLAINTEXT')
    assert.match(
      refusal('c', { listeners: 'SSL://:9092,CONTROLLER://:9093' }) ?? '',
      /No security protocol defined for listener CONTROLLER/
    )
  })

  test('voters and bootstrap servers are parsed', () => {
    const { config } = load('c', { 'controller.quorum.voters': '1@[::1]:9093,2@b:2', 'controller.quorum.bootstrap.servers': 'a:1,b:2' })
    assert.deepEqual(config.quorumVoters, [
      { id: 1, host: '::1', port: 9093 },
      { id: 2, host: 'b', port: 2 }
    ])
    assert.deepEqual(config.quorumBootstrapServers, [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 }
    ])
  })
})

describe('where settings come from', () => {
  test('the command line wins over the environment, which wins over the file', () => {
    const env = { KAFKA_LOG_RETENTION_HOURS: '2', KAFKA_NUM_PARTITIONS: '2', KAFKA_HEAP_OPTS: '-Xmx1g', PATH: '/bin' }
    const { config, warnings } = loadBrokerConfig({
      properties: { ...bases.c, 'log.retention.hours': '1', 'num.partitions': '1', 'num.io.threads': '1' },
      env,
      overrides: { 'num.partitions': '3' }
    })
    assert.deepEqual([config.get('log.retention.hours'), config.get('num.partitions'), config.get('num.io.threads')], [2, 3, 1])
    assert.deepEqual(warnings, [])
  })

  test('an unknown setting is a warning, settings of plug-ins and listeners are not', () => {
    const { warnings } = load('c', {
      'log.retention.houres': '5',
      'listener.name.plaintext.foo': 'x',
      'rsm.config.bucket': 'b',
      ['__proto__x']: 'y'
    })
    assert.equal(warnings.length, 2)
    assert.match(warnings[0], /log\.retention\.houres/)
  })

  test('a listener has its own value before the common one', () => {
    const { config } = load('c', { 'max.connections': '5', 'listener.name.plaintext.max.connections': '77' })
    assert.equal(config.getForListener('PLAINTEXT', 'max.connections'), 77)
    assert.equal(config.getForListener('OTHER', 'max.connections'), 5)
    assert.match(
      refusal('c', { 'listener.name.plaintext.max.connections': '-1' }) ?? '',
      /listener\.name\.plaintext\.max\.connections: Value must be at least 0/
    )
  })

  test('the development node is a broker and controller of this machine', () => {
    const { config, warnings } = loadBrokerConfig({ properties: developmentProperties({ port: 9092, dataDir: 'data' }) })
    assert.deepEqual(warnings, [])
    assert.ok(config.isBroker && config.isController && !config.isSet('advertised.listeners'))
    assert.deepEqual(
      config.listeners.map(({ host, port }) => [host, port]),
      [
        ['127.0.0.1', 9092],
        ['127.0.0.1', 9093]
      ]
    )
    loadBrokerConfig({ properties: developmentProperties({ port: 0, dataDir: 'data' }) })
  })
})

test('code and foreign addresses in settings are refused, wherever they stand', () => {
  const refused: Texts = {
    'metric.reporters': 'com.evil.Reporter',
    'principal.builder.class': 'foo',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'listener.name.plaintext.principal.builder.class': 'foo',
    'broker.rack': '$' + '{env:HOME}',
    'sasl.jaas.config': 'com.sun.security.auth.module.JndiLoginModule required user.provider.url="ldap://192.0.2.1/";',
    'sasl.oauthbearer.token.endpoint.url': 'http://169.254.169.254/',
    'sasl.oauthbearer.jwks.endpoint.url': 'file:///etc/passwd',
    'remote.log.storage.manager.class.path': '/tmp/evil.jar'
  }
  for (const [name, value] of Object.entries(refused)) assert.ok(refusal('c', { [name]: value })?.includes(name), name)
  load('c', { 'sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required username="a" password="b";' })
  load('c', { 'sasl.oauthbearer.token.endpoint.url': 'https://example.com/token', 'metric.reporters': '' })
})
