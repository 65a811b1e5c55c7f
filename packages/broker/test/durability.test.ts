// What is appended and not acknowledged yet: producers wait for it, and nobody reads it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode, ListOffsetsRequest, ListOffsetsResponse } from '@odradek/protocol'
import type { Disk, DiskFile } from '@odradek/world'
import { createMemoryDisk } from '@odradek/world/node'
import { batchOf, createTopic, fetchOne, produce, startBroker, valuesOf } from './support/test-broker.ts'

/** A disk on which syncs of the log of `topic` wait until `release` is called. */
function slowDisk(topic: string): { disk: Disk; hold(): void; release(): void } {
  const healthy = createMemoryDisk()
  let gate: Promise<void> | undefined
  let release = (): void => undefined
  const slowed = (file: DiskFile): DiskFile =>
    new Proxy(file, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        if (name === 'sync') return () => (gate ?? Promise.resolve()).then(() => target.sync())
        return value.bind(target)
      }
    })
  const open: Disk['open'] = async (path, mode) => {
    const file = await healthy.open(path, mode)
    return path.includes(`/${topic}-0/`) && path.endsWith('.log') ? slowed(file) : file
  }
  const disk: Disk = new Proxy(healthy, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      return name === 'open' ? open : typeof value === 'function' ? value.bind(target) : value
    }
  })
  return {
    disk,
    hold() {
      gate = new Promise((resolve) => {
        release = resolve
      })
    },
    release() {
      gate = undefined
      release()
    }
  }
}

test('with durability=sync records are neither acknowledged nor read before they are on disk', async () => {
  const slow = slowDisk('slow')
  await using broker = await startBroker({ disk: slow.disk, overrides: { 'odradek.durability': 'sync' } })
  const [producer, reader] = [await broker.connect(), await broker.connect()]
  await createTopic(reader, 'slow')
  assert.equal((await produce(producer, 'slow', batchOf('first'))).errorCode, ErrorCode.NONE)
  slow.hold()
  using _ = { [Symbol.dispose]: () => slow.release() }
  let isAnswered = false
  const answer = produce(producer, 'slow', batchOf('second')).finally(() => {
    isAnswered = true
  })
  const log = broker.server.logs.get({ topic: 'slow', partition: 0 })
  while (log?.writtenOffset !== 2) await new Promise(setImmediate)
  const seen = await fetchOne(reader, 'slow', 0)
  assert.deepEqual([seen.highWatermark, valuesOf(seen.records)], [1, ['first']])
  const offsets = await reader.call(ListOffsetsRequest, ListOffsetsResponse, 7, {
    replicaId: -1,
    topics: [{ name: 'slow', partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
  })
  assert.equal(offsets.topics[0].partitions[0].offset, 1)
  assert.equal(isAnswered, false)
  slow.release()
  assert.equal((await answer).errorCode, ErrorCode.NONE)
  assert.deepEqual(valuesOf((await fetchOne(reader, 'slow', 1)).records), ['second'])
})
