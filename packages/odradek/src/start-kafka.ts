// Kafka in this process: the same broker as in production, on a random port, without a disk unless asked. Many may run side
// by side; each has its own world.
import { resolve } from 'node:path'
import { OdradekError } from '@odradek/base'
import { BrokerServer } from '@odradek/broker'
import { developmentProperties, loadBrokerConfig } from '@odradek/config'
import { CreateTopicsRequest, ErrorCode, errorByCode } from '@odradek/protocol'
import type { Logger, LogLevel } from '@odradek/world'
import {
  createMemoryDisk,
  createNodeLogger,
  createNodeProviderSources,
  createNodeWorld,
  type MemoryDisk,
  makeFolder,
  TestClock
} from '@odradek/world/node'
import { checkNames } from './check-names.ts'
import { formatNewDirectories } from './format.ts'
import { type ActiveFault, type ApiName, type RequestFault, RequestFaults } from './request-faults.ts'

export interface TopicOptions {
  readonly name: string
  /** Default: num.partitions. */
  readonly partitions?: number
  readonly config?: Readonly<Record<string, string | number | boolean>>
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
  /** The broker's time, which a test may move forward; several brokers may share one. Default: one of its own. */
  readonly clock?: TestClock
}

export interface EmbeddedKafka extends AsyncDisposable {
  /** `host:port`, for any Kafka client. Stays when the broker is stopped and started. */
  readonly bootstrapServers: string
  readonly host: string
  readonly port: number
  /** The broker's time: `await kafka.clock.advance(60_000)` lets a minute pass, with all that falls due in it. */
  readonly clock: TestClock
  createTopics(topics: readonly (string | TopicOptions)[]): Promise<void>
  /** Requests of this kind fail, come late or lose their answer, until the fault is removed or has met `times` of them. */
  inject(api: ApiName, fault: RequestFault): ActiveFault
  /** Clients get no answer from now on, as from a process that hangs; their connections stay. */
  pause(): void
  /** What came meanwhile is handled. */
  resume(): void
  /** Stops the broker in order; its data stays. What was injected is over. Idempotent. */
  stop(): Promise<void>
  /** Starts it again on its port and its data. No-op while it runs. */
  start(): Promise<void>
  /** While true the disk takes no more records, as one that is full but for the reserve that keeps the node alive. Brokers in memory only. */
  isDiskFull: boolean
  /** Idempotent. */
  close(): Promise<void>
}

const optionNames: readonly (keyof StartKafkaOptions)[] = [
  'port',
  'host',
  'dataDir',
  'topics',
  'config',
  'logger',
  'logLevel',
  'onFault',
  'clock'
]
const topicNames: readonly (keyof TopicOptions)[] = ['name', 'partitions', 'config']
const MEMORY_DATA_DIR = '/odradek'
const METADATA_FOLDER = '/__cluster_metadata-0'
const TIMEOUT_MS = 30_000

/** Resolves when clients are served. Rejects with an OdradekError that says what to do. */
export async function startKafka(options: StartKafkaOptions = {}): Promise<EmbeddedKafka> {
  checkNames('startKafka', options, optionNames)
  const kafka = new Embedded(options)
  await kafka.start()
  try {
    await kafka.createTopics(options.topics ?? [])
  } catch (error) {
    await kafka.close()
    throw error
  }
  return kafka
}

