// Heartbeats of a member, one at a time; what a beat resolves to says how long the next one waits. Ten may follow one another at once;
// a coordinator that always has news is not asked without a pause.
import type { TimerHandle, World } from '@odradek/world'

const PROMPT_BEATS = 10
const PACE_MS = 100

export class HeartbeatLoop {
  readonly #world: World
  readonly #beat: (signal: AbortSignal) => Promise<number>
  #timer: TimerHandle | undefined
  #isSending = false
  #isActive = false
  #closing = new AbortController()
  /** Beats that may go at once; one more each PACE_MS. */
  #credit = PROMPT_BEATS
  #creditAtMs = 0

  /** `beat` must not reject. Its signal aborts with `stop`. */
  constructor(world: World, beat: (signal: AbortSignal) => Promise<number>) {
    this.#world = world
    this.#beat = beat
  }

  get isActive(): boolean {
    return this.#isActive
  }

  get signal(): AbortSignal {
    return this.#closing.signal
  }

  start(): void {
    if (this.#isActive) return
    this.#isActive = true
    if (this.#closing.signal.aborted) this.#closing = new AbortController()
    this.soon()
  }

  soon(): void {
    if (this.#isActive && !this.#isSending) this.#arm(0)
  }

  stop(): void {
    this.#isActive = false
    this.#timer?.cancel()
    this.#closing.abort()
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#world.timers.schedule(Math.max(delayMs, this.#credit >= 1 ? 0 : PACE_MS), () => void this.#run())
  }

  async #run(): Promise<void> {
    if (this.#isSending || !this.#isActive) return
    this.#isSending = true
    const now = this.#world.clock.monotonicMs()
    this.#credit = Math.min(PROMPT_BEATS, this.#credit + (now - this.#creditAtMs) / PACE_MS) - 1
    this.#creditAtMs = now
    const delayMs = await this.#beat(this.#closing.signal)
    this.#isSending = false
    if (this.#isActive) this.#arm(delayMs)
  }
}
