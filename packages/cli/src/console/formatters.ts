// How a record is printed: Kafka's message formatters by the names of their Java classes.
import { logError, ToolError, type ToolIo } from '../tool.ts'
import { deserializerNamed, type TextOf } from './deserializers.ts'
import type { OutputBuffer } from './output-buffer.ts'
import type { Formatter, PrintableRecord } from './printable-record.ts'

export type FormatterConfig = Readonly<Record<string, string>>

const PACKAGE = 'org.apache.kafka.tools.consumer.'

/** By the whole name of the class. Throws when there is none of that name. */
export async function formatterNamed(name: string, config: FormatterConfig, io: ToolIo): Promise<Formatter> {
  const short = name.startsWith(PACKAGE) ? name.slice(PACKAGE.length) : ''
  switch (short) {
    case 'DefaultMessageFormatter':
    // Its log lines are below the level that Kafka's tools log at.
    case 'LoggingMessageFormatter':
      return defaultFormatter(config, io)
    case 'NoOpMessageFormatter':
      return () => {}
    case 'OffsetsMessageFormatter':
    case 'GroupMetadataMessageFormatter':
    case 'TransactionLogMessageFormatter':
    case 'ShareGroupMessageFormatter': {
      const { coordinatorFormatter } = await import('./coordinator-formatters.ts')
      return coordinatorFormatter(short)
    }
    default:
      throw new ToolError(name, 'java.lang.ClassNotFoundException')
  }
}

type Column = (record: PrintableRecord, output: OutputBuffer) => void

function defaultFormatter(config: FormatterConfig, io: ToolIo): Formatter {
  const prints = (name: string): boolean => config[`print.${name}`]?.trim().toLowerCase() === 'true'
  const nullLiteral = Buffer.from(config['null.literal'] ?? 'null')
  const field = (name: 'key' | 'value' | 'headers'): ((bytes: Buffer | null, output: OutputBuffer) => void) => {
    const textOf = deserializer(config, `${name}.deserializer`, io)
    return (bytes, output) => {
      const text = textOf(bytes ?? nullLiteral)
      if (typeof text === 'string') output.text(text)
      else output.bytes(text)
    }
  }
  const [key, value, header] = [field('key'), field('value'), field('headers')]
  const headersSeparator = config['headers.separator'] ?? ','
  const columns: Column[] = []
  const add = (name: string, column: Column, isPrinted = prints(name)): void => {
    if (isPrinted) columns.push(column)
  }
  add('timestamp', ({ timestamp, timestampType }, output) =>
    output.text(timestampType === 'NoTimestampType' ? 'NO_TIMESTAMP' : `${timestampType}:${timestamp}`)
  )
  add('partition', ({ partition }, output) => output.text(`Partition:${partition}`))
  add('offset', ({ offset }, output) => output.text(`Offset:${offset}`))
  add('delivery', ({ deliveryCount }, output) => output.text(`Delivery:${deliveryCount ?? 'NOT_PRESENT'}`))
  // Kafka's console consumers hand records on without it.
  add('epoch', (_, output) => output.text('Epoch:NOT_PRESENT'))
  add('headers', ({ headers }, output) => {
    if (headers.length === 0) output.text('NO_HEADERS')
    headers.forEach((one, index) => {
      output.text(index === 0 ? `${one.key}:` : `${headersSeparator}${one.key}:`)
      header(one.value, output)
    })
  })
  add('key', ({ rawKey }, output) => key(rawKey, output))
  add('value', ({ rawValue }, output) => value(rawValue, output), config['print.value'] === undefined || prints('value'))
  return inColumns(columns, config['key.separator'] ?? '\t', config['line.separator'] ?? '\n')
}

function inColumns(columns: readonly Column[], separator: string, lineEnd: string): Formatter {
  return (record, output) => {
    columns.forEach((column, index) => {
      if (index > 0) output.text(separator)
      column(record, output)
    })
    if (columns.length > 0) output.text(lineEnd)
  }
}

/** Of the class that the property names, with the properties that its name prefixes; the bytes as they are without one. */
function deserializer(config: FormatterConfig, property: string, io: ToolIo): TextOf {
  const name = config[property]
  if (name === undefined) return (bytes) => bytes
  const prefix = `${property}.`
  const own = Object.entries(config)
    .filter(([each]) => each.startsWith(prefix))
    .map(([each, value]) => [each.slice(prefix.length), value])
  try {
    return deserializerNamed(name, Object.fromEntries(own), property.startsWith('key'))
  } catch (error) {
    const { javaClass, message } = error as ToolError
    const logger = `${PACKAGE}DefaultMessageFormatter`
    logError(io, `Unable to instantiate a deserializer from ${name} (${javaClass}: ${message})`, logger)
    return (bytes) => bytes
  }
}
