// The simulated world: virtual time, machines, wires and disks, all drawn from one seed. Events run one by one in the
// order of their virtual times; between two of them every promise settles, because each runs in a macrotask of its own
// (the real setImmediate): V8 empties the queue of microtasks in between, in a fixed order. The alternative, V8's
// %PerformMicrotaskCheckpoint, is faster by about 2 µs an event but needs a flag of the process, so that a plain
// `node --test` could not run a simulation.

import { createPrng, type Prng } from '@odradek/base'
import type { LogLevel } from '../ports.ts'
import { EventQueue, type SimEvent } from './event-queue.ts'
import { forbidRealWorld, takeUncaughtErrors } from './guard.ts'
import { type NetworkConditions, SimNetwork } from './network.ts'
import { type NodeOptions, SimNode } from './node.ts'
import type { SimProcess } from './process.ts'
import { type DiskConditions, SimStorage } from './storage.ts'
import { Trace } from './trace.ts'

export interface SimulationOptions {
  seed: string | number
  /** Wall clock at virtual time 0. Default 2026-01-01T00:00:00Z. */
  startMs?: number
  network?: Partial<NetworkConditions>
  disk?: Partial<DiskConditions>
  /** A timer fires up to this late. Default 1. */
  timerSlackMs?: number
  /** Lines below it are not seen and not hashed. Default `INFO`. */
  logLevel?: LogLevel
  onLog?(line: string): void
  /** Gets every entry of the trace as it is made. */
  onTrace?(line: string): void
  /** A node stopped itself. Default: the simulation fails. */
  onHalt?(node: SimNode, reason: string, error: unknown): void
  /** Date.now, Math.random, setTimeout and the like throw while events run. Default true. */
  guardGlobals?: boolean
}

export interface RunOptions {
  /** Asked after each event; the run ends when it is true. Not reaching it is a failure. */
  until?(): boolean
  /** Virtual ms from now. Default: one hour with `until`, no limit without. */
  maxVirtualMs?: number
  /** Default 10 million. */
  maxEvents?: number
}

