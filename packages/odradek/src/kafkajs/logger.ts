// Loggers as kafkajs has them: levels, namespaces, and a function that writes an entry.
import type { KafkaOptions } from '@odradek/client'
import { logLevel } from './enums.ts'
import type { LogEntry, Logger, logCreator } from './types.ts'

type NativeLogger = NonNullable<KafkaOptions['logger']>

const writeJson: logCreator = () => (entry) => {
  const { namespace, level, label, log } = entry
  const line = JSON.stringify({ level: label, ...log, message: `${namespace === '' ? '' : `[${namespace}] `}${log.message}` })
  if (level === logLevel.ERROR) console.error(line)
  else if (level === logLevel.WARN) console.warn(line)
  else if (level === logLevel.INFO) console.info(line)
  else console.log(line)
}

/** KAFKAJS_LOG_LEVEL goes before what the code says, as in kafkajs. */
function effectiveLevel(level: logLevel): logLevel {
  const name = (process.env.KAFKAJS_LOG_LEVEL ?? '').toUpperCase()
  return name in logLevel ? logLevel[name as keyof typeof logLevel] : level
}

export function createLogger(given: logLevel = logLevel.INFO, creator: logCreator = writeJson): Logger {
  let shared = effectiveLevel(given)
  const write: (entry: LogEntry) => void = creator(shared)
  const named = (namespace: string, own?: logLevel): Logger => {
    const fixed = own === undefined ? undefined : effectiveLevel(own)
    const at = (label: Exclude<keyof typeof logLevel, 'NOTHING'>) => {
      const level = logLevel[label]
      return (message: string, extra: object = {}): void => {
        if (level > (fixed ?? shared)) return
        write({ namespace, level, label, log: { timestamp: new Date().toISOString(), logger: 'kafkajs', message, ...extra } })
      }
    }
    return {
      info: at('INFO'),
      error: at('ERROR'),
      warn: at('WARN'),
      debug: at('DEBUG'),
      namespace: named,
      setLogLevel: (level) => {
        shared = level
      }
    }
  }
  return named('')
}

const CONNECTION = 'odradek.client.Connection'

/** Where the native client writes. */
export function nativeLogger(logger: Logger): NativeLogger {
  return {
    isEnabled: () => true,
    log(level, name, message, error) {
      const extra = error instanceof Error ? { error: error.message, stack: error.stack } : {}
      // kafkajs's word and level for what people watch for
      if (name === CONNECTION) return logger.namespace('Connection').error(`Connection error: ${message}`, extra)
      const namespaced = logger.namespace(name)
      if (level === 'ERROR' || level === 'FATAL') namespaced.error(message, extra)
      else if (level === 'WARN') namespaced.warn(message, extra)
      else if (level === 'INFO') namespaced.info(message, extra)
      else namespaced.debug(message, extra)
    }
  }
}
