// What the tests of storage share: a world over a memory disk or a temporary folder, batches, and reading everything back.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CompressionType, KafkaRecord, RecordInput } from '@odradek/protocol'
import { decodeRecords, encodeBatch, encodeEndTransactionMarker, iterateBatches } from '@odradek/protocol'
import type { World } from '@odradek/world'
import { createMemoryDisk, createNodeWorld } from '@odradek/world/node'
import type { LogConfig } from '../src/log-config.ts'
import { defaultLogConfig } from '../src/log-config.ts'
import type { LogManagerOptions } from '../src/log-manager.ts'
import { LogManager } from '../src/log-manager.ts'
import type { PartitionLog } from '../src/partition-log.ts'

export const TOPIC_ID = 'XNkZ0VXkR3WP0739P1Z0EQ'
export const NOW = 1_750_000_000_000

export function memoryWorld(options: { maxBytes?: number } = {}): World {
  return createNodeWorld({
    logLevel: 'OFF',
    disk: createMemoryDisk(options),
    onHalt: (reason, error) => {
      throw new Error(`halted: ${reason}`, { cause: error })
    }
  })
}

/** A memory world whose wall clock stands where it is put. */
export function clockedWorld(start = NOW): { world: World; clock: { now: number } } {
  const clock = { now: start }
  const world = memoryWorld()
  return { world: { ...world, clock: { now: () => clock.now, monotonicMs: () => world.clock.monotonicMs() } }, clock }
}

export function diskWorld(): World {
  return createNodeWorld({
    logLevel: 'OFF',
    onHalt: (reason, error) => {
      throw new Error(`halted: ${reason}`, { cause: error })
    }
  })
}

export function temporaryFolder(): { path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'odradek-storage-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

export function logConfig(changes: Partial<LogConfig> = {}): LogConfig {
  return { ...defaultLogConfig, retentionMs: -1, ...changes }
}

export async function openManager(world: World, changes: Partial<LogManagerOptions> & { config?: LogConfig } = {}): Promise<LogManager> {
  const { config = logConfig(), configFor = () => config, ...rest } = changes
  const identity = { logDirs: ['/data'], nodeId: 1, clusterId: 'Z29sZGVuLWNsdXN0ZXItMQ' }
  const manager = await LogManager.open({ world, ...identity, configFor, deferLoading: true, ...rest })
  await manager.load(configFor)
  return manager
}

export function createLog(manager: LogManager, config = logConfig(), topic = 'topic', partition = 0): Promise<PartitionLog> {
  return manager.create({ topic, partition }, { topicId: TOPIC_ID, config })
}

export interface BatchOptions {
  partitionLeaderEpoch?: number
  producerId?: number
  producerEpoch?: number
  baseSequence?: number
  isTransactional?: boolean
  timestamp?: number
  compression?: CompressionType
}

export function batchOf(records: readonly (string | RecordInput)[], options: BatchOptions = {}): Buffer {
  const { timestamp = NOW, ...rest } = options
  const inputs = records.map((record, i) =>
    typeof record === 'string' ? { value: record, timestamp: timestamp + i } : { timestamp: timestamp + i, ...record }
  )
  return encodeBatch({ baseOffset: 0, records: inputs, ...rest })
}

/** Appends as a client does, and throws on refusal. */
export function append(log: PartitionLog, records: Buffer, now = NOW): { baseOffset: number; lastOffset: number } {
  const result = log.append(records, { origin: 'client', leaderEpoch: 0, now })
  if (result.errorCode !== 0) throw new Error(`append refused: ${result.errorCode} ${result.message}`)
  return result
}

/** Ends a transaction as the transaction coordinator does. */
export function appendMarker(
  log: PartitionLog,
  marker: { producerId: number; producerEpoch: number; isAbort?: boolean; coordinatorEpoch?: number; now?: number }
): { offset: number } {
  const { producerId, producerEpoch, isAbort = false, coordinatorEpoch = 0, now = NOW } = marker
  const batch = encodeEndTransactionMarker({
    baseOffset: 0,
    producerId,
    producerEpoch,
    type: isAbort ? 'ABORT' : 'COMMIT',
    coordinatorEpoch,
    timestamp: now
  })
  const result = log.append(batch, { origin: 'coordinator', leaderEpoch: 0, now })
  if (result.errorCode !== 0) throw new Error(`marker refused: ${result.errorCode} ${result.message}`)
  return { offset: result.baseOffset }
}

/** Resolves when everything appended is in the files and readable. */
export async function settle(log: PartitionLog): Promise<void> {
  await log.writer.whenWritten(log.logEndOffset)
  log.updateHighWatermark(log.logEndOffset)
}

/** Every record from `from` on, read in steps of `maxBytes`. */
export async function readAll(log: PartitionLog, options: { from?: number; maxBytes?: number } = {}): Promise<KafkaRecord[]> {
  const records: KafkaRecord[] = []
  const { maxBytes = 1 << 20 } = options
  let offset = options.from ?? log.logStartOffset
  for (;;) {
    const result = await log.read(offset, { maxBytes, minOneBatch: true })
    if (result.errorCode !== 0) throw new Error(`read of ${offset} failed: ${result.errorCode}`)
    if (result.sizeInBytes === 0) return records
    const bytes = Buffer.concat(result.buffers)
    for (const batch of iterateBatches(bytes)) {
      if (!batch.isValid()) throw new Error(`invalid batch at ${batch.baseOffset}`)
      if (!batch.isControl) records.push(...decodeRecords(batch).filter((record) => record.offset >= offset))
    }
    result.release?.()
    offset = result.nextOffset
  }
}

export async function values(log: PartitionLog, options: { from?: number; maxBytes?: number } = {}): Promise<string[]> {
  return (await readAll(log, options)).map((record) => String(record.value))
}

/** A log of three segments, one record each, left by a clean stop. */
export async function closedLog(world: World): Promise<{ config: LogConfig; log: PartitionLog }> {
  const config = logConfig({ segmentBytes: 100 })
  const manager = await openManager(world, { config })
  const log = await createLog(manager, config)
  for (const value of ['a', 'b', 'c']) {
    append(log, batchOf([value]))
    await settle(log)
  }
  await manager.shutdown({ clean: true })
  return { config, log }
}
