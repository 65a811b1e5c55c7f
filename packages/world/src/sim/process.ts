// One life of a simulated node, from start to crash. Everything its code has set going (timers, disk, sockets) is bound
// to it: once it is dead no callback of it runs any more, and what code still on the stack tries to do has no effect.

import type { Prng } from '@odradek/base'
import type { Logger, LogLevel, TimerHandle, World } from '../ports.ts'
import type { SimEvent } from './event-queue.ts'
import type { SimNode } from './node.ts'
import type { Simulation } from './simulation.ts'

const LEVELS: Record<LogLevel, number> = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 }

export class SimProcess {
  readonly simulation: Simulation
  readonly node: SimNode
  readonly world: World
  isAlive = true
  isSuspended = false
  /** Set going while it was suspended; runs when it goes on. */
  readonly held: SimEvent[] = []
  readonly #timerRandom: Prng

  constructor(node: SimNode, life: number) {
    this.simulation = node.simulation
    this.node = node
    const prng = node.simulation.prng.fork(`node/${node.name}/${life}`)
    this.#timerRandom = prng.fork('timers')
    this.world = this.#createWorld(prng.fork('random'))
  }

  /** Runs `callback` after `delayMs` unless the process is dead by then. */
  after(delayMs: number, label: string, callback: () => void): SimEvent {
    return this.simulation.schedule(delayMs, label, callback, this)
  }

  /** To be asked before anything that the outside can see. False: the process is dead, and nothing may happen. */
  effect(label: string): boolean {
    if (this.isAlive) this.node.onEffect(this, label)
    return this.isAlive
  }

  #createWorld(random: Prng): World {
    const { simulation, node } = this
    return {
      clock: {
        now: () => Math.floor(simulation.startMs + simulation.nowMs + node.clockOffsetMs),
        monotonicMs: () => simulation.nowMs
      },
      timers: {
        schedule: (delayMs, callback) => this.#schedule(delayMs, callback),
        defer: (callback) => void this.after(0, 'defer', callback)
      },
      random: { bytes: (size) => random.bytes(size), below: (bound) => random.below(bound) },
      disk: node.storage.portOf(this),
      network: simulation.network.portOf(this),
      logger: this.#createLogger(),
      halt: (reason, error) => {
        if (!this.isAlive) return
        simulation.trace.add(simulation.nowMs, node.name, `halt: ${reason}`)
        node.onHalt(reason, error)
      }
    }
  }

  #schedule(delayMs: number, callback: () => void): TimerHandle {
    if (!(delayMs >= 0)) throw new RangeError(`a timer's delay must be ≥ 0: ${delayMs}`)
    // drawn always, so that a timer that never fires shifts nothing
    const lateMs = this.#timerRandom.float() * this.simulation.timerSlackMs
    if (delayMs === Infinity) return { cancel: () => {} }
    const event = this.after(delayMs + lateMs, 'timer', callback)
    return {
      cancel() {
        event.run = undefined
      }
    }
  }

  #createLogger(): Logger {
    const { simulation, node } = this
    const threshold = LEVELS[simulation.logLevel]
    return {
      isEnabled: (level) => LEVELS[level] >= threshold,
      log: (level, logger, message, error) => {
        if (LEVELS[level] < threshold || !this.isAlive) return
        const cause = error === undefined ? '' : `: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`
        const line = `${level} ${message} (${logger})${cause}`
        simulation.trace.add(simulation.nowMs, node.name, line)
        simulation.onLog?.(`[${simulation.nowMs.toFixed(3)}] ${node.name} ${line}`)
      }
    }
  }
}
