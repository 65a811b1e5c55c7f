import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { ErrorCode, encodeBatch, encodeControlBatch, iterateBatches, setBaseOffset, setPartitionLeaderEpoch } from '@odradek/protocol'
import type { LogConfig } from '../src/log-config.ts'
import type { LogManager } from '../src/log-manager.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { append, appendMarker, batchOf, createLog, logConfig, memoryWorld, NOW, openManager, readAll, settle, values } from './support.ts'

const opened: LogManager[] = []
afterEach(async () => {
  for (const manager of opened.splice(0)) await manager.shutdown({ clean: false })
})

async function newLog(changes: Partial<LogConfig> = {}): Promise<PartitionLog> {
  const config = logConfig(changes)
  const manager = await openManager(memoryWorld(), { config })
  opened.push(manager)
  return createLog(manager, config)
}

const CLIENT = { origin: 'client', leaderEpoch: 5, now: NOW } as const
const client = (log: PartitionLog, records: Buffer) => log.append(records, CLIENT)
const idempotent = (baseSequence: number, changes = {}): Buffer =>
  batchOf(['x'], { producerId: 1, producerEpoch: 0, baseSequence, ...changes })

test('a client gets offsets and the leader epoch; what is refused changes nothing', async () => {
  const log = await newLog({ maxMessageBytes: 500 })
  assert.deepEqual(
    (({ errorCode, baseOffset, lastOffset, logAppendTimeMs, logStartOffset }) => ({
      errorCode,
      baseOffset,
      lastOffset,
      logAppendTimeMs,
      logStartOffset
    }))(client(log, batchOf(['a', 'b']))),
    { errorCode: 0, baseOffset: 0, lastOffset: 1, logAppendTimeMs: -1, logStartOffset: 0 }
  )
  assert.equal(log.latestEpoch, 5)
  const corrupt = batchOf(['c'])
  corrupt[65] ^= 1
  assert.equal(client(log, corrupt).errorCode, ErrorCode.CORRUPT_MESSAGE)
  assert.equal(client(log, batchOf(['x'.repeat(600)])).errorCode, ErrorCode.MESSAGE_TOO_LARGE)
  const placed = batchOf(['c'])
  setBaseOffset(placed, 0, 7)
  assert.equal(client(log, placed).errorCode, ErrorCode.INVALID_RECORD)
  assert.equal(log.logEndOffset, 2)
  await settle(log)
  const [batch] = iterateBatches(Buffer.concat((await log.read(0, { maxBytes: 1000 })).buffers))
  assert.equal(batch.partitionLeaderEpoch, 5)
  assert.deepEqual(await values(log), ['a', 'b'])
})

test('a topic that stamps records answers the time and writes it', async () => {
  const log = await newLog({ messageTimestampType: 'LogAppendTime' })
  const result = log.append(batchOf(['a'], { timestamp: 5 }), { ...CLIENT, now: NOW + 77 })
  assert.equal(result.logAppendTimeMs, NOW + 77)
  await settle(log)
  assert.equal((await readAll(log))[0].timestamp, NOW + 77)
})

test('records greater than a segment are refused', async () => {
  const log = await newLog({ segmentBytes: 300 })
  assert.equal(client(log, batchOf(['x'.repeat(400)])).errorCode, ErrorCode.RECORD_LIST_TOO_LARGE)
})

