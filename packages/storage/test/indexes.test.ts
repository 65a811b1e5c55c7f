import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrng } from '@odradek/base'
import { OffsetIndex } from '../src/offset-index.ts'
import { IndexCache, NOT_LOADED } from '../src/sparse-index.ts'
import { TimeIndex } from '../src/time-index.ts'
import { type AbortedTxn, collectAbortedTxns, formatAbortedTxns, parseAbortedTxns } from '../src/txn-index.ts'

/** Takes what an index has not saved yet to a "file", as a segment does. */
function save(index: OffsetIndex | TimeIndex, file: Buffer, release = true): Buffer {
  const bytes = Buffer.concat([file.subarray(0, index.saved * index.entryBytes), index.unsaved()])
  index.markSaved(index.count, release)
  return bytes
}

test('an offset is looked up at the last entry at or before it, in memory, on file and across both', () => {
  const random = createPrng('offset-index')
  const index = new OffsetIndex(1000)
  const entries: { offset: number; position: number }[] = []
  let file: Buffer = Buffer.alloc(0)
  let offset = 1000
  for (let i = 1; i <= 300; i++) {
    offset += random.between(1, 20)
    index.append(offset, i * 100)
    entries.push({ offset, position: i * 100 })
    if (i % 70 === 0) file = save(index, file)
  }
  assert.equal(index.from, 280)
  assert.equal(index.lookup(1500), NOT_LOADED)
  assert.equal(index.lookup(offset + 5), 30_000, 'the end needs no file')
  index.setCached(file)
  for (let target = 1000; target < offset + 10; target++) {
    const expected = entries.filter((entry) => entry.offset <= target).at(-1)?.position ?? 0
    assert.equal(index.lookup(target), expected, `offset ${target}`)
  }
})

test('an offset index cut at an offset forgets what is at or after it, also on file', () => {
  const index = new OffsetIndex(0)
  for (let i = 1; i <= 10; i++) index.append(i * 10, i * 100)
  const file = save(index, Buffer.alloc(0))
  index.append(110, 1100)
  index.setCached(file)
  assert.equal(index.truncateTo(110), false)
  assert.deepEqual([index.count, index.lastOffset, index.lastPosition], [10, 100, 1000])
  assert.equal(index.truncateTo(45), true, 'the file is too long now')
  assert.deepEqual([index.count, index.saved, index.lastOffset, index.lastPosition], [4, 4, 40, 400])
  index.append(60, 600)
  assert.equal(index.lookup(50), 400)
  assert.equal(index.lookup(60), 600)
  assert.equal(index.truncateTo(0), true)
  assert.deepEqual([index.count, index.lookup(5)], [0, 0])
})

test('index files are taken whole or not at all', () => {
  const make = (...entries: [number, number][]): Buffer => {
    const bytes = Buffer.alloc(entries.length * 8)
    entries.forEach(([offset, position], i) => {
      bytes.writeInt32BE(offset, i * 8)
      bytes.writeInt32BE(position, i * 8 + 4)
    })
    return bytes
  }
  const load = (bytes: Buffer): boolean => new OffsetIndex(50).load(bytes, 1000)
  assert.equal(load(make([5, 100], [9, 200])), true)
  assert.equal(load(make()), true)
  assert.equal(load(Buffer.concat([make([5, 100]), Buffer.alloc(16)])), true, 'preallocated zeros at the end')
  assert.equal(load(make([5, 100], [5, 200])), false, 'an offset twice')
  assert.equal(load(make([5, 100], [9, 100])), false, 'a position twice')
  assert.equal(load(make([5, 100], [9, 1000])), false, 'a position past the log')
  assert.equal(load(make([-5, 100])), false, 'a negative offset')
  assert.equal(load(make([5, 100]).subarray(0, 7)), false, 'a cut entry')
})

test('a time index keeps greater timestamps only and finds where a search starts', () => {
  const index = new TimeIndex(100)
  index.maybeAppend(1000, 110)
  index.maybeAppend(1000, 120)
  index.maybeAppend(900, 130)
  index.maybeAppend(2000, 140)
  assert.equal(index.count, 2)
  assert.deepEqual([index.lookup(500), index.lookup(1000), index.lookup(1999), index.lookup(5000)], [100, 110, 110, 140])
  const file = save(index, Buffer.alloc(0))
  const again = new TimeIndex(100)
  assert.equal(again.load(file), true)
  assert.deepEqual([again.count, again.lastTimestamp, again.lastOffset], [2, 2000, 140])
  assert.equal(again.truncateTo(140), true)
  assert.deepEqual([again.count, again.lastTimestamp, again.lastOffset], [1, 1000, 110])
  const wrong = Buffer.from(file)
  wrong.writeBigInt64BE(5n, 12)
  assert.equal(new TimeIndex(100).load(wrong), false)
})

test('the index cache keeps within its budget and drops the oldest', () => {
  const cache = new IndexCache(100)
  const indexes = Array.from({ length: 4 }, () => {
    const index = new OffsetIndex(0)
    for (let i = 1; i <= 5; i++) index.append(i, i)
    index.setCached(save(index, Buffer.alloc(0)))
    cache.add(index)
    return index
  })
  assert.deepEqual(
    indexes.map(({ needsLoad }) => needsLoad),
    [true, true, false, false]
  )
})

test('aborted transactions are those that overlap the read, up to the one that decided everything below its end', () => {
  const txns: AbortedTxn[] = [
    { producerId: 1, firstOffset: 0, lastOffset: 10, lastStableOffset: 11 },
    { producerId: 2, firstOffset: 5, lastOffset: 20, lastStableOffset: 15 },
    { producerId: 3, firstOffset: 15, lastOffset: 40, lastStableOffset: 41 }
  ]
  const bytes = formatAbortedTxns(txns)
  assert.equal(bytes.length, 3 * 34)
  assert.deepEqual(parseAbortedTxns(bytes, 0), txns)
  assert.equal(parseAbortedTxns(bytes.subarray(0, 40), 0), undefined)
  const find = (from: number, to: number): number[] => {
    const found: AbortedTxn[] = []
    collectAbortedTxns(txns, from, to, found)
    return found.map(({ producerId }) => producerId)
  }
  assert.deepEqual(find(0, 5), [1])
  assert.deepEqual(find(0, 12), [1, 2])
  assert.deepEqual(find(11, 15), [2])
  assert.deepEqual(find(21, 100), [3])
  assert.deepEqual(find(41, 100), [])
})
