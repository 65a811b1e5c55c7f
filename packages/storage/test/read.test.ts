import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createPrng } from '@odradek/base'
import { ErrorCode, iterateBatches } from '@odradek/protocol'
import type { LogManager } from '../src/log-manager.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { append, batchOf, createLog, logConfig, memoryWorld, NOW, openManager, settle } from './support.ts'

/** 200 batches of 1 to 4 records and very different sizes over several segments. */
async function build(): Promise<{ manager: LogManager; log: PartitionLog; starts: number[] }> {
  const random = createPrng('read')
  const config = logConfig({ segmentBytes: 60_000, indexIntervalBytes: 500 })
  const manager = await openManager(memoryWorld(), { config })
  const log = await createLog(manager, config)
  const starts: number[] = []
  for (let i = 0; i < 200; i++) {
    starts.push(log.logEndOffset)
    const size = random.pick([1, 30, 400, 9000])
    append(
      log,
      batchOf(
        Array.from({ length: random.between(1, 4) }, (_, k) => `${log.logEndOffset + k}:${'x'.repeat(size)}`),
        { timestamp: NOW + i * 10 }
      )
    )
  }
  await settle(log)
  return { manager, log, starts }
}

for (const from of ['tail', 'file'] as const) {
  describe(`a read from the ${from}`, () => {
    let manager: LogManager
    let log: PartitionLog
    let starts: number[]
    before(async () => {
      ;({ manager, log, starts } = await build())
      if (from === 'file') log.tail.clear()
    })
    after(() => manager.shutdown({ clean: false }))

    const batchAt = (offset: number): number => starts.filter((start) => start <= offset).at(-1)!

    test('begins with the batch that holds the offset, wherever it is', async () => {
      for (let offset = 0; offset < log.logEndOffset; offset++) {
        const result = await log.read(offset, { maxBytes: 2000, minOneBatch: true })
        const [first] = iterateBatches(Buffer.concat(result.buffers))
        assert.equal(first.baseOffset, batchAt(offset))
        result.release?.()
      }
    })

    test('holds whole batches only, no more than asked, and says where to go on', async () => {
      for (const maxBytes of [0, 1, 500, 9100, 40_000, 1 << 20]) {
        for (const offset of [0, 17, 200, log.logEndOffset - 1]) {
          for (const minOneBatch of [false, true]) {
            const result = await log.read(offset, { maxBytes, minOneBatch })
            const bytes = Buffer.concat(result.buffers)
            const batches = iterateBatches(bytes)
            assert.equal(bytes.length, result.sizeInBytes)
            assert.equal(
              batches.reduce((sum, batch) => sum + batch.sizeInBytes, 0),
              bytes.length
            )
            assert.ok(bytes.length <= maxBytes || (minOneBatch && batches.length === 1), `${bytes.length} bytes of ${maxBytes}`)
            if (minOneBatch) assert.ok(batches.length > 0)
            assert.equal(result.nextOffset, batches.at(-1)?.nextOffset ?? offset)
            result.release?.()
          }
        }
      }
    })

    test('ends below the end offset', async () => {
      for (const endOffset of [10, 101, 250]) {
        const end = batchAt(endOffset)
        let next = 0
        while (next < end) {
          const result = await log.read(next, { maxBytes: 1 << 20, endOffset: end, minOneBatch: true })
          assert.ok(result.nextOffset <= end)
          assert.ok(result.nextOffset > next)
          next = result.nextOffset
          result.release?.()
        }
        assert.equal((await log.read(end, { maxBytes: 1000, endOffset: end, minOneBatch: true })).sizeInBytes, 0)
      }
    })

    test('outside of the log is out of range, at its end empty', async () => {
      assert.equal((await log.read(-1, { maxBytes: 100 })).errorCode, 1)
      assert.equal((await log.read(log.logEndOffset + 1, { maxBytes: 100 })).errorCode, 1)
      const atEnd = await log.read(log.logEndOffset, { maxBytes: 100, minOneBatch: true })
      assert.deepEqual([atEnd.errorCode, atEnd.sizeInBytes, atEnd.nextOffset], [0, 0, log.logEndOffset])
    })
  })
}

