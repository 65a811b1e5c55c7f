import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode, type RecordBatch, readBatchHeader, setBaseOffset } from '@odradek/protocol'
import { formatProducerSnapshot, parseProducerSnapshot } from '../src/producer-snapshot.ts'
import { BATCHES_KEPT, ProducerState } from '../src/producer-state.ts'
import { type BatchOptions, batchOf, NOW } from './support.ts'

/** A batch of `count` records of producer 1 with its offsets assigned. */
function batch(baseOffset: number, baseSequence: number, options: BatchOptions & { count?: number } = {}): RecordBatch {
  const { count = 1, ...rest } = options
  const bytes = batchOf(
    Array.from({ length: count }, () => 'v'),
    { producerId: 1, producerEpoch: 0, baseSequence, ...rest }
  )
  setBaseOffset(bytes, 0, baseOffset)
  return readBatchHeader(bytes)
}

const check = (state: ProducerState, next: RecordBatch): number => state.checkData(next, true)?.errorCode ?? ErrorCode.NONE

test('sequences must follow each other, and the first may be any', () => {
  const state = new ProducerState()
  assert.equal(check(state, batch(0, 40)), ErrorCode.NONE)
  state.apply(batch(0, 40, { count: 3 }))
  assert.equal(check(state, batch(3, 43)), ErrorCode.NONE)
  assert.equal(check(state, batch(3, 42)), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  assert.equal(check(state, batch(3, 44)), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
})

test('after the greatest sequence comes 0, also inside a batch', () => {
  const state = new ProducerState()
  state.apply(batch(0, 2147483647))
  assert.equal(check(state, batch(1, 0)), ErrorCode.NONE)
  const wrapping = batch(1, 2147483646, { count: 4 })
  assert.equal(wrapping.lastSequence, 1)
  state.apply(wrapping)
  assert.equal(check(state, batch(5, 2)), ErrorCode.NONE)
  assert.deepEqual(state.duplicateOf(wrapping)?.lastOffset, 4)
})

test('a repeat of one of the last five batches is known by its sequences and epoch, older ones are out of order', () => {
  const state = new ProducerState()
  for (let i = 0; i < 7; i++) state.apply(batch(i * 2, i * 2, { count: 2 }))
  assert.equal(state.entry(1)!.batches.length, BATCHES_KEPT)
  for (let i = 2; i < 7; i++) assert.equal(state.duplicateOf(batch(99, i * 2, { count: 2 }))?.lastOffset, i * 2 + 1)
  assert.equal(state.duplicateOf(batch(99, 2, { count: 2 })), undefined)
  assert.equal(check(state, batch(99, 2, { count: 2 })), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  assert.equal(state.duplicateOf(batch(99, 12)), undefined, 'the same first sequence but another length')
  assert.equal(state.duplicateOf(batch(99, 12, { count: 2, producerEpoch: 1 })), undefined)
})

test('a new epoch begins with sequence 0 and fences the old one', () => {
  const state = new ProducerState()
  state.apply(batch(0, 0, { producerEpoch: 3 }))
  assert.equal(check(state, batch(1, 5, { producerEpoch: 4 })), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  assert.equal(check(state, batch(1, 0, { producerEpoch: 4 })), ErrorCode.NONE)
  state.apply(batch(1, 0, { producerEpoch: 4 }))
  assert.equal(check(state, batch(2, 1, { producerEpoch: 3 })), ErrorCode.INVALID_PRODUCER_EPOCH)
  assert.equal(state.checkData(batch(2, 7, { producerEpoch: 4 }), false), undefined, 'coordinators bring no sequences')
})

test('an open transaction takes only transactional batches', () => {
  const state = new ProducerState()
  state.apply(batch(5, 0, { isTransactional: true }))
  assert.equal(check(state, batch(6, 1)), ErrorCode.INVALID_TXN_STATE)
  assert.equal(check(state, batch(6, 1, { isTransactional: true })), ErrorCode.NONE)
  assert.equal(state.firstUnstableOffset, 5)
  state.apply(batch(8, 0, { producerId: 2, isTransactional: true }))
  assert.deepEqual(state.ongoingTxns, [
    { producerId: 1, firstOffset: 5 },
    { producerId: 2, firstOffset: 8 }
  ])
})

test('verification of KIP-890: without state the first sequence is 0, and none above the one under verification', () => {
  const state = new ProducerState()
  const verification = { supportsEpochBump: true, lowestSequence: 0 }
  assert.equal(
    state.checkData(batch(0, 3, { isTransactional: true }), true, verification)?.errorCode,
    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
  )
  assert.equal(state.checkData(batch(0, 0, { isTransactional: true }), true, verification), undefined)
  assert.equal(
    state.checkData(batch(0, 3, { isTransactional: true }), true, { supportsEpochBump: false, lowestSequence: 2 })?.errorCode,
    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
  )
})

test('producers idle for the expiration go, but none with an open transaction', () => {
  const state = new ProducerState()
  state.apply(batch(0, 0, { producerId: 1 }))
  state.apply(batch(1, 0, { producerId: 2, isTransactional: true }))
  state.apply(batch(2, 0, { producerId: 3, timestamp: NOW + 10 }))
  state.expire(NOW + 1000, 1000)
  assert.deepEqual(
    [...state.entries].map(({ producerId }) => producerId),
    [2, 3]
  )
})

test('a snapshot holds the last batch of each producer and open transactions, and a damaged one is refused', () => {
  const state = new ProducerState()
  state.apply(batch(0, 0, { count: 3 }))
  state.apply(batch(3, 3))
  state.apply(batch(9, 0, { producerId: 77, producerEpoch: 5, isTransactional: true }))
  const bytes = formatProducerSnapshot(state.entries, state.size)
  const entries = parseProducerSnapshot(bytes)!
  const restored = new ProducerState()
  restored.load(entries, 10)
  assert.equal(check(restored, batch(10, 4)), ErrorCode.NONE)
  assert.equal(restored.duplicateOf(batch(10, 3))?.lastOffset, 3)
  assert.deepEqual(restored.ongoingTxns, [{ producerId: 77, firstOffset: 9 }])
  assert.deepEqual(formatProducerSnapshot(restored.entries, restored.size), bytes)
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes)
    damaged[at] ^= 0x10
    assert.equal(parseProducerSnapshot(damaged), undefined, `byte ${at}`)
  }
  for (let size = 0; size < bytes.length; size++) assert.equal(parseProducerSnapshot(bytes.subarray(0, size)), undefined)
})
