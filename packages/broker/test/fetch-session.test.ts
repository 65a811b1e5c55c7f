import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ZERO_UUID } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'
import {
  type FetchPartition,
  FetchSessionCache,
  type FetchSessionRequest,
  FINAL_EPOCH,
  INITIAL_EPOCH,
  noteOutcome,
  rotate
} from '../src/fetch/fetch-session.ts'

const MINUTE = 60_000

function partition(index: number, fetchOffset = 0): FetchPartition {
  return {
    topic: 'orders',
    topicId: ZERO_UUID,
    partition: index,
    maxBytes: 1000,
    currentLeaderEpoch: -1,
    fetchOffset,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
    sentHighWatermark: -1,
    sentLogStartOffset: -1
  }
}

function partitions(count: number): FetchPartition[] {
  return Array.from({ length: count }, (_, index) => partition(index))
}

function cacheOf(slots = 1000) {
  let id = 0
  return new FetchSessionCache(
    () => slots,
    () => ++id
  )
}

function request(fields: Partial<FetchSessionRequest>): FetchSessionRequest {
  return { sessionId: 0, sessionEpoch: INITIAL_EPOCH, usesTopicIds: false, partitions: [], forgotten: [], ...fields }
}

describe('fetch sessions', () => {
  test('a full request with the final epoch is sessionless, one with the initial epoch wants a session', () => {
    const cache = cacheOf()
    assert.equal(cache.begin(request({ sessionEpoch: FINAL_EPOCH, partitions: partitions(1) }), 0).wantsSession, false)
    assert.equal(cache.begin(request({ partitions: partitions(1) }), 0).wantsSession, true)
  })

  test('a full request of nothing gets a session, which ends when nothing is added to it', () => {
    const cache = cacheOf()
    const [grown, idle] = [cache.create([], false, 0), cache.create([], false, 0)]
    assert.ok(grown > 0 && idle > 0)
    assert.equal(cache.begin(request({ sessionId: grown, sessionEpoch: 1, partitions: partitions(1) }), 0).session?.partitions.size, 1)
    assert.equal(cache.begin(request({ sessionId: idle, sessionEpoch: 1 }), 0).session, undefined)
    assert.equal(cache.begin(request({ sessionId: idle, sessionEpoch: 2 }), 0).errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    assert.equal(cache.size, 1)
  })

  test('an incremental request changes, adds and forgets partitions', () => {
    const cache = cacheOf()
    const sessionId = cache.create(partitions(3), false, 0)
    const scope = cache.begin(
      request({
        sessionId,
        sessionEpoch: 1,
        partitions: [partition(1, 77), partition(9)],
        forgotten: [{ topic: 'orders', topicId: ZERO_UUID, partition: 0 }]
      }),
      1
    )
    assert.equal(scope.errorCode, ErrorCode.NONE)
    assert.deepEqual(
      [...scope.partitions].map((entry) => [entry.partition, entry.fetchOffset]),
      [
        [1, 77],
        [2, 0],
        [9, 0]
      ]
    )
    assert.equal(cache.partitionCount, 3)
  })

  test('epochs go up by one and from the greatest to one', () => {
    const cache = cacheOf()
    const sessionId = cache.create(partitions(1), false, 0)
    assert.equal(cache.begin(request({ sessionId, sessionEpoch: 2 }), 0).errorCode, ErrorCode.INVALID_FETCH_SESSION_EPOCH)
    const { session } = cache.begin(request({ sessionId, sessionEpoch: 1 }), 0)
    assert.ok(session)
    assert.equal(session.epoch, 2)
    session.epoch = 0x7fffffff
    cache.begin(request({ sessionId, sessionEpoch: 0x7fffffff }), 0)
    assert.equal(session.epoch, 1)
  })

  test('a made-up session, and topic ids where the session has names, are refused', () => {
    const cache = cacheOf()
    assert.equal(cache.begin(request({ sessionId: 12345, sessionEpoch: 1 }), 0).errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    const sessionId = cache.create(partitions(1), false, 0)
    assert.equal(
      cache.begin(request({ sessionId, sessionEpoch: 1, usesTopicIds: true }), 0).errorCode,
      ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
    )
  })

  test('a session without partitions is ended', () => {
    const cache = cacheOf()
    const sessionId = cache.create(partitions(1), false, 0)
    const scope = cache.begin(
      request({ sessionId, sessionEpoch: 1, forgotten: [{ topic: 'orders', topicId: ZERO_UUID, partition: 0 }] }),
      0
    )
    assert.equal(scope.session, undefined)
    assert.equal(cache.size, 0)
    assert.equal(cache.partitionCount, 0)
  })

  test('a full request ends the session it names', () => {
    const cache = cacheOf()
    const sessionId = cache.create(partitions(4), false, 0)
    cache.begin(request({ sessionId, sessionEpoch: FINAL_EPOCH }), 0)
    assert.equal(cache.size, 0)
  })

  test('slots are taken from sessions unused for two minutes, else from smaller old ones, else from nobody', () => {
    const cache = cacheOf(2)
    const first = cache.create(partitions(1), false, 0)
    const second = cache.create(partitions(5), false, 0)
    assert.equal(cache.create(partitions(9), false, MINUTE), 0, 'both are young')
    cache.begin(request({ sessionId: first, sessionEpoch: 1 }), 3 * MINUTE)
    cache.begin(request({ sessionId: second, sessionEpoch: 1 }), 3 * MINUTE)
    assert.equal(cache.create(partitions(1), false, 3 * MINUTE), 0, 'no older session is smaller')
    const third = cache.create(partitions(2), false, 3 * MINUTE)
    assert.ok(third > 0)
    assert.equal(cache.begin(request({ sessionId: first, sessionEpoch: 2 }), 3 * MINUTE).errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    assert.ok(cache.create(partitions(1), false, 6 * MINUTE) > 0, 'the least recently used is stale')
    assert.equal(cache.begin(request({ sessionId: second, sessionEpoch: 2 }), 6 * MINUTE).errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
  })

  test('no more partitions are remembered than there is room for', () => {
    const cache = cacheOf()
    for (let i = 0; i < 10; i++) cache.create(partitions(40_000), false, 0)
    assert.equal(cache.partitionCount, 240_000)
    assert.equal(cache.create(partitions(40_000), false, 0), 0)
  })

  test('says only what changed since it was last said', () => {
    const entry = partition(0)
    const outcome = { errorCode: ErrorCode.NONE as number, highWatermark: 5, logStartOffset: 0, sizeInBytes: 0, divergingEpoch: undefined }
    assert.equal(noteOutcome(entry, outcome), true)
    assert.equal(noteOutcome(entry, outcome), false)
    assert.equal(noteOutcome(entry, { ...outcome, sizeInBytes: 10 }), true)
    assert.equal(noteOutcome(entry, { ...outcome, highWatermark: 6 }), true)
    assert.equal(noteOutcome(entry, { ...outcome, highWatermark: 6, logStartOffset: 1 }), true)
    const error = { ...outcome, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, highWatermark: -1, logStartOffset: -1 }
    assert.equal(noteOutcome(entry, error), true)
    assert.equal(noteOutcome(entry, error), true, 'errors are told each time')
  })

  test('partitions that gave records go to the end of the line', () => {
    const cache = cacheOf()
    const sessionId = cache.create(partitions(3), false, 0)
    const { session } = cache.begin(request({ sessionId, sessionEpoch: 1 }), 0)
    assert.ok(session)
    rotate(session, [[...session.partitions.values()][0]])
    assert.deepEqual(
      Array.from(session.partitions.values(), (entry) => entry.partition),
      [1, 2, 0]
    )
  })
})
