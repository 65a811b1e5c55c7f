// One direction of a proxied connection: bytes wait here while the lane is stalled or late, and leave in order, in pieces when so asked.
// What waits is bounded: above WAITING_BYTES_MAX the source is paused.
import type { Socket, TimerHandle, World } from '@odradek/world'

const WAITING_BYTES_MAX = 1 << 20

export interface LaneConditions {
  /** Bytes wait until it is over. */
  isStalled: boolean
  /** Bytes leave so many ms after they came. */
  lateMs: number
  /** Pieces of at most so many bytes, each in a turn of its own; 0: as they came. */
  pieceBytes: number
}

export class Lane {
  readonly #world: World
  readonly #conditions: LaneConditions
  readonly #source: Socket
  readonly #target: Socket
  #waiting: { bytes: Buffer; atMs: number }[] = []
  #waitingBytes = 0
  #timer: TimerHandle | undefined
  #isDraining = false
  #isSourcePaused = false
  #onEmpty: (() => void) | undefined

  constructor(world: World, conditions: LaneConditions, source: Socket, target: Socket) {
    this.#world = world
    this.#conditions = conditions
    this.#source = source
    this.#target = target
  }

  push(buffers: readonly Buffer[], extraMs = 0): void {
    const { lateMs, pieceBytes } = this.#conditions
    const atMs = this.#world.clock.monotonicMs() + lateMs + extraMs
    for (const buffer of buffers) {
      const size = pieceBytes > 0 ? pieceBytes : buffer.length
      for (let at = 0; at < buffer.length; at += size) this.#waiting.push({ bytes: buffer.subarray(at, at + size), atMs })
      this.#waitingBytes += buffer.length
    }
    this.pump()
  }

  /** Runs once all that waits has left. */
  whenEmpty(run: () => void): void {
    this.#onEmpty = run
    this.pump()
  }

  drained(): void {
    this.#isDraining = false
    this.pump()
  }

  pump(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    while (this.#waiting.length > 0 && !this.#conditions.isStalled && !this.#isDraining) {
      const waitMs = this.#waiting[0].atMs - this.#world.clock.monotonicMs()
      if (waitMs > 0) {
        this.#timer = this.#world.timers.schedule(waitMs, () => this.pump())
        break
      }
      const { bytes } = this.#waiting.shift() as { bytes: Buffer }
      this.#waitingBytes -= bytes.length
      this.#isDraining = !this.#target.write([bytes])
      if (this.#conditions.pieceBytes > 0 && this.#waiting.length > 0) {
        this.#timer = this.#world.timers.schedule(0, () => this.pump())
        break
      }
    }
    const isFull = this.#waitingBytes > WAITING_BYTES_MAX
    if (isFull !== this.#isSourcePaused) {
      this.#isSourcePaused = isFull
      if (isFull) this.#source.pause()
      else this.#source.resume()
    }
    if (this.#waiting.length === 0) {
      const onEmpty = this.#onEmpty
      this.#onEmpty = undefined
      onEmpty?.()
    }
  }

  close(): void {
    this.#timer?.cancel()
    this.#waiting = []
    this.#waitingBytes = 0
  }
}
