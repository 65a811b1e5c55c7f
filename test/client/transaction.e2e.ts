// Consume, transform, produce in transactions, exactly once, through crashes; against Apache Kafka.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { before, describe, test } from 'node:test'
import { Kafka, KafkaError } from '@odradek/client'
import { brokerOfSuite, withoutKafka } from './broker-of-suite.ts'

const COUNT = 600

/** A process that copies `in` to `out`, some records a transaction, and says how many it has sent inside the running one. */
const worker = (brokers: string): string => `
  import { Kafka } from '@odradek/client'
  const kafka = new Kafka({ brokers: '${brokers}' })
  const consumer = kafka.consumer({ groupId: 'copy', autoOffsetReset: 'earliest', enableAutoCommit: false, maxPollRecords: 40 })
  consumer.subscribe('in')
  let done = 0
  for (;;) {
    const count = await kafka.transaction(
      consumer,
      async ({ records, send }) => {
        let sent = 0
        for (const { value, partition } of records) {
          await send('out', { value, partition })
          if (++sent === 20) console.log('inside ' + done)
        }
      },
      { transactionalId: 'copier', timeoutMs: 1000 }
    )
    done += count
    if (count > 0) console.log('done ' + done)
  }`

describe('transactions of a consumer and a producer', { skip: withoutKafka('apache'), timeout: 180_000 }, () => {
  const overrides = {
    'group.consumer.min.session.timeout.ms': '1000',
    'group.consumer.session.timeout.ms': '3000',
    'group.consumer.min.heartbeat.interval.ms': '500',
    'group.consumer.heartbeat.interval.ms': '500'
  }
  const own = brokerOfSuite({ kind: 'apache', overrides })

  before(async () => {
    await own.kafka.admin().createTopics(['in', 'out', 'once'].map((name) => ({ name, numPartitions: 2, replicationFactor: 1 })))
    const values = Array.from({ length: COUNT }, (_, at) => ({ value: String(at), partition: at % 2 }))
    await own.kafka.producer().sendBatch('in', values)
  })

  test('processes that are killed between sending and committing lose nothing and double nothing', async () => {
    for (let life = 0; life < 3; life++) {
      const options = { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'] }
      const child = spawn(process.execPath, ['--input-type=module', '-e', worker(own.broker.bootstrapServers)], options)
      let output = ''
      let killed = false
      child.stdout.on('data', (data: Buffer) => {
        output += data
        // In the middle of a transaction that is not the first; the last one may end.
        if (!killed && life < 2 && /done[\s\S]*inside/.test(output)) {
          killed = true
          child.kill('SIGKILL')
        }
      })
      const exited = once(child, 'exit')
      if (life === 2) await allCopied(own.broker.bootstrapServers).finally(() => child.kill('SIGKILL'))
      await exited
    }
    assert.deepEqual(
      (await allCopied(own.broker.bootstrapServers)).map(Number).sort((a, b) => a - b),
      Array.from({ length: COUNT }, (_, at) => at)
    )
  })

  test('a body that fails aborts, puts the consumer back and is thrown; what may pass is tried again', async () => {
    const { kafka } = own
    const consumer = kafka.consumer({ groupId: 'once', autoOffsetReset: 'earliest', enableAutoCommit: false, maxPollRecords: 10 })
    consumer.assign([{ topic: 'in', partition: 0 }])
    const firsts: number[] = []
    const failing = kafka.transaction(consumer, async ({ records, send }) => {
      for (const { value } of records) void send('once', { value })
      throw new Error('not this time')
    })
    await assert.rejects(failing, /not this time/)
    let tries = 0
    const count = await kafka.transaction(consumer, async ({ records, sendBatch }) => {
      const [first] = records.toArray()
      firsts.push(first.offset)
      await sendBatch(
        'once',
        records.toArray().map(({ value }) => ({ value }))
      )
      if (++tries === 1) throw new KafkaError(120)
    })
    assert.deepEqual([count, firsts], [10, [0, 0]])
    const committed = await consumer.committed([{ topic: 'in', partition: 0 }])
    assert.equal(committed.get('in-0')?.offset, 10)
    assert.equal((await readCommitted(own.broker.bootstrapServers, 'once')).length, 10)
    const careless = kafka.consumer({ groupId: 'careless' })
    assert.throws(() => kafka.transaction(careless, async () => {}), { code: 'INVALID_CONFIG' })
  })
})

async function readCommitted(brokers: string, topic: string): Promise<string[]> {
  await using kafka = new Kafka({ brokers })
  const consumer = kafka.consumer({ isolationLevel: 'read_committed', autoOffsetReset: 'earliest' })
  const partitions = [0, 1].map((partition) => ({ topic, partition }))
  consumer.assign(partitions)
  const ends = await consumer.endOffsets(partitions)
  const values: string[] = []
  const isBehind = async (): Promise<boolean> => {
    for (const each of partitions) if ((await consumer.position(each)) < (ends.get(`${topic}-${each.partition}`) ?? 0)) return true
    return false
  }
  while (await isBehind()) for (const { value } of await consumer.poll({ timeoutMs: 200 })) values.push(String(value))
  return values
}

async function allCopied(brokers: string): Promise<string[]> {
  for (const deadline = Date.now() + 60_000; ; ) {
    const values = await readCommitted(brokers, 'out')
    if (new Set(values).size === COUNT || Date.now() > deadline) return values
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
