// Producers and consumers of the commands: their settings from files, `name=value` texts and flags, and what their clients warn of.
// Modules load when they are used: a command that only tells its usage starts no client.
import type { Consumer, ConsumerOptions, Kafka, Producer, ProducerOptions, ShareConsumer, ShareConsumerOptions } from '@odradek/client'
import type { Logger } from '@odradek/world'
import { readInput, ToolError, type ToolIo, timeOfLog, warnOfUnreachableBrokers, withoutReferences } from './tool.ts'

export type Settings = Record<string, string>

/** `name=value` texts, the last of a name counts; a value may contain `=` and may be missing. */
export function keyValues(texts: readonly string[]): Settings {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
    })
  )
}

/** A file in Java's properties format; nothing when no path is given. */
export async function readSettings(path: string | undefined, io: ToolIo): Promise<Settings> {
  if (path === undefined) return {}
  const { parseProperties } = await import('@odradek/config')
  return Object.fromEntries(parseProperties(readInput(path, io)))
}

/** Files are often shared by clients of all kinds: what is no setting of this one is told, not refused. */
export function knownSettings(what: string, definitions: ReadonlyMap<string, unknown>, given: Settings, io: ToolIo): Settings {
  const unused = Object.keys(given).filter((name) => !definitions.has(name))
  if (unused.length > 0) io.err(`WARN no settings of ${what}, so without effect: ${unused.join(', ')}\n`)
  return Object.fromEntries(Object.entries(given).filter(([name]) => definitions.has(name)))
}

/** Serializers of the tools are their own. */
const ownSettings = ['key.serializer', 'value.serializer', 'key.deserializer', 'value.deserializer']

async function clientOf<C>(
  kind: 'producer' | 'consumer' | 'share consumer',
  given: Settings,
  io: ToolIo,
  make: (kafka: Kafka, settings: object) => C
): Promise<C> {
  const [{ Kafka }, config] = await Promise.all([import('@odradek/client'), import('@odradek/config')])
  const definitions = {
    producer: config.producerConfigDefinitions,
    consumer: config.consumerConfigDefinitions,
    'share consumer': config.shareConsumerConfigDefinitions
  }[kind]
  const lookedUp = Object.fromEntries(await withoutReferences(new Map(Object.entries(given)), io))
  const settings = knownSettings(`a ${kind}`, definitions, lookedUp, io)
  for (const name of ownSettings) delete settings[name]
  const label = { producer: 'Producer', consumer: 'Consumer', 'share consumer': 'ShareConsumer' }[kind]
  const client = settings['client.id'] === undefined ? label : `${label} clientId=${settings['client.id']}`
  warnOfUnreachableBrokers(client, io)
  const kafka = new Kafka({ logger: logger(client, io) })
  try {
    return make(kafka, settings)
  } catch (error) {
    if ((error as { code?: string }).code !== 'INVALID_CONFIG') throw error
    throw new ToolError((error as Error).message, 'org.apache.kafka.common.config.ConfigException')
  }
}

/** No broker has an address: trying again, or another record, makes no sense. Java's clients cannot be made then. */
export const isHopeless = (error: unknown): boolean => (error as { code?: string } | null)?.code === 'NO_RESOLVABLE_BOOTSTRAP'

/** Close it; there is nothing else to close. Settings that contradict each other are a ToolError. */
export const makeProducer = (settings: Settings, io: ToolIo): Promise<Producer> =>
  clientOf('producer', settings, io, (kafka, known) => kafka.producer(known as ProducerOptions))

/** Of the classic protocol when no protocol is given, as Kafka's tools are. */
export const makeConsumer = (settings: Settings, io: ToolIo): Promise<Consumer> =>
  clientOf('consumer', { 'group.protocol': 'classic', ...settings }, io, (kafka, known) => kafka.consumer(known as ConsumerOptions))

export const makeShareConsumer = (settings: Settings, io: ToolIo): Promise<ShareConsumer> =>
  clientOf('share consumer', settings, io, (kafka, known) => kafka.shareConsumer(known as ShareConsumerOptions))

/** Warnings and errors, as Kafka's tools log them. */
function logger(client: string, io: ToolIo): Logger {
  const isEnabled: Logger['isEnabled'] = (level) => level === 'WARN' || level === 'ERROR' || level === 'FATAL'
  return {
    isEnabled,
    log(level, name, message, error) {
      // told by warnOfUnreachableBrokers
      if (!isEnabled(level, name) || name === 'odradek.client.Connection') return
      const reason = error === undefined ? '' : `: ${error instanceof Error ? error.message : error}`
      io.err(`[${timeOfLog()}] ${level} [${client}] ${message}${reason} (${name})\n`)
    }
  }
}
