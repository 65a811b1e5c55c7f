import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  adminConfigDefinitions,
  type ConsumerSettings,
  consumerConfigDefinitions,
  type ProducerSettings,
  producerConfigDefinitions
} from '@odradek/config'
import { KafkaError } from '../src/errors.ts'
import { Kafka } from '../src/kafka.ts'
import { type ClientOptions, camelCase, mergeOptions, pickOptions, resolveOptions } from '../src/options.ts'

const producer = (options: object, own: string[] = []) =>
  resolveOptions<ProducerSettings>('producer', producerConfigDefinitions, options, own)
const refusal = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof KafkaError && error.code === 'INVALID_CONFIG', String(error))
    return error.message
  }
  return 'taken'
}

describe('settings of a client', () => {
  test('are taken in camelCase and by their own names, with the defaults of the Java client', () => {
    const { settings, given } = producer({ lingerMs: 20, 'batch.size': 1000, acks: 1 })
    assert.equal(settings['linger.ms'], 20)
    assert.equal(settings['batch.size'], 1000)
    assert.equal(settings.acks, '1')
    assert.equal(settings['delivery.timeout.ms'], 120_000)
    assert.deepEqual([...given].sort(), ['acks', 'batch.size', 'linger.ms'])
  })

  test('are taken as the text of a properties file', () => {
    const { settings } = producer({ 'linger.ms': '20', enableIdempotence: 'false', bootstrapServers: 'a:1,b:2' })
    assert.deepEqual([settings['linger.ms'], settings['enable.idempotence'], settings['bootstrap.servers']], [20, false, ['a:1', 'b:2']])
  })

  test('have a camelCase name each, and no two the same one', () => {
    for (const definitions of [producerConfigDefinitions, consumerConfigDefinitions, adminConfigDefinitions]) {
      const names = [...definitions.keys()].map(camelCase)
      assert.equal(new Set(names).size, definitions.size)
    }
    assert.equal(camelCase('max.in.flight.requests.per.connection'), 'maxInFlightRequestsPerConnection')
  })

  test('that do not exist are refused with what was probably meant', () => {
    assert.equal(
      refusal(() => producer({ lingerMS: 5 })),
      'A producer has no setting "lingerMS": did you mean lingerMs?'
    )
    assert.equal(
      refusal(() => producer({ 'linger.sm': 5 })),
      'A producer has no setting "linger.sm": did you mean linger.ms?'
    )
    assert.equal(
      refusal(() => producer({ partitoner: 5 }, ['partitioner'])),
      'A producer has no setting "partitoner": did you mean partitioner?'
    )
    assert.equal(
      refusal(() => producer({ zzzzzzzzzzzzzz: 5 })),
      'A producer has no setting "zzzzzzzzzzzzzz"'
    )
  })

  test('of other clients are refused with the client that has them', () => {
    const one = (options: object) => refusal(() => new Kafka({ brokers: 'a:1', ...options }))
    assert.equal(one({ maxBlockMs: 3000 }), 'maxBlockMs is a setting of producers: give it to kafka.producer()')
    assert.equal(one({ 'auto.offset.reset': 'earliest' }), 'auto.offset.reset is a setting of consumers: give it to kafka.consumer()')
    assert.equal(
      one({ maxPollRecords: 5 }),
      'maxPollRecords is a setting of consumers and share consumers: give it to kafka.consumer() or kafka.shareConsumer()'
    )
    assert.equal(
      refusal(() => producer({ groupId: 'g' })),
      'groupId is a setting of consumers and share consumers: give it to kafka.consumer() or kafka.shareConsumer()'
    )
  })

  test('by the names of other clients are refused with those of this one', () => {
    const one = (options: object) => refusal(() => new Kafka({ brokers: 'a:1', ...options }))
    assert.equal(one({ ssl: true }), 'A Kafka client has no setting "ssl": did you mean tls?')
    assert.equal(
      one({ connectionTimeout: 1000 }),
      'A Kafka client has no setting "connectionTimeout": did you mean socketConnectionSetupTimeoutMs?'
    )
  })

  test('with values that are not allowed are refused with what is', () => {
    assert.match(
      refusal(() => producer({ acks: 'two' })),
      /Invalid value two for configuration acks.*\[?all, -1, 0, 1/
    )
    assert.match(
      refusal(() => producer({ lingerMs: -1 })),
      /linger\.ms.*at least 0/
    )
    assert.match(
      refusal(() => producer({ lingerMs: 1.5 })),
      /linger\.ms.*Not a number of type LONG/
    )
    assert.match(
      refusal(() => producer({ lingerMs: {} })),
      /linger\.ms must be a LONG/
    )
    assert.match(
      refusal(() => producer({ lingerMs: 1, 'linger.ms': 2 })),
      /linger\.ms is given twice/
    )
  })

  test('that would be missed if they did nothing are refused, with what to do instead', () => {
    for (const [options, advice] of [
      [{ 'config.providers': 'env' }, /the values themselves/],
      [{ 'config.providers.env.class': 'org.apache.kafka.common.config.provider.EnvVarConfigProvider' }, /the values themselves/],
      [{ metricReporters: 'com.example.Reporter' }, /com\.example\.Reporter.*metrics\(\)/],
      [{ 'sasl.oauthbearer.assertion.file': '/token' }, /^sasl\.oauthbearer\.assertion\.file: .*function/],
      [{ saslOauthbearerAssertionClaimExpSeconds: 5 }, /^sasl\.oauthbearer\.assertion\.claim\.exp\.seconds/]
    ] as const)
      assert.match(
        refusal(() => producer(options)),
        advice
      )
    for (const reporters of ['', 'org.apache.kafka.common.metrics.JmxReporter']) producer({ 'metric.reporters': reporters })
    producer({ 'config.providers': '', saslOauthbearerAssertionFile: null })
  })

  test('of one client win over those of its Kafka object, whatever name either uses', () => {
    const shared = pickOptions(consumerConfigDefinitions, { requestTimeoutMs: 1_000, retries: 3, 'client.id': 'a' })
    assert.deepEqual(shared, { requestTimeoutMs: 1_000, 'client.id': 'a' })
    const merged = mergeOptions(consumerConfigDefinitions, shared, { 'request.timeout.ms': 2_000, clientId: undefined })
    assert.deepEqual(merged, { 'client.id': 'a', 'request.timeout.ms': 2_000 })
  })

  test('pass a function on where Java wants a class', () => {
    const partitioner = () => 0
    assert.equal(producer({ partitionerClass: partitioner }).settings['partitioner.class'] as unknown, partitioner)
  })

  test('are typed under both names', () => {
    const options: ClientOptions<ConsumerSettings> = { groupId: 'g', 'session.timeout.ms': 45_000, maxPollRecords: '500' }
    // @ts-expect-error not a setting
    const unknown: ClientOptions<ConsumerSettings> = { sessionTimeout: 1 }
    // @ts-expect-error a number
    const wrong: ClientOptions<ConsumerSettings> = { sessionTimeoutMs: 'soon' }
    assert.deepEqual([options.groupId, Object.keys(unknown).length, Object.keys(wrong).length], ['g', 1, 1])
  })
})

describe('the Kafka object', () => {
  test('refuses wrong settings before anything is opened', () => {
    const one = (options: ConstructorParameters<typeof Kafka>[0]) => refusal(() => new Kafka(options).admin())
    assert.match(one({ brokers: 'localhost' }), /"localhost" in bootstrap\.servers is not host:port/)
    assert.match(one({ brokers: 'localhost:99999' }), /is not host:port/)
    assert.match(one({ brokers: [] }), /names no broker/)
    assert.match(one({}), /names no broker/)
    assert.match(one({ brokers: 'a:1', bootstrapControllers: 'b:1' }), /not both/)
    assert.match(one({ brokers: 'a:1', securityProtocol: 'SASL_SSL' }), /sasl\.mechanism=GSSAPI is not built/)
    assert.match(one({ brokers: 'a:1', securityProtocol: 'TELNET' }), /Invalid value TELNET for configuration security\.protocol/)
    assert.equal(one({ brokers: '[::1]:9092, other:9093' }), 'taken')
  })

  test('closes its clients, once and for all', async () => {
    const kafka = new Kafka({ brokers: 'localhost:1' })
    const admin = kafka.admin()
    await kafka.close()
    await kafka.close()
    await assert.rejects(admin.listTopics(), { code: 'CLIENT_CLOSED' })
    await admin.close()
  })
})
