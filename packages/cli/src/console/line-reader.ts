// Records from lines of text, as Kafka's LineMessageReader reads them: a value; or headers, key and value with separators between.
import type { Header, ProducerRecord } from '@odradek/client'
import { ToolError } from '../tool.ts'

type LineRecord = ProducerRecord<string, string>

/** Makes the record of a line; lines are counted from 1 on. Throws for a line that lacks a separator. */
export type LineReader = (line: string, lineNumber: number) => LineRecord

const failed = (message: string): ToolError => new ToolError(message, 'org.apache.kafka.common.KafkaException')

export function createLineReader(config: Readonly<Record<string, string>>): LineReader {
  const isTrue = (name: string): boolean => config[name]?.trim().toLowerCase() === 'true'
  const [parsesKey, parsesHeaders, ignoresErrors] = [isTrue('parse.key'), isTrue('parse.headers'), isTrue('ignore.error')]
  const separators = readSeparators(config)
  const { 'key.separator': keySeparator, 'headers.delimiter': delimiter } = separators
  const marker = config['null.marker']
  const orNull = (text: string): string | null => (text === marker ? null : text)
  if (!parsesKey && !parsesHeaders) return (line) => ({ value: orNull(line) })

  const headersOf = createHeadersParser(separators, { ignoresErrors, marker })
  const before = (separator: string, line: string, from: number, what: string, lineNumber: number): string | undefined => {
    const at = line.indexOf(separator, from)
    if (at >= 0) return line.slice(from, at)
    if (ignoresErrors) return undefined
    throw failed(`No ${what} found on line number ${lineNumber}: '${line}'`)
  }
  return (line, lineNumber) => {
    const headers = parsesHeaders ? before(delimiter, line, 0, 'headers delimiter', lineNumber) : undefined
    const keyAt = headers === undefined ? 0 : headers.length + delimiter.length
    const key = parsesKey ? before(keySeparator, line, keyAt, 'key separator', lineNumber) : undefined
    const valueAt = key === undefined ? keyAt : keyAt + key.length + keySeparator.length
    return {
      key: key === undefined ? null : orNull(key),
      value: orNull(line.slice(valueAt)),
      headers: headers === undefined || headers === marker ? undefined : headersOf(headers, lineNumber)
    }
  }
}

const defaults = { 'key.separator': '\t', 'headers.delimiter': '\t', 'headers.separator': ',', 'headers.key.separator': ':' }

function readSeparators(config: Readonly<Record<string, string>>): typeof defaults {
  const separators = { ...defaults }
  const names = Object.keys(defaults) as (keyof typeof defaults)[]
  for (const name of names) separators[name] = config[name] ?? defaults[name]
  const mustDiffer = (first: keyof typeof defaults, second: keyof typeof defaults): void => {
    if (separators[first] === separators[second]) throw failed(`${first} and ${second} may not be equal`)
  }
  mustDiffer('headers.delimiter', 'headers.separator')
  mustDiffer('headers.delimiter', 'headers.key.separator')
  mustDiffer('headers.separator', 'headers.key.separator')
  const marker = config['null.marker']
  for (const name of ['key.separator', 'headers.separator', 'headers.delimiter', 'headers.key.separator'] as const)
    if (separators[name] === marker) throw failed(`null.marker and ${name} may not be equal`)
  return separators
}

function createHeadersParser(
  { 'headers.separator': separator, 'headers.key.separator': keySeparator }: typeof defaults,
  { ignoresErrors, marker }: { ignoresErrors: boolean; marker: string | undefined }
): (headers: string, lineNumber: number) => Header[] {
  const pattern = new RegExp(separator)
  const parse = (pair: string, lineNumber: number): Header => {
    const at = pair.indexOf(keySeparator)
    if (at < 0 && ignoresErrors) return { key: pair, value: null }
    if (at < 0) throw failed(`No header key separator found in pair '${pair}' on line number ${lineNumber}`)
    const key = pair.slice(0, at)
    if (key === marker) throw failed(`Header keys should not be equal to the null marker '${marker}' as they can't be null`)
    const value = pair.slice(at + keySeparator.length)
    return { key, value: value === marker ? null : value }
  }
  return (headers, lineNumber) => {
    const pairs = headers.split(pattern)
    // As Java splits: what is empty at the end is nothing.
    while (pairs.length > 1 && pairs.at(-1) === '') pairs.pop()
    return pairs.map((pair) => parse(pair, lineNumber))
  }
}
