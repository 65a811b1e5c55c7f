// The producer against real brokers, read back by Apache Kafka's own console consumer.
import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { json, Kafka, KafkaError, number, type RecordMetadata, string, topic } from '@odradek/client'
import { type BrokerKind, type BrokerProcess, startBroker, temporaryDir } from '../interop/support/brokers.ts'
import { javaTools } from '../interop/support/java-tools.ts'
import { ToolRunner } from '../interop/support/tool-runner.ts'
import { brokerOfSuite, withoutKafka } from './broker-of-suite.ts'
import { eventually } from './eventually.ts'

const java = new ToolRunner(tmpdir())
after(() => java[Symbol.asyncDispose]())

interface ReadOptions {
  readonly broker: BrokerProcess
  readonly topicName: string
  readonly count: number
  readonly print?: readonly string[]
  readonly isCommittedOnly?: boolean
}

/** Lines of Java's console consumer: partition, offset, headers, key, value as asked for. */
async function read({ broker, topicName, count, print = ['value'], isCommittedOnly = false }: ReadOptions): Promise<string[]> {
  const properties = ['partition', 'offset', 'headers', 'key', 'value'].map((what) => `print.${what}=${print.includes(what)}`)
  const { stdout, stderr } = await java.run(javaTools.consoleConsumer, [
    ...['--bootstrap-server', broker.bootstrapServers, '--topic', topicName, '--from-beginning'],
    ...['--max-messages', String(count), '--timeout-ms', '20000'],
    ...(isCommittedOnly ? ['--isolation-level', 'read_committed'] : []),
    ...[...properties, 'null.literal=NULL'].flatMap((property) => ['--formatter-property', property])
  ])
  const lines = stdout.trimEnd().split('\n')
  assert.equal(lines.length, count, `${stderr}\n${stdout.slice(0, 500)}`)
  return lines
}

for (const kind of ['odradek', 'apache'] as const satisfies BrokerKind[]) {
  // read back by Apache Kafka
  describe(`a producer with ${kind}`, { skip: withoutKafka('apache') }, () => {
    const own = brokerOfSuite({ kind })

    const create = async (name: string, numPartitions: number): Promise<void> => {
      await own.kafka.admin().createTopics([{ name, numPartitions, replicationFactor: 1 }])
    }

    test('writes with every codec what Java reads, keys where Java would put them', async () => {
      await create('codecs', 6)
      const sent: string[] = []
      for (const compressionType of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
        await using producer = own.kafka.producer({ compressionType })
        const records = Array.from({ length: 300 }, (_, i) => ({ key: `${compressionType}-${i}-ключ`, value: 'v'.repeat(i) }))
        for (const [i, { partition }] of (await producer.sendBatch('codecs', records)).entries())
          sent.push(`Partition:${partition}\t${records[i].key}\t${records[i].value}`)
      }
      const lines = await read({ broker: own.broker, topicName: 'codecs', count: sent.length, print: ['partition', 'key', 'value'] })
      assert.deepEqual(lines.sort(), sent.sort())
    })

    test('keeps null and empty apart, duplicates of headers, and the timestamp', async () => {
      await create('shapes', 1)
      await using producer = own.kafka.producer()
      const { timestamp } = await producer.send('shapes', { key: null, value: null, timestamp: 1234 })
      assert.equal(timestamp, 1234)
      await producer.send('shapes', { key: '', value: '', headers: { a: ['1', '2'], b: null, c: '' } })
      await producer.send('shapes', {
        key: 'k',
        value: Buffer.from('v'),
        headers: [
          { key: 'z', value: 'x' },
          { key: 'a', value: 'y' },
          { key: 'z', value: 'w' }
        ]
      })
      assert.deepEqual(await read({ broker: own.broker, topicName: 'shapes', count: 3, print: ['offset', 'headers', 'key', 'value'] }), [
        'Offset:0\tNO_HEADERS\tNULL\tNULL',
        'Offset:1\ta:1,a:2,b:NULL,c:\t\t',
        'Offset:2\tz:x,a:y,z:w\tk\tv'
      ])
    })

    test('sends typed topics, by object or by record, with a promise or a callback', async () => {
      await create('typed', 1)
      const orders = topic('typed', { key: number('int'), value: json<{ total: number }>() })
      await using producer = own.kafka.producer({ lingerMs: 0 })
      await producer.send(orders, { key: 7, value: { total: 3 } })
      await producer.send({ topic: orders, key: 8, value: null })
      const metadata = await new Promise<RecordMetadata>((resolve, reject) => {
        producer.send(orders, { value: { total: 4 } }, (error, result) => (result === null ? reject(error) : resolve(result)))
      })
      assert.deepEqual([metadata.topic, metadata.partition, metadata.offset], ['typed', 0, 2])
      assert.deepEqual(await read({ broker: own.broker, topicName: 'typed', count: 3 }), ['{"total":3}', 'NULL', '{"total":4}'])
    })

    test('learns of topics that do not exist and of records that are too large', async () => {
      await create('small', 1)
      await using producer = own.kafka.producer({ maxBlockMs: 1_500, maxRequestSize: 3_000_000 })
      const tooLarge = producer.send('small', { value: Buffer.alloc(2_000_000) })
      await assert.rejects(tooLarge, { code: 'MESSAGE_TOO_LARGE' })
      await assert.rejects(producer.send('small', { value: 'x', partition: 4 }), /no 4/)
      await assert.rejects(producer.send('no such/topic', { value: 'x' }), { code: 'INVALID_TOPIC_EXCEPTION' })
    })
  })
}

