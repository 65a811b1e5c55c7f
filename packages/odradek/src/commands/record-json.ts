// A record as one line of JSON, both ways: what `consume -o json` writes, `produce -i json` reads, byte for byte. Bytes that are no UTF-8
// text are written as base64 under another name (`valueBase64`), so that nothing is lost.

import { OdradekError } from '@odradek/base'
import type { ConsumerRecord, Header, ProducerRecord } from '@odradek/client'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Under `name` as text, under `nameBase64` as bytes; null as null. */
function put(target: Record<string, unknown>, name: string, bytes: Buffer | null): void {
  if (bytes === null) {
    target[name] = null
    return
  }
  try {
    target[name] = utf8.decode(bytes)
  } catch {
    target[`${name}Base64`] = bytes.toString('base64')
  }
}

export function toJson(record: ConsumerRecord<unknown, unknown>): string {
  const { topic, partition, offset, timestamp, headers } = record
  const line: Record<string, unknown> = { topic, partition, offset, timestamp }
  put(line, 'key', record.rawKey)
  put(line, 'value', record.rawValue)
  if (headers.length > 0)
    line.headers = headers.map(({ key, value }) => {
      const header: Record<string, unknown> = { key }
      put(header, 'value', value === null ? null : Buffer.from(value))
      return header
    })
  return JSON.stringify(line)
}

export interface InputRecord extends ProducerRecord<Uint8Array | string, Uint8Array | string> {
  readonly topic?: string
}

const wrong = (lineNumber: number, why: string): OdradekError => new OdradekError('INPUT_INVALID', `Line ${lineNumber}: ${why}`)

export function fromJson(text: string, lineNumber: number): InputRecord {
  let line: Record<string, unknown>
  try {
    line = JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    throw wrong(lineNumber, `no JSON: ${(error as Error).message}`)
  }
  if (typeof line !== 'object' || line === null || Array.isArray(line)) throw wrong(lineNumber, 'an object is wanted')
  const get = (from: Record<string, unknown>, name: string): Buffer | string | null | undefined => {
    const [plain, encoded] = [from[name], from[`${name}Base64`]]
    if (typeof encoded === 'string') return Buffer.from(encoded, 'base64')
    if (plain === undefined || plain === null || typeof plain === 'string') return plain
    // a value may be written as JSON itself
    return JSON.stringify(plain)
  }
  const value = get(line, 'value')
  if (value === undefined) throw wrong(lineNumber, 'it has no value; a tombstone is "value": null')
  const headers = line.headers === undefined ? undefined : headersOf(line.headers, lineNumber, get)
  return {
    topic: typeof line.topic === 'string' ? line.topic : undefined,
    key: get(line, 'key') ?? null,
    value,
    headers,
    timestamp: typeof line.timestamp === 'number' ? line.timestamp : undefined,
    partition: typeof line.partition === 'number' ? line.partition : undefined
  }
}

function headersOf(
  given: unknown,
  lineNumber: number,
  get: (from: Record<string, unknown>, name: string) => Buffer | string | null | undefined
): Header[] {
  if (Array.isArray(given))
    return given.map((header: Record<string, unknown>) => {
      if (typeof header?.key !== 'string') throw wrong(lineNumber, 'a header has a key')
      return { key: header.key, value: get(header, 'value') ?? null }
    })
  if (typeof given === 'object' && given !== null)
    return Object.entries(given).map(([key, value]) => ({ key, value: value === null ? null : String(value) }))
  throw wrong(lineNumber, 'headers are a list or an object')
}
