import assert from 'node:assert/strict'
import { test } from 'node:test'
import { iterateBatches, type KafkaRecord } from '@odradek/protocol'
import type { World } from '@odradek/world'
import { Cleaner } from '../src/cleaner/cleaner.ts'
import type { LogConfig } from '../src/log-config.ts'
import type { LogManager } from '../src/log-manager.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { deleteOldSegments } from '../src/retention.ts'
import { append, appendMarker, batchOf, clockedWorld, createLog, logConfig, NOW, openManager, readAll, settle } from './support.ts'

const DAY_MS = 86_400_000

interface Fixture {
  manager: LogManager
  log: PartitionLog
  clock: { now: number }
  world: World
  clean(): Promise<void>
}

async function fixture(changes: Partial<LogConfig> = {}): Promise<Fixture> {
  const { world, clock } = clockedWorld()
  const config = logConfig({ isCompact: true, isDelete: false, minCleanableDirtyRatio: 0, fileDeleteDelayMs: 0, ...changes })
  const manager = await openManager(world, { config })
  const log = await createLog(manager, config)
  const cleaner = new Cleaner(manager)
  return { manager, log, clock, world, clean: () => cleaner.runOnce() }
}

function put(log: PartitionLog, key: string, value: string | null, timestamp = NOW): void {
  append(log, batchOf([{ key, value, timestamp }]), timestamp)
}

/** Seals what was appended, so that the cleaner may touch it. */
async function seal(log: PartitionLog): Promise<void> {
  log.roll(NOW)
  await settle(log)
}

async function content(log: PartitionLog): Promise<string[]> {
  const text = (record: KafkaRecord): string => `${record.offset}:${record.key}=${record.value}`
  return (await readAll(log)).map(text)
}

test('only the latest value of each key stays, at its offset, and the growing segment stays as it is', async () => {
  const { log, clean } = await fixture()
  for (const [key, value] of [
    ['a', '1'],
    ['b', '1'],
    ['a', '2'],
    ['c', '1'],
    ['b', '2']
  ])
    put(log, key, value)
  await seal(log)
  put(log, 'a', '3')
  put(log, 'a', '4')
  await settle(log)
  await clean()
  assert.deepEqual(await content(log), ['2:a=2', '3:c=1', '4:b=2', '5:a=3', '6:a=4'])
  assert.equal(log.cleanedOffset, 5)
  assert.equal(log.logStartOffset, 0)
  const read = await log.read(0, { maxBytes: 1, minOneBatch: true })
  assert.equal(iterateBatches(Buffer.concat(read.buffers))[0].baseOffset, 2, 'a read in a gap goes on after it')
})

test('a batch keeps its offsets when records inside it go', async () => {
  const { log, clean } = await fixture()
  append(
    log,
    batchOf([
      { key: 'a', value: '1' },
      { key: 'b', value: '1' },
      { key: 'a', value: '2' },
      { key: 'c', value: '1' }
    ])
  )
  append(
    log,
    batchOf(
      [
        { key: 'c', value: '2' },
        { key: 'd', value: '1' }
      ],
      { compression: 'gzip' }
    )
  )
  await seal(log)
  await clean()
  assert.deepEqual(await content(log), ['1:b=1', '2:a=2', '4:c=2', '5:d=1'])
  const [first, second] = iterateBatches(await bytesOf(log))
  assert.deepEqual([first.baseOffset, first.lastOffset, second.baseOffset, second.lastOffset], [0, 3, 4, 5])
})

async function bytesOf(log: PartitionLog): Promise<Buffer> {
  return Buffer.concat((await log.read(log.logStartOffset, { maxBytes: 1 << 20, minOneBatch: true })).buffers)
}

test('a tombstone outlives its key by delete.retention.ms from the pass that first saw it', async () => {
  const { log, clock, clean } = await fixture({ deleteRetentionMs: DAY_MS })
  put(log, 'a', '1')
  put(log, 'a', null)
  put(log, 'z', 'end')
  await seal(log)
  await clean()
  assert.deepEqual(await content(log), ['1:a=null', '2:z=end'])
  assert.equal(iterateBatches(await bytesOf(log))[0].deleteHorizonMs, NOW + DAY_MS)

  clock.now += DAY_MS - 1
  put(log, 'b', '1', NOW + 1)
  await seal(log)
  await clean()
  assert.deepEqual(await content(log), ['1:a=null', '2:z=end', '3:b=1'])

  clock.now += 1
  put(log, 'b', '2', NOW + 1)
  await seal(log)
  await clean()
  assert.deepEqual(await content(log), ['2:z=end', '4:b=2'])
})

