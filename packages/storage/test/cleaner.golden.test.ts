// What Apache Kafka's cleaner made of segments, made again by ours from the same segments: the log directory holds both,
// because the old ones were only marked `.deleted` when it was archived.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeRecords, iterateBatches, type RecordBatch } from '@odradek/protocol'
import { type Goldens, requireGoldens } from '@odradek/testkit'
import type { FilterContext } from '../src/cleaner/batch-filter.ts'
import { filterBatch } from '../src/cleaner/batch-filter.ts'
import { CleanedTransactions } from '../src/cleaner/cleaned-transactions.ts'
import { KeyMap } from '../src/cleaner/key-map.ts'

interface CompactionLine {
  name: string
  hex: string
  sourceHex: string
  maxOffset: number
}

const DAY_MS = 86_400_000

function contextOf(keys: KeyMap, changes: Partial<FilterContext>): FilterContext {
  return {
    keys,
    transactions: new CleanedTransactions(),
    lastRecords: new Map(),
    now: 1_700_001_000_000,
    deleteRetentionMs: DAY_MS,
    endOffset: -1,
    decompressedBytesMax: 1 << 25,
    ...changes
  }
}

function keysOf(batches: readonly RecordBatch[]): KeyMap {
  const keys = new KeyMap(1 << 20)
  for (const batch of batches) {
    for (const { key, offset } of decodeRecords(batch)) if (key !== null) keys.put(key, 0, key.length, offset)
  }
  return keys
}

function describe(batch: RecordBatch): unknown {
  const {
    baseOffset,
    lastOffset,
    partitionLeaderEpoch,
    attributes,
    baseTimestamp,
    maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    count
  } = batch
  const header = {
    baseOffset,
    lastOffset,
    partitionLeaderEpoch,
    attributes,
    baseTimestamp,
    maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    count
  }
  return { ...header, records: decodeRecords(batch) }
}

test('a batch of which only the latest values stay is the one that Apache Kafka builds', (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const lines = goldens.lines<CompactionLine>('record-batches.ndjson.gz').filter(({ name }) => name.startsWith('compaction/'))
  assert.equal(lines.length, 5)
  for (const { name, hex, sourceHex } of lines) {
    const [source] = iterateBatches(Buffer.from(sourceHex, 'hex'))
    const kept = filterBatch(source, contextOf(keysOf([source]), {}))
    assert.ok(kept, name)
    const [theirs] = iterateBatches(Buffer.from(hex, 'hex'))
    const [ours] = iterateBatches(kept)
    assert.ok(ours.isValid(), name)
    assert.deepEqual(describe(ours), describe(theirs), name)
    if (!ours.isCompressed) assert.equal(kept.toString('hex'), hex, name)
  }
})

function segmentsOf(goldens: Goldens, directory: string, suffix: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (const { path, data } of goldens.logDir('clean')) {
    const [folder, name] = path.split('/')
    if (folder === directory && name?.endsWith(suffix)) found.set(name.slice(0, 20), data)
  }
  return found
}

for (const topic of ['compacted', 'compacted-zstd']) {
  test(`the segments of ${topic} come out as Apache Kafka cleaned them`, (t) => {
    const goldens = requireGoldens(t)
    if (goldens === undefined) return
    const old = [...segmentsOf(goldens, `${topic}-0`, '.log.deleted').values()].flatMap((data) => iterateBatches(data))
    const theirs = iterateBatches(segmentsOf(goldens, `${topic}-0`, '.log').get('0'.repeat(20))!)
    const endOffset = theirs[theirs.length - 1].nextOffset
    const horizon = theirs.map(({ deleteHorizonMs }) => deleteHorizonMs ?? 0).reduce((a, b) => Math.max(a, b))
    const deleteRetentionMs = 1000
    const context = contextOf(keysOf(old), { endOffset, deleteRetentionMs, now: horizon === 0 ? 1 : horizon - deleteRetentionMs })
    const ours = old.flatMap((batch) => {
      const kept = filterBatch(batch, context)
      return kept === undefined ? [] : iterateBatches(kept)
    })
    assert.deepEqual(ours.map(describe), theirs.map(describe))
    if (topic === 'compacted')
      assert.equal(
        Buffer.concat(ours.map((batch) => batch.bytes())).toString('hex'),
        Buffer.concat(theirs.map((batch) => batch.bytes())).toString('hex')
      )
  })
}
