// A record as the accumulator takes it: serialized, measured, its partition still open unless it was given.
import { MAX_RECORD_OVERHEAD, type RecordInput } from '@odradek/protocol'
import { aKind, invalidConfig } from '../options.ts'
import type { Serialized } from '../serdes/serde.ts'
import type { Bytes } from './producer-batch.ts'
import type { Headers, HeaderValue } from './types.ts'

export interface PreparedRecord {
  readonly topic: string
  readonly partition: number | undefined
  readonly key: Bytes
  readonly value: Bytes
  readonly headers: RecordInput['headers']
  readonly timestamp: number
  /** Of the record within a batch, at most. */
  readonly sizeMax: number
  /** As given to send: for a custom partitioner. */
  readonly given: { readonly key?: unknown; readonly value: unknown }
}

export function sizeMaxOf(key: Bytes, value: Bytes, headers: RecordInput['headers']): number {
  let size = MAX_RECORD_OVERHEAD + byteLength(key) + byteLength(value)
  if (headers !== undefined) for (const header of headers) size += 10 + Buffer.byteLength(header.key) + byteLength(header.value as Bytes)
  return size
}

function byteLength(bytes: Bytes): number {
  if (bytes === null) return 0
  return typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length
}

export function toBytes(bytes: Serialized): Exclude<Bytes, null> {
  if (typeof bytes === 'string' || Buffer.isBuffer(bytes)) return bytes
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** undefined: none. Duplicates and their order are kept. */
export function toHeaders(headers: Headers | undefined): RecordInput['headers'] {
  if (headers === undefined) return undefined
  const result: { key: string; value: Bytes }[] = []
  if (Array.isArray(headers)) for (const { key, value } of headers) result.push(header(key, value))
  else
    for (const [key, value] of Object.entries(headers as Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>)) {
      if (Array.isArray(value)) for (const each of value) result.push(header(key, each))
      else result.push(header(key, value as HeaderValue))
    }
  return result.length === 0 ? undefined : result
}

function header(key: unknown, value: unknown): { key: string; value: Bytes } {
  if (typeof key !== 'string') throw invalidConfig('The key of a header is text')
  if (value === null) return { key, value }
  if (typeof value === 'string' || value instanceof Uint8Array) return { key, value: toBytes(value) }
  throw invalidConfig(`The header ${key} is ${aKind(value)}: give text, bytes or null`)
}
