// What a producer does before anything is sent, and around it.
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, test } from 'node:test'
import { type ProducerSettings, producerConfigDefinitions } from '@odradek/config'
import { ErrorCode } from '@odradek/protocol'
import { json, Kafka, number, type ProducerInterceptor, type RecordMetadata, string, topic } from '../../src/index.ts'
import { resolveOptions } from '../../src/options.ts'
import { producerConfig } from '../../src/producer/settings.ts'
import { settled } from '../support/fake-cluster.ts'
import { ProduceCluster } from '../support/produce-log.ts'

describe('settings', () => {
  const kafka = new Kafka({ brokers: 'nowhere:1' })

  test('contradict each other only with an error', () => {
    for (const [options, message] of [
      [{ enableIdempotence: true, acks: 1 }, /acks must be all/],
      [{ 'enable.idempotence': true, retries: 0 }, /retries/],
      [{ transactionalId: 't', 'max.in.flight.requests.per.connection': 6 }, /at most 5/],
      [{ maxInFlightRequestsPerConnection: 6 }, /at most 5/],
      [{ transactionalId: 't', enableIdempotence: false }, /needs enable\.idempotence/],
      [{ deliveryTimeoutMs: 1_000 }, /delivery\.timeout\.ms/],
      [{ compressionType: 'brotli' }, /compression\.type/],
      [{ lingerMS: 5 }, /did you mean lingerMs/],
      [{ keySerializer: 'com.example.Serializer' }, /key\.serializer/],
      [{ partitionerClass: 'com.example.Partitioner' }, /partitioner/]
    ] as const)
      assert.throws(() => kafka.producer(options as never), message)
  })

  test('that idempotence cannot live with turn it off when it was not asked for', () => {
    const isIdempotent = (options: object): boolean =>
      producerConfig(resolveOptions<ProducerSettings>('producer', producerConfigDefinitions, options)).isIdempotent
    assert.equal(isIdempotent({}), true)
    for (const options of [{ acks: 1 }, { retries: 0 }]) assert.equal(isIdempotent(options), false)
  })
})

describe('a record', () => {
  test('is refused at once when it has no value, no topic, or a partition or timestamp that cannot be', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer()
    for (const [record, message] of [
      [{ topic: 't' }, /null for a tombstone/],
      [{ topic: 't', messages: [{ value: 'x' }] }, /sendBatch\(\) takes many, and odradek\/kafkajs takes messages/],
      [{ topic: '', value: 'x' }, /needs a topic/],
      [{ topic: 't', value: 'x', partition: -1 }, /partition/],
      [{ topic: 't', value: 'x', timestamp: 1.5 }, /timestamp/],
      [{ topic: 't', value: 3 }, /number/],
      [{ topic: 't', value: 'x', headers: { a: 3 } }, /header a/]
    ] as const)
      assert.match((await settled(producer.send(record as never))).message ?? '', message)
    assert.match((await settled(producer.send('t', 'x' as never))).message ?? '', /an object with a value, not a string/)
    await cluster.fake.sim.complete(producer.close())
  })

  test('goes through the serializers of the producer where its topic is a name, by object or by the name of Kafka’s class', async () => {
    const cluster = await ProduceCluster.start(1)
    const keySerializer = 'org.apache.kafka.common.serialization.IntegerSerializer'
    const producer = cluster.producer({ keySerializer, valueSerializer: json() as never })
    await cluster.fake.sim.complete(producer.send('t', { key: 258, value: { a: 1 } } as never))
    const [{ records }] = cluster.log(0).batches
    assert.equal(records[0].key?.toString('hex'), '00000102')
    assert.equal(records[0].value?.toString(), '{"a":1}')
    await cluster.fake.sim.complete(producer.close())
  })

  test('goes where a custom partitioner says, which sees it as given and as bytes', async () => {
    const cluster = await ProduceCluster.start(3)
    const typed = topic('t', { key: number('int'), value: string() })
    const producer = cluster.producer({
      partitionerClass: ({ key, keyBytes, valueBytes, partitionCount, availablePartitions }) => {
        assert.equal(keyBytes?.length, 4)
        assert.equal(valueBytes?.toString(), 'x')
        assert.deepEqual(availablePartitions, [0, 1, 2])
        return (key as number) % partitionCount
      }
    })
    const { partition } = await cluster.fake.sim.complete(producer.send(typed, { key: 5, value: 'x' }))
    assert.equal(partition, 2)
    const bad = cluster.producer({ partitionerClass: () => 3 })
    assert.match((await cluster.fake.sim.complete(settled(bad.send('t', { value: 'x' })))).message ?? '', /gave 3/)
    await cluster.fake.sim.complete(Promise.all([producer.close(), bad.close()]))
  })

  test('ignores its key when told to', async () => {
    const cluster = await ProduceCluster.start(8)
    const producer = cluster.producer({ 'partitioner.ignore.keys': true })
    const sends = Array.from({ length: 30 }, (_, i) => producer.send('t', { key: `k${i}`, value: 'x' }))
    const partitions = new Set((await cluster.fake.sim.complete(Promise.all(sends))).map(({ partition }) => partition))
    assert.equal(partitions.size, 1)
    await cluster.fake.sim.complete(producer.close())
  })
})

