// A simulated machine with one process of ours on it. It is killed, loses power, is suspended, starts again; its disk and
// its name stay.

import { assert } from '@odradek/base'
import type { World } from '../ports.ts'
import type { SimHost } from './network.ts'
import { SimProcess } from './process.ts'
import type { Simulation } from './simulation.ts'
import type { SimStorage } from './storage.ts'

export type CrashKind =
  /** kill -9: the kernel lives on, so written bytes stay and peers see their connections end */
  | 'kill'
  /** the machine stops: what is not synced is kept, lost or torn; peers see nothing at all */
  | 'power-loss'

export interface NodeOptions {
  /** The disk of another node, as when two processes are given one log directory. Default: its own. */
  storage?: SimStorage
}

export class SimNode {
  readonly simulation: Simulation
  readonly name: string
  readonly storage: SimStorage
  readonly host: SimHost
  /** Reasons of the halts of this node, over all its lives. */
  readonly halts: { reason: string; error: unknown }[] = []
  /** Added to the wall clock; change it for a jump. The monotonic clock does not see it. */
  clockOffsetMs = 0
  #process: SimProcess
  #lives = 1
  #crashPlan: { effectsLeft: number; kind: CrashKind } | undefined

  constructor(simulation: Simulation, name: string, storage: SimStorage) {
    this.simulation = simulation
    this.name = name
    this.storage = storage
    this.host = simulation.network.addHost(name)
    this.#process = new SimProcess(this, this.#lives)
  }

  /** The world of the life it lives now. */
  get world(): World {
    return this.#process.world
  }

  get process(): SimProcess {
    return this.#process
  }

  get isAlive(): boolean {
    return this.#process.isAlive
  }

  /** Ends the life of the process at once: none of its callbacks runs again. No-op when it is dead. */
  crash(kind: CrashKind): void {
    const process = this.#process
    if (!process.isAlive) return
    this.#trace(kind)
    process.isAlive = false
    process.held.length = 0
    this.#crashPlan = undefined
    this.storage.onProcessDeath(process)
    if (kind === 'power-loss') this.storage.losePower()
    this.simulation.network.onProcessDeath(process, kind)
  }

  kill(): void {
    this.crash('kill')
  }

  losePower(): void {
    this.crash('power-loss')
  }

  /** Crashes it when it is about to do its `count`th effect from now (disk operation, socket write, connect, …). */
  crashAtEffect(count: number, kind: CrashKind): void {
    assert(count >= 1, 'effects are counted from 1')
    this.#crashPlan = { effectsLeft: count, kind }
  }

  /** Takes back what {@link crashAtEffect} planned. */
  cancelCrash(): void {
    this.#crashPlan = undefined
  }

  /** A new life on the same disk; returns its world. */
  restart(): World {
    assert(!this.#process.isAlive, `${this.name} is alive: crash it first`)
    this.#trace('restart')
    this.#lives++
    this.#process = new SimProcess(this, this.#lives)
    this.simulation.network.onHostUp(this.host)
    return this.#process.world
  }

  /** Stops it as SIGSTOP does; when it goes on, everything that fell due runs at once. */
  suspend(): void {
    this.#trace('suspend')
    this.#process.isSuspended = true
  }

  resume(): void {
    const process = this.#process
    if (!process.isAlive || !process.isSuspended) return
    this.#trace('resume')
    process.isSuspended = false
    for (const event of process.held.splice(0)) this.simulation.requeue(event)
    this.simulation.network.onProcessResumed(process)
  }

  /** Called before each effect of the process. */
  onEffect(process: SimProcess, _label: string): void {
    const plan = this.#crashPlan
    if (plan === undefined || process !== this.#process) return
    plan.effectsLeft--
    if (plan.effectsLeft === 0) this.crash(plan.kind)
  }

  /** The process stopped itself. */
  onHalt(reason: string, error: unknown): void {
    this.halts.push({ reason, error })
    this.kill()
    this.simulation.onHalt(this, reason, error)
  }

  #trace(label: string): void {
    this.simulation.trace.add(this.simulation.nowMs, this.name, label)
  }
}
