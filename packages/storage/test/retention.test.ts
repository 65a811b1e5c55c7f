import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import type { LogConfig } from '../src/log-config.ts'
import type { LogManager } from '../src/log-manager.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { deleteOldSegments } from '../src/retention.ts'
import { append, batchOf, clockedWorld, createLog, logConfig, NOW, openManager, settle, values } from './support.ts'

const opened: LogManager[] = []
afterEach(async () => {
  for (const manager of opened.splice(0)) await manager.shutdown({ clean: false })
})

async function fixture(changes: Partial<LogConfig>) {
  const { world, clock } = clockedWorld()
  const config = logConfig({ fileDeleteDelayMs: 60_000, ...changes })
  const manager = await openManager(world, { config })
  opened.push(manager)
  const log = await createLog(manager, config)
  return { world, clock, manager, log, config }
}

/** Segments of two records, 1000 ms apart by the records' time. */
async function fillSegments(log: PartitionLog, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    append(log, batchOf([`a${i}`, `b${i}`], { timestamp: NOW + i * 1000 }), NOW + i * 1000)
    if (i < count - 1) log.roll(NOW)
  }
  await settle(log)
}

const basesOf = (log: PartitionLog): number[] => log.segments.map(({ baseOffset }) => baseOffset)

test('segments whose newest record is too old go, the others stay, and the log starts later', async () => {
  const { log, clock, world } = await fixture({ retentionMs: 2500 })
  await fillSegments(log, 5)
  clock.now = NOW + 4000
  assert.equal(await deleteOldSegments(log), 2)
  assert.deepEqual(basesOf(log), [4, 6, 8])
  assert.equal(log.logStartOffset, 4)
  assert.deepEqual(await values(log), ['a2', 'b2', 'a3', 'b3', 'a4', 'b4'])
  assert.equal((await log.read(3, { maxBytes: 100 })).errorCode, 1, 'OFFSET_OUT_OF_RANGE')
  const names = await world.disk.readdir('/data/topic-0')
  assert.ok(names.includes('00000000000000000000.log.deleted'), names.join())
  assert.ok(!names.includes('00000000000000000000.log'))
  assert.ok(names.includes('00000000000000000002.snapshot.deleted'))
})

test('when every record is too old the growing segment goes too, and the next offset stays', async () => {
  const { log, clock } = await fixture({ retentionMs: 1000 })
  await fillSegments(log, 3)
  clock.now = NOW + 60_000
  assert.equal(await deleteOldSegments(log), 3)
  assert.deepEqual(basesOf(log), [6])
  assert.deepEqual([log.logStartOffset, log.logEndOffset], [6, 6])
  assert.equal(append(log, batchOf(['next'])).baseOffset, 6)
  assert.equal(await deleteOldSegments(log), 0, 'nothing of an empty log')
})

test('a growing segment whose file was closed meanwhile goes without the directory', async () => {
  const { log, clock, world } = await fixture({ retentionMs: 1000 })
  await fillSegments(log, 1)
  await log.activeSegment.file.close()
  clock.now = NOW + 60_000
  assert.equal(await deleteOldSegments(log), 1)
  await log.flush()
  assert.equal(log.directory.isOffline, false)
  const names = await world.disk.readdir('/data/topic-0')
  assert.deepEqual(
    names.filter((name) => /^0+\./.test(name) && !name.endsWith('.deleted')),
    []
  )
})

test('by size the oldest segments go while what is left is not below the limit', async () => {
  const { log } = await fixture({ retentionMs: -1 })
  await fillSegments(log, 6)
  const [{ size }] = log.segments
  log.updateConfig({ ...log.config, retentionBytes: size * 2 + 10 })
  assert.equal(await deleteOldSegments(log), 3)
  assert.deepEqual(basesOf(log), [6, 8, 10])
})

test('nothing at or above the high watermark is deleted', async () => {
  const { log, clock } = await fixture({ retentionMs: 0 })
  for (let i = 0; i < 3; i++) {
    append(log, batchOf([`${i}`]))
    log.roll(NOW)
  }
  await log.writer.whenWritten(3)
  log.updateHighWatermark(1)
  clock.now += 1000
  assert.equal(await deleteOldSegments(log), 1)
  assert.deepEqual(basesOf(log), [1, 2, 3])
})

test('DeleteRecords moves the start at once, keeps it over restarts, and whole segments below it go with any policy', async () => {
  const { world, manager, log, config } = await fixture({ isCompact: true, isDelete: false })
  for (let i = 0; i < 4; i++) {
    append(
      log,
      batchOf([
        { key: `${i}`, value: `a${i}` },
        { key: `${i}`, value: `b${i}` }
      ])
    )
    log.roll(NOW)
  }
  await settle(log)
  assert.equal(log.advanceLogStartOffset(9), false, 'beyond the high watermark')
  assert.equal(log.advanceLogStartOffset(5), true)
  assert.equal(log.advanceLogStartOffset(3), true, 'lower than it is: nothing to do')
  assert.equal(log.logStartOffset, 5)
  assert.equal((await log.read(4, { maxBytes: 100 })).errorCode, 1)
  assert.deepEqual(await values(log), ['b2', 'a3', 'b3'])
  assert.deepEqual(log.leaderEpochs, [{ epoch: 0, startOffset: 5 }])
  await manager.shutdown({ clean: true })
  const again = await openManager(world, { config })
  const reopened = again.get({ topic: 'topic', partition: 0 })!
  assert.equal(reopened.logStartOffset, 5)
  await deleteOldSegments(reopened)
  assert.deepEqual(basesOf(reopened), [4, 6])
  opened.push(again)
  assert.equal(reopened.logStartOffset, 5)
})

test('a read under way in a segment that is deleted ends well', async () => {
  const { log, clock } = await fixture({ retentionMs: 1500 })
  await fillSegments(log, 4)
  log.tail.clear()
  clock.now = NOW + 3000
  const reading = Promise.resolve(log.read(0, { maxBytes: 1000, minOneBatch: true }))
  await deleteOldSegments(log)
  const result = await reading
  assert.ok(result.errorCode === 1 || (result.errorCode === 0 && result.sizeInBytes > 0), `error ${result.errorCode}`)
  assert.equal(log.directory.isOffline, false)
})

for (const clean of [true, false]) {
  test(`a log of which all has expired goes on at its offset after ${clean ? 'a clean stop' : 'a crash'}`, async () => {
    const { log, clock, world, manager, config } = await fixture({ retentionMs: 1000 })
    await fillSegments(log, 2)
    clock.now = NOW + 60_000
    assert.equal(await deleteOldSegments(log), 2)
    await manager.shutdown({ clean })
    const again = await openManager(world, { config })
    opened.push(again)
    const reopened = again.get({ topic: 'topic', partition: 0 })!
    assert.deepEqual([reopened.logStartOffset, reopened.logEndOffset], [4, 4])
    assert.equal(append(reopened, batchOf(['next'])).baseOffset, 4)
  })
}