test('records younger than min.compaction.lag.ms are not cleaned', async () => {
  const { log, clock, clean } = await fixture({ minCompactionLagMs: 1000 })
  put(log, 'a', '1', NOW - 5000)
  put(log, 'a', '2', NOW - 5000)
  await seal(log)
  put(log, 'a', '3', NOW - 10)
  put(log, 'a', '4', NOW - 10)
  await seal(log)
  await clean()
  assert.deepEqual(await content(log), ['1:a=2', '2:a=3', '3:a=4'])
  clock.now += 2000
  await clean()
  assert.deepEqual(await content(log), ['3:a=4'])
})

test('a log is cleaned when its dirty ratio is reached, or when a dirty record is older than max.compaction.lag.ms', async () => {
  const { log, clock, clean } = await fixture({ minCleanableDirtyRatio: 0.5, maxCompactionLagMs: DAY_MS })
  for (let i = 0; i < 20; i++) put(log, `k${i}`, 'x'.repeat(100))
  await seal(log)
  await clean()
  assert.equal(log.cleanedOffset, 20, 'all dirty')
  put(log, 'k0', 'new')
  await seal(log)
  await clean()
  assert.equal(log.cleanedOffset, 20, 'a few per cent dirty')
  clock.now += DAY_MS + 1
  await clean()
  assert.equal(log.cleanedOffset, 21, 'overdue')
})

test('records of aborted transactions go, their markers follow after the delete horizon', async () => {
  const { log, clock, clean } = await fixture({ deleteRetentionMs: DAY_MS })
  const tx = (producerEpoch: number, key: string, value: string): void => {
    append(log, batchOf([{ key, value }], { producerId: 5, producerEpoch, baseSequence: 0, isTransactional: true }))
  }
  put(log, 'a', 'committed')
  tx(0, 'a', 'aborted')
  appendMarker(log, { producerId: 5, producerEpoch: 0, isAbort: true })
  tx(1, 'b', 'committed')
  appendMarker(log, { producerId: 5, producerEpoch: 1 })
  tx(2, 'b', 'open')
  put(log, 'z', 'after')
  await seal(log)
  await clean()
  assert.equal(log.cleanedOffset, 0, 'the segment holds an open transaction')
  appendMarker(log, { producerId: 5, producerEpoch: 2 })
  put(log, 'z', 'end')
  await seal(log)
  await clean()
  assert.deepEqual(await content(log), ['0:a=committed', '5:b=open', '8:z=end'])
  assert.deepEqual(await markersOf(log), [[2], [4], [7]], 'the pass that drops the records keeps the marker')
  assert.equal((await log.abortedTransactions(0, 9)).length, 1)

  put(log, 'z', 'more', NOW + 5)
  await seal(log)
  await clean()
  assert.deepEqual(await markersOf(log), [[2, NOW + DAY_MS], [4, NOW + DAY_MS], [7]], 'the next one finds nothing that it decides')
  assert.deepEqual(await log.abortedTransactions(0, 9), [])

  clock.now += DAY_MS
  put(log, 'z', 'still more', NOW + 6)
  await seal(log)
  await clean()
  assert.deepEqual(await markersOf(log), [[7]])
})

async function markersOf(log: PartitionLog): Promise<number[][]> {
  const markers = iterateBatches(await bytesOf(log)).filter((batch) => batch.isControl)
  return markers.map(({ baseOffset, deleteHorizonMs }) => (deleteHorizonMs === undefined ? [baseOffset] : [baseOffset, deleteHorizonMs]))
}

test('the last batch of an active producer stays, empty, so that its sequence goes on after a restart', async () => {
  const { log, manager, world, clean } = await fixture()
  const idempotent = (sequence: number): Buffer =>
    batchOf([{ key: 'a', value: `${sequence}` }], { producerId: 8, producerEpoch: 0, baseSequence: sequence })
  append(log, idempotent(0))
  append(log, idempotent(1))
  put(log, 'a', 'other')
  await seal(log)
  await clean()
  assert.deepEqual(await content(log), ['2:a=other'])
  assert.deepEqual(
    iterateBatches(await bytesOf(log)).map(({ baseOffset, count, baseSequence }) => [baseOffset, count, baseSequence]),
    [
      [1, 0, 1],
      [2, 1, -1]
    ]
  )
  await manager.shutdown({ clean: false })
  const again = await openManager(world, { config: log.config })
  const reopened = again.get({ topic: 'topic', partition: 0 })!
  assert.equal(reopened.append(idempotent(3), { origin: 'client', leaderEpoch: 0, now: NOW }).errorCode, 45)
  assert.equal(append(reopened, idempotent(2)).baseOffset, 3)
  assert.equal(reopened.cleanedOffset, 3, 'the cleaner goes on where it was')
})

