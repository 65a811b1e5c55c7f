import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COMPRESSION_TYPES, ErrorCode, encodeBatch, encodeEndTransactionMarker, FetchResponse } from '@odradek/protocol'
import { ClassicMember } from '../../src/consumer/classic-member.ts'
import { ConsumerMember } from '../../src/consumer/consumer-member.ts'
import { FetchSession, type SessionPartition } from '../../src/consumer/fetch-session.ts'
import { FetchedRecords } from '../../src/consumer/fetched-records.ts'
import { PartitionState, UnfinishedOffsets } from '../../src/consumer/partition-state.ts'
import type { ConsumerRecord } from '../../src/consumer/record.ts'
import { parseDuration, parseResetStrategy } from '../../src/consumer/reset-strategy.ts'

const ID = 'AAAAAAAAQACAAAAAAAAAAQ'
const partition = (at: number, fetchOffset: number, topicId = ID): [string, SessionPartition] => [
  `a-${at}`,
  { topic: 'a', topicId, partition: at, currentLeaderEpoch: 0, fetchOffset, partitionMaxBytes: 10 }
]
const places = (list: readonly SessionPartition[]) => list.map((each) => `${each.partition}@${each.fetchOffset}`)

test('a fetch session names only what changed, forgets what is not wanted, and begins anew after an error', () => {
  const session = new FetchSession()
  const first = session.next(new Map([partition(0, 0), partition(1, 0)]))
  assert.deepEqual([first.sessionId, first.sessionEpoch, places(first.send)], [0, 0, ['0@0', '1@0']])
  assert.equal(session.onResponse(ErrorCode.NONE, 77), true)
  const second = session.next(new Map([partition(0, 5), partition(2, 0)]))
  assert.deepEqual([second.sessionId, second.sessionEpoch], [77, 1])
  assert.deepEqual([places(second.send), places(second.forget)], [['0@5', '2@0'], ['1@0']])
  session.onResponse(ErrorCode.NONE, 77)
  assert.deepEqual(places(session.next(new Map([partition(0, 5), partition(2, 0)])).send), [])
  assert.equal(session.onResponse(ErrorCode.FETCH_SESSION_ID_NOT_FOUND, 0), false)
  const anew = session.next(new Map([partition(0, 5)]))
  assert.deepEqual([anew.sessionId, anew.sessionEpoch, places(anew.send)], [0, 0, ['0@5']])
})

test('a topic that was made anew leaves the session under its old id', () => {
  const session = new FetchSession()
  session.next(new Map([partition(0, 5)]))
  session.onResponse(ErrorCode.NONE, 3)
  const request = session.next(new Map([partition(0, 5, 'BBBBBBBBQBCBBBBBBBBBBQ')]))
  assert.deepEqual([request.forget[0].topicId, request.send[0].topicId], [ID, 'BBBBBBBBQBCBBBBBBBBBBQ'])
})

function read(
  records: Buffer,
  options: { from?: number; isReadCommitted?: boolean; aborted?: [producerId: number, firstOffset: number][] } = {}
) {
  const state = new PartitionState('a', 0)
  state.seek(options.from ?? 0)
  const abortedTransactions = (options.aborted ?? []).map(([producerId, firstOffset]) => ({ producerId, firstOffset }))
  const [data] = FetchResponse.create({ responses: [{ partitions: [{ records, abortedTransactions }] }] }).responses[0].partitions
  return new FetchedRecords(state, options.from ?? 0, data, { checksCrc: true, isReadCommitted: options.isReadCommitted ?? false })
}

function offsets(fetched: FetchedRecords, max = 1000): number[] {
  const out: ConsumerRecord[] = []
  fetched.take(max, {}, out)
  return out.map(({ offset }) => offset)
}

const batch = (baseOffset: number, count: number, extra: object = {}) =>
  encodeBatch({
    baseOffset,
    records: Array.from({ length: count }, (_, at) => ({ key: null, value: `v${baseOffset + at}`, timestamp: 1 })),
    ...extra
  })

test('records before the offset asked for are passed over, in batches of every codec, some at a time', () => {
  for (const compression of COMPRESSION_TYPES) {
    const fetched = read(Buffer.concat([batch(0, 5, { compression }), batch(5, 3, { compression })]), { from: 3 })
    assert.equal(fetched.endOffset, 8)
    assert.deepEqual(offsets(fetched, 3), [3, 4, 5])
    assert.deepEqual(offsets(fetched, 1), [6])
    assert.deepEqual(offsets(fetched), [7])
    assert.equal(fetched.nextOffset, 8)
    assert.equal(fetched.isDrained, true)
  }
})

