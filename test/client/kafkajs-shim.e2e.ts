// odradek/kafkajs beside kafkajs in one group, what it refuses and does better, and both over TLS and SASL.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type * as real from 'kafkajs'
import * as shim from 'odradek/kafkajs'
import { type BrokerProcess, startBroker } from '../interop/support/brokers.ts'
import { toolchain } from '../interop/support/toolchains.ts'
import { eventually } from './eventually.ts'
import { implementations, type KafkaJS, setUp as setUpAt, text, unique, values } from './kafkajs-support.ts'
import { prepareCertificates, type SecureBroker, startSecureBroker, users } from './secure-broker.ts'

let broker: BrokerProcess
const setUp = (kafkajs: KafkaJS, name: string, options: { partitions?: number } = {}) =>
  setUpAt(kafkajs, name, { brokers: broker.bootstrapServers, ...options })

before(async () => {
  broker = await startBroker({ kind: 'odradek' })
})
after(() => broker?.[Symbol.asyncDispose]())

describe('kafkajs and odradek/kafkajs in one group', { timeout: 120_000 }, () => {
  for (const [[first], [second]] of [implementations, implementations.toReversed()])
    test(`${first} is replaced by ${second}, one member at a time, and nothing is lost`, async () => {
      const use = (name: string): KafkaJS => new Map(implementations).get(name) as KafkaJS
      await using old = await setUp(use(first), 'rolling', { partitions: 4 })
      await using next = await setUp(use(second), 'unused')
      const groupId = unique('group')
      const got: string[] = []
      const joins = new Map<real.Consumer, real.IMemberAssignment>()
      const member = async (consumer: real.Consumer): Promise<real.Consumer> => {
        consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => void joins.set(consumer, payload.memberAssignment))
        await consumer.subscribe({ topic: old.topic, fromBeginning: true })
        await consumer.run({ eachMessage: async ({ message }) => void got.push(text(message)) })
        return consumer
      }
      const sizes = (...members: real.Consumer[]): number[] => members.map((consumer) => joins.get(consumer)?.[old.topic]?.length ?? 0)
      const producer = await old.producer()
      const sent: string[] = []
      const send = async (): Promise<void> => {
        const list = [0, 1, 2, 3].map((partition) => ({ value: `${sent.length + partition}`, partition }))
        sent.push(...list.map(({ value }) => value))
        await producer.send({ topic: old.topic, messages: list })
        await eventually(() => assert.deepEqual(new Set(got), new Set(sent)))
      }
      const config = { groupId, heartbeatInterval: 300 }
      const a = await member(await old.consumer(config))
      await send()
      const b = await member(await next.consumer(config))
      await eventually(() => assert.deepEqual(sizes(a, b), [2, 2]))
      await send()
      await a.disconnect()
      await eventually(() => assert.deepEqual(sizes(b), [4]))
      await send()
      const c = await member(await next.consumer(config))
      await eventually(() => assert.deepEqual(sizes(b, c), [2, 2]))
      await send()
      // Nothing was read again either: what had been handled was committed before partitions moved.
      assert.deepEqual(got.toSorted(), sent.toSorted())
    })
})

describe('odradek/kafkajs alone', { timeout: 60_000 }, () => {
  test('what cannot be had is refused at once', async () => {
    const kafka = (config: object) => () => new shim.Kafka({ brokers: ['localhost:1'], ...config })
    const refused = { name: 'KafkaJSNotImplemented', retriable: false }
    assert.throws(kafka({ socketFactory: () => {} }), refused)
    assert.throws(kafka({ sasl: { mechanism: 'aws', authorizationIdentity: 'a', accessKeyId: 'b', secretAccessKey: 'c' } }), refused)
    assert.throws(kafka({ sasl: { mechanism: 'mine', authenticationProvider: () => ({ authenticate: async () => {} }) } }), refused)
    assert.throws(kafka({ ssl: { secureContext: {} } }), refused)
    const plain = kafka({})()
    assert.throws(() => plain.consumer({ groupId: 'g', partitionAssigners: [() => ({}) as shim.Assigner] }), refused)
    const producer = plain.producer()
    assert.throws(() => producer.on(producer.events.REQUEST, () => {}), refused)
  })

  test('a handler that takes longer than the session keeps its partitions', async () => {
    await using own = await setUp(shim as unknown as KafkaJS, 'slow')
    await (await own.producer()).send({ topic: own.topic, messages: values('slow', 'next') })
    const consumer = await own.consumer({ sessionTimeout: 6000, heartbeatInterval: 500 })
    const [got, joins, beats]: string[][] = [[], [], []]
    consumer.on(consumer.events.GROUP_JOIN, ({ type }) => void joins.push(type))
    consumer.on(consumer.events.HEARTBEAT, ({ type }) => void beats.push(type))
    await consumer.subscribe({ topic: own.topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        // Heartbeats while a handler runs, longer than a session.
        if (text(message) === 'slow') await eventually(() => assert.ok(beats.length >= 14), 20_000)
        got.push(text(message))
      }
    })
    await eventually(() => assert.deepEqual(got, ['slow', 'next']), 20_000)
    assert.equal(joins.length, 1)
  })

  test('disconnect waits for the handler, and commits what it did', async () => {
    await using own = await setUp(shim as unknown as KafkaJS, 'waits')
    await (await own.producer()).send({ topic: own.topic, messages: values('0', '1') })
    const groupId = unique('group')
    const consumer = await own.consumer({ groupId })
    const [started, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const got: string[] = []
    await consumer.subscribe({ topic: own.topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        started.resolve()
        await end.promise
        got.push(text(message))
      }
    })
    await started.promise
    const disconnected = consumer.disconnect()
    end.resolve()
    await disconnected
    assert.deepEqual(got, ['0'])
    const [{ partitions }] = await own.admin.fetchOffsets({ groupId, topics: [own.topic] })
    assert.equal(partitions[0].offset, '1')
  })

  test('topics of one consumer may begin at different ends', async () => {
    await using own = await setUp(shim as unknown as KafkaJS, 'mixed')
    const other = unique('other')
    await own.admin.createTopics({ topics: [{ topic: other }] })
    const producer = await own.producer()
    const send = (value: string) =>
      producer.sendBatch({ topicMessages: [own.topic, other].map((topic) => ({ topic, messages: values(value) })) })
    await send('old')
    const consumer = await own.consumer()
    const got: string[] = []
    await consumer.subscribe({ topic: own.topic, fromBeginning: true })
    await consumer.subscribe({ topic: other })
    await consumer.run({
      eachMessage: async ({ topic, message }) => void got.push(`${topic === other ? 'other' : 'own'} ${text(message)}`)
    })
    await eventually(() => assert.deepEqual(got, ['own old']))
    await eventually(async () => {
      await send('new')
      assert.ok(got.includes('other new') && !got.includes('other old'))
    })
  })
})

