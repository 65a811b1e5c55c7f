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

/** The levels of a logger that can be changed while it is used. */
export interface LoggerLevels {
  /** The level in force of every logger that was heard of, by name; `root` stands for those without a level of their own. */
  levels(): ReadonlyMap<string, LogLevel | 'OFF'>
  /** Undefined: as what is above it. The root keeps a level. */
  setLevel(logger: string, level: LogLevel | undefined): void
}

export const ROOT_LOGGER = 'root'

/** A logger in Kafka's layout: `[2026-01-01 00:00:00,000] INFO message (kafka.server.KafkaServer)`, local time. */
export function createNodeLogger(options: NodeLoggerOptions = {}): Logger & LoggerLevels {
  const write = options.write ?? writeToStdout
  const format = options.format === 'json' ? formatJson : formatText
  const thresholds = new Thresholds(options)
  return {
    log(level, logger, message, error) {
      if (LEVELS[level] >= thresholds.of(logger)) write(format(new Date(), level, logger, message, error))
    },
    isEnabled: (level, logger) => LEVELS[level] >= thresholds.of(logger),
    levels: () => thresholds.levels(),
    setLevel: (logger, level) => thresholds.set(logger, level)
  }
}

class Thresholds {
  #root: LogLevel | 'OFF'
  /** Of loggers that have a level of their own. */
  readonly #own: Map<string, LogLevel | 'OFF'>
  /** Names are few: they are written in the sources. */
  readonly #known = new Map<string, number>()

  constructor(options: NodeLoggerOptions) {
    this.#root = options.level ?? 'INFO'
    this.#own = new Map(options.levels)
    for (const name of this.#own.keys()) this.of(name)
  }

  of(logger: string): number {
    let found = this.#known.get(logger)
    if (found === undefined) {
      const level = this.#levelOf(logger)
      found = level === 'OFF' ? Number.POSITIVE_INFINITY : LEVELS[level]
      this.#known.set(logger, found)
    }
    return found
  }

  levels(): ReadonlyMap<string, LogLevel | 'OFF'> {
    const names = [...this.#known.keys()].filter((name) => name !== ROOT_LOGGER)
    return new Map([[ROOT_LOGGER, this.#root], ...names.map((name) => [name, this.#levelOf(name)] as const)])
  }

  set(logger: string, level: LogLevel | undefined): void {
    if (logger === ROOT_LOGGER) this.#root = level ?? this.#root
    else if (level === undefined) this.#own.delete(logger)
    else this.#own.set(logger, level)
    const names = [...this.#known.keys()]
    this.#known.clear()
    for (const name of names) this.of(name)
  }

  #levelOf(logger: string): LogLevel | 'OFF' {
    for (let name = logger; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
      const level = this.#own.get(name)
      if (level !== undefined) return level
    }
    return this.#root
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