test('read_committed hides aborted records and markers, and moves past them', () => {
  const one = { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true }
  const two = { ...one, producerId: 2 }
  const marker = (type: 'COMMIT' | 'ABORT', producerId: number, baseOffset: number) =>
    encodeEndTransactionMarker({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1, baseOffset })
  const log = Buffer.concat([
    batch(0, 2, one),
    batch(2, 2, two),
    marker('ABORT', 1, 4),
    batch(5, 1, one),
    marker('COMMIT', 2, 6),
    marker('COMMIT', 1, 7)
  ])
  const all: number[] = []
  const fetched = read(log, { isReadCommitted: true, aborted: [[1, 0]] })
  for (let more = offsets(fetched, 1); more.length > 0; more = offsets(fetched, 1)) all.push(...more)
  assert.deepEqual(all, [2, 3, 5])
  assert.equal(fetched.nextOffset, 8)
  const uncommitted = read(log)
  assert.deepEqual([offsets(uncommitted), offsets(uncommitted)].flat(), [0, 1, 2, 3, 5])
})

test('read_committed gives what is committed behind the marker of a transaction whose records were read before', () => {
  const one = { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true }
  const marker = (type: 'COMMIT' | 'ABORT', baseOffset: number) =>
    encodeEndTransactionMarker({ type, producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1, baseOffset })
  const log = Buffer.concat([marker('ABORT', 5), batch(6, 4, one), marker('COMMIT', 10)])
  assert.deepEqual(offsets(read(log, { from: 5, isReadCommitted: true, aborted: [[1, 0]] })), [6, 7, 8, 9])
  const open = Buffer.concat([batch(4, 1, one), marker('ABORT', 5), batch(6, 4, one), marker('COMMIT', 10)])
  assert.deepEqual(offsets(read(open, { from: 5, isReadCommitted: true, aborted: [[1, 0]] })), [6, 7, 8, 9])
})

test('the epoch of a position inside a batch is that of the batch', () => {
  const fetched = read(Buffer.concat([batch(0, 3, { partitionLeaderEpoch: 5 }), batch(3, 4, { partitionLeaderEpoch: 6 })]))
  assert.deepEqual(offsets(fetched, 5), [0, 1, 2, 3, 4])
  assert.deepEqual([fetched.nextOffset, fetched.lastEpoch], [5, 6])
})

test('a damaged batch is an error at its offset; what lies before it was handed out', () => {
  const log = Buffer.concat([batch(0, 2), batch(2, 2)])
  log[log.length - 1] ^= 1
  const fetched = read(log)
  assert.deepEqual(offsets(fetched), [0, 1])
  assert.throws(() => offsets(fetched), { code: 'CORRUPT_MESSAGE', message: /a-0 at offset 2/ })
})

test('null and empty keys and values stay apart, headers keep their order and duplicates', () => {
  const headers = [
    { key: 'h', value: Buffer.from('1') },
    { key: 'h', value: null }
  ]
  const fetched = read(encodeBatch({ baseOffset: 0, records: [{ key: '', value: null, headers, timestamp: 7 }] }))
  const out: ConsumerRecord[] = []
  fetched.take(1, {}, out)
  assert.deepEqual([out[0].key, out[0].value, out[0].timestamp], [Buffer.alloc(0), null, 7])
  assert.deepEqual(out[0].headers, headers)
  assert.equal(out[0].header('h'), null)
})

test('what is finished ends before the first record that is not', () => {
  const unfinished = new UnfinishedOffsets()
  for (const offset of [3, 4, 6, 9]) unfinished.add(offset)
  unfinished.finish(4)
  unfinished.finish(9)
  assert.equal(unfinished.first, 3)
  unfinished.finish(3)
  assert.equal(unfinished.first, 6)
  unfinished.finish(6)
  assert.equal(unfinished.first, undefined)
})

test('auto.offset.reset takes a duration', () => {
  assert.equal(parseDuration('P1DT2H3M4.5S'), 93_784_500)
  assert.deepEqual(parseResetStrategy('by_duration:PT1H'), { kind: 'by_duration', durationMs: 3_600_000 })
  assert.equal(parseResetStrategy('none'), undefined)
  for (const wrong of ['by_duration:1h', 'by_duration:P', 'newest'])
    assert.throws(() => parseResetStrategy(wrong), { code: 'INVALID_CONFIG' })
})