test('many small segments become few, and a pass that finds nothing to do changes nothing', async () => {
  const { log, clean } = await fixture()
  for (let i = 0; i < 200; i++) {
    put(log, `k${i % 7}`, `${i}`)
    if (i % 20 === 0) log.roll(NOW)
  }
  await seal(log)
  const before = log.segments.length
  await clean()
  assert.ok(before > 5 && log.segments.length === 2, `${before} segments became ${log.segments.length}`)
  const cleaned = await content(log)
  assert.deepEqual(cleaned, ['193:k4=193', '194:k5=194', '195:k6=195', '196:k0=196', '197:k1=197', '198:k2=198', '199:k3=199'])
  const segments = [...log.segments]
  await clean()
  assert.deepEqual(log.segments, segments)
})

test('a key map without room for all keys cleans as far as it reaches and goes on from there', async () => {
  const { log, manager, clean } = await fixture({ segmentBytes: 3000 })
  manager.settings.cleaner = { ...manager.settings.cleaner, dedupeBufferBytes: 2000, loadFactor: 1 }
  for (let i = 0; i < 300; i++) put(log, `key-${i % 60}`, `${i}`)
  await seal(log)
  await clean()
  assert.equal(log.cleanedOffset, 300)
  assert.equal((await content(log)).length, 60)
})

test('compact and delete together: what is too old goes though it is the latest value', async () => {
  const { log, clock, clean } = await fixture({ isDelete: true, retentionMs: DAY_MS })
  put(log, 'a', '1', NOW)
  put(log, 'b', '1', NOW)
  await seal(log)
  await clean()
  assert.deepEqual(await content(log), ['0:a=1', '1:b=1'])
  clock.now += DAY_MS + 1
  await clean()
  put(log, 'c', '1', clock.now)
  await settle(log)
  assert.equal(log.logStartOffset, 2)
  assert.deepEqual(await content(log), ['2:c=1'])
})

for (const [what, position] of [
  ['record', 65],
  ['offset', 71]
] as const) {
  test(`a damaged ${what} makes a log uncleanable and leaves it as it is`, async () => {
    const { log, world, clean } = await fixture()
    put(log, 'a', '1')
    put(log, 'a', '2')
    await seal(log)
    await log.flush()
    const file = await world.disk.open('/data/topic-0/00000000000000000000.log', 'write')
    await file.write(position, [Buffer.from([1, 2, 3])])
    await file.close()
    const before = [...log.segments]
    await clean()
    assert.deepEqual(log.segments, before)
    assert.equal(log.cleanedOffset, 0)
    assert.equal(log.directory.isOffline, false)
  })
}

test('damage in a record that stays is not hidden under the CRC of a new batch', async () => {
  const { log, world, clean } = await fixture()
  append(
    log,
    batchOf([
      { key: 'a', value: 'old' },
      { key: 'b', value: 'kept' }
    ])
  )
  const { size } = log.activeSegment
  put(log, 'a', 'new')
  await seal(log)
  await log.flush()
  const file = await world.disk.open('/data/topic-0/00000000000000000000.log', 'write')
  await file.write(size - 3, [Buffer.from('X')])
  await file.close()
  await clean()
  assert.equal(log.cleanedOffset, 0)
})

test('the last batch of the range stays, empty, when nothing of it is left', async () => {
  const { log, clock, clean } = await fixture({ deleteRetentionMs: 1000 })
  put(log, 'a', '1')
  append(log, batchOf([{ key: 'b', value: 'aborted' }], { producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true }))
  appendMarker(log, { producerId: 7, producerEpoch: 0, isAbort: true })
  await seal(log)
  log.producers.expire(NOW + DAY_MS * 10, 1)
  for (let pass = 0; pass < 4; pass++) {
    clock.now += 10_000
    log.cleanedOffset = 0
    await clean()
  }
  const { buffers, nextOffset } = await log.read(0, { maxBytes: 1 << 20, minOneBatch: true })
  const batches = buffers.flatMap((buffer) => iterateBatches(buffer))
  assert.deepEqual(
    batches.map(({ baseOffset, lastOffset, count }) => [baseOffset, lastOffset, count]),
    [
      [0, 0, 1],
      [2, 2, 0]
    ]
  )
  assert.equal(nextOffset, 3)
})

test('segments that went while they were being cleaned do not come back', async () => {
  const { log, clean } = await fixture()
  for (let i = 0; i < 4; i++) {
    put(log, `k${i}`, '1')
    put(log, 'same', `${i}`)
    await seal(log)
  }
  await log.flush()
  const cleaning = clean()
  log.advanceLogStartOffset(4)
  await deleteOldSegments(log)
  await cleaning
  const bases = log.segments.map(({ baseOffset }) => baseOffset)
  assert.deepEqual(
    bases,
    [...new Set(bases)].sort((a, b) => a - b)
  )
  assert.deepEqual([bases[0], log.logStartOffset, log.logEndOffset], [4, 4, 8])
  await clean()
  assert.deepEqual((await content(log)).sort(), ['4:k2=1', '6:k3=1', '7:same=3'])
})
