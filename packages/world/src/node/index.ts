// The real world: node:fs, node:net, timers and clocks are touched here and nowhere else.

import { systemMessageOf } from '../disk-error.ts'
import { MemoryDisk, type MemoryDiskOptions } from '../memory/memory-disk.ts'
import type { Clock, Disk, Logger, LogLevel, Timers, World } from '../ports.ts'
import { nodeClock, nodeRandom, nodeTimers } from './clock.ts'
import { createNodeDisk } from './disk.ts'
import { createNodeLogger } from './logger.ts'
import { createNodeNetwork } from './network.ts'

export type { MemoryDisk, MemoryDiskOptions } from '../memory/memory-disk.ts'
export { makeFolder } from './disk.ts'
export { createNodeLogger, type LoggerLevels, type NodeLoggerOptions } from './logger.ts'
export { createNodeProviderSources } from './provider-sources.ts'
export { createRuntimeMetrics } from './runtime-metrics.ts'
export { TestClock } from './test-clock.ts'

/** The file systems of the machine, for tests and commands that need no whole world. */
export const nodeDisk: Disk = createNodeDisk()

export interface NodeWorldOptions {
  /** Default: Kafka's layout on standard output. */
  logger?: Logger
  /** Of the default logger. Default `INFO`. */
  logLevel?: LogLevel | 'OFF'
  /** Default: the file systems of the machine. `createMemoryDisk()` keeps everything in memory. */
  disk?: Disk
  /** Default: the machine's time. */
  clock?: Clock & Timers
  /** Runs once the halt is logged. Default: the process exits with 1. Whoever shares its process with others gives its own. */
  onHalt?(reason: string, error?: unknown): void
}

export function createNodeWorld(options: NodeWorldOptions = {}): World {
  const logger = options.logger ?? createNodeLogger({ level: options.logLevel })
  const onHalt = options.onHalt ?? (() => process.exit(1))
  return {
    clock: options.clock ?? nodeClock,
    timers: options.clock ?? nodeTimers,
    random: nodeRandom,
    disk: options.disk ?? createNodeDisk(),
    network: createNodeNetwork(logger),
    logger,
    halt(reason, error) {
      const message = systemMessageOf(error)
      const text = message === undefined || reason.includes(message) ? reason : `${reason}: ${message}`
      logger.log('FATAL', 'kafka.server.KafkaServer', `Halting: ${text}`, message === undefined ? error : undefined)
      onHalt(reason, error)
    }
  }
}

/** A disk in memory without faults, bounded by `maxBytes`; several nodes may share one as they may share a real one. */
export function createMemoryDisk(options: MemoryDiskOptions = {}): MemoryDisk {
  return new MemoryDisk({ ...options, now: nodeClock.now })
}
