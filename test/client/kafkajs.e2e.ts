// The examples of kafkajs's documentation, written once and run by kafkajs itself and by odradek/kafkajs against the same broker, with the
// same outcome asserted. Transactions have Apache Kafka for the other side.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type * as real from 'kafkajs'
import { type BrokerProcess, defaultKind, startBroker } from '../interop/support/brokers.ts'
import { kafkaClassPath, toolchain } from '../interop/support/toolchains.ts'
import { eventually } from './eventually.ts'
import { implementations, type KafkaJS, original, setUp as setUpAt, text, unique, values } from './kafkajs-support.ts'

let broker: BrokerProcess
let apache: BrokerProcess | undefined
const setUp = (kafkajs: KafkaJS, name: string, options: { partitions?: number; brokers?: string; retries?: number } = {}) =>
  setUpAt(kafkajs, name, { brokers: broker.bootstrapServers, ...options })

before(async () => {
  const hasJava = toolchain({ skip: () => {} }, 'Java with Maven', kafkaClassPath) !== undefined
  broker = await startBroker({ kind: hasJava ? defaultKind : 'odradek' })
  if (hasJava) apache = defaultKind === 'apache' ? broker : await startBroker({ kind: 'apache' })
})
after(async () => {
  if (apache !== broker) await apache?.[Symbol.asyncDispose]()
  await broker?.[Symbol.asyncDispose]()
})

