/**
 * Runs a node in this process until a signal ends it: what kafka-server-start and `odradek start` share.
 *
 * SIGTERM, SIGINT and SIGHUP stop it in order; a second one ends the process at once. A fault of the node (world.halt) ends the process
 * with 1 without any more work, so that nothing is written after it.
 */
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { resolve } from 'node:path'
import { BrokerServer } from '@odradek/broker'
import { type BrokerConfig, loadBrokerConfig } from '@odradek/config'
import type { Disk, LogLevel, World } from '@odradek/world'
import { createNodeLogger, createNodeProviderSources, createNodeWorld, createRuntimeMetrics, makeFolder } from '@odradek/world/node'

export interface RunServerOptions {
  readonly properties: ReadonlyMap<string, string> | Readonly<Record<string, string>>
  readonly overrides?: ReadonlyMap<string, string>
  readonly logLevel?: LogLevel
  /** Default: the file systems of the machine. */
  readonly disk?: Disk
  /** Runs before the node starts, with its settings: makes a new data directory, for instance. */
  readonly prepare?: (world: World, config: BrokerConfig) => Promise<void>
  /** Clients are served. */
  readonly onStarted?: (server: BrokerServer) => void
}

const LOGGER = 'kafka.server.KafkaConfig'

/** Resolves to the exit code when the node has stopped. Rejects with an OdradekError that says what to do when it does not start. */
export async function runServer(options: RunServerOptions): Promise<number> {
  const logger = createNodeLogger({ level: options.logLevel ?? 'INFO' })
  const world = createNodeWorld({ logger, disk: options.disk })
  const { config, warnings } = loadConfig(options)
  for (const warning of warnings) logger.log('WARN', LOGGER, warning)
  await options.prepare?.(world, config)
  const stopped = nextSignal()
  const server = await BrokerServer.start({
    world,
    config,
    loggers: logger,
    memoryBytes: memoryBytes(),
    openFilesMax: openFilesMax(),
    measureRuntime: createRuntimeMetrics
  })
  options.onStarted?.(server)
  const signal = await stopped
  logger.log('INFO', LOGGER, `Terminating process due to signal ${signal}`)
  process.once(signal, () => process.exit(1))
  await server.shutdown()
  return 0
}

/** Paths that are set become absolute: the node has no working folder. */
export function loadConfig(options: RunServerOptions): { config: BrokerConfig; warnings: string[] } {
  const sources = { properties: options.properties, env: process.env, overrides: options.overrides, providers: createNodeProviderSources() }
  const { config } = loadBrokerConfig(sources)
  const absolute = new Map(options.overrides)
  for (const name of ['log.dir', 'log.dirs', 'metadata.log.dir'] as const) {
    const paths = [config.get(name)].flat()
    if (config.isSet(name)) absolute.set(name, paths.map((path) => resolve(path)).join(','))
  }
  return loadBrokerConfig({ ...sources, overrides: absolute })
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolveSignal) => {
    const signals: NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP']
    const onSignal = (signal: NodeJS.Signals) => {
      for (const name of signals) process.off(name, onSignal)
      resolveSignal(signal)
    }
    for (const name of signals) process.on(name, onSignal)
  })
}

/** Of the machine, or of the container. */
function memoryBytes(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem()
}

/** Of this process; undefined where the system does not say. */
function openFilesMax(): number | undefined {
  try {
    const match = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return match === null ? undefined : Number(match[1])
  } catch {
    return undefined
  }
}

/** Owner only: records are nobody else's business. */
export function makePrivateFolder(path: string): void {
  makeFolder(path, 0o700)
}