test('what is not written yet is not read', async () => {
  const manager = await openManager(memoryWorld())
  const log = await createLog(manager)
  append(log, batchOf(['a']))
  const early = await log.read(0, { maxBytes: 1000, minOneBatch: true })
  assert.equal(early.sizeInBytes, 0)
  await settle(log)
  const result = log.read(0, { maxBytes: 1000, minOneBatch: true })
  assert.ok(!(result instanceof Promise), 'a plain value')
  assert.ok(result.sizeInBytes > 0)
  await manager.shutdown({ clean: false })
})

test('buffers of released reads are used again, those of others never', async () => {
  const { manager, log } = await build()
  log.tail.clear()
  const kept = await log.read(0, { maxBytes: 20_000, minOneBatch: true })
  const before = Buffer.concat(kept.buffers)
  const seen = new Set<unknown>()
  for (let offset = 100; offset < 300; offset += 5) {
    const result = await log.read(offset, { maxBytes: 20_000, minOneBatch: true })
    for (const buffer of result.buffers) {
      assert.notEqual(buffer.buffer, kept.buffers[0].buffer)
      seen.add(buffer.buffer)
    }
    result.release?.()
  }
  assert.ok(seen.size <= 3, `${seen.size} buffers`)
  const twice = await log.read(100, { maxBytes: 20_000, minOneBatch: true })
  twice.release?.()
  twice.release?.()
  const [first, second] = [await log.read(0, { maxBytes: 20_000 }), await log.read(100, { maxBytes: 20_000 })]
  assert.notEqual(first.buffers[0].buffer, second.buffers[0].buffer, 'what came back twice is lent once')
  assert.deepEqual(Buffer.concat(kept.buffers), before)
  await manager.shutdown({ clean: false })
})

test('the first record at or after a time is found in any segment, or none', async () => {
  const { manager, log, starts } = await build()
  for (let i = 0; i < 200; i += 13) {
    assert.deepEqual(await log.offsetForTimestamp(NOW + i * 10), { timestamp: NOW + i * 10, offset: starts[i], leaderEpoch: 0 })
    assert.equal((await log.offsetForTimestamp(NOW + i * 10 - 1))?.offset, starts[i])
  }
  assert.equal(await log.offsetForTimestamp(NOW + 5000), undefined)
  assert.equal((await log.offsetForTimestamp(0))?.offset, 0)
  await manager.shutdown({ clean: false })
})

test('damaged lengths in a segment end a read before them, and a read from there says so', async () => {
  for (const length of [-12, 0, 5, -2147483648]) {
    const world = memoryWorld()
    const manager = await openManager(world)
    const log = await createLog(manager)
    for (let i = 0; i < 10; i++) append(log, batchOf([`value-${i}`]))
    await settle(log)
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(length)
    const file = await world.disk.open(log.activeSegment.logPath(log.path), 'write')
    await file.write(3 * batchOf(['value-0']).length + 8, [bytes])
    await file.close()
    log.tail.clear()
    assert.equal((await log.read(0, { maxBytes: 1 << 20, minOneBatch: true })).nextOffset, 3)
    assert.equal((await log.read(4, { maxBytes: 1 << 20, minOneBatch: true })).errorCode, ErrorCode.CORRUPT_MESSAGE)
    assert.equal(log.directory.isOffline, false)
    await manager.shutdown({ clean: false })
  }
})

test('lookups find their entries also where the budget of the index cache is less than the index of one segment', async () => {
  const config = logConfig({ indexIntervalBytes: 1 })
  const manager = await openManager(memoryWorld(), { config, limits: { indexCacheBytes: 8 } })
  const log = await createLog(manager, config)
  for (let i = 0; i < 40; i++) {
    append(log, batchOf([`value-${i}`], { timestamp: NOW + i }))
    if (i === 19) log.roll(NOW)
  }
  log.roll(NOW)
  await log.flush()
  await settle(log)
  log.tail.clear()
  const results = await Promise.all([10, 30, 3, 25].map((offset) => log.read(offset, { maxBytes: 1, minOneBatch: true })))
  assert.deepEqual(
    results.map(({ nextOffset }) => nextOffset),
    [11, 31, 4, 26]
  )
  assert.equal((await log.offsetForTimestamp(NOW + 7))?.offset, 7)
  await log.truncateTo(15)
  assert.equal(log.logEndOffset, 15)
  assert.equal(log.directory.isOffline, false)
  await manager.shutdown({ clean: true })
})
