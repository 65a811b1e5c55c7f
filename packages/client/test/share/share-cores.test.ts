// The synchronous parts of the share consumer: acknowledgements, sessions, acquired records, the outbox.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode, encodeBatch } from '@odradek/protocol'
import type { ConsumerRecord } from '../../src/consumer/record.ts'
import { KafkaError } from '../../src/errors.ts'
import { mergeRuns, runOf } from '../../src/share/acknowledgements.ts'
import { AcquiredRecords } from '../../src/share/acquired-records.ts'
import { Outbox } from '../../src/share/outbox.ts'
import { SharePartition } from '../../src/share/share-partition.ts'
import { ShareSession } from '../../src/share/share-session.ts'

const ID = 'AAAAAAAAQACAAAAAAAAAAQ'
const place = { nodeId: 1, topic: 'a', topicId: ID, partition: 0 }

function batch(offsets: readonly number[]): Buffer {
  return encodeBatch({
    baseOffset: offsets[0],
    records: offsets.map((offset) => ({ offset, timestamp: 1, key: null, value: Buffer.from(`v${offset}`), headers: [] }))
  })
}

interface Range {
  firstOffset: number
  lastOffset: number
  deliveryCount: number
}

function acquired(batches: readonly Buffer[], acquiredRecords: Range[], partition = new SharePartition(place)) {
  const options = { checksCrc: true, onAck: (each: SharePartition, offset: number) => each.acknowledge(offset, 'accept') }
  return { partition, records: new AcquiredRecords(partition, { records: Buffer.concat(batches), acquiredRecords }, options) }
}

const said = (partition: SharePartition): [number, number, number][] =>
  partition.takePending().map(({ firstOffset, lastOffset, type }) => [firstOffset, lastOffset, type])

function take(records: AcquiredRecords, max = 100): ConsumerRecord[] {
  const out: ConsumerRecord[] = []
  records.take(max, {}, out)
  return out
}

describe('acknowledgements', () => {
  test('runs are as few as they can be', () => {
    const runs = [runOf(3, 3, 'accept'), runOf(1, 1, 'accept'), runOf(2, 2, 'accept'), runOf(4, 4, 'release'), runOf(6, 9, 'gap', true)]
    assert.deepEqual(
      mergeRuns(runs).map(({ firstOffset, lastOffset, type }) => [firstOffset, lastOffset, type]),
      [
        [1, 3, 1],
        [4, 4, 2],
        [6, 9, 0]
      ]
    )
  })

  test('a record is acknowledged once; a renewed one is held again', () => {
    const { partition, records } = acquired([batch([0, 1, 2])], [{ firstOffset: 0, lastOffset: 2, deliveryCount: 1 }])
    const [first, second, third] = take(records)
    assert.equal(partition.heldCount, 3)
    first.ack()
    assert.throws(() => first.ack(), { code: 'ILLEGAL_STATE' })
    partition.acknowledge(1, 'renew')
    partition.acknowledge(2, 'renew')
    const runs = partition.takePending()
    // Finished while the renewal is under way.
    partition.acknowledge(2, 'reject')
    assert.deepEqual(said(partition), [])
    assert.deepEqual(partition.onAnswer(runs, true), [0, 1, 2])
    assert.equal(partition.heldCount, 0)
    assert.deepEqual(partition.takeRenewed(), [second])
    assert.equal(partition.heldCount, 1)
    assert.deepEqual(said(partition), [[2, 2, 3]])
    assert.equal(third.offset, 2)
    partition.acknowledge(1, 'renew')
    assert.deepEqual(partition.onAnswer(partition.takePending(), false), [1])
    assert.ok(partition.isIdle)
  })
})