/** A failed seed. The message names the seed, the virtual time and the cause; the last trace entries follow. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure'
  readonly seed: string

  constructor(seed: string, simulation: Simulation, cause: unknown) {
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    const place = `seed ${seed}, at ${simulation.nowMs.toFixed(3)} ms, event ${simulation.events}`
    super(`simulation failed (${place}): ${reason}\nlast events:\n${simulation.trace.lastLines().slice(-40).join('\n')}`, { cause })
    this.seed = seed
  }
}

// Taken before the guard replaces it.
const realSetImmediate = setImmediate

export class Simulation {
  readonly seed: string
  readonly prng: Prng
  readonly startMs: number
  readonly timerSlackMs: number
  readonly logLevel: LogLevel
  readonly onLog: ((line: string) => void) | undefined
  readonly trace: Trace
  readonly network: SimNetwork
  readonly #options: SimulationOptions
  readonly #queue = new EventQueue()
  readonly #nodes = new Map<string, SimNode>()
  readonly #invariants = new Set<{ name: string; check: () => void }>()
  #nowMs = 0
  #sequence = 0
  #events = 0
  #isRunning = false
  #failure: SimulationFailure | undefined

  constructor(options: SimulationOptions) {
    this.#options = options
    this.seed = String(options.seed)
    this.prng = createPrng(options.seed)
    this.startMs = options.startMs ?? Date.UTC(2026, 0, 1)
    this.timerSlackMs = options.timerSlackMs ?? 1
    this.logLevel = options.logLevel ?? 'INFO'
    this.onLog = options.onLog
    this.trace = new Trace(options.onTrace)
    this.network = new SimNetwork(this, options.network ?? {})
  }

  /** Virtual ms since the start. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** Events run so far. */
  get events(): number {
    return this.#events
  }

  /** Of everything that happened so far; equal for equal seeds. */
  get traceHash(): string {
    return this.trace.hash()
  }

  /** The node of that name, made on the first call. Its name is its host name. */
  node(name: string, options: NodeOptions = {}): SimNode {
    let node = this.#nodes.get(name)
    if (node === undefined) {
      node = new SimNode(this, name, options.storage ?? new SimStorage(this, name, this.#options.disk ?? {}))
      this.#nodes.set(name, node)
    }
    return node
  }

  nodes(): SimNode[] {
    return [...this.#nodes.values()]
  }

  /** Checked after every event; throws when it does not hold. Returns the function that takes it back. */
  addInvariant(name: string, check: () => void): () => void {
    const invariant = { name, check }
    this.#invariants.add(invariant)
    return () => void this.#invariants.delete(invariant)
  }

  /** Puts an event of the world itself (a fault of a plan, say) on the agenda. */
  at(delayMs: number, label: string, run: () => void): SimEvent {
    return this.schedule(delayMs, label, run)
  }

  schedule(delayMs: number, label: string, run: () => void, process?: SimProcess): SimEvent {
    const event: SimEvent = { timeMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, process, label, run }
    this.#queue.push(event)
    return event
  }

  /** Puts an event that was popped but not run back on the agenda, as of now. */
  requeue(event: SimEvent): void {
    event.timeMs = this.#nowMs
    event.sequence = this.#sequence++
    this.#queue.push(event)
  }

  /** Fails the seed: the run under way rejects with a {@link SimulationFailure}. */
  fail(cause: unknown): void {
    this.#failure ??= cause instanceof SimulationFailure ? cause : new SimulationFailure(this.seed, this, cause)
  }

  onHalt(node: SimNode, reason: string, error: unknown): void {
    const { onHalt } = this.#options
    if (onHalt !== undefined) onHalt(node, reason, error)
    else this.fail(new Error(`${node.name} halted: ${reason}`, { cause: error }))
  }

  /** Runs events until `until` holds, the time is over, or nothing is left to do. Rejects with a {@link SimulationFailure}. */
  async run(options: RunOptions = {}): Promise<void> {
    if (this.#isRunning) throw new Error('the simulation runs already')
    if (this.#failure !== undefined) throw this.#failure
    this.#isRunning = true
    const restoreGlobals = this.#options.guardGlobals === false ? () => {} : forbidRealWorld()
    const restoreErrors = takeUncaughtErrors((error) => this.fail(error))
    try {
      await this.#pump(options)
    } finally {
      restoreErrors()
      restoreGlobals()
      this.#isRunning = false
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Runs for `virtualMs`. */
  advance(virtualMs: number): Promise<void> {
    return this.run({ maxVirtualMs: virtualMs })
  }

  /** Runs until the promise settles, and gives its value or its error. */
  async complete<T>(promise: Promise<T>, options: { maxVirtualMs?: number; maxEvents?: number } = {}): Promise<T> {
    let isSettled = false
    const settle = (): void => {
      isSettled = true
    }
    promise.then(settle, settle)
    await this.run({ ...options, until: () => isSettled })
    return promise
  }

  #pump(options: RunOptions): Promise<void> {
    const deadline = this.#nowMs + (options.maxVirtualMs ?? (options.until === undefined ? Infinity : 3_600_000))
    const lastEvent = this.#events + (options.maxEvents ?? 10_000_000)
    return new Promise((resolve) => {
      const turn = (): void => {
        // Everything that the last event set off has settled by now.
        if (this.#isOver(options, deadline, lastEvent)) {
          resolve()
          return
        }
        this.#runNext()
        realSetImmediate(turn)
      }
      realSetImmediate(turn)
    })
  }

  #isOver(options: RunOptions, deadline: number, lastEvent: number): boolean {
    if (this.#failure !== undefined) return true
    try {
      for (const { name, check } of this.#invariants) this.#check(name, check)
      if (options.until?.()) return true
    } catch (error) {
      this.fail(error)
      return true
    }
    const next = this.#peek()
    if (next !== undefined && next.timeMs <= deadline && this.#events < lastEvent) return false
    if (options.until !== undefined || (next !== undefined && next.timeMs <= deadline)) {
      const why = next === undefined ? 'nothing is left to do' : next.timeMs > deadline ? 'the virtual time is over' : 'too many events'
      this.fail(new Error(options.until === undefined ? why : `the condition was not reached: ${why}`))
    } else if (deadline !== Infinity) {
      this.#nowMs = deadline
    }
    return true
  }

  /** The next event that will run; cancelled ones and those of dead processes are dropped. */
  #peek(): SimEvent | undefined {
    for (;;) {
      const event = this.#queue.peek()
      if (event === undefined || (event.run !== undefined && event.process?.isAlive !== false)) return event
      this.#queue.pop()
    }
  }

  #check(name: string, check: () => void): void {
    try {
      check()
    } catch (error) {
      throw new Error(`invariant does not hold: ${name}`, { cause: error })
    }
  }

  #runNext(): void {
    const event = this.#queue.pop() as SimEvent
    const { process } = event
    const run = event.run as () => void
    this.#nowMs = event.timeMs
    if (process?.isSuspended) {
      process.held.push(event)
      return
    }
    this.#events++
    this.trace.add(event.timeMs, process?.node.name ?? '-', event.label)
    event.run = undefined
    try {
      run()
    } catch (error) {
      this.fail(error)
    }
  }
}

export function createSimulation(options: SimulationOptions): Simulation {
  return new Simulation(options)
}
