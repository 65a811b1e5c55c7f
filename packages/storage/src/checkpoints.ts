// The small text files of a log directory, read and written in Kafka's form. Readers take bytes (no I/O here) and give
// undefined or throw an OdradekError for content that Kafka would not have written; the caller decides what that means.

import type { Uuid } from '@odradek/base'
import { isUuid, OdradekError } from '@odradek/base'

export interface OffsetEntry {
  topic: string
  partition: number
  offset: number
}

export interface EpochEntry {
  epoch: number
  startOffset: number
}

function malformed(what: string, line: string): OdradekError {
  return new OdradekError(
    'STORAGE_CHECKPOINT_MALFORMED',
    `${what} does not read: ${JSON.stringify(line.slice(0, 80))}; delete the file to rebuild it`
  )
}

/** Version line, count line, then `count` lines. An empty file holds nothing. */
function checkpointLines(text: string, what: string): string[] {
  if (text === '') return []
  const lines = text.split('\n')
  if (lines[0].trim() !== '0') throw malformed(`the version of ${what}`, lines[0])
  const count = lines.length > 1 && /^\d+$/.test(lines[1].trim()) ? Number(lines[1]) : -1
  if (count < 0) throw malformed(`the count of ${what}`, lines[1] ?? '')
  const entries = lines.slice(2).filter((line) => line.trim() !== '')
  if (entries.length !== count) throw malformed(`${what} (${count} entries promised, ${entries.length} there)`, lines[1])
  return entries
}

/** `topic partition offset` lines: recovery-point-, log-start-, replication- and cleaner-offset-checkpoint. */
export function parseOffsetCheckpoint(data: Buffer, what: string): OffsetEntry[] {
  return checkpointLines(data.toString('utf8'), what).map((line) => {
    const match = /^(\S+) (\d+) (-?\d+)$/.exec(line.trim())
    if (!match) throw malformed(what, line)
    return { topic: match[1], partition: Number(match[2]), offset: Number(match[3]) }
  })
}

export function formatOffsetCheckpoint(entries: Iterable<OffsetEntry>): Buffer {
  let lines = ''
  let count = 0
  for (const { topic, partition, offset } of entries) {
    lines += `${topic} ${partition} ${offset}\n`
    count++
  }
  return Buffer.from(`0\n${count}\n${lines}`)
}

export function parseEpochCheckpoint(data: Buffer): EpochEntry[] {
  return checkpointLines(data.toString('utf8'), 'leader-epoch-checkpoint').map((line) => {
    const match = /^(\d+) (\d+)$/.exec(line.trim())
    if (!match) throw malformed('leader-epoch-checkpoint', line)
    return { epoch: Number(match[1]), startOffset: Number(match[2]) }
  })
}

export function formatEpochCheckpoint(entries: readonly EpochEntry[]): Buffer {
  return Buffer.from(`0\n${entries.length}\n${entries.map((entry) => `${entry.epoch} ${entry.startOffset}\n`).join('')}`)
}

/** Undefined when the bytes are not whole: a crash before they reached the disk. */
export function parsePartitionMetadata(data: Buffer): Uuid | undefined {
  const match = /^version: 0\ntopic_id: (\S{22})\s*$/.exec(data.toString('utf8'))
  return match && isUuid(match[1]) ? match[1] : undefined
}

export function formatPartitionMetadata(topicId: Uuid): Buffer {
  return Buffer.from(`version: 0\ntopic_id: ${topicId}`)
}

export interface MetaProperties {
  version: number
  clusterId: string
  nodeId: number
  directoryId: Uuid | undefined
}

/** `version` 0 (`broker.id`) and 1 (`node.id`, `cluster.id`, `directory.id`). */
export function parseMetaProperties(data: Buffer, path: string): MetaProperties {
  const properties = new Map<string, string>()
  for (const line of data.toString('utf8').split(/\r?\n/)) {
    const match = /^\s*([^#!=:\s]+)\s*[=:\s]\s*(.*?)\s*$/.exec(line)
    if (match) properties.set(match[1], match[2].replace(/\\(.)/g, '$1'))
  }
  const version = Number(properties.get('version') ?? '0')
  const nodeId = Number(properties.get('node.id') ?? properties.get('broker.id') ?? Number.NaN)
  const clusterId = properties.get('cluster.id') ?? ''
  const directoryId = properties.get('directory.id')
  if (version !== 0 && version !== 1) throw invalidMeta(path, `version ${properties.get('version')} is not known`)
  if (!Number.isInteger(nodeId) || nodeId < 0) throw invalidMeta(path, 'node.id is missing or not a number')
  if (version === 1 && clusterId === '') throw invalidMeta(path, 'cluster.id is missing')
  if (directoryId !== undefined && !isUuid(directoryId)) throw invalidMeta(path, 'directory.id is not a Uuid')
  return { version, clusterId, nodeId, directoryId }
}

function invalidMeta(path: string, why: string): OdradekError {
  return new OdradekError('STORAGE_META_PROPERTIES_INVALID', `${path}: ${why}; format the directory or restore the file`)
}

export function formatMetaProperties(meta: { clusterId: string; nodeId: number; directoryId: Uuid }): Buffer {
  return Buffer.from(`#\nnode.id=${meta.nodeId}\ndirectory.id=${meta.directoryId}\nversion=1\ncluster.id=${meta.clusterId}\n`)
}

/** The broker epoch that the last clean stop left, or undefined when the file holds none (an empty file of an older Kafka). */
export function parseCleanShutdown(data: Buffer): number | undefined {
  try {
    const value: unknown = JSON.parse(data.toString('utf8'))
    const epoch = typeof value === 'object' && value !== null ? (value as { brokerEpoch?: unknown }).brokerEpoch : undefined
    return typeof epoch === 'number' ? epoch : undefined
  } catch {
    return undefined
  }
}

export function formatCleanShutdown(brokerEpoch: number): Buffer {
  return Buffer.from(JSON.stringify({ version: 0, brokerEpoch }))
}