for (const [name, kafkajs] of implementations)
  describe(name, { timeout: 180_000 }, () => {
    test('getting started: a message with key and headers comes as it was sent', async () => {
      await using own = await setUp(kafkajs, 'started')
      const producer = await own.producer()
      const headers = { 'correlation-id': 'c-1', many: ['a', 'b'] }
      const sent = await producer.send({
        topic: own.topic,
        messages: [{ key: 'k', value: 'Hello KafkaJS user!', headers, timestamp: '1700000000000' }]
      })
      assert.deepEqual(
        sent.map(({ topicName, partition, errorCode, baseOffset, logAppendTime }) => ({
          topicName,
          partition,
          errorCode,
          baseOffset,
          logAppendTime
        })),
        [{ topicName: own.topic, partition: 0, errorCode: 0, baseOffset: '0', logAppendTime: '-1' }]
      )
      const consumer = await own.consumer()
      const got: real.EachMessagePayload[] = []
      await consumer.subscribe({ topic: own.topic, fromBeginning: true })
      await consumer.run({ eachMessage: async (payload) => void got.push(payload) })
      await eventually(() => assert.equal(got.length, 1))
      const [{ topic, partition, message }] = got
      assert.deepEqual([topic, partition, message.offset, message.timestamp], [own.topic, 0, '0', '1700000000000'])
      assert.deepEqual([message.key, message.value], [Buffer.from('k'), Buffer.from('Hello KafkaJS user!')])
      assert.deepEqual(message.headers, { 'correlation-id': Buffer.from('c-1'), many: [Buffer.from('a'), Buffer.from('b')] })
    })

    test('producing: sendBatch to several topics, with compression, tombstones and each kind of acks', async () => {
      await using own = await setUp(kafkajs, 'batch', { partitions: 2 })
      const other = unique('other')
      await own.admin.createTopics({ topics: [{ topic: other }] })
      const producer = await own.producer()
      const results = await producer.sendBatch({
        compression: kafkajs.CompressionTypes.GZIP,
        topicMessages: [
          {
            topic: own.topic,
            messages: [
              { value: 'a', partition: 0 },
              { value: 'b', partition: 1 },
              { value: 'c', partition: 1 }
            ]
          },
          { topic: other, messages: [{ key: 'gone', value: null }] }
        ]
      })
      assert.deepEqual(
        results.map(({ topicName, partition, baseOffset }) => `${topicName} ${partition} ${baseOffset}`).sort(),
        [`${own.topic} 0 0`, `${own.topic} 1 0`, `${other} 0 0`].sort()
      )
      await producer.send({ topic: other, acks: 1, messages: values('one') })
      assert.deepEqual(await producer.send({ topic: other, acks: 0, messages: values('zero') }), [])
      const offsets = async () => (await own.admin.fetchTopicOffsets(other)).map(({ high, low }) => [low, high])
      await eventually(async () => assert.deepEqual(await offsets(), [['0', '3']]))
    })

    test('partitioners: keys go where Java puts them, or kafkajs 1, or where a custom one says', async () => {
      await using own = await setUp(kafkajs, 'partitioners', { partitions: 7 })
      const keys = Array.from({ length: 60 }, (_, i) => `${'käse'.slice(0, i % 5)}${i}`)
      const partitionsBy = async (createPartitioner: real.ICustomPartitioner): Promise<number[]> => {
        const producer = await own.producer({ createPartitioner })
        const at = []
        for (const key of keys) at.push((await producer.send({ topic: own.topic, messages: [{ key, value: key }] }))[0].partition)
        return at
      }
      const metadata = Array.from({ length: 7 }, (_, partitionId) => ({
        partitionId,
        leader: 1,
        partitionErrorCode: 0,
        replicas: [],
        isr: []
      }))
      const expected = (create: real.ICustomPartitioner) => {
        const partition = create()
        return keys.map((key) => partition({ topic: own.topic, partitionMetadata: metadata, message: { key, value: key } }))
      }
      for (const kind of ['DefaultPartitioner', 'LegacyPartitioner'] as const)
        assert.deepEqual(await partitionsBy(kafkajs.Partitioners[kind]), expected(original.Partitioners[kind]), kind)
      const seen: real.PartitionerArgs[] = []
      const custom: real.ICustomPartitioner = () => (args) => {
        seen.push(args)
        return args.message.key === keys[0] ? 3 : 5
      }
      assert.deepEqual(new Set(await partitionsBy(custom)), new Set([3, 5]))
      assert.equal(seen[0].topic, own.topic)
      assert.deepEqual(
        seen[0].partitionMetadata.map(({ partitionId, leader }) => [partitionId, leader]).sort(),
        [0, 1, 2, 3, 4, 5, 6].map((id) => [id, 1])
      )
      // Without a key: in turn.
      const producer = await own.producer()
      const spread = await producer.send({ topic: own.topic, messages: values('1', '2', '3', '4', '5', '6', '7') })
      assert.equal(spread.length, 7)
    })

    test('eachBatch resolves, commits and tells what it works on', async () => {
      await using own = await setUp(kafkajs, 'batches')
      await (await own.producer()).send({ topic: own.topic, messages: values('0', '1', '2', '3', '4', '5') })
      const groupId = unique('group')
      const consumer = await own.consumer({ groupId })
      const events: string[] = []
      for (const event of [
        'CONNECT',
        'GROUP_JOIN',
        'START_BATCH_PROCESS',
        'END_BATCH_PROCESS',
        'COMMIT_OFFSETS',
        'STOP',
        'DISCONNECT'
      ] as const)
        consumer.on(consumer.events[event], ({ type }) => void (events.at(-1) === type || events.push(type)))
      const batches: { first: string | null; last: string; highWatermark: string; lag: string; low: string }[] = []
      const uncommitted: real.Offsets[] = []
      await consumer.subscribe({ topics: [own.topic], fromBeginning: true })
      await consumer.run({
        eachBatchAutoResolve: false,
        eachBatch: async ({ batch, resolveOffset, heartbeat, uncommittedOffsets, isRunning, isStale }) => {
          batches.push({
            first: batch.firstOffset(),
            last: batch.lastOffset(),
            highWatermark: batch.highWatermark,
            lag: batch.offsetLag(),
            low: batch.offsetLagLow()
          })
          for (const { offset } of batch.messages.slice(0, 4)) {
            if (!isRunning() || isStale()) break
            resolveOffset(offset)
            await heartbeat()
          }
          // A number by its types, text in fact.
          uncommitted.push(JSON.parse(JSON.stringify(uncommittedOffsets()).replace('"partition":"0"', '"partition":0')))
        }
      })
      // What was not resolved comes again.
      await eventually(() => assert.equal(batches.length, 2))
      assert.deepEqual(batches, [
        { first: '0', last: '5', highWatermark: '6', lag: '0', low: '5' },
        { first: '4', last: '5', highWatermark: '6', lag: '0', low: '1' }
      ])
      assert.deepEqual(uncommitted[0], { topics: [{ topic: own.topic, partitions: [{ partition: 0, offset: '4' }] }] })
      await consumer.disconnect()
      assert.deepEqual(await own.admin.fetchOffsets({ groupId, topics: [own.topic] }), [
        { topic: own.topic, partitions: [{ partition: 0, offset: '6', metadata: null }] }
      ])
      for (const event of ['consumer.group_join', 'consumer.start_batch_process', 'consumer.end_batch_process', 'consumer.commit_offsets'])
        assert.ok(events.includes(event), `${event} is not in ${events}`)
      assert.deepEqual(events.slice(-2).sort(), ['consumer.disconnect', 'consumer.stop'])
    })

    test('autoCommit: false leaves commits to commitOffsets, and a second consumer goes on from there', async () => {
      await using own = await setUp(kafkajs, 'manual')
      await (await own.producer()).send({ topic: own.topic, messages: values('0', '1', '2') })
      const groupId = unique('group')
      const first = await own.consumer({ groupId })
      const got: string[] = []
      await first.subscribe({ topic: own.topic, fromBeginning: true })
      await first.run({ autoCommit: false, eachMessage: async ({ message }) => void got.push(text(message)) })
      await eventually(() => assert.deepEqual(got, ['0', '1', '2']))
      await first.commitOffsets([{ topic: own.topic, partition: 0, offset: '2', metadata: 'noted' }])
      await first.disconnect()
      const [{ partitions }] = await own.admin.fetchOffsets({ groupId, topics: [own.topic] })
      assert.deepEqual(partitions, [{ partition: 0, offset: '2', metadata: 'noted' }])
      const second = await own.consumer({ groupId })
      const again: string[] = []
      await second.subscribe({ topic: own.topic, fromBeginning: true })
      await second.run({ autoCommitThreshold: 1, eachMessage: async ({ message }) => void again.push(text(message)) })
      await eventually(() => assert.deepEqual(again, ['2']))
    })

    test('seek reads again from there', async () => {
      await using own = await setUp(kafkajs, 'seek')
      await (await own.producer()).send({ topic: own.topic, messages: values('0', '1', '2', '3') })
      const consumer = await own.consumer()
      assert.throws(() => consumer.seek({ topic: own.topic, partition: 0, offset: '2' }), { name: 'KafkaJSNonRetriableError' })
      const got: string[] = []
      await consumer.subscribe({ topic: own.topic, fromBeginning: true })
      await consumer.run({ eachMessage: async ({ message }) => void got.push(text(message)) })
      consumer.seek({ topic: own.topic, partition: 0, offset: '2' })
      await eventually(() => assert.deepEqual(got.slice(-2), ['2', '3']))
      const before = got.length
      consumer.seek({ topic: own.topic, partition: 0, offset: '1' })
      await eventually(() => assert.deepEqual(got.slice(before), ['1', '2', '3']))
    })

    test('pause and resume: nothing comes of a paused topic, and all of it after', async () => {
      await using own = await setUp(kafkajs, 'pause')
      const producer = await own.producer()
      await producer.send({ topic: own.topic, messages: values('0', '1', '2') })
      const consumer = await own.consumer()
      const got: string[] = []
      let resume = (): void => {}
      await consumer.subscribe({ topic: own.topic, fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ message, pause }) => {
          got.push(text(message))
          if (text(message) === '1') resume = pause()
        }
      })
      await eventually(() => assert.deepEqual(consumer.paused(), [{ topic: own.topic, partitions: [0] }]))
      assert.deepEqual(got, ['0', '1'])
      resume()
      await eventually(() => assert.deepEqual(got, ['0', '1', '2']))
      consumer.pause([{ topic: own.topic }])
      assert.deepEqual(consumer.paused(), [{ topic: own.topic, partitions: [0] }])
      consumer.resume([{ topic: own.topic }])
      assert.deepEqual(consumer.paused(), [])
      await producer.send({ topic: own.topic, messages: values('3') })
      await eventually(() => assert.deepEqual(got, ['0', '1', '2', '3']))
    })

    test('a RegExp subscribes to the topics that match now', async () => {
      await using own = await setUp(kafkajs, 'pattern')
      const other = `${own.topic}-too`
      await own.admin.createTopics({ topics: [{ topic: other }] })
      const producer = await own.producer()
      await producer.sendBatch({ topicMessages: [own.topic, other].map((topic) => ({ topic, messages: values(topic) })) })
      const consumer = await own.consumer()
      const got: string[] = []
      await consumer.subscribe({ topics: [new RegExp(`^${own.topic}`)], fromBeginning: true })
      await consumer.run({ eachMessage: async ({ message }) => void got.push(text(message)) })
      await eventually(() => assert.deepEqual(got.sort(), [own.topic, other]))
      await assert.rejects(consumer.subscribe({ topic: 'later' }), { name: 'KafkaJSNonRetriableError' })
    })

    test('a handler that fails is tried again from the message it failed at', async () => {
      await using own = await setUp(kafkajs, 'failing')
      await (await own.producer()).send({ topic: own.topic, messages: values('0', '1', '2') })
      const consumer = await own.consumer()
      const got: string[] = []
      let failures = 0
      await consumer.subscribe({ topic: own.topic, fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ message }) => {
          if (text(message) === '1' && failures++ < 2) throw new Error('not yet')
          got.push(text(message))
        }
      })
      await eventually(() => assert.deepEqual(got, ['0', '1', '2']))
    })

    test('a handler that keeps failing crashes the consumer, which restarts unless restartOnFailure says no', async () => {
      await using own = await setUp(kafkajs, 'crash', { retries: 1 })
      await (await own.producer()).send({ topic: own.topic, messages: values('poison') })
      const asked: string[] = []
      const restartOnFailure = async (error: Error): Promise<boolean> => asked.push(error.name) < 2
      const consumer = await own.consumer({ retry: { initialRetryTime: 20, retries: 1, restartOnFailure } })
      const crashes: [string, string | undefined, boolean][] = []
      consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
        crashes.push([error.name, (error.cause as Error)?.message, restart])
      })
      await consumer.subscribe({ topic: own.topic, fromBeginning: true })
      await consumer.run({
        eachMessage: async () => {
          throw new Error('poisoned')
        }
      })
      await eventually(() => assert.equal(crashes.length, 2))
      assert.deepEqual(crashes, [
        ['KafkaJSNumberOfRetriesExceeded', 'poisoned', true],
        ['KafkaJSNumberOfRetriesExceeded', 'poisoned', false]
      ])
      assert.equal(asked.length, 2)
    })

    test('a bug in a handler crashes the consumer for good', async () => {
      await using own = await setUp(kafkajs, 'bug')
      await (await own.producer()).send({ topic: own.topic, messages: values('x') })
      const consumer = await own.consumer()
      const crashes: [string, boolean][] = []
      consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => void crashes.push([error.name, restart]))
      await consumer.subscribe({ topic: own.topic, fromBeginning: true })
      await consumer.run({ eachMessage: async () => (undefined as unknown as () => Promise<void>)() })
      await eventually(() => assert.deepEqual(crashes, [['KafkaJSNonRetriableError', false]]))
    })

    test('partitions are processed concurrently, each in order', async () => {
      await using own = await setUp(kafkajs, 'concurrent', { partitions: 3 })
      const messages = [0, 1, 2].flatMap((partition) => values('0', '1', '2').map((message) => ({ ...message, partition })))
      await (await own.producer()).send({ topic: own.topic, messages })
      const consumer = await own.consumer()
      const got = new Map<number, string[]>([0, 1, 2].map((partition) => [partition, []]))
      const all = Promise.withResolvers<void>()
      let waiting = 0
      await consumer.subscribe({ topic: own.topic, fromBeginning: true })
      await consumer.run({
        partitionsConsumedConcurrently: 3,
        eachMessage: async ({ partition, message }) => {
          // None goes on before all three are here.
          if (text(message) === '0' && ++waiting === 3) all.resolve()
          await all.promise
          got.get(partition)?.push(text(message))
        }
      })
      await eventually(() =>
        assert.deepEqual(
          [...got.values()],
          [
            ['0', '1', '2'],
            ['0', '1', '2'],
            ['0', '1', '2']
          ]
        )
      )
    })

    test('consumer groups: members share partitions, describeGroup tells of them, one takes over from the other', async () => {
      await using own = await setUp(kafkajs, 'shared', { partitions: 4 })
      const groupId = unique('group')
      const joins: real.IMemberAssignment[] = []
      const members = [await own.consumer({ groupId, heartbeatInterval: 300 }), await own.consumer({ groupId, heartbeatInterval: 300 })]
      const got: string[] = []
      for (const member of members) {
        member.on(member.events.GROUP_JOIN, ({ payload }) => void joins.push(payload.memberAssignment))
        await member.subscribe({ topic: own.topic, fromBeginning: true })
        await member.run({ eachMessage: async ({ message }) => void got.push(text(message)) })
      }
      const shares = async () => {
        const { members: found, state, protocol, protocolType } = await members[0].describeGroup()
        assert.deepEqual([state, protocol, protocolType], ['Stable', 'RoundRobinAssigner', 'consumer'])
        return found.map(
          ({ memberAssignment }) => kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment[own.topic].length
        )
      }
      await eventually(async () => assert.deepEqual(await shares(), [2, 2]))
      await members[1].disconnect()
      await eventually(async () => assert.deepEqual(await shares(), [4]))
      assert.deepEqual(joins.at(-1)?.[own.topic].toSorted(), [0, 1, 2, 3])
      await (await own.producer()).send({
        topic: own.topic,
        messages: [0, 1, 2, 3].map((partition) => ({ value: `${partition}`, partition }))
      })
      await eventually(() => assert.deepEqual(got.toSorted(), ['0', '1', '2', '3']))
    })

    test('admin: topics, offsets, configs, groups', async () => {
      await using own = await setUp(kafkajs, 'admin')
      const { admin, topic } = own
      assert.equal(await admin.createTopics({ topics: [{ topic }] }), false)
      assert.ok((await admin.listTopics()).includes(topic))
      await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
      const metadata = async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]
      await eventually(async () => assert.equal((await metadata()).partitions.length, 3))
      const { name: found, partitions } = await metadata()
      assert.deepEqual([found, partitions[0].leader, partitions[0].replicas, partitions[0].isr], [topic, 1, [1], [1]])
      const { brokers, controller, clusterId } = await admin.describeCluster()
      assert.deepEqual([brokers.map(({ nodeId }) => nodeId), controller, typeof clusterId], [[1], 1, 'string'])

      const { TOPIC } = kafkajs.ConfigResourceTypes
      const set = (configEntries: { name: string; value: string }[]) =>
        admin.alterConfigs({ validateOnly: false, resources: [{ type: TOPIC, name: topic, configEntries }] })
      const config = async (configNames: string[]) => {
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: TOPIC, name: topic, configNames }]
        })
        return resources[0].configEntries.map(({ configName, configValue, isDefault }) => [configName, configValue, isDefault])
      }
      await set([{ name: 'retention.ms', value: '60000' }])
      await eventually(async () => assert.deepEqual(await config(['retention.ms']), [['retention.ms', '60000', false]]))
      await set([{ name: 'cleanup.policy', value: 'compact' }])
      await eventually(async () => assert.deepEqual(await config(['cleanup.policy']), [['cleanup.policy', 'compact', false]]))
      assert.deepEqual(await config(['retention.ms']), [['retention.ms', '604800000', true]])
      await set([])

      const producer = await own.producer()
      const messages = ['1000', '2000', '3000'].map((timestamp) => ({ value: timestamp, timestamp, partition: 0 }))
      await producer.send({ topic, messages })
      const byNumber = <E extends { partition: number }>(list: E[]): E[] => list.toSorted((a, b) => a.partition - b.partition)
      assert.deepEqual(byNumber(await admin.fetchTopicOffsets(topic))[0], { partition: 0, offset: '3', high: '3', low: '0' })
      assert.deepEqual(byNumber(await admin.fetchTopicOffsetsByTimestamp(topic, 1500))[0], { partition: 0, offset: '1' })
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
      assert.equal(byNumber(await admin.fetchTopicOffsets(topic))[0].low, '2')

      const groupId = unique('group')
      await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '3' }] })
      const committed = async () =>
        byNumber((await admin.fetchOffsets({ groupId, topics: [topic] }))[0].partitions).map(({ offset }) => offset)
      assert.deepEqual(await committed(), ['3', '-1', '-1'])
      assert.ok((await admin.listGroups()).groups.some((group) => group.groupId === groupId))
      assert.equal((await admin.describeGroups([groupId])).groups[0].state, 'Empty')
      assert.deepEqual(
        (await admin.deleteGroups([groupId])).map((group) => [group.groupId, group.errorCode]),
        [[groupId, 0]]
      )
      await assert.rejects(admin.deleteGroups([groupId]), { name: 'KafkaJSDeleteGroupsError' })
      await admin.deleteTopics({ topics: [topic] })
      await eventually(async () => assert.ok(!(await admin.listTopics()).includes(topic)))
    })

    test('errors have the names, types and codes of kafkajs', async () => {
      await using own = await setUp(kafkajs, 'errors', { retries: 0 })
      const producer = await own.producer({ allowAutoTopicCreation: false })
      await assert.rejects(producer.send({ topic: own.topic, messages: [{ value: undefined as unknown as string }] }), {
        name: 'KafkaJSNonRetriableError',
        retriable: false
      })
      await assert.rejects(producer.send({ topic: '', messages: values('x') }), {
        name: 'KafkaJSNonRetriableError',
        message: 'Invalid topic'
      })
      await assert.rejects(own.admin.deleteTopics({ topics: [unique('absent')] }), (error: real.KafkaJSProtocolError) => {
        assert.ok(error instanceof kafkajs.KafkaJSError)
        return error.name.startsWith('KafkaJS')
      })
      await assert.rejects(own.admin.createTopics({ topics: [{ topic: 'not a name' }] }), (error: real.KafkaJSAggregateError) => {
        const [first] = error.errors as real.KafkaJSProtocolError[]
        assert.deepEqual(
          [error.name, first.name, first.type, first.code],
          ['KafkaJSAggregateError', 'KafkaJSCreateTopicError', 'INVALID_TOPIC_EXCEPTION', 17]
        )
        return true
      })
      const unconnected = own.kafka.producer()
      await assert.rejects(unconnected.send({ topic: own.topic, messages: values('x') }), {
        name: 'KafkaJSError',
        message: 'The producer is disconnected'
      })
      assert.throws(() => own.kafka.consumer({ groupId: '' }), { name: 'KafkaJSNonRetriableError' })
      const nowhere = new kafkajs.Kafka({
        brokers: ['localhost:1'],
        logLevel: kafkajs.logLevel.NOTHING,
        retry: { initialRetryTime: 10, retries: 1 }
      })
      await assert.rejects(nowhere.admin().connect(), { name: /^KafkaJS(NumberOfRetriesExceeded|ConnectionError)$/ })
    })

    test('brokers may be a function, and a logCreator gets the entries', async () => {
      const entries: real.LogEntry[] = []
      const kafka = new kafkajs.Kafka({
        brokers: async () => [broker.bootstrapServers],
        logLevel: kafkajs.logLevel.INFO,
        logCreator: () => (entry) => void entries.push(entry)
      })
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
      assert.equal(producer.isIdempotent(), true)
      const connects: string[] = []
      const remove = producer.on(producer.events.CONNECT, ({ type }) => void connects.push(type))
      await producer.connect()
      remove()
      await producer.disconnect()
      assert.deepEqual(connects, ['producer.connect'])
      kafka.logger().namespace('Mine').info('said', { by: 'me' })
      const { namespace, level, label, log } = entries.at(-1) as real.LogEntry
      assert.deepEqual([namespace, level, label, log.message, log.by], ['Mine', 4, 'INFO', 'said', 'me'])
    })

    test('transactions: committed messages and offsets are seen, aborted ones are not', async (t) => {
      if (apache === undefined) return t.skip('Java with Maven is not present')
      await using own = await setUp(kafkajs, 'transactions', { brokers: apache.bootstrapServers, retries: 8 })
      const producer = await own.producer({ transactionalId: unique('tx'), maxInFlightRequests: 1, idempotent: true })
      const groupId = unique('group')
      const aborted = await producer.transaction()
      await aborted.send({ topic: own.topic, messages: values('aborted') })
      await assert.rejects(producer.transaction(), { name: 'KafkaJSNonRetriableError' })
      await aborted.abort()
      assert.equal(aborted.isActive(), false)
      await assert.rejects(aborted.send({ topic: own.topic, messages: values('late') }), { name: 'KafkaJSNonRetriableError' })
      const committed = await producer.transaction()
      await committed.send({ topic: own.topic, messages: values('committed') })
      // kafkajs does not wait for a coordinator that comes into being.
      await eventually(() => own.admin.fetchOffsets({ groupId, topics: [own.topic] }))
      await committed.sendOffsets({ consumerGroupId: groupId, topics: [{ topic: own.topic, partitions: [{ partition: 0, offset: '1' }] }] })
      await committed.commit()
      const consumer = await own.consumer()
      const got: string[] = []
      await consumer.subscribe({ topic: own.topic, fromBeginning: true })
      await consumer.run({ eachMessage: async ({ message }) => void got.push(text(message)) })
      await eventually(() => assert.deepEqual(got, ['committed']))
      const [{ partitions }] = await own.admin.fetchOffsets({ groupId, topics: [own.topic] })
      assert.equal(partitions[0].offset, '1')
    })
  })
