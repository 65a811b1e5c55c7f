// The format texts of `odradek consume -f`, with the letters of kcat and rpk.
import type { ConsumerRecord } from '@odradek/client'
import { usageError } from './arguments.ts'

type Shown = ConsumerRecord<unknown, unknown>
export type Format = (record: Shown) => Buffer

const headersText = (record: Shown): string =>
  record.headers.map(({ key, value }) => `${key}=${value === null ? 'NULL' : Buffer.from(value).toString('utf8')}`).join(',')

const letters: Readonly<Record<string, (record: Shown) => string | Buffer>> = {
  t: ({ topic }) => topic,
  p: ({ partition }) => String(partition),
  o: ({ offset }) => String(offset),
  k: ({ rawKey }) => rawKey ?? '',
  K: ({ rawKey }) => String(rawKey?.length ?? -1),
  v: ({ rawValue }) => rawValue ?? '',
  s: ({ rawValue }) => rawValue ?? '',
  V: ({ rawValue }) => String(rawValue?.length ?? -1),
  S: ({ rawValue }) => String(rawValue?.length ?? -1),
  h: headersText,
  H: ({ headers }) => String(headers.length),
  T: ({ timestamp }) => String(timestamp),
  d: ({ timestamp }) => new Date(timestamp).toISOString(),
  e: ({ leaderEpoch }) => String(leaderEpoch ?? -1),
  '%': () => '%'
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0', '\\': '\\' }

export const formatHelp =
  '%t topic, %p partition, %o offset, %k key, %K its length, %v value (%s), %V its length, %h headers, %H their number, %T timestamp, %d date, %e leader epoch, %% percent; \\n \\t \\0 \\xHH'

export function parseFormat(text: string): Format {
  const parts: (Buffer | ((record: Shown) => string | Buffer))[] = []
  for (const [piece, letter, hex, escaped] of text.matchAll(/%(.)|\\x([0-9a-fA-F]{2})|\\(.)|[^%\\]+|[%\\]/gs)) {
    if (letter !== undefined) {
      const part = letters[letter]
      if (part === undefined) throw usageError(`The format has no %${letter}. It has ${formatHelp}`)
      parts.push(part)
    } else if (hex !== undefined) parts.push(Buffer.from(hex, 'hex'))
    else parts.push(Buffer.from(escaped === undefined ? piece : (escapes[escaped] ?? escaped)))
  }
  return (record) =>
    Buffer.concat(
      parts.map((part) => {
        const bytes = typeof part === 'function' ? part(record) : part
        return typeof bytes === 'string' ? Buffer.from(bytes) : bytes
      })
    )
}
