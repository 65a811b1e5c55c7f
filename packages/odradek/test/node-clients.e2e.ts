// The two Kafka clients that npm can install, unmodified, against the command as a user starts it: a process of its own, a
// new data directory, a port that it chooses.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { CompressionTypes, Kafka, logLevel, Partitioners } from 'kafkajs'

const odradek = join(import.meta.dirname, '../bin/odradek.mjs')
const dataDir = mkdtempSync(join(tmpdir(), 'odradek-e2e-'))
let child: ChildProcess
let bootstrap = ''
let output = ''

before(async () => {
  child = spawn(process.execPath, [odradek, 'start', '--port', '0', '--data', dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  while (!/bootstrap server\s+(\S+)/.test(output)) await once(child.stdout as NodeJS.ReadableStream, 'data')
  bootstrap = /bootstrap server\s+(\S+)/.exec(output)?.[1] as string
})

after(async () => {
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  rmSync(dataDir, { recursive: true })
  assert.equal(code, 0, output)
  assert.match(output, /Transitioning from RECOVERY to RUNNING/)
})

/** Resolves when `isDone` says so; `isDone` is asked after each thing that happens. */
function until(subscribe: (check: () => void) => void, isDone: () => boolean): Promise<void> {
  return new Promise((resolve) => subscribe(() => isDone() && resolve()))
}

describe('kafkajs', () => {
  test('makes a topic, produces with idempotence and compression, and consumes in a group of two', async () => {
    const kafka = new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    assert.equal(await admin.createTopics({ topics: [{ topic: 'kafkajs', numPartitions: 4 }] }), true)
    const producer = kafka.producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    const seen: string[] = []
    let check = () => {}
    const consumers = [0, 1].map(() => kafka.consumer({ groupId: 'kafkajs-group', maxWaitTimeInMs: 200, heartbeatInterval: 500 }))
    for (const consumer of consumers) {
      await consumer.connect()
      await consumer.subscribe({ topic: 'kafkajs', fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ message }) => {
          seen.push(`${message.key}=${message.value}:${message.headers?.h}`)
          check()
        }
      })
    }
    const messages = Array.from({ length: 200 }, (_, index) => ({ key: `k${index}`, value: `v${index}`, headers: { h: 'x' } }))
    await producer.send({ topic: 'kafkajs', messages: messages.slice(0, 100) })
    await producer.send({ topic: 'kafkajs', messages: messages.slice(100), compression: CompressionTypes.GZIP })
    await until(
      (again) => {
        check = again
        again()
      },
      () => seen.length >= 200
    )
    assert.deepEqual(seen.toSorted(), messages.map(({ key, value }) => `${key}=${value}:x`).toSorted())
    const { groups } = await admin.describeGroups(['kafkajs-group'])
    assert.deepEqual([groups[0].state, groups[0].members.length], ['Stable', 2])
    for (const consumer of consumers) await consumer.disconnect()
    const offsets = await admin.fetchOffsets({ groupId: 'kafkajs-group', topics: ['kafkajs'] })
    assert.equal(
      offsets[0].partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0),
      200
    )
    await admin.deleteGroups(['kafkajs-group'])
    await admin.deleteTopics({ topics: ['kafkajs'] })
    assert.equal((await admin.listTopics()).includes('kafkajs'), false)
    await producer.disconnect()
    await admin.disconnect()
  })
})

describe('@platformatic/kafka', () => {
  test('makes a topic, produces and consumes in a group', async () => {
    const common = { clientId: 'platformatic', bootstrapBrokers: [bootstrap] }
    const admin = new Admin(common)
    await admin.createTopics({ topics: ['platformatic'], partitions: 3, replicas: 1 })
    const producer = new Producer({ ...common, serializers: stringSerializers, idempotent: true })
    const messages = Array.from({ length: 100 }, (_, index) => ({
      topic: 'platformatic',
      key: `k${index}`,
      value: `v${index}`,
      headers: { h: 'x' }
    }))
    await producer.send({ messages })
    const consumer = new Consumer({ ...common, groupId: 'platformatic-group', deserializers: stringDeserializers })
    const stream = await consumer.consume({ topics: ['platformatic'], mode: 'earliest', autocommit: false })
    const seen: string[] = []
    for await (const message of stream) {
      seen.push(`${message.key}=${message.value}`)
      await message.commit()
      if (seen.length === messages.length) break
    }
    assert.deepEqual(seen.toSorted(), messages.map(({ key, value }) => `${key}=${value}`).toSorted())
    await stream.close()
    await consumer.close()
    await producer.close()
    await admin.deleteTopics({ topics: ['platformatic'] })
    await admin.close()
  })
})