test('a broker that is killed and started again under load has every record once, in order', {
  skip: withoutKafka('apache'),
  timeout: 120_000
}, async () => {
  const dataDir = temporaryDir('producer-restart')
  let broker = await startBroker({ kind: 'odradek', dataDir })
  const { port } = broker
  await using kafka = new Kafka({ brokers: broker.bootstrapServers })
  await kafka.admin().createTopics([{ name: 'load', numPartitions: 2, replicationFactor: 1 }])
  await using producer = kafka.producer({ lingerMs: 1, batchSize: 1_000 })
  const count = 30_000
  const sends: Promise<RecordMetadata>[] = []
  let restart: Promise<void> = Promise.resolve()
  for (let i = 0; i < count; i++) {
    sends.push(producer.send('load', { partition: i % 2, value: String(i) }))
    if (i % 200 === 0) await sends[Math.max(0, i - 1_000)]
    if (i === 10_000)
      restart = broker.kill().then(async () => {
        broker = await startBroker({ kind: 'odradek', dataDir, port })
      })
  }
  const results = await Promise.all(sends)
  await restart
  assert.equal(results.length, count)
  const lines = await read({ broker, topicName: 'load', count, print: ['partition', 'value'] })
  for (const partition of [0, 1]) {
    const values = lines.filter((line) => line.startsWith(`Partition:${partition}\t`)).map((line) => Number(line.split('\t')[1]))
    assert.deepEqual(
      values,
      Array.from({ length: count / 2 }, (_, i) => 2 * i + partition)
    )
  }
  await broker.stop()
})

describe('transactions with apache', { skip: withoutKafka('apache') }, () => {
  for (const version of [2, 0]) {
    describe(`at transaction.version ${version}`, () => {
      const own = brokerOfSuite({ kind: 'apache' })

      before(async () => {
        const admin = own.kafka.admin()
        if (version === 0) await admin.updateFeatures({ 'transaction.version': { maxVersionLevel: 0, upgradeType: 'SAFE_DOWNGRADE' } })
        // the answer comes before the broker has taken the change in
        await eventually(async () => {
          const { finalizedFeatures } = await admin.describeFeatures()
          assert.equal(finalizedFeatures.get('transaction.version')?.maxVersionLevel ?? 0, version)
        })
        await admin.createTopics([{ name: 'tx', numPartitions: 3, replicationFactor: 1 }])
      })

      test('commits records and offsets together, and shows nothing of what was aborted', async () => {
        await using producer = own.kafka.producer({ transactionalId: 'a' })
        const out = topic('tx', { key: string(), value: string() })
        for (let round = 0; round < 3; round++) {
          await producer.transaction(async (tx) => {
            for (let i = 0; i < 30; i++) void tx.send(out, { key: `${i}`, value: `committed-${round}-${i}` })
            await tx.sendOffsets([{ topic: 'tx', partition: 0, offset: 10 * round }], 'readers')
          })
          const failure = producer.transaction(async (tx) => {
            await tx.send(out, { key: 'k', value: `aborted-${round}` })
            await tx.sendOffsets([{ topic: 'tx', partition: 0, offset: 999 }], 'readers')
            throw new Error('changed my mind')
          })
          await assert.rejects(failure, /changed my mind/)
        }
        const lines = await read({ broker: own.broker, topicName: 'tx', count: 90, isCommittedOnly: true })
        assert.ok(lines.every((line) => line.startsWith('committed-')))
        const { offsets } = (await own.kafka.admin().listConsumerGroupOffsets(['readers'])).get('readers') ?? {}
        assert.equal(offsets?.get('tx-0')?.offset, 20)
      })

      test('fences a producer whose id another one has taken, for good', async () => {
        const old = own.kafka.producer({ transactionalId: 'b' })
        await old.initTransactions()
        old.beginTransaction()
        await old.send('tx', { value: 'zombie' })
        await using young = own.kafka.producer({ transactionalId: 'b' })
        await young.transaction(async (tx) => void (await tx.send('tx', { value: 'young' })))
        await assert.rejects(
          async () => {
            await old.send('tx', { value: 'zombie' })
            await old.commitTransaction()
          },
          (error) => error instanceof KafkaError && ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'].includes(error.code)
        )
        await assert.rejects(
          async () => {
            await old.abortTransaction()
            old.beginTransaction()
          },
          { code: 'PRODUCER_FENCED' }
        )
        await assert.rejects(old.send('tx', { value: 'zombie' }), { code: 'PRODUCER_FENCED' })
        await old.close()
      })

      test('goes on after a record that failed: abort, then the next transaction', async () => {
        await using producer = own.kafka.producer({ transactionalId: 'c', maxRequestSize: 3_000_000 })
        const failing = producer.transaction(async (tx) => {
          void tx.send('tx', { value: 'never seen' })
          void tx.send('tx', { value: Buffer.alloc(2_000_000) })
        })
        await assert.rejects(failing, { code: 'MESSAGE_TOO_LARGE' })
        const { offset } = await producer.transaction((tx) => tx.send('tx', { value: 'seen' }))
        assert.ok(offset >= 0)
      })
    })
  }
})
