// Kafka in this process: the same broker as in production, on a random port, without a disk unless asked. Many may run side
// by side; each has its own world.
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { closest, OdradekError } from '@odradek/base'
import { BrokerServer } from '@odradek/broker'
import { developmentProperties, loadBrokerConfig } from '@odradek/config'
import { CreateTopicsRequest, ErrorCode, errorByCode } from '@odradek/protocol'
import type { Logger, LogLevel } from '@odradek/world'
import { createMemoryDisk, createNodeLogger, createNodeWorld } from '@odradek/world/node'
import { formatNewDirectories } from './format.ts'

export interface TopicOptions {
  readonly name: string
  /** Default: num.partitions. */
  readonly partitions?: number
  readonly config?: Readonly<Record<string, string>>
}

export interface StartKafkaOptions {
  /** Default 0: any free one. */
  readonly port?: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Where the data lies; in memory when absent. A new folder is formatted. */
  readonly dataDir?: string
  /** Made before the promise resolves, unless they are there. */
  readonly topics?: readonly (string | TopicOptions)[]
  /** Settings of Kafka by their names, over those of a development node. */
  readonly config?: Readonly<Record<string, string | number | boolean>>
  /** Default: WARN and above, on standard error. */
  readonly logger?: Logger
  readonly logLevel?: LogLevel | 'OFF'
  /** The broker met a fault and stopped serving. Default: the error is thrown where nobody catches it. */
  readonly onFault?: (error: Error) => void
}

export interface EmbeddedKafka extends AsyncDisposable {
  /** `host:port`, for any Kafka client. */
  readonly bootstrapServers: string
  readonly host: string
  readonly port: number
  createTopics(topics: readonly (string | TopicOptions)[]): Promise<void>
  /** Idempotent. */
  close(): Promise<void>
}

const optionNames: readonly (keyof StartKafkaOptions)[] = ['port', 'host', 'dataDir', 'topics', 'config', 'logger', 'logLevel', 'onFault']
const topicNames: readonly (keyof TopicOptions)[] = ['name', 'partitions', 'config']
const MEMORY_DATA_DIR = '/odradek'
const TIMEOUT_MS = 30_000

/** Resolves when clients are served. Rejects with an OdradekError that says what to do. */
export async function startKafka(options: StartKafkaOptions = {}): Promise<EmbeddedKafka> {
  checkNames('startKafka', options, optionNames)
  const { port = 0, host = '127.0.0.1', onFault = throwLater } = options
  const ownLogger = createNodeLogger({ level: options.logLevel ?? 'WARN', write: (lines) => process.stderr.write(lines) })
  const logger = options.logger ?? ownLogger
  const dataDir = options.dataDir === undefined ? undefined : resolve(options.dataDir)
  const world = createNodeWorld({
    logger,
    disk: dataDir === undefined ? createMemoryDisk() : undefined,
    onHalt: (reason, error) => onFault(new OdradekError('BROKER_HALTED', `The embedded broker stopped: ${reason}`, { cause: error }))
  })
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const overrides = new Map(Object.entries(options.config ?? {}).map(([key, value]) => [key, String(value)]))
  const properties = developmentProperties({ port, host, dataDir: dataDir ?? MEMORY_DATA_DIR })
  const { config, warnings } = loadBrokerConfig({ properties, overrides })
  for (const warning of warnings) logger.log('WARN', 'kafka.server.KafkaConfig', warning)
  await formatNewDirectories(world, config)
  const server = await BrokerServer.start({ world, config, loggers: options.logger === undefined ? ownLogger : undefined })
  const kafka = embedded(server, host)
  try {
    await kafka.createTopics(options.topics ?? [])
  } catch (error) {
    await kafka.close()
    throw error
  }
  return kafka
}

/** For those whom no compiler tells. */
function checkNames(what: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    const meant = closest(name, known)
    throw new OdradekError(
      'CONFIG_INVALID',
      `${what} has no option ${name}: ${meant === undefined ? `it has ${known.join(', ')}` : `did you mean ${meant}?`}`
    )
  }
}

function embedded(server: BrokerServer, host: string): EmbeddedKafka {
  const port = server.listeners.find(({ isController }) => !isController)?.port ?? 0
  return {
    bootstrapServers: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    host,
    port,
    createTopics: (topics) => createTopics(server, topics),
    close: () => server.shutdown(),
    [Symbol.asyncDispose]: () => server.shutdown()
  }
}

async function createTopics(server: BrokerServer, topics: readonly (string | TopicOptions)[]): Promise<void> {
  if (topics.length === 0) return
  const request = CreateTopicsRequest.create({
    topics: topics.map((topic) => newTopic(typeof topic === 'string' ? { name: topic } : topic)),
    timeoutMs: TIMEOUT_MS
  })
  const response = await server.metadata.call('createTopics', request)
  await server.whenMetadataApplied()
  for (const { name, errorCode, errorMessage } of response.topics) {
    if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.TOPIC_ALREADY_EXISTS) continue
    throw new OdradekError('TOPIC_NOT_CREATED', `Topic ${name} could not be made: ${errorMessage ?? errorByCode(errorCode).name}`)
  }
}

function newTopic(options: TopicOptions) {
  checkNames('A topic of startKafka', options, topicNames)
  const { name, partitions = -1, config = {} } = options
  const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }))
  return { name, numPartitions: partitions, replicationFactor: -1, assignments: [], configs }
}

function throwLater(error: Error): void {
  queueMicrotask(() => {
    throw error
  })
}
