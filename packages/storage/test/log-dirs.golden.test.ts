// Opens the log directories that Apache Kafka left (cleanly, killed, killed and damaged) and compares every partition with
// what Apache Kafka itself read from them.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { KafkaRecord } from '@odradek/protocol'
import { decodeRecords, iterateBatches } from '@odradek/protocol'
import { requireGoldens, writeTree } from '@odradek/testkit'
import type { World } from '@odradek/world'
import type { LogConfig } from '../src/log-config.ts'
import type { LogManager } from '../src/log-manager.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { logConfig, memoryWorld, openManager } from './support.ts'

interface ExpectedRecord {
  offset: number
  timestamp: number
  timestampType?: string
  leaderEpoch: number
  key?: string | null
  keyHex?: string
  value?: string | null
  valueHex?: string
  valueLength?: number
  valueSha256?: string
  headers?: [string, string | null][]
}

interface ExpectedPartition {
  partition: number
  logStartOffset: number
  highWatermark: number
  lastStableOffset: number
  maxTimestampOffset: number
  maxTimestamp: number
  offsetForTimestamp?: Record<string, number>
  producers?: {
    producerId: number
    producerEpoch: number
    lastSequence: number
    lastTimestamp: number
    coordinatorEpoch: number | null
    currentTransactionStartOffset: number | null
  }[]
  records?: ExpectedRecord[]
  readCommittedOffsets?: number[]
  abortedTransactions?: { segment: string; producerId: number; firstOffset: number; lastOffset: number; lastStableOffset: number }[]
  leaderEpochCheckpoint: string
}

interface Expected {
  clusterId: string
  topics: Record<string, { topicId: string; configs: Record<string, string>; partitions: ExpectedPartition[] }>
}

/** The goldens were written at about this time: producers idle for a day before it had expired. */
const GOLDEN_NOW = 1_795_254_500_000

function goldenWorld(): World {
  const world = memoryWorld()
  return { ...world, clock: { now: () => GOLDEN_NOW, monotonicMs: () => world.clock.monotonicMs() } }
}

for (const name of ['clean', 'unclean', 'torn'] as const) {
  test(`a ${name} log directory of Apache Kafka opens with the content that Apache Kafka reads from it`, async (t) => {
    const goldens = requireGoldens(t)
    if (goldens === undefined) return
    const expected = goldens.json<Expected>(`expected-${name}.json.gz`)
    const world = goldenWorld()
    await writeTree(goldens.logDir(name), world.disk, '/data')
    const manager = await open(world, expected)
    await compareAll(manager, expected, name === 'clean')
    await manager.shutdown({ clean: true, brokerEpoch: 77 })

    const again = await open(world, expected)
    assert.equal(again.previousBrokerEpoch, 77)
    await compareAll(again, expected, name === 'clean')
    await again.shutdown({ clean: false })

    const recovered = await open(world, expected)
    assert.equal(recovered.previousBrokerEpoch, -1)
    await compareAll(recovered, expected, name === 'clean')
    await recovered.shutdown({ clean: false })
  })
}

function open(world: World, expected: Expected): Promise<LogManager> {
  return openManager(world, { clusterId: expected.clusterId, config: logConfig({ retentionMs: -1 }) })
}

async function compareAll(manager: LogManager, expected: Expected, isClean: boolean): Promise<void> {
  const partitions = Object.entries(expected.topics).flatMap(([topic, { partitions: list }]) =>
    list.map((partition) => ({ topic, partition }))
  )
  assert.equal([...manager.logs()].length, partitions.length)
  for (const { topic, partition } of partitions) {
    const log = manager.get({ topic, partition: partition.partition })
    assert.ok(log, `${topic}-${partition.partition} is there`)
    assert.equal(log.topicId, expected.topics[topic].topicId)
    const isCompacted = expected.topics[topic].configs['cleanup.policy'] === 'compact' && !isClean
    await compare(log, partition, { isClean, isCompacted })
  }
}