describe('around sending', () => {
  test('interceptors change records and hear of their end; what they throw changes nothing', async () => {
    const cluster = await ProduceCluster.start(1)
    const heard: (RecordMetadata | string)[] = []
    const failed: RecordMetadata[] = []
    let isClosed = false
    const interceptor: ProducerInterceptor = {
      onSend: (record) => ({ ...record, headers: { seen: 'yes' } }),
      onAcknowledgement: (metadata, error) => {
        heard.push(error === null ? metadata : String((error as Error & { code: string }).code))
        if (error !== null) failed.push(metadata)
      },
      close: () => {
        isClosed = true
      }
    }
    const broken: ProducerInterceptor = {
      onSend() {
        throw new Error('broken')
      }
    }
    const producer = cluster.producer({ interceptorClasses: [broken, interceptor] })
    const metadata = await cluster.fake.sim.complete(producer.send('t', { value: 'x' }))
    assert.deepEqual(cluster.log(0).batches[0].records[0].headers, [{ key: 'seen', value: Buffer.from('yes') }])
    assert.equal((await settled(producer.send({ topic: 't' } as never))).code, 'INVALID_CONFIG')
    assert.deepEqual(heard, [metadata, 'INVALID_CONFIG'])
    cluster.fault = () => ({ errorCode: ErrorCode.INVALID_RECORD })
    await cluster.fake.sim.complete(settled(producer.send('t', { value: 'x' })))
    const unknown = { topic: 't', offset: -1, timestamp: -1 }
    assert.deepEqual(failed, [
      { ...unknown, partition: -1 },
      { ...unknown, partition: 0 }
    ])
    await cluster.fake.sim.complete(producer.close())
    assert.ok(isClosed)
  })

  test('diagnostics channels and metrics tell what happens', async () => {
    const cluster = await ProduceCluster.start(1)
    const heard: string[] = []
    const listener = (_: unknown, name: string | symbol) => void heard.push(String(name).replace('odradek:producer:', ''))
    const names = ['send', 'request', 'acknowledge', 'error'].map((event) => `odradek:producer:${event}`)
    for (const name of names) subscribe(name, listener)
    cluster.fault = ({ bytes }) => (bytes.includes('bad') ? { errorCode: ErrorCode.INVALID_RECORD } : undefined)
    const producer = cluster.producer({ lingerMs: 0 })
    await cluster.fake.sim.complete(producer.send('t', { value: 'good' }))
    await cluster.fake.sim.complete(settled(producer.send('t', { value: 'bad' })))
    for (const name of names) unsubscribe(name, listener)
    assert.deepEqual(heard, ['send', 'request', 'acknowledge', 'send', 'request', 'error'])
    const metrics = producer.metrics()
    assert.deepEqual(
      ['record-send-total', 'record-error-total'].map((name) => metrics.get(name)),
      [2, 1]
    )
    assert.equal(metrics.get('buffer-available-bytes'), metrics.get('buffer-total-bytes'))
    await cluster.fake.sim.complete(producer.close())
  })

  test('a batch that fails is an unhandled rejection when nobody waits for a record of it, and only then', async () => {
    const cluster = await ProduceCluster.start(1)
    cluster.fault = () => ({ errorCode: ErrorCode.INVALID_RECORD })
    const producer = cluster.producer({ lingerMs: 0 })
    await cluster.fake.sim.complete(producer.partitionsFor('t'))
    const errors: (Error | null)[] = []
    producer.send('t', { value: 'a' }, (error) => void errors.push(error))
    await cluster.fake.sim.complete(settled(producer.send('t', { value: 'b' })))
    assert.equal(errors.length, 1)
    void producer.send('t', { value: 'c' })
    // The simulation ends with what nobody handles.
    await assert.rejects(cluster.fake.sim.complete(producer.flush()), /simulation failed.*INVALID_RECORD/s)
  })
})
