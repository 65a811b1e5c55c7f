// The loggers of the node as a resource of settings: their levels are told by DescribeConfigs and changed by
// IncrementalAlterConfigs, for as long as the process lives. The words are Apache Kafka's.
import { type AlterOp, type ConfigEntry, type ConfigNames, ConfigSource } from '@odradek/config'
import { ErrorCode } from '@odradek/protocol'
import type { LogLevel } from '@odradek/world'

/** What is wrong with a change of settings. */
export interface ConfigRefusal {
  readonly errorCode: number
  readonly errorMessage: string
}

/** The levels of the node's logger, where they can be seen and changed. */
export interface LoggerLevels {
  /** The level in force of every logger there is, by name; `root` for those without a level of their own. */
  levels(): ReadonlyMap<string, LogLevel | 'OFF'>
  /** Undefined: as what is above it. */
  setLevel(logger: string, level: LogLevel | undefined): void
}

const ROOT = 'root'
const LEVELS: readonly string[] = ['DEBUG', 'ERROR', 'FATAL', 'INFO', 'TRACE', 'WARN'] satisfies LogLevel[]

export function describeLoggers(loggers: LoggerLevels | undefined, names: ConfigNames): ConfigEntry[] {
  const isAsked = (name: string) => names === null || names === undefined || names.has(name)
  return Array.from(loggers?.levels() ?? [])
    .filter(([name]) => isAsked(name))
    .map(([name, value]) => ({
      name,
      value,
      source: ConfigSource.DYNAMIC_BROKER_LOGGER_CONFIG,
      synonyms: [],
      type: 0,
      documentation: '',
      readOnly: false,
      isSensitive: false
    }))
}

/** Takes all operations or none. Undefined: all are fine, and done unless `validateOnly`. */
export function alterLoggers(loggers: LoggerLevels | undefined, ops: readonly AlterOp[], validateOnly: boolean): ConfigRefusal | undefined {
  const known = loggers?.levels() ?? new Map()
  for (const op of ops) {
    const refusal = refuseOp(known, op)
    if (refusal !== undefined) return refusal
  }
  if (!validateOnly) for (const { name, op, value } of ops) loggers?.setLevel(name, op === 'DELETE' ? undefined : (value as LogLevel))
  return undefined
}

function refuseOp(known: ReadonlyMap<string, unknown>, { name, op, value }: AlterOp): ConfigRefusal | undefined {
  if (op === 'APPEND' || op === 'SUBTRACT')
    return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: `${op} operation is not allowed for the BROKER_LOGGER resource` }
  if (!known.has(name)) return { errorCode: ErrorCode.INVALID_CONFIG, errorMessage: `Logger ${name} does not exist!` }
  if (op === 'DELETE') {
    return name === ROOT
      ? { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: 'Removing the log level of the root logger is not allowed' }
      : undefined
  }
  if (value !== null && LEVELS.includes(value)) return undefined
  const errorMessage = `Cannot set the log level of ${name} to ${value} as it is not a supported log level. Valid log levels are ${LEVELS.join(', ')}`
  return { errorCode: ErrorCode.INVALID_CONFIG, errorMessage }
}