/** `isCompacted`: Apache Kafka cleaned the log once more before it was read, so that only the latest values agree. */
async function compare(log: PartitionLog, expected: ExpectedPartition, options: { isClean: boolean; isCompacted: boolean }): Promise<void> {
  const { name } = log
  if (!options.isClean) log.assignEpoch(2, log.logEndOffset)
  log.updateHighWatermark(log.logEndOffset)
  assert.equal(log.logStartOffset, expected.logStartOffset, `${name} logStartOffset`)
  assert.equal(log.highWatermark, expected.highWatermark, `${name} highWatermark`)
  assert.equal(log.lastStableOffset, expected.lastStableOffset, `${name} lastStableOffset`)
  const epochs = `0\n${log.leaderEpochs.length}\n${log.leaderEpochs.map(({ epoch, startOffset }) => `${epoch} ${startOffset}\n`).join('')}`
  // An epoch without records is dropped when a log is opened: the next leader begins its own.
  if (log.logEndOffset > log.logStartOffset || !options.isClean)
    assert.equal(epochs, expected.leaderEpochCheckpoint, `${name} leader epochs`)
  const latest = await log.offsetOfMaxTimestamp()
  assert.deepEqual(
    [latest?.timestamp ?? -1, latest?.offset ?? -1],
    [expected.maxTimestamp, expected.maxTimestampOffset],
    `${name} max timestamp`
  )
  for (const [timestamp, offset] of Object.entries(options.isCompacted ? {} : (expected.offsetForTimestamp ?? {}))) {
    const found = await log.offsetForTimestamp(Number(timestamp))
    const fetchable = found !== undefined && found.offset < log.highWatermark ? found.offset : -1
    assert.equal(fetchable, offset, `${name} offset for ${timestamp}`)
  }
  if (expected.producers) assert.deepEqual(producersOf(log), expected.producers, `${name} producers`)
  await compareRecords(log, expected, options.isCompacted)
  const aborted = await log.abortedTransactions(log.logStartOffset, log.logEndOffset)
  const wanted = (expected.abortedTransactions ?? []).map(({ segment: _, ...txn }) => txn)
  assert.deepEqual(
    aborted.map(({ producerId, firstOffset, lastOffset, lastStableOffset }) => ({ producerId, firstOffset, lastOffset, lastStableOffset })),
    wanted,
    `${name} aborted`
  )
}

function producersOf(log: PartitionLog): unknown[] {
  return log
    .activeProducers()
    .toSorted((a, b) => a.producerId - b.producerId)
    .map((entry) => ({
      producerId: entry.producerId,
      producerEpoch: entry.producerEpoch,
      lastSequence: entry.batches.at(-1)?.lastSequence ?? -1,
      lastTimestamp: entry.lastTimestamp,
      coordinatorEpoch: entry.coordinatorEpoch < 0 ? null : entry.coordinatorEpoch,
      currentTransactionStartOffset: entry.currentTxnFirstOffset < 0 ? null : entry.currentTxnFirstOffset
    }))
}

