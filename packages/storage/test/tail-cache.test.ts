import assert from 'node:assert/strict'
import { test } from 'node:test'
import { iterateBatches, setBaseOffset } from '@odradek/protocol'
import { LogTail, TailCache } from '../src/tail-cache.ts'
import { batchOf } from './support.ts'

const MIB = 1024 * 1024

function batch(offset: number, size: number): Buffer {
  const bytes = batchOf(['x'.repeat(Math.max(size - 72, 1))])
  setBaseOffset(bytes, 0, offset)
  return bytes
}

interface TestLog {
  tail: LogTail
  written: number
  push(offset: number, size: number): Buffer
}

function logOn(cache: TailCache): TestLog {
  const log: TestLog = {
    tail: new LogTail(cache, (offset) => offset <= log.written),
    written: Number.POSITIVE_INFINITY,
    push: (offset, size) => log.tail.push(batch(offset, size), offset, offset + 1)
  }
  return log
}

const offsetsOf = (buffers: Buffer[]): number[] => iterateBatches(Buffer.concat(buffers)).map(({ baseOffset }) => baseOffset)

test('the oldest bytes of all logs go when the budget is reached, and a log keeps an unbroken end', () => {
  const cache = new TailCache(8 * MIB)
  const [first, second] = [logOn(cache), logOn(cache)]
  first.push(0, 10_000)
  for (let i = 0; i < 100; i++) second.push(i, 100_000)
  assert.equal(first.tail.firstOffset, Number.POSITIVE_INFINITY)
  assert.ok(cache.sizeInBytes <= 8 * MIB)
  const start = second.tail.firstOffset
  assert.ok(start > 0 && start < 60, `begins at ${start}`)
  const { buffers } = second.tail.collect(start, 100 * MIB, 100, false)
  assert.deepEqual(
    offsetsOf(buffers),
    Array.from({ length: 100 - start }, (_, i) => start + i)
  )
  first.push(1, 5000)
  assert.equal(first.tail.firstOffset, 1)
  second.tail.clear()
  assert.equal(second.tail.firstOffset, Number.POSITIVE_INFINITY)
})

test('batches of a log that follow each other in memory leave as one buffer', () => {
  const log = logOn(new TailCache(8 * MIB))
  for (let i = 0; i < 10; i++) log.push(i, 200)
  const { buffers, nextOffset, sizeInBytes } = log.tail.collect(3, MIB, 10, false)
  assert.equal(buffers.length, 1)
  assert.equal(sizeInBytes, buffers[0].length)
  assert.equal(nextOffset, 10)
  assert.deepEqual(offsetsOf(buffers), [3, 4, 5, 6, 7, 8, 9])
})

test('a read ends before the limit in bytes or offsets, at whole batches, with one batch at least when asked', () => {
  const { tail, push } = logOn(new TailCache(8 * MIB))
  for (let i = 0; i < 10; i++) push(i, i < 5 ? 300 : 6000)
  assert.deepEqual(offsetsOf(tail.collect(1, 700, 10, false).buffers), [1, 2])
  assert.deepEqual(offsetsOf(tail.collect(1, MIB, 7, false).buffers), [1, 2, 3, 4, 5, 6])
  assert.deepEqual(tail.collect(6, 100, 10, false).buffers, [])
  assert.deepEqual(offsetsOf(tail.collect(6, 100, 10, true).buffers), [6])
  assert.equal(tail.collect(6, 100, 10, true).nextOffset, 7)
  assert.equal(tail.collect(6, 100, 10, false).nextOffset, 6)
})

/** Fills the cache so often that every slab that may be reused was. */
function churn(cache: TailCache): void {
  const log = logOn(cache)
  for (let i = 0; i < 400; i++) log.push(i, 100_000)
  log.tail.clear()
}

test('bytes that a reader borrowed are not overwritten before they are given back', () => {
  const cache = new TailCache(4 * MIB)
  const log = logOn(cache)
  log.push(7, 1000)
  const { buffers, release } = log.tail.collect(7, MIB, 8, true)
  const before = Buffer.concat(buffers)
  churn(cache)
  assert.equal(log.tail.firstOffset, Number.POSITIVE_INFINITY, 'evicted')
  assert.deepEqual(Buffer.concat(buffers), before)
  release()
  release()
  churn(cache)
})

test('bytes whose write is under way are not overwritten', () => {
  const cache = new TailCache(4 * MIB)
  const log = logOn(cache)
  log.written = 3
  const unwritten = log.push(3, 1000)
  const before = Buffer.from(unwritten)
  churn(cache)
  assert.deepEqual(unwritten, before)
})

test('an append that makes the oldest slab go is not lost itself', () => {
  const cache = new TailCache(8 * MIB)
  const log = logOn(cache)
  for (let end = 1; end <= 1000; end++) {
    log.push(end - 1, 50_000)
    if (end % 20 > 0) continue
    const { buffers, nextOffset, release } = log.tail.collect(log.tail.firstOffset, 100 * MIB, end, false)
    assert.equal(nextOffset, end)
    assert.equal(offsetsOf(buffers).length, end - log.tail.firstOffset)
    release()
  }
})
