// Apache Kafka's own reader of segments, indexes, snapshots and transaction indexes over files that Odradek wrote. Needs
// Java and the jars of Apache Kafka 4.3 in the folder named by KAFKA_LIBS; skipped without (a failure under CI=true).

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { LogConfig } from '../src/log-config.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { append, appendMarker, batchOf, createLog, diskWorld, logConfig, NOW, openManager, settle, temporaryFolder } from './support.ts'

const run = promisify(execFile)
const FLAGS = process.env.KAFKA_JAVA_FLAGS?.split('\n') ?? []

function requireLibs(t: TestContext): string | undefined {
  const libs = process.env.KAFKA_LIBS
  if (libs !== undefined && existsSync(libs)) return libs
  const message = 'no jars of Apache Kafka: set KAFKA_LIBS to the folder that holds them'
  if (process.env.CI === 'true') throw new Error(message)
  t.skip(message)
  return undefined
}

async function dump(libs: string, files: readonly string[]): Promise<string> {
  const args = [...FLAGS, '-cp', `${libs}/*`, 'org.apache.kafka.tools.DumpLogSegments', '--deep-iteration', '--files', files.join(',')]
  const { stdout, stderr } = await run('java', args, { maxBuffer: 64 << 20 })
  return stdout + stderr
}

/** Batches of every kind the log treats differently, over many segments. */
async function fill(log: PartitionLog): Promise<void> {
  for (let i = 0; i < 60; i++) append(log, batchOf([`plain-${i}`, { key: `k${i}`, value: null }], { timestamp: NOW + i * 10 }))
  for (let i = 0; i < 20; i++) append(log, batchOf([`gzip-${i}`.repeat(20)], { timestamp: NOW + 600 + i, compression: 'gzip' }))
  for (let i = 0; i < 30; i++)
    append(log, batchOf([`id-${i}`, `id-${i}'`], { producerId: 7, producerEpoch: 0, baseSequence: i * 2, timestamp: NOW + 700 + i }))
  for (let i = 0; i < 20; i++) {
    const batch = { producerId: 9, producerEpoch: i, baseSequence: 0, isTransactional: true, timestamp: NOW + 800 + i }
    append(log, batchOf([`tx-${i}`], batch))
    append(log, batchOf([`between-${i}`]))
    appendMarker(log, { producerId: 9, producerEpoch: i, isAbort: i % 2 === 0, now: NOW + 800 + i })
  }
  append(log, batchOf(['open'], { producerId: 11, producerEpoch: 3, baseSequence: 0, isTransactional: true, timestamp: NOW + 900 }))
  await settle(log)
}

test('kafka-dump-log finds nothing wrong in our files and reads every record', async (t) => {
  const libs = requireLibs(t)
  if (libs === undefined) return
  using folder = temporaryFolder()
  const config: LogConfig = logConfig({ segmentBytes: 2048, indexIntervalBytes: 200 })
  const options = { logDirs: [folder.path], config }
  const manager = await openManager(diskWorld(), options)
  await fill(await createLog(manager, config))
  await manager.shutdown({ clean: true })
  const again = await openManager(diskWorld(), options)
  const log = again.get({ topic: 'topic', partition: 0 })!
  append(log, batchOf(['after reopening'], { timestamp: NOW + 1000 }))
  await settle(log)
  const { logEndOffset, segments } = log
  await again.shutdown({ clean: true })

  const directory = join(folder.path, 'topic-0')
  const names = readdirSync(directory)
  assert.ok(segments.length >= 8, `${segments.length} segments`)
  const logs = names.filter((name) => name.endsWith('.log'))
  assert.equal(names.filter((name) => name.endsWith('.timeindex')).length, logs.length)
  const dumped = await dump(
    libs,
    names.filter((name) => /\.(log|snapshot|txnindex|index|timeindex)$/.test(name)).map((name) => join(directory, name))
  )
  assert.doesNotMatch(dumped, /Mismatches|not found|Index offsets|Corrupt|Exception|isvalid: false|rror/i)
  const offsets = [...dumped.matchAll(/^\| offset: (\d+)/gm)].map((match) => Number(match[1])).sort((a, b) => a - b)
  assert.deepEqual(
    offsets,
    Array.from({ length: logEndOffset }, (_, i) => i)
  )
  assert.match(dumped, /producerId: 7 producerEpoch: 0 .*lastSequence: 59/)
  assert.match(dumped, /producerId: 11 producerEpoch: 3 .*currentTxnFirstOffset: OptionalLong\[\d+\]/)
  assert.equal([...dumped.matchAll(/^version: 0 producerId: 9 firstOffset: /gm)].length, 10, 'aborted transactions')

  const indexes = names.filter((name) => name.endsWith('.index')).map((name) => join(directory, name))
  const { stdout } = await run('java', [
    ...FLAGS,
    '-cp',
    `${libs}/*`,
    'org.apache.kafka.tools.DumpLogSegments',
    '--index-sanity-check',
    '--files',
    indexes.join(',')
  ])
  assert.equal([...stdout.matchAll(/passed sanity check/g)].length, indexes.length)
})
