import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { World } from '@odradek/world'
import { append, batchOf, createLog, logConfig, memoryWorld, openManager, settle, values } from './support.ts'

const SIZE = 20_000

/** The world's disk, with every read of a segment noted, and delayed or failed by `onRead`. */
function watched(onRead: () => Promise<void> | undefined = () => undefined): { world: World; reads: number[] } {
  const world = memoryWorld()
  const reads: number[] = []
  const { disk } = world
  const open = disk.open.bind(disk)
  disk.open = async (path, mode) => {
    const file = await open(path, mode)
    if (!path.endsWith('.log')) return file
    const read = file.read.bind(file)
    file.read = async (position, target, offset, length) => {
      reads.push(position)
      await onRead()
      return read(position, target, offset, length)
    }
    return file
  }
  return { world, reads }
}

async function filled(world: World, limits: { readAheadBytes?: number } = {}) {
  const config = logConfig({ segmentBytes: 10_000_000 })
  const manager = await openManager(world, { config, limits })
  const log = await createLog(manager, config)
  for (let i = 0; i < 30; i++) append(log, batchOf([`v${i}:${'x'.repeat(SIZE)}`]))
  await settle(log)
  log.tail.clear()
  return { manager, log }
}

const one = { maxBytes: SIZE + 200, minOneBatch: true }
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('the range after the one that a sequential reader gets is read before it asks, once', async () => {
  const { world, reads } = watched()
  const { manager, log } = await filled(world)
  reads.length = 0
  for (let offset = 0; offset < 10; offset++) {
    const result = await log.read(offset, one)
    assert.deepEqual([result.errorCode, result.nextOffset], [0, offset + 1])
    result.release?.()
    await turn()
    // the first read shows nothing yet; from the second on one more is on its way
    assert.equal(reads.length, offset === 0 ? 1 : offset + 2)
  }
  assert.equal(new Set(reads).size, reads.length, 'nothing was read twice')
  await manager.shutdown({ clean: false })
})

test('readers that jump cause no reads of their own', async () => {
  const { world, reads } = watched()
  const { manager, log } = await filled(world)
  reads.length = 0
  for (const offset of [3, 20, 7, 15, 1]) (await log.read(offset, one)).release?.()
  await turn()
  assert.equal(reads.length, 5)
  await manager.shutdown({ clean: false })
})

test('what was read ahead of a truncation is not given after it', async () => {
  const { world } = watched()
  const { manager, log } = await filled(world)
  for (let offset = 0; offset < 5; offset++) (await log.read(offset, one)).release?.()
  await log.truncateTo(5)
  for (let i = 5; i < 9; i++) append(log, batchOf([`new ${i}`]))
  await settle(log)
  log.tail.clear()
  assert.deepEqual(await values(log, { from: 5 }), ['new 5', 'new 6', 'new 7', 'new 8'])
  await manager.shutdown({ clean: false })
})

test('a range that could not be read ahead is read again when it is asked for', async () => {
  let count = -1
  const { world, reads } = watched(() =>
    ++count === 2 ? Promise.reject(Object.assign(new Error('out of luck'), { code: 'EMFILE' })) : undefined
  )
  const { manager, log } = await filled(world)
  count = -1
  reads.length = 0
  for (const offset of [0, 1, 2]) {
    const result = await log.read(offset, one)
    assert.deepEqual([result.errorCode, result.nextOffset], [0, offset + 1])
    result.release?.()
    await turn()
  }
  // the third read is the one that failed, the fourth the same range again
  assert.deepEqual([reads.length, reads[2] === reads[3]], [5, true])
  await manager.shutdown({ clean: false })
})

test('what is read ahead is bounded over all readers, and the oldest makes room', async () => {
  const { world, reads } = watched()
  const limit = 3 * (SIZE + 1000)
  const { manager, log } = await filled(world, { readAheadBytes: limit })
  // eight readers, each at its own place
  for (const start of [0, 3, 6, 9, 12, 15, 18, 21]) {
    ;(await log.read(start, one)).release?.()
    ;(await log.read(start + 1, one)).release?.()
  }
  await turn()
  assert.ok(log.node.ahead.usedBytes <= limit, `${log.node.ahead.usedBytes} bytes`)
  reads.length = 0
  // the ranges of the last three are there, those of the first were dropped
  ;(await log.read(23, one)).release?.()
  assert.equal(reads.length, 1, 'only the next range was asked for')
  reads.length = 0
  ;(await log.read(2, one)).release?.()
  assert.equal(reads.length, 2)
  await manager.shutdown({ clean: false })
  assert.equal(log.node.ahead.usedBytes, 0)
})
