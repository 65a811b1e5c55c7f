import type { Logger, LogLevel } from '../ports.ts'

const LEVELS: Record<LogLevel, number> = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 }

const CONTROL = /(?!\t)\p{Cc}/u
const CONTROLS = /(?![\t\n])\p{Cc}|\n(?!\t| {2}|Caused by: )/gu

export interface NodeLoggerOptions {
  /** Lines below it are left out. Default `INFO`. */
  level?: LogLevel | 'OFF'
  /** Levels by logger name; a name stands for itself and what is below it (`kafka.server` for `kafka.server.KafkaServer`). */
  levels?: ReadonlyMap<string, LogLevel | 'OFF'>
  /** `text` is Kafka's layout, `json` one object a line. Default `text`. */
  format?: 'text' | 'json'
  /** Takes whole lines with their line end. Default: standard output. */
  write?(lines: string): void
}

/** A logger in Kafka's layout: `[2026-01-01 00:00:00,000] INFO message (kafka.server.KafkaServer)`, local time. */
export function createNodeLogger(options: NodeLoggerOptions = {}): Logger {
  const write = options.write ?? writeToStdout
  const format = options.format === 'json' ? formatJson : formatText
  const threshold = createThreshold(options)
  return {
    log(level, logger, message, error) {
      if (LEVELS[level] >= threshold(logger)) write(format(new Date(), level, logger, message, error))
    },
    isEnabled: (level, logger) => LEVELS[level] >= threshold(logger)
  }
}

function createThreshold(options: NodeLoggerOptions): (logger: string) => number {
  const rank = (level: LogLevel | 'OFF'): number => (level === 'OFF' ? Infinity : LEVELS[level])
  const root = rank(options.level ?? 'INFO')
  const levels = options.levels
  if (levels === undefined || levels.size === 0) return () => root
  const known = new Map<string, number>()
  return (logger) => {
    let found = known.get(logger)
    if (found !== undefined) return found
    for (let name = logger; found === undefined; name = name.slice(0, name.lastIndexOf('.'))) {
      const level = levels.get(name)
      if (level !== undefined) found = rank(level)
      else if (!name.includes('.')) found = root
    }
    known.set(logger, found)
    return found
  }
}

function writeToStdout(lines: string): void {
  // A reader of our output that went away must not stop the broker.
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => {})
  process.stdout.write(lines)
}

function formatText(date: Date, level: LogLevel, logger: string, message: string, error: unknown): string {
  const line = `[${localTime(date)}] ${level} ${harmless(message)} (${logger})\n`
  return error === undefined ? line : `${line}${harmless(describeError(error))}\n`
}

/**
 * A client names itself in messages: what it sends must neither start a line that looks like ours nor move the cursor of a
 * terminal. A line that is indented, or that tells the cause of an error, stays a line.
 */
function harmless(text: string): string {
  if (!CONTROL.test(text)) return text
  return text.replace(CONTROLS, (character) => (character === '\n' ? '\\n' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`))
}

function formatJson(date: Date, level: LogLevel, logger: string, message: string, error: unknown): string {
  const entry = { time: date.toISOString(), level, logger, message, error: error === undefined ? undefined : describeError(error) }
  return `${JSON.stringify(entry)}\n`
}

function localTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())},${String(date.getMilliseconds()).padStart(3, '0')}`
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const text = error.stack ?? `${error.name}: ${error.message}`
  return error.cause === undefined ? text : `${text}\nCaused by: ${describeError(error.cause)}`
}
