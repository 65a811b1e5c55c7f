// One of several log directories breaks: the others live on, and nothing of it is made anew elsewhere.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
  ErrorCode,
  MetadataRequest,
  MetadataResponse
} from '@odradek/protocol'
import type { Disk } from '@odradek/world'
import { createMemoryDisk } from '@odradek/world/node'
import type { RawClient } from './support/raw-client.ts'
import { batchOf, createTopic, fetchOne, produce, startBroker, valuesOf } from './support/test-broker.ts'

/** A disk on which everything below `/data/b` fails while `isBroken`; `/data/a` has the metadata log. */
function breakableDisk(): { disk: Disk; isBroken: boolean } {
  const healthy = createMemoryDisk()
  const state = { disk: healthy, isBroken: false }
  state.disk = new Proxy(healthy, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver)
      if (typeof value !== 'function') return value
      return (...args: readonly unknown[]): unknown =>
        state.isBroken && String(args[0]).startsWith('/data/b')
          ? Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))
          : Reflect.apply(value, target, args)
    }
  })
  return state
}

async function partitionOf(client: RawClient, topic: string) {
  const { topics } = await client.call(MetadataRequest, MetadataResponse, 12, { topics: [{ name: topic }] })
  const described = await client.call(DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, 0, { topics: [{ name: topic }] })
  assert.deepEqual(described.topics[0].partitions[0].offlineReplicas, topics[0].partitions[0].offlineReplicas)
  return topics[0].partitions[0]
}

/** Two topics with a record each, one in each directory. Clean stops hand leadership over before; crashes do not. */
async function fill(disk: Disk, overrides: Record<string, string>): Promise<{ inA: string; inB: string }> {
  await using broker = await startBroker({ overrides, disk })
  const client = await broker.connect()
  for (const name of ['one', 'two']) {
    await createTopic(client, name)
    await produce(client, name, batchOf(`old ${name}`))
  }
  const logs = [...broker.server.logs.logs()]
  while (
    logs.some(
      ({ topicPartition: { topic }, directory }) => broker.server.image.partition(topic, 0)?.directories[0] !== directory.directoryId
    )
  )
    await new Promise(setImmediate)
  const topicIn = (path: string) => logs.find(({ directory }) => directory.path === path)?.topicPartition.topic ?? ''
  return { inA: topicIn('/data/a'), inB: topicIn('/data/b') }
}

describe('one of two log directories is broken', () => {
  for (const isControlled of [true, false]) {
    test(`at the start, after a ${isControlled ? 'controlled shutdown' : 'crash'}: its partitions are offline, and whole when it is back`, async () => {
      const state = breakableDisk()
      const overrides = { 'log.dirs': '/data/a,/data/b', 'controlled.shutdown.enable': String(isControlled) }
      const { inA, inB } = await fill(state.disk, overrides)
      if (!isControlled) for (const name of ['a', 'b']) await state.disk.unlink(`/data/${name}/.kafka_cleanshutdown`)
      state.isBroken = true
      {
        await using broker = await startBroker({ overrides, disk: state.disk, isNew: false })
        const client = await broker.connect()
        assert.deepEqual(
          [...broker.server.logs.logs()].map(({ path }) => path),
          [`/data/a/${inA}-0`]
        )
        const partition = await partitionOf(client, inB)
        assert.deepEqual([partition.errorCode, partition.leaderId, partition.offlineReplicas], [ErrorCode.LEADER_NOT_AVAILABLE, -1, [1]])
        assert.notEqual((await produce(client, inB, batchOf('refused'))).errorCode, ErrorCode.NONE)
        assert.equal((await produce(client, inA, batchOf('taken'))).errorCode, ErrorCode.NONE)
        assert.equal((await produce(client, await named(client, 'new'), batchOf('taken'))).errorCode, ErrorCode.NONE)
        assert.deepEqual(broker.halted, [])
      }
      state.isBroken = false
      await using broker = await startBroker({ overrides, disk: state.disk, isNew: false })
      const client = await broker.connect()
      assert.deepEqual(valuesOf((await fetchOne(client, inB, 0)).records), [`old ${inB}`])
      assert.deepEqual((await partitionOf(client, inB)).offlineReplicas, [])
    })
  }

  test('while the node runs: its partitions lose their leader, the others and new topics go on', async () => {
    const state = breakableDisk()
    const overrides = { 'log.dirs': '/data/a,/data/b', 'broker.heartbeat.interval.ms': '50' }
    const { inA, inB } = await fill(state.disk, overrides)
    await using broker = await startBroker({ overrides, disk: state.disk, isNew: false })
    const client = await broker.connect()
    state.isBroken = true
    await broker.server.logs
      .get({ topic: inB, partition: 0 })
      ?.runTask(() => state.disk.syncDir('/data/b'))
      .catch(() => undefined)
    assert.equal((await produce(client, inB, batchOf('refused'))).errorCode, ErrorCode.KAFKA_STORAGE_ERROR)
    const isLed = () => broker.server.image.partition(inB, 0)?.leader !== -1
    while (isLed() || broker.server.image.brokers.get(1)?.directories.length !== 1) await new Promise(setImmediate)
    assert.deepEqual((await partitionOf(client, inB)).offlineReplicas, [1])
    assert.equal((await produce(client, inA, batchOf('taken'))).errorCode, ErrorCode.NONE)
    assert.equal((await produce(client, await named(client, 'new'), batchOf('taken'))).errorCode, ErrorCode.NONE)
    assert.deepEqual(broker.halted, [])
  })
})

async function named(client: RawClient, name: string): Promise<string> {
  await createTopic(client, name)
  return name
}
