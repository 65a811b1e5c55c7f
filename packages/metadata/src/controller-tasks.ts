// What the controller does by the clock while it leads: a NoOpRecord when nothing else was written for a while (followers
// and standbys learn from it that the leader lives), fencing of silent brokers, preferred leaders, unclean elections.
import type { BrokerConfig } from '@odradek/config'
import type { TimerHandle, World } from '@odradek/world'
import type { BrokerSessions } from './controller/broker-sessions.ts'
import { fenceStaleBroker } from './controller/cluster-control.ts'
import type { ControllerOutcome, ControllerState } from './controller/controller-state.ts'
import { balanceLeaders, electUncleanLeaders } from './controller/elections.ts'
import { metadataRecord } from './records.ts'

export interface ControllerTasksOptions {
  readonly world: World
  readonly config: BrokerConfig
  readonly sessions: BrokerSessions
  propose(handle: (state: ControllerState) => ControllerOutcome<unknown>): void
}

export class ControllerTasks {
  readonly #options: ControllerTasksOptions
  readonly #timers = new Map<string, TimerHandle>()
  #isRunning = false
  #lastAppendMs = 0

  constructor(options: ControllerTasksOptions) {
    this.#options = options
  }

  start(): void {
    const { config, world } = this.#options
    this.#isRunning = true
    this.#lastAppendMs = world.clock.monotonicMs()
    if (config.get('metadata.max.idle.interval.ms') > 0) this.#scheduleNoOp()
    this.#scheduleFencing()
    const balanceMs = config.get('leader.imbalance.check.interval.seconds') * 1000
    if (config.get('auto.leader.rebalance.enable')) this.#every('balance', balanceMs, () => this.#options.propose(balanceLeaders))
    this.#every('unclean', config.get('unclean.leader.election.interval.ms'), () => this.#options.propose(electUncleanLeaders))
  }

  stop(): void {
    this.#isRunning = false
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  onAppend(): void {
    this.#lastAppendMs = this.#options.world.clock.monotonicMs()
  }

  /** A call may have begun the first session. */
  onCall(): void {
    if (this.#isRunning && !this.#timers.has('fence')) this.#scheduleFencing()
  }

  #scheduleNoOp(): void {
    const { config, world, propose } = this.#options
    const idleMs = config.get('metadata.max.idle.interval.ms')
    const dueMs = this.#lastAppendMs + idleMs - world.clock.monotonicMs()
    this.#once('noOp', Math.max(dueMs, 1), () => {
      if (world.clock.monotonicMs() - this.#lastAppendMs >= idleMs)
        propose(() => ({ records: [metadataRecord('NoOpRecord', 0, {})], response: undefined }))
      this.#scheduleNoOp()
    })
  }

  #scheduleFencing(): void {
    const { sessions, world, propose } = this.#options
    const next = sessions.nextExpiryMs
    if (next === undefined) return
    this.#once('fence', Math.max(next - world.clock.monotonicMs(), 1), () => {
      propose(fenceStaleBroker)
      this.#scheduleFencing()
    })
  }

  #every(name: string, intervalMs: number, run: () => void): void {
    this.#once(name, intervalMs, () => {
      run()
      this.#every(name, intervalMs, run)
    })
  }

  #once(name: string, delayMs: number, run: () => void): void {
    const timer = this.#options.world.timers.schedule(delayMs, () => {
      this.#timers.delete(name)
      if (this.#isRunning) run()
    })
    this.#timers.set(name, timer)
  }
}
