import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { startKafka } from '../src/index.ts'

describe('startKafka', () => {
  test('gives a broker with topics on a random port, which any client uses', async () => {
    await using kafka = await startKafka({ topics: ['simple', { name: 'wide', partitions: 3, config: { 'retention.ms': '1000' } }] })
    const client = new Kafka({ brokers: [kafka.bootstrapServers], logLevel: logLevel.NOTHING })
    const admin = client.admin()
    await admin.connect()
    const { topics } = await admin.fetchTopicMetadata({ topics: ['simple', 'wide'] })
    assert.deepEqual(topics.map(({ name, partitions }) => [name, partitions.length]).sort(), [
      ['simple', 1],
      ['wide', 3]
    ])
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    const [{ baseOffset }] = await producer.send({ topic: 'simple', messages: [{ value: 'x' }] })
    assert.equal(baseOffset, '0')
    await producer.disconnect()
    await admin.disconnect()
  })

  test('takes settings of Kafka, and refuses wrong ones by name', async () => {
    await using kafka = await startKafka({ config: { 'num.partitions': 7, 'auto.create.topics.enable': false }, topics: ['seven'] })
    const admin = new Kafka({ brokers: [kafka.bootstrapServers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    assert.equal((await admin.fetchTopicMetadata({ topics: ['seven'] })).topics[0].partitions.length, 7)
    await admin.disconnect()
    await assert.rejects(startKafka({ config: { 'num.partitions': 'many' } }), { code: 'CONFIG_INVALID' })
    await assert.rejects(startKafka({ topics: ['not/a/topic'] }), { code: 'TOPIC_NOT_CREATED' })
  })

  test('runs many times in one process, and is closed only once', async () => {
    const brokers = await Promise.all([startKafka(), startKafka(), startKafka()])
    assert.equal(new Set(brokers.map(({ bootstrapServers }) => bootstrapServers)).size, 3)
    for (const broker of brokers) {
      await broker.close()
      await broker.close()
    }
  })
})
