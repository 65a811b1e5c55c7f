import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EpochCache } from '../src/epoch-cache.ts'

function cacheOf(...entries: [number, number][]): EpochCache {
  const cache = new EpochCache()
  cache.reset(entries.map(([epoch, startOffset]) => ({ epoch, startOffset })))
  return cache
}

const entriesOf = (cache: EpochCache): number[][] => cache.entries.map(({ epoch, startOffset }) => [epoch, startOffset])

test('the end of an epoch is the start of the next known one', () => {
  const cache = cacheOf([2, 5], [4, 20], [7, 30])
  assert.deepEqual(cache.endOffsetFor(2, 99), { epoch: 2, endOffset: 20 })
  assert.deepEqual(cache.endOffsetFor(3, 99), { epoch: 2, endOffset: 20 }, 'an epoch without records ends where the one before it does')
  assert.deepEqual(cache.endOffsetFor(5, 99), { epoch: 4, endOffset: 30 })
  assert.deepEqual(cache.endOffsetFor(7, 99), { epoch: 7, endOffset: 99 }, 'the latest ends with the log')
  assert.deepEqual(cache.endOffsetFor(8, 99), { epoch: -1, endOffset: -1 }, 'the future is unknown')
  assert.deepEqual(cache.endOffsetFor(1, 99), { epoch: 1, endOffset: 5 }, 'before all that is known')
  assert.deepEqual(cache.endOffsetFor(-1, 99), { epoch: -1, endOffset: -1 })
  assert.deepEqual(new EpochCache().endOffsetFor(0, 99), { epoch: -1, endOffset: -1 })
})

test('a new entry drops those that it proves wrong', () => {
  const cache = cacheOf([1, 0], [3, 10], [5, 20])
  cache.assign(4, 15)
  assert.deepEqual(entriesOf(cache), [
    [1, 0],
    [3, 10],
    [4, 15]
  ])
  cache.assign(6, 10)
  assert.deepEqual(entriesOf(cache), [
    [1, 0],
    [6, 10]
  ])
  const { version } = cache
  cache.assign(6, 12)
  assert.equal(cache.version, version, 'the epoch goes on')
})

test('truncation keeps what is still there, and the first epoch begins with the log', () => {
  const cache = cacheOf([1, 0], [3, 10], [5, 20])
  cache.truncateFromStart(12)
  assert.deepEqual(entriesOf(cache), [
    [3, 12],
    [5, 20]
  ])
  cache.truncateFromEnd(20)
  assert.deepEqual(entriesOf(cache), [[3, 12]])
  assert.equal(cache.epochForOffset(15), 3)
  assert.equal(cache.epochForOffset(5), -1)
  cache.truncateFromStart(12)
  cache.truncateFromStart(500)
  assert.deepEqual(entriesOf(cache), [[3, 500]])
})