test('a repeated batch is answered with its first offsets and not written again', async () => {
  const log = await newLog()
  for (let i = 0; i < 3; i++) client(log, idempotent(i))
  const repeat = client(log, idempotent(1))
  assert.deepEqual([repeat.errorCode, repeat.duplicate, repeat.baseOffset, repeat.lastOffset], [0, true, 1, 1])
  assert.equal(log.logEndOffset, 3)
  assert.equal(client(log, idempotent(5)).errorCode, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  client(log, idempotent(0, { producerEpoch: 1 }))
  assert.equal(client(log, idempotent(3)).errorCode, ErrorCode.INVALID_PRODUCER_EPOCH)
  assert.equal(log.logEndOffset, 4)
})

test('the last stable offset waits for the marker of the first open transaction and for the high watermark', async () => {
  const log = await newLog()
  append(log, batchOf(['plain']))
  append(log, idempotent(0, { isTransactional: true }))
  append(log, batchOf(['t'], { producerId: 2, producerEpoch: 0, baseSequence: 0, isTransactional: true }))
  append(log, batchOf(['plain']))
  await settle(log)
  assert.equal(log.lastStableOffset, 1)
  appendMarker(log, { producerId: 1, producerEpoch: 0, isAbort: true })
  assert.equal(log.lastStableOffset, 1, 'the marker is not below the high watermark')
  await settle(log)
  assert.equal(log.lastStableOffset, 2)
  appendMarker(log, { producerId: 2, producerEpoch: 0 })
  await settle(log)
  assert.equal(log.lastStableOffset, 6)
  assert.deepEqual(await log.abortedTransactions(0, 6), [
    { producerId: 1, firstOffset: 1, lastOffset: 4, lastStableOffset: 2, isAborted: true }
  ])
  assert.deepEqual(await log.abortedTransactions(5, 6), [])
})

test('markers are fenced by producer epoch and coordinator epoch, and with transaction version 2 must bump the epoch', async () => {
  const log = await newLog()
  append(log, idempotent(0, { producerEpoch: 4, isTransactional: true }))
  const mark = (producerEpoch: number, coordinatorEpoch: number, transactionVersion = 0): number => {
    const records = [{ type: 'COMMIT', value: { coordinatorEpoch } } as const]
    const batch = encodeControlBatch({ records, producerId: 1, producerEpoch, isTransactional: true, timestamp: NOW })
    return log.append(batch, { origin: 'coordinator', leaderEpoch: 0, now: NOW, transactionVersion }).errorCode
  }
  assert.equal(mark(3, 7), ErrorCode.INVALID_PRODUCER_EPOCH)
  assert.equal(mark(4, 7, 2), ErrorCode.INVALID_PRODUCER_EPOCH, 'version 2 needs a greater epoch while the transaction is open')
  assert.equal(mark(5, 7, 2), ErrorCode.NONE)
  assert.equal(mark(5, 7, 2), ErrorCode.NONE, 'a repeat of it')
  assert.equal(mark(5, 6), ErrorCode.TRANSACTION_COORDINATOR_FENCED)
  assert.equal(mark(5, 8), ErrorCode.NONE)
})

test('raft brings offsets that go on exactly, a follower such that follow', async () => {
  const log = await newLog()
  const at = (offset: number, epoch = 5): Buffer => {
    const bytes = batchOf(['r'])
    setBaseOffset(bytes, 0, offset)
    setPartitionLeaderEpoch(bytes, 0, epoch)
    return bytes
  }
  const raft = (records: Buffer): number => log.append(records, { origin: 'raft', leaderEpoch: 5, now: NOW }).errorCode
  const follower = (records: Buffer): number => log.append(records, { origin: 'replication', leaderEpoch: 5, now: NOW }).errorCode
  assert.equal(raft(at(1)), ErrorCode.INVALID_RECORD)
  assert.equal(raft(at(0)), ErrorCode.NONE)
  assert.equal(follower(at(0)), ErrorCode.INVALID_RECORD)
  assert.equal(follower(Buffer.concat([at(1, 6), at(4, 8)])), ErrorCode.NONE)
  assert.equal(log.logEndOffset, 5)
  assert.deepEqual(log.leaderEpochs, [
    { epoch: 5, startOffset: 0 },
    { epoch: 6, startOffset: 1 },
    { epoch: 8, startOffset: 4 }
  ])
})

test('a range of a leader that is greater than a segment is taken batch by batch', async () => {
  const source = await newLog()
  for (let i = 0; i < 40; i++) append(source, batchOf([`${i}`]))
  await settle(source)
  const { buffers } = await source.read(0, { maxBytes: 1 << 20 })
  const copy = await newLog({ segmentBytes: 700 })
  const result = copy.append(Buffer.concat(buffers), { origin: 'replication', leaderEpoch: 0, now: NOW })
  assert.deepEqual([result.errorCode, result.baseOffset, result.lastOffset], [0, 0, 39])
  await settle(copy)
  assert.ok(copy.segments.length > 3)
  assert.deepEqual(await values(copy), await values(source))
})

test('segments roll by size, by the time of their records and when an index is full', async () => {
  const roll = async (changes: Partial<LogConfig>, timestamps: number[]): Promise<number[]> => {
    const log = await newLog({ indexIntervalBytes: 0, ...changes })
    for (const timestamp of timestamps) append(log, batchOf(['x'.repeat(50)], { timestamp }), NOW + 10_000_000)
    return log.segments.map(({ baseOffset }) => baseOffset)
  }
  const same = Array.from({ length: 6 }, () => NOW)
  assert.deepEqual(await roll({ segmentBytes: 300 }, same), [0, 2, 4])
  assert.deepEqual(await roll({ segmentMs: 1000 }, [NOW, NOW + 1000, NOW + 1001, NOW + 2001, NOW + 2002]), [0, 2, 4])
  assert.deepEqual(
    await roll(
      { segmentIndexBytes: 24 },
      same.map((time, i) => time + i)
    ),
    [0, 2, 4]
  )
  // a part of the jitter that is drawn is taken off
  assert.deepEqual(await roll({ segmentMs: 2_000_000, segmentJitterMs: 2_000_000 }, [NOW, NOW + 1_999_999]), [0, 1])
})

test('with durability sync nothing is acknowledged before it is on disk, and flush.messages=1 means the same', async () => {
  for (const changes of [{ durability: 'sync' }, { flushMessages: 1 }] as const) {
    const log = await newLog(changes)
    const acked: number[] = []
    log.setListener({
      onWritten: (offset) => {
        acked.push(offset)
        assert.ok(offset <= log.syncedOffset)
      },
      onFailed: (error) => assert.fail(String(error))
    })
    for (let i = 0; i < 5; i++) append(log, batchOf([`${i}`]))
    while (log.ackOffset < 5) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(acked.at(-1), 5)
  }
})

test('flush.messages brings the log to disk after that many, without holding acknowledgements', async () => {
  const log = await newLog({ flushMessages: 3 })
  for (let i = 0; i < 4; i++) append(log, batchOf([`${i}`]))
  while (log.syncedOffset < 4) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(log.recoveryPoint, 4)
})

test('aborted transactions are known after a restart, also when their index is damaged, and more of them can follow', async () => {
  const world = memoryWorld()
  const config = logConfig()
  const manager = await openManager(world, { config })
  const log = await createLog(manager, config)
  const abort = (to: PartitionLog, producerEpoch: number): void => {
    append(to, idempotent(0, { producerEpoch, isTransactional: true }))
    appendMarker(to, { producerId: 1, producerEpoch, isAbort: true })
  }
  abort(log, 0)
  append(log, idempotent(0, { producerEpoch: 1, isTransactional: true }))
  log.roll(NOW)
  appendMarker(log, { producerId: 1, producerEpoch: 1, isAbort: true })
  log.roll(NOW)
  abort(log, 2)
  await settle(log)
  const expected = (await log.abortedTransactions(0, 100)).map(({ firstOffset, lastOffset }) => [firstOffset, lastOffset])
  assert.deepEqual(expected, [
    [0, 1],
    [2, 3],
    [4, 5]
  ])
  await manager.shutdown({ clean: true })
  for (const [i, name] of ['00000000000000000000', '00000000000000000003', '00000000000000000004'].entries()) {
    const path = `/data/topic-0/${name}.txnindex`
    if (i === 1) await world.disk.writeFileAtomic(path, Buffer.from('damaged'))
    assert.ok(await world.disk.exists(path))
  }
  const again = await openManager(world, { config })
  opened.push(again)
  const reopened = again.get({ topic: 'topic', partition: 0 })!
  abort(reopened, 3)
  await settle(reopened)
  const found = (await reopened.abortedTransactions(0, 100)).map(({ firstOffset, lastOffset }) => [firstOffset, lastOffset])
  assert.deepEqual(found, [...expected, [6, 7]])
})

test('offsets too far from the base of a segment for its index begin a new one, also in an empty log, and survive a crash', async () => {
  const far = 3_000_000_000
  const replicate = (log: PartitionLog, bases: readonly number[]) => {
    const batches = bases.map((baseOffset) => encodeBatch({ baseOffset, records: [{ value: `at ${baseOffset}`, timestamp: NOW }] }))
    return log.append(Buffer.concat(batches), { origin: 'replication', leaderEpoch: -1, now: NOW })
  }
  for (const appends of [[[far]], [[0], [far]], [[0, far, far + 1, 2 * far]], [[far], [2 * far], [2 * far + 1]]]) {
    const world = memoryWorld()
    const config = logConfig({ indexIntervalBytes: 1 })
    const manager = await openManager(world, { config })
    const log = await createLog(manager, config)
    for (const bases of appends) assert.equal(replicate(log, bases).errorCode, 0)
    await settle(log)
    await log.flush()
    const expected = appends.flat()
    assert.deepEqual(
      (await readAll(log)).map(({ offset }) => offset),
      expected
    )
    assert.ok(
      log.segments.every(
        (segment, i) => log.segmentEnd(i) - 1 - segment.baseOffset < 2 ** 31 || segment.offsets.lastOffset < segment.baseOffset + 2 ** 31
      )
    )
    await manager.shutdown({ clean: false })
    await world.disk.removeTree('/data/recovery-point-offset-checkpoint')
    const again = await openManager(world, { config })
    const reopened = again.get({ topic: 'topic', partition: 0 })!
    assert.deepEqual(
      (await readAll(reopened)).map(({ offset }) => offset),
      expected
    )
    assert.equal(reopened.logEndOffset, (expected.at(-1) as number) + 1)
    await again.shutdown({ clean: true })
  }
})