describe('security', { timeout: 120_000 }, () => {
  let secure: SecureBroker | undefined
  before(async () => {
    const certificates = toolchain({ skip: () => {} }, 'Java with Maven, and openssl', prepareCertificates)
    if (certificates !== undefined) secure = await startSecureBroker(certificates)
  })
  after(() => secure?.[Symbol.asyncDispose]())

  const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url')
  const token = async (): Promise<{ value: string }> => {
    const now = Math.floor(Date.now() / 1000)
    return { value: `${part({ alg: 'none' })}.${part({ sub: 'alice', iat: now, exp: now + 600 })}.` }
  }
  const alice = { username: 'alice', password: users.alice }

  for (const [name, kafkajs] of implementations)
    test(`${name} connects over TLS, logs in by each mechanism, and is refused with a wrong password`, async (t) => {
      if (secure === undefined) return t.skip('Java with Maven, or openssl, is not present')
      const ssl = { ca: [secure.ca] }
      const topics = async (listener: 'SSL' | 'SASL_SSL', sasl?: real.SASLOptions): Promise<string[]> => {
        const brokers = [secure?.address(listener) ?? '']
        const retry = { retries: 2, initialRetryTime: 50 }
        const kafka = new kafkajs.Kafka({ brokers, ssl, sasl, retry, connectionTimeout: 5000, logLevel: kafkajs.logLevel.NOTHING })
        const admin = kafka.admin()
        try {
          await admin.connect()
          return await admin.listTopics()
        } finally {
          await admin.disconnect()
        }
      }
      assert.ok(Array.isArray(await topics('SSL')))
      for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const)
        assert.ok(Array.isArray(await topics('SASL_SSL', { mechanism, ...alice })), mechanism)
      assert.ok(Array.isArray(await topics('SASL_SSL', { mechanism: 'oauthbearer', oauthBearerProvider: token })))
      await assert.rejects(topics('SASL_SSL', { mechanism: 'plain', ...alice, password: 'wrong' }), (error: Error) => {
        const names = [error.name, (error.cause as Error | undefined)?.name]
        assert.ok(names.includes('KafkaJSSASLAuthenticationError'), `${names}`)
        return true
      })
    })
})

describe('the log of odradek/kafkajs', { timeout: 60_000 }, () => {
  /** What is written, without times. */
  const logged = (): { lines: string[]; logCreator: real.logCreator } => {
    const lines: string[] = []
    return { lines, logCreator: () => (entry) => void lines.push(`${entry.label} [${entry.namespace}] ${entry.log.message}`) }
  }

  test('tells what people who watch kafkajs look for: when a consumer starts, joins and stops', async () => {
    const { lines, logCreator } = logged()
    const kafka = new shim.Kafka({ brokers: [broker.bootstrapServers], logCreator } as shim.KafkaConfig)
    const topic = unique('logged')
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
    await admin.disconnect()
    const consumer = kafka.consumer({ groupId: unique('group') })
    const { promise, resolve } = Promise.withResolvers<{ memberId: string; leaderId: string; isLeader: boolean }>()
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => resolve(payload))
    await consumer.connect()
    await consumer.subscribe({ topic })
    await consumer.run({ eachMessage: async () => {} })
    const { memberId, leaderId, isLeader } = await promise
    assert.deepEqual([leaderId, isLeader], [memberId, true])
    await consumer.disconnect()
    assert.deepEqual(lines, ['INFO [Consumer] Starting', 'INFO [ConsumerGroup] Consumer has joined the group', 'INFO [Consumer] Stopped'])
  })

  test('tells that a broker cannot be reached, each time half as often', async () => {
    const { lines, logCreator } = logged()
    const kafka = new shim.Kafka({ brokers: ['localhost:1'], logCreator, retry: { retries: 3, initialRetryTime: 200 } } as shim.KafkaConfig)
    await assert.rejects(kafka.producer().connect())
    assert.match(lines[0], /^ERROR \[Connection\] Connection error: .*localhost:1.*ECONNREFUSED/)
    assert.ok(lines.length >= 2 && lines.length <= 8, lines.join('\n'))
  })
})
