import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { World } from '@odradek/world'
import { formatPartitionMetadata } from '../src/checkpoints.ts'
import { Cleaner } from '../src/cleaner/cleaner.ts'
import type { LogManager } from '../src/log-manager.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { append, batchOf, createLog, logConfig, memoryWorld, NOW, openManager, settle, values } from './support.ts'

const A = '/disks/a'
const B = '/disks/b'
const TP = { topic: 'topic', partition: 0 }

const config = logConfig({ segmentBytes: 2000, indexIntervalBytes: 200, fileDeleteDelayMs: 0 })
const openTwo = (world: World): Promise<LogManager> => openManager(world, { logDirs: [A, B], config })

function acksOf(log: PartitionLog): { offset: number } {
  const acked = { offset: 0 }
  log.setListener({
    onWritten: (offset) => {
      assert.ok(offset > acked.offset, 'acknowledgements go on')
      acked.offset = offset
      log.updateHighWatermark(offset)
    },
    onFailed: (error) => assert.fail(String(error))
  })
  return acked
}

test('a log moves to another directory while it grows, keeps its object, its acknowledgements and all records', async () => {
  const world = memoryWorld()
  const manager = await openTwo(world)
  const log = await createLog(manager, config)
  assert.equal(log.directory.path, A)
  const acked = acksOf(log)
  const expected: string[] = []
  const put = (): void => {
    expected.push(`value-${expected.length}`)
    append(log, batchOf([expected.at(-1)!]))
  }
  for (let i = 0; i < 300; i++) put()
  await manager.move(TP, B)
  assert.equal(manager.futures().length, 1)
  while (manager.futures().length > 0) {
    put()
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(manager.get(TP), log)
  assert.equal(log.directory.path, B)
  assert.equal(log.path, `${B}/topic-0`)
  for (let i = 0; i < 100; i++) put()
  await log.flush()
  assert.equal(acked.offset, expected.length)
  log.tail.clear()
  assert.deepEqual(await values(log), expected)
  assert.deepEqual(
    (await world.disk.readdir(B)).filter((name) => name.startsWith('topic')),
    ['topic-0']
  )
  assert.deepEqual(
    (await world.disk.readdir(A)).filter((name) => name === 'topic-0' || name.endsWith('-future')),
    []
  )
  await manager.shutdown({ clean: true })
  const again = await openTwo(world)
  const reopened = again.get(TP)!
  assert.equal(reopened.topicId, log.topicId)
  assert.deepEqual(await values(reopened), expected)
  await again.shutdown({ clean: true })
})

test('a move back to where the log is gives the move up and deletes the copy', async () => {
  const world = memoryWorld()
  const manager = await openTwo(world)
  const log = await createLog(manager, config)
  for (let i = 0; i < 50; i++) append(log, batchOf([`${i}`]))
  await settle(log)
  manager.settings.moveMaxBytesPerSecond = 1
  await manager.move(TP, B)
  await manager.move(TP, A)
  assert.deepEqual(manager.futures(), [])
  assert.equal(log.directory.path, A)
  assert.deepEqual(
    (await world.disk.readdir(B)).filter((name) => name.startsWith('topic')),
    []
  )
  await manager.shutdown({ clean: true })
})

test('a log whose start moved is copied from there', async () => {
  const manager = await openTwo(memoryWorld())
  const log = await createLog(manager, config)
  for (let i = 0; i < 100; i++) append(log, batchOf([`a${i}`, `b${i}`]))
  await settle(log)
  log.advanceLogStartOffset(51)
  await manager.move(TP, B)
  await manager.whenMoved(TP)
  assert.equal(log.logStartOffset, 51)
  assert.equal(log.segments[0].baseOffset, 50, 'the batch that holds the start is whole')
  assert.equal((await values(log))[0], 'b25')
  assert.equal(append(log, batchOf(['next'])).baseOffset, 200)
  await manager.shutdown({ clean: true })
})

test('the copy of a log of another topic of the same name is not taken for its own', async () => {
  const world = memoryWorld()
  const first = await openTwo(world)
  const old = await createLog(first, config)
  for (let i = 0; i < 100; i++) append(old, batchOf([`old-${i}`]))
  await settle(old)
  await first.move(TP, B)
  await first.whenMoved(TP)
  await first.shutdown({ clean: true })
  // as if the deletion of the old topic had not come to its copy
  await world.disk.rename(`${B}/topic-0`, `${B}/topic-0.00000000000000000000000000000000-future`)
  await world.disk.mkdir(`${A}/topic-0`)
  await world.disk.writeFileAtomic(`${A}/topic-0/partition.metadata`, formatPartitionMetadata('AAAAAAAAQACAAAAAAAAAAA'))
  const manager = await openTwo(world)
  const log = manager.get(TP)!
  assert.equal(log.directory.path, A)
  append(log, batchOf(['new']))
  await settle(log)
  await manager.whenMoved(TP)
  log.tail.clear()
  assert.deepEqual([log.directory.path, await values(log)], [A, ['new']])
  assert.deepEqual(
    (await world.disk.readdir(B)).filter((name) => name.startsWith('topic')),
    []
  )
  await manager.shutdown({ clean: true })
})

test('a log that is deleted while its copy is being opened leaves no copy', async () => {
  const world = memoryWorld()
  const manager = await openTwo(world)
  const log = await createLog(manager, config)
  append(log, batchOf(['x']))
  await settle(log)
  const moving = manager.move(TP, B)
  await manager.delete(TP)
  await moving.catch(() => undefined)
  await manager.whenMoved(TP)
  assert.deepEqual(manager.futures(), [])
  assert.deepEqual(
    (await world.disk.readdir(B)).filter((name) => name.startsWith('topic')),
    []
  )
  await manager.shutdown({ clean: true })
})

test('a log is not cleaned while it moves, and afterwards from where its copy was clean', async () => {
  const compacted = { ...config, isCompact: true, isDelete: false, minCleanableDirtyRatio: 0 }
  const manager = await openManager(memoryWorld(), { logDirs: [A, B], config: compacted })
  const log = await createLog(manager, compacted)
  const cleaner = new Cleaner(manager)
  const put = async (value: string): Promise<void> => {
    append(log, batchOf([{ key: 'k', value }]))
    log.roll(NOW)
    await settle(log)
    await log.flush()
  }
  await put('1')
  await put('2')
  await cleaner.runOnce()
  assert.equal(log.cleanedOffset, 2)
  manager.settings.moveMaxBytesPerSecond = 1
  log.tail.clear() // or the copy would be made from memory, at once
  await manager.move(TP, B)
  await put('3')
  await cleaner.runOnce()
  assert.equal(log.cleanedOffset, 2, 'not while it moves')
  log.cleanedOffset = 3 // as by a pass that was under way
  manager.settings.moveMaxBytesPerSecond = Number.MAX_VALUE
  await manager.whenMoved(TP)
  assert.deepEqual([log.directory.path, log.cleanedOffset], [B, 2])
  await put('4')
  await cleaner.runOnce()
  log.tail.clear()
  assert.deepEqual(await values(log), ['4'])
  await manager.shutdown({ clean: true })
})

test('a start that lies within a segment is known in the new directory when the move is done', async () => {
  const world = memoryWorld()
  const manager = await openTwo(world)
  const log = await createLog(manager, config)
  acksOf(log)
  append(log, batchOf(['a', 'b', 'c']))
  await settle(log)
  log.advanceLogStartOffset(2)
  await manager.move(TP, B)
  await manager.whenMoved(TP)
  // a kill -9 now
  await manager.shutdown({ clean: false })
  const again = await openTwo(world)
  assert.equal(again.get(TP)?.directory.path, B)
  assert.equal(again.get(TP)?.logStartOffset, 2)
  await again.shutdown({ clean: true })
})