test('a classic member keeps the id it was given, and loses everything when the group does not know it', () => {
  const member = new ClassicMember()
  const none = { memberId: '', generationId: -1, protocolName: null }
  assert.deepEqual(member.onJoin(ErrorCode.MEMBER_ID_REQUIRED, { ...none, memberId: 'm' }), { kind: 'retry', isSoon: true })
  assert.equal(member.memberId, 'm')
  member.onJoin(ErrorCode.NONE, { memberId: 'm', generationId: 3, protocolName: 'range' })
  member.onSync(ErrorCode.NONE)
  assert.equal(member.phase, 'stable')
  member.onHeartbeat(ErrorCode.UNKNOWN_MEMBER_ID, 2)
  assert.equal(member.phase, 'stable', 'an answer to an older generation changes nothing')
  member.onHeartbeat(ErrorCode.REBALANCE_IN_PROGRESS, 3)
  assert.deepEqual([member.phase, member.hasLostPartitions, member.memberId], ['unjoined', false, 'm'])
  member.onHeartbeat(ErrorCode.UNKNOWN_MEMBER_ID, 3)
  assert.deepEqual([member.generationId, member.hasLostPartitions, member.memberId], [-1, true, ''])
})

test('a member of the consumer protocol says everything once, then only what changed, and everything again when fenced', () => {
  const member = new ConsumerMember()
  member.subscribe(['a'], undefined)
  assert.deepEqual(member.next(), {
    memberEpoch: 0,
    subscribedTopicNames: ['a'],
    subscribedTopicRegex: null,
    topicPartitions: [],
    isFull: true
  })
  const assignment = { topicPartitions: [{ topicId: ID, partitions: [0] }] }
  member.onAnswer({ errorCode: 0, errorMessage: null, memberEpoch: 2, assignment })
  assert.deepEqual(member.target, assignment.topicPartitions)
  member.own(assignment.topicPartitions)
  assert.deepEqual(member.next().topicPartitions, assignment.topicPartitions)
  member.onAnswer({ errorCode: 0, errorMessage: null, memberEpoch: 2, assignment: null })
  assert.deepEqual([member.next().topicPartitions, member.next().subscribedTopicNames], [null, null])
  assert.equal(
    member.onAnswer({ errorCode: ErrorCode.FENCED_MEMBER_EPOCH, errorMessage: null, memberEpoch: 0, assignment: null }).kind,
    'fenced'
  )
  assert.deepEqual([member.hasLostPartitions, member.next().memberEpoch, member.next().subscribedTopicNames], [true, 0, ['a']])
})

test('a heartbeat whose answer is lost is followed by a whole one, for the answer may have brought an assignment', () => {
  const member = new ConsumerMember()
  member.subscribe(['a'], undefined)
  const answer = { errorCode: 0, errorMessage: null, memberEpoch: 2, assignment: null }
  const owned = [{ topicId: ID, partitions: [0] }]
  member.next()
  member.onAnswer({ ...answer, assignment: { topicPartitions: owned } })
  member.own(owned)
  member.next()
  member.onAnswer(answer)
  assert.equal(member.next().isFull, false)
  member.answerLost()
  const whole = { memberEpoch: 2, subscribedTopicNames: ['a'], subscribedTopicRegex: '', topicPartitions: owned, isFull: true }
  assert.deepEqual(member.next(), whole)
  assert.equal(member.onAnswer({ ...answer, errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS }).kind, 'retry')
  assert.deepEqual(member.next(), whole)
  member.onAnswer(answer)
  assert.equal(member.next().isFull, false)
})

test('an answer to a heartbeat from before the member was fenced changes nothing', () => {
  const member = new ConsumerMember()
  const answer = { errorCode: 0, errorMessage: null, memberEpoch: 2, assignment: null }
  member.subscribe(['a'], undefined)
  member.next()
  member.onAnswer(answer)
  member.next()
  member.fence()
  member.onAnswer(answer)
  assert.deepEqual([member.isMember, member.next().isFull], [false, true])
})

test('who was thrown out of a group commits as who it was until poll has told of the loss', () => {
  const classic = new ClassicMember()
  classic.onJoin(ErrorCode.NONE, { memberId: 'm', generationId: 3, protocolName: 'range' })
  classic.onSync(ErrorCode.NONE)
  classic.onHeartbeat(ErrorCode.UNKNOWN_MEMBER_ID, 3)
  // Without a member id the coordinator would take the offsets of a transaction from anybody.
  assert.deepEqual(classic.committer, { memberId: 'm', generationId: 3 })
  classic.hasLostPartitions = false
  assert.deepEqual(classic.committer, { memberId: '', generationId: -1 })

  const member = new ConsumerMember()
  member.subscribe(['a'], undefined)
  const answer = { errorCode: 0, errorMessage: null, memberEpoch: 4, assignment: null }
  member.next()
  member.onAnswer(answer)
  member.next()
  member.onAnswer({ ...answer, errorCode: ErrorCode.FENCED_MEMBER_EPOCH })
  member.next()
  member.onAnswer({ ...answer, memberEpoch: 7 })
  assert.deepEqual([member.memberEpoch, member.committerEpoch], [7, 4])
  member.hasLostPartitions = false
  assert.equal(member.committerEpoch, 7)
})