class Embedded implements EmbeddedKafka {
  readonly host: string
  readonly clock: TestClock
  readonly #options: StartKafkaOptions
  readonly #dataDir: string | undefined
  readonly #memory: MemoryDisk | undefined
  readonly #faults: RequestFaults
  #port: number
  /** Those of the first start, with the ports that were free then. */
  #listeners: string | undefined
  #server: BrokerServer | undefined
  /** Starts and stops follow one another. */
  #last: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: StartKafkaOptions) {
    this.#options = options
    this.host = options.host ?? '127.0.0.1'
    this.#port = options.port ?? 0
    this.clock = options.clock ?? new TestClock()
    this.#dataDir = options.dataDir === undefined ? undefined : resolve(options.dataDir)
    this.#memory = this.#dataDir === undefined ? createMemoryDisk() : undefined
    this.#faults = new RequestFaults(this.clock)
  }

  get port(): number {
    return this.#port
  }

  get bootstrapServers(): string {
    return `${addressOf(this.host)}:${this.#port}`
  }

  createTopics(topics: readonly (string | TopicOptions)[]): Promise<void> {
    if (this.#server === undefined) return Promise.reject(new OdradekError('BROKER_NOT_RUNNING', 'The broker is stopped: start() it first'))
    return createTopics(this.#server, topics)
  }

  inject(api: ApiName, fault: RequestFault): ActiveFault {
    return this.#faults.add(api, fault)
  }

  pause(): void {
    this.#faults.pause()
  }

  resume(): void {
    this.#faults.resume()
  }

  get isDiskFull(): boolean {
    return this.#memory?.isFullFor !== undefined
  }

  set isDiskFull(isFull: boolean) {
    if (this.#memory === undefined)
      throw new OdradekError('CONFIG_INVALID', 'A disk can be said to be full only without dataDir, in memory')
    this.#memory.isFullFor = isFull ? (path) => !path.includes(METADATA_FOLDER) : undefined
  }

  start(): Promise<void> {
    return this.#next(async () => {
      if (this.#isClosed) throw new OdradekError('BROKER_NOT_RUNNING', 'The broker is closed: startKafka() gives another')
      this.#server ??= await this.#start()
    })
  }

  stop(): Promise<void> {
    return this.#next(async () => {
      this.#faults.clear()
      const server = this.#server
      this.#server = undefined
      await server?.shutdown()
    })
  }

  close(): Promise<void> {
    this.#isClosed = true
    return this.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #next(step: () => Promise<void>): Promise<void> {
    const done = this.#last.then(step)
    this.#last = done.catch(() => {})
    return done
  }

  async #start(): Promise<BrokerServer> {
    const { logger: givenLogger, logLevel = 'WARN', onFault = throwLater } = this.#options
    const ownLogger = createNodeLogger({ level: logLevel, write: (lines) => process.stderr.write(lines) })
    const logger = givenLogger ?? ownLogger
    const world = createNodeWorld({
      logger,
      disk: this.#memory,
      clock: this.clock,
      onHalt: (reason, error) => onFault(new OdradekError('BROKER_HALTED', `The embedded broker stopped: ${reason}`, { cause: error }))
    })
    if (this.#dataDir !== undefined) makeDataDir(this.#dataDir)
    const overrides = new Map(Object.entries(this.#options.config ?? {}).map(([key, value]) => [key, String(value)]))
    if (this.#listeners !== undefined) overrides.set('listeners', this.#listeners)
    const properties = developmentProperties({ port: this.#port, host: this.host, dataDir: this.#dataDir ?? MEMORY_DATA_DIR })
    const { config, warnings } = loadBrokerConfig({ properties, overrides, providers: createNodeProviderSources() })
    for (const warning of warnings) logger.log('WARN', 'kafka.server.KafkaConfig', warning)
    await formatNewDirectories(world, config)
    const loggers = givenLogger === undefined ? ownLogger : undefined
    const server = await BrokerServer.start({ world, config, loggers, interceptor: this.#faults })
    this.#listeners = server.listeners.map((bound) => `${bound.name}://${addressOf(bound.host)}:${bound.port}`).join()
    this.#port = server.listeners.find(({ isController }) => !isController)?.port ?? 0
    return server
  }
}

function makeDataDir(path: string): void {
  try {
    makeFolder(path, 0o700)
  } catch (error) {
    throw new OdradekError('STORAGE_NO_DIRECTORY', `dataDir ${path} cannot be made: ${(error as Error).message}; name another one`, {
      cause: error
    })
  }
}

function addressOf(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

async function createTopics(server: BrokerServer, topics: readonly (string | TopicOptions)[]): Promise<void> {
  if (!Array.isArray(topics))
    throw new OdradekError('CONFIG_INVALID', 'topics of startKafka is a list of names or { name, partitions, config }')
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
  const configs = Object.entries(config).map(([key, value]) => ({ name: key, value: String(value) }))
  return { name, numPartitions: partitions, replicationFactor: -1, assignments: [], configs }
}

function throwLater(error: Error): void {
  queueMicrotask(() => {
    throw error
  })
}