describe('acquired records', () => {
  test('only what was acquired is handed out, with its delivery count; acquired offsets without a record are gaps', () => {
    const ranges = [
      { firstOffset: 1, lastOffset: 2, deliveryCount: 3 },
      { firstOffset: 5, lastOffset: 9, deliveryCount: 1 }
    ]
    const { partition, records } = acquired([batch([0, 1, 2, 3]), batch([6]), batch([8])], ranges)
    assert.deepEqual(
      take(records).map(({ offset, deliveryCount }) => [offset, deliveryCount]),
      [
        [1, 3],
        [2, 3],
        [6, 1],
        [8, 1]
      ]
    )
    assert.ok(records.isDrained)
    assert.deepEqual(said(partition), [
      [5, 5, 0],
      [7, 7, 0],
      [9, 9, 0]
    ])
    partition.acknowledgeAll('accept')
    assert.equal(said(partition).length, 3)
  })

  test('they are taken in parts, and what is given up is released', () => {
    const { partition, records } = acquired([batch([0, 1, 2, 3])], [{ firstOffset: 0, lastOffset: 3, deliveryCount: 1 }])
    assert.deepEqual(
      take(records, 2).map(({ offset }) => offset),
      [0, 1]
    )
    records.giveUp('release')
    assert.ok(records.isDrained)
    assert.deepEqual(said(partition), [[2, 3, 2]])
  })

  test('damage is rejected and thrown after what lies before it', () => {
    const damaged = batch([2, 3])
    damaged[damaged.length - 1] ^= 1
    const { partition, records } = acquired([batch([0, 1]), damaged], [{ firstOffset: 0, lastOffset: 3, deliveryCount: 1 }])
    assert.equal(take(records).length, 2)
    assert.throws(() => take(records), { code: 'CORRUPT_MESSAGE' })
    assert.ok(records.isDrained)
    partition.acknowledgeAll('accept')
    assert.deepEqual(said(partition), [
      [0, 1, 1],
      [2, 3, 3]
    ])
  })

  test('ranges of a broker that lies cost nothing and end', () => {
    const { partition, records } = acquired(
      [batch([0, 1])],
      [
        { firstOffset: 0, lastOffset: Number.MAX_SAFE_INTEGER - 1, deliveryCount: 1 },
        { firstOffset: 1, lastOffset: 1, deliveryCount: 9 },
        { firstOffset: 7, lastOffset: 3, deliveryCount: 9 }
      ]
    )
    assert.equal(take(records).length, 2)
    assert.equal(take(records).length, 0)
    assert.ok(records.isDrained)
    const runs = partition.takePending()
    assert.deepEqual(partition.onAnswer(runs, true), [])
  })
})

describe('a share session', () => {
  const a = { topicId: ID, partition: 0 }
  const b = { topicId: ID, partition: 1 }

  test('says what is new and what is gone, and counts its requests', () => {
    const session = new ShareSession()
    assert.equal(session.epoch, 0)
    assert.deepEqual(session.next([a]), { added: [a], forgotten: [] })
    assert.ok(session.onAnswer(ErrorCode.NONE))
    assert.equal(session.epoch, 1)
    assert.deepEqual(session.next([a, b]), { added: [b], forgotten: [] })
    assert.ok(session.onAnswer(ErrorCode.NONE))
    assert.deepEqual(session.next([b]), { added: [], forgotten: [a] })
    assert.equal(session.epoch, 2)
  })

  test('begins anew when the broker lost it, or when an answer did not come', () => {
    for (const lose of [(each: ShareSession) => each.onAnswer(ErrorCode.SHARE_SESSION_NOT_FOUND), (each: ShareSession) => each.reset()]) {
      const session = new ShareSession()
      session.next([a, b])
      session.onAnswer(ErrorCode.NONE)
      lose(session)
      assert.equal(session.isOpen, false)
      assert.deepEqual(session.next([a, b]), { added: [a, b], forgotten: [] })
    }
  })
})

describe('the outbox', () => {
  test('who waits is answered when everything that was put before is', async () => {
    const outbox = new Outbox()
    const partition = new SharePartition(place)
    assert.equal(outbox.answered(partition), undefined)
    outbox.put(partition, [runOf(0, 0, 'accept')], 1000)
    const first = outbox.answered(partition)
    outbox.put(partition, [runOf(1, 1, 'accept')], 1000)
    const [parcel] = outbox.takeAll()
    assert.deepEqual(
      parcel.runs.map(({ firstOffset, lastOffset }) => [firstOffset, lastOffset]),
      [[0, 1]]
    )
    // Tried again, together with what came meanwhile.
    outbox.put(partition, [runOf(2, 2, 'release')], 1000)
    const later = outbox.answered(partition)
    outbox.putBack(parcel)
    const [again] = outbox.takeAll()
    assert.equal(again.runs.length, 2)
    const error = new KafkaError(ErrorCode.INVALID_RECORD_STATE)
    again.resolve(error)
    assert.deepEqual(await Promise.all([first, later]), [error, error])
    assert.equal(outbox.answered(partition), undefined)
  })

  test('what is out of time leaves', () => {
    const outbox = new Outbox()
    const partition = new SharePartition(place)
    outbox.put(partition, [runOf(0, 0, 'renew')], 1000)
    assert.ok(outbox.hasRenewals)
    assert.deepEqual(outbox.expired(999), [])
    assert.equal(outbox.expired(1000).length, 1)
    assert.ok(outbox.isEmpty)
  })
})
