import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  AlterReplicaLogDirsRequest,
  AlterReplicaLogDirsResponse,
  DescribeLogDirsRequest,
  DescribeLogDirsResponse,
  ErrorCode
} from '@odradek/protocol'
import { createMemoryDisk } from '@odradek/world/node'
import type { RawClient } from './support/raw-client.ts'
import { batchOf, createTopic, fetchOne, produce, startBroker, type TestBroker, valuesOf } from './support/test-broker.ts'

const overrides = { 'log.dirs': '/data/a,/data/b' }

async function directoryOf(client: RawClient, topic: string): Promise<string[]> {
  const { results } = await client.call(DescribeLogDirsRequest, DescribeLogDirsResponse, 4, { topics: [{ topic, partitions: [0] }] })
  return results
    .filter(({ topics }) => topics.some(({ partitions }) => partitions.some(({ isFutureKey }) => !isFutureKey)))
    .map(({ logDir }) => logDir)
}

function assignedDirectory(broker: TestBroker, topic: string): string | undefined {
  const id = broker.server.image.partition(topic, 0)?.directories[0]
  return broker.server.logs.directories().find(({ directoryId }) => directoryId === id)?.path
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(setImmediate)
}

describe('several log directories', () => {
  test('share the partitions, and the controller learns which has which', async () => {
    await using broker = await startBroker({ overrides })
    const client = await broker.connect()
    for (const name of ['one', 'two', 'three', 'four']) await createTopic(client, name)
    const directories = [...broker.server.logs.logs()].map((log) => log.directory.path).toSorted()
    assert.deepEqual(directories, ['/data/a', '/data/a', '/data/b', '/data/b'])
    for (const name of ['one', 'two', 'three', 'four']) {
      await until(() => assignedDirectory(broker, name) !== undefined)
      assert.deepEqual(await directoryOf(client, name), [assignedDirectory(broker, name)])
    }
  })

  test('a log moves to another one while it grows, and is there after a restart', async () => {
    const disk = createMemoryDisk()
    let target = ''
    {
      await using broker = await startBroker({ overrides, disk })
      const client = await broker.connect()
      await createTopic(client, 'mover')
      for (let i = 0; i < 20; i++) await produce(client, 'mover', batchOf(`before ${i}`))
      target = (await directoryOf(client, 'mover'))[0] === '/data/a' ? '/data/b' : '/data/a'
      const move = (path: string, topic = 'mover') =>
        client.call(AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, 2, {
          dirs: [{ path, topics: [{ name: topic, partitions: [0] }] }]
        })
      assert.equal((await move(target)).results[0].partitions[0].errorCode, ErrorCode.NONE)
      for (let i = 0; i < 20; i++) await produce(client, 'mover', batchOf(`after ${i}`))
      await until(() => broker.server.logs.futures().length === 0)
      assert.deepEqual(await directoryOf(client, 'mover'), [target])
      await until(() => assignedDirectory(broker, 'mover') === target)
      assert.equal(valuesOf((await fetchOne(client, 'mover', 0)).records).length, 40)
      assert.equal((await move('/nowhere')).results[0].partitions[0].errorCode, ErrorCode.LOG_DIR_NOT_FOUND)
      assert.equal((await move(target, 'nobody')).results[0].partitions[0].errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    }
    await using broker = await startBroker({ overrides, disk })
    const client = await broker.connect()
    assert.deepEqual(await directoryOf(client, 'mover'), [target])
    assert.equal(valuesOf((await fetchOne(client, 'mover', 0)).records).length, 40)
  })
})