async function compareRecords(log: PartitionLog, expected: ExpectedPartition, isCompacted: boolean): Promise<void> {
  const { name } = log
  const wanted = expected.records ?? []
  const read: { record: KafkaRecord; leaderEpoch: number; isAborted: boolean; isLogAppendTime: boolean }[] = []
  const aborted = await log.abortedTransactions(log.logStartOffset, log.logEndOffset)
  for (let offset = log.logStartOffset; offset < log.logEndOffset; ) {
    const result = await log.read(offset, { maxBytes: 3000, minOneBatch: true, endOffset: log.highWatermark })
    assert.equal(result.errorCode, 0, `${name} read of ${offset}`)
    if (result.sizeInBytes === 0) break
    for (const batch of iterateBatches(Buffer.concat(result.buffers))) {
      assert.ok(batch.isValid(), `${name} batch at ${batch.baseOffset}`)
      if (batch.isControl) continue
      const isAborted =
        batch.isTransactional &&
        aborted.some(
          (txn) => txn.producerId === batch.producerId && txn.firstOffset <= batch.baseOffset && batch.baseOffset < txn.lastOffset
        )
      for (const record of decodeRecords(batch)) {
        if (record.offset >= offset)
          read.push({ record, leaderEpoch: batch.partitionLeaderEpoch, isAborted, isLogAppendTime: batch.isLogAppendTime })
      }
    }
    result.release?.()
    offset = result.nextOffset
  }
  if (isCompacted) {
    const latest = new Map(read.map(({ record }) => [record.key!.toString('hex'), record.value?.toString('hex')]))
    assert.deepEqual(
      latest,
      new Map(wanted.map(({ key, keyHex, value, valueHex }) => [keyHex ?? hex(key), valueHex ?? hex(value)])),
      `${name} latest values`
    )
    return
  }
  assert.equal(read.length, wanted.length, `${name} records`)
  read.forEach(({ record, leaderEpoch, isLogAppendTime }, i) => {
    assert.deepEqual(comparable(record, leaderEpoch, isLogAppendTime, wanted[i]), wanted[i], `${name} record ${i}`)
  })
  if (expected.readCommittedOffsets === undefined) return
  const committed = read
    .filter(({ record, isAborted }) => !isAborted && record.offset < log.lastStableOffset)
    .map(({ record }) => record.offset)
  assert.deepEqual(committed, expected.readCommittedOffsets, `${name} read_committed`)
}

function hex(text: string | null | undefined): string | undefined {
  return text === null || text === undefined ? undefined : Buffer.from(text).toString('hex')
}

/** The record in the form that the golden chose for it. */
function comparable(record: KafkaRecord, leaderEpoch: number, isLogAppendTime: boolean, form: ExpectedRecord): ExpectedRecord {
  const { value } = record
  return {
    offset: record.offset,
    timestamp: record.timestamp,
    ...(isLogAppendTime ? { timestampType: 'LogAppendTime' } : {}),
    leaderEpoch,
    ...(form.keyHex === undefined
      ? { key: record.key === null ? null : record.key.toString('utf8') }
      : { keyHex: record.key?.toString('hex') }),
    ...(form.valueHex !== undefined
      ? { valueHex: value?.toString('hex') }
      : form.valueSha256 !== undefined
        ? { valueLength: value?.length, valueSha256: createHash('sha256').update(value!).digest('hex') }
        : { value: value === null ? null : value.toString('utf8') }),
    ...(record.headers.length === 0
      ? {}
      : {
          headers: record.headers.map(
            ({ key, value: bytes }) => [key, bytes === null ? null : bytes.toString('hex')] as [string, string | null]
          )
        })
  }
}

test('rebuilt indexes and snapshots are byte for byte those that Apache Kafka wrote', async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const expected = goldens.json<Expected>('expected-clean.json.gz')
  const world = goldenWorld()
  const files = goldens.logDir('clean')
  await writeTree(files, world.disk, '/theirs')
  await writeTree(
    files.filter(({ path }) => !/(index|snapshot|\.kafka_cleanshutdown|recovery-point-offset-checkpoint)$/.test(path)),
    world.disk,
    '/ours'
  )
  const configFor = (topic: string): LogConfig =>
    logConfig({ indexIntervalBytes: Number(expected.topics[topic]?.configs['index.interval.bytes'] ?? 4096) })
  const manager = await openManager(world, { logDirs: ['/ours'], clusterId: expected.clusterId, configFor })
  await manager.shutdown({ clean: true })
  let compared = 0
  const directories = await world.disk.readdir('/theirs')
  for (const directory of directories.filter((name) => /^(codec|plain|tx|idempotent|log-append|broker)\S*-\d$/.test(name))) {
    for (const file of (await world.disk.readdir(`/theirs/${directory}`)).filter((name) => /\d\.(txn|time|)index$/.test(name))) {
      const [theirs, ours] = await Promise.all(['/theirs', '/ours'].map((root) => world.disk.readFile(`${root}/${directory}/${file}`)))
      assert.equal(ours.toString('hex'), theirs.toString('hex'), `${directory}/${file}`)
      compared++
    }
  }
  assert.ok(compared > 40, `${compared} files compared`)
})
