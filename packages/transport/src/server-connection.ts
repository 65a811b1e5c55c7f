// One client connection: bytes → frames → handler → answers in the order of the requests.
//
// Contract: a frame is handled only when the one before it is answered (Kafka mutes the connection), except that frames
// for which `mayOverlap` says so (Produce) are handled one after the other without waiting; answers always leave in order.
// Answers of one turn of the event loop leave as one vectored write. Nothing is dropped and nothing grows: while the peer
// does not read, nothing is handled; while nothing is handled, at most PARKED_BYTES_MAX plus one frame is kept and the
// socket is paused. An error of decode or handle closes this connection and no other; an AssertionError stops the node.
import { AssertionError, type BufferPool, DecodeError } from '@odradek/base'
import type { Socket, TimerHandle, World } from '@odradek/world'
import { FrameReader } from './frame-reader.ts'
import type { BudgetHolder, MemoryBudget } from './memory-budget.ts'
import type { RateLimitedLog } from './rate-limited-log.ts'

/** An answer whose buffers can be used again once the kernel has them. */
export interface ReleasableAnswer {
  readonly buffers: readonly Buffer[]
  /** Called once when the bytes are sent; not at all when the connection goes before. */
  readonly onSent: () => void
}

/** Bytes of an answer (frames with their size), `none` when the request has no answer, `close` when the connection must go. */
export type FrameResult = readonly Buffer[] | ReleasableAnswer | 'none' | 'close'

export interface FrameHandler {
  onFrame(frame: Buffer, connection: ServerConnection): FrameResult | Promise<FrameResult>
  /** True when this frame may be handled before the frames in front of it, all of this kind too, are answered. */
  mayOverlap(frame: Buffer): boolean
  /** True when nothing refers to the bytes of this frame once `onFrame` has returned, even when it returned a promise. */
  isDoneWith?(frame: Buffer): boolean
  /** True when the request in handling waits for something that may take long, and nobody misses its answer. */
  isParked?(connection: ServerConnection): boolean
  onClosed(connection: ServerConnection): void
}

export interface ConnectionOptions {
  readonly id: string
  readonly world: World
  readonly socket: Socket
  readonly listenerName: string
  readonly handler: FrameHandler
  readonly log: RateLimitedLog
  readonly requestBytesMax: () => number
  readonly requestMemory: MemoryBudget
  readonly responseMemory: MemoryBudget
  /** Where the buffers of large frames come from and return to. */
  readonly buffers?: BufferPool
  readonly onClose: (connection: ServerConnection) => void
}

/** Received and not yet handled bytes beyond which the socket is paused. */
const PARKED_BYTES_MAX = 256 * 1024
/** Answers gathered in one turn before they are written and the loop is let go. */
const OUTGOING_BYTES_PER_TURN = 512 * 1024
const FRAMES_PER_TURN = 128
const OVERLAPPING_MAX = 256
/** How long a peer may take to read the last answers of a connection that ends. */
const LINGER_MS = 5_000

interface Slot {
  readonly overlaps: boolean
  readonly frameBytes: number
  /** The answer; undefined while the handler works. */
  result: FrameResult | undefined
}

export class ServerConnection implements BudgetHolder {
  readonly id: string
  readonly listenerName: string
  readonly socket: Socket
  /** What the layers above remember of this connection (negotiated software, session state). */
  readonly attachment = new Map<string, unknown>()
  readonly #options: ConnectionOptions
  readonly #reader: FrameReader
  readonly #slots: Slot[] = []
  #next: Buffer | undefined
  #outgoing: Buffer[] = []
  #outgoingBytes = 0
  #sent: (() => void)[] = []
  #unwrittenBytes = 0
  #reservedBytes = 0
  #paused = false
  #draining = false
  #flushScheduled = false
  #pumping = false
  #closed = false
  #closing = false
  /** The peer sends no more: what came before is still handled and answered. */
  #isPeerDone = false
  #lastActiveMs: number
  #frameStartedMs = -1
  #bufferedAtCheck = 0
  #linger: TimerHandle | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.id = options.id
    this.listenerName = options.listenerName
    this.socket = options.socket
    this.#reader = new FrameReader(options.requestBytesMax, options.buffers)
    this.#lastActiveMs = options.world.clock.monotonicMs()
    options.socket.setHandlers({
      onData: (chunk) => this.#onData(chunk),
      target: () => this.#reader.target(),
      onDrain: () => this.#onDrain(),
      onEnd: () => {
        this.#onEnd()
        return true
      },
      onClose: () => {
        this.#linger?.cancel()
        this.#onClosed()
      }
    })
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Requests in handling, parked ones included. */
  get inFlight(): number {
    return this.#slots.length
  }

  /** ms since anything moved on this connection; 0 while a request is in handling. Called now and then, not on each event. */
  idleMs(now: number): number {
    const buffered = this.socket.bufferedBytes
    if (buffered < this.#bufferedAtCheck) this.#lastActiveMs = now
    this.#bufferedAtCheck = buffered
    return this.#slots.length > 0 ? 0 : now - this.#lastActiveMs
  }

  /** The peer does not take the answers it asked for. */
  get isStalled(): boolean {
    return this.#draining
  }

  /** ms since the first byte of a frame whose end has not come; 0 when there is none. */
  frameAgeMs(now: number): number {
    return this.#frameStartedMs < 0 ? 0 : now - this.#frameStartedMs
  }

  /** Takes no more; answers already given still leave, in-flight requests are forgotten. */
  close(reason?: string): void {
    if (this.#closed) return
    if (reason !== undefined) {
      this.#options.log.log('WARN', reason.split(':')[0], `Closing connection ${this.id} on listener ${this.listenerName}: ${reason}`)
    }
    this.#end()
  }

  /** Gone at once. */
  destroy(): void {
    if (this.#closed) return
    this.#linger?.cancel()
    this.socket.destroy()
    this.#onClosed()
  }

  /** Takes no more requests, answers those in handling, then ends the connection. */
  closeWhenAnswered(): void {
    if (this.#closed || this.#closing) return
    this.#closing = true
    this.#reader.clear()
    this.#next = undefined
    this.#endIfAnswered()
  }

  onBudget(): void {
    if (this.#closed) return
    this.#pump()
    this.#resumeIfRoom()
  }

  #onData(chunk: Buffer): void {
    if (this.#closed || this.#closing) return
    const now = this.#options.world.clock.monotonicMs()
    this.#lastActiveMs = now
    this.#releaseSent()
    if (!this.#reader.isMidFrame && this.#next === undefined) this.#frameStartedMs = now
    this.#reserve(chunk.length)
    this.#reader.push(chunk)
    this.#pump()
    if (this.#closed) return
    const parked = this.#reader.bufferedBytes
    const isMuted = this.#next !== undefined
    if ((isMuted && parked > PARKED_BYTES_MAX) || !this.#mayRead()) this.#pause()
  }

  #onDrain(): void {
    if (this.#closed) return
    this.#draining = false
    this.#lastActiveMs = this.#options.world.clock.monotonicMs()
    this.#settleResponseMemory()
    this.#releaseSent()
    if (this.#closing) {
      this.#endIfAnswered()
      return
    }
    this.#pump()
    this.#resumeIfRoom()
  }

  /**
   * A client may send, finish and leave (acks=0), or read on until it has its answers. It cannot be told from one that is gone: what is
   * parked is given up, and nothing takes longer than LINGER_MS from the last request on.
   */
  #onEnd(): void {
    if (this.#closed) return
    this.#isPeerDone = true
    this.#lingerAnew()
    this.#pump()
    this.#endIfPeerDone()
  }

  #endIfPeerDone(): void {
    if (!this.#isPeerDone || this.#closed || this.#next !== undefined) return
    if (this.#slots.length === 0 || this.#options.handler.isParked?.(this) === true) this.#end()
  }

  #lingerAnew(): void {
    this.#linger?.cancel()
    this.#linger = this.#options.world.timers.schedule(LINGER_MS, () => this.destroy())
  }

  #end(): void {
    this.#flush()
    this.socket.end()
    this.#linger?.cancel()
    this.#linger = this.#options.world.timers.schedule(LINGER_MS, () => this.socket.destroy())
    this.#onClosed()
  }

  #onClosed(): void {
    if (this.#closed) return
    this.#closed = true
    const { requestMemory, responseMemory } = this.#options
    requestMemory.release(this.#reservedBytes)
    responseMemory.release(this.#unwrittenBytes)
    this.#reservedBytes = 0
    this.#unwrittenBytes = 0
    requestMemory.leave(this)
    responseMemory.leave(this)
    this.#reader.clear()
    this.#next = undefined
    this.#outgoing = []
    this.#slots.length = 0
    this.#options.onClose(this)
    this.#options.handler.onClosed(this)
  }

  /** Handles whole frames while order, the peer's reading and the budgets allow it. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    let frames = 0
    try {
      while (!this.#closed && !this.#closing) {
        const frame = this.#next ?? this.#reader.next()
        if (frame === undefined) break
        this.#next = frame
        if (!this.#mayStart(frame)) break
        if (frames >= FRAMES_PER_TURN || this.#outgoingBytes >= OUTGOING_BYTES_PER_TURN) {
          this.#options.world.timers.defer(() => this.onBudget())
          break
        }
        this.#next = undefined
        frames++
        this.#start(frame)
      }
      this.#frameStartedMs = this.#next === undefined && this.#reader.isMidFrame ? this.#frameStart(frames) : -1
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#pumping = false
    }
    if (this.#isPeerDone && !this.#closed) {
      if (frames > 0) this.#lingerAnew()
      this.#endIfPeerDone()
    }
  }

  /** The frame at the head began before this turn unless frames were taken since. */
  #frameStart(framesTaken: number): number {
    return framesTaken === 0 && this.#frameStartedMs >= 0 ? this.#frameStartedMs : this.#options.world.clock.monotonicMs()
  }

  #mayStart(frame: Buffer): boolean {
    return !this.#draining && this.#isItsTurn(frame) && this.#options.responseMemory.mayGrow(this)
  }

  #isItsTurn(frame: Buffer): boolean {
    const inFlight = this.#slots.length
    if (inFlight === 0) return true
    return inFlight < OVERLAPPING_MAX && this.#slots[inFlight - 1].overlaps && this.#options.handler.mayOverlap(frame)
  }

  #start(frame: Buffer): void {
    const { handler } = this.#options
    const result = handler.onFrame(frame, this)
    const frameBytes = frame.length + 4
    if (handler.isDoneWith?.(frame) === true) this.#reader.recycle(frame)
    if (!(result instanceof Promise)) {
      if (this.#slots.length === 0) {
        this.#release(frameBytes)
        this.#emit(result)
      } else {
        this.#slots.push({ overlaps: true, frameBytes, result })
      }
      return
    }
    const slot: Slot = { overlaps: this.#slots.length > 0 || handler.mayOverlap(frame), frameBytes, result: undefined }
    this.#slots.push(slot)
    result.then(
      (value) => this.#complete(slot, value),
      (error) => this.#fail(error)
    )
  }

  #complete(slot: Slot, result: FrameResult): void {
    if (this.#closed) return
    slot.result = result
    const slots = this.#slots
    if (slots[0] !== slot) return
    let done = 0
    while (done < slots.length && slots[done].result !== undefined) {
      this.#release(slots[done].frameBytes)
      this.#emit(slots[done].result as FrameResult)
      if (this.#closed) return
      done++
    }
    slots.splice(0, done)
    this.#lastActiveMs = this.#options.world.clock.monotonicMs()
    if (this.#closing) {
      this.#endIfAnswered()
      return
    }
    this.#pump()
    this.#resumeIfRoom()
  }

  #emit(result: FrameResult): void {
    if (result === 'none') {
      this.#settleResponseMemory()
      return
    }
    if (result === 'close') {
      this.close()
      return
    }
    for (const chunk of this.#buffersOf(result)) {
      this.#outgoing.push(chunk)
      this.#outgoingBytes += chunk.length
    }
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    this.#options.world.timers.defer(() => {
      this.#flushScheduled = false
      this.#flush()
      this.#endIfAnswered()
    })
  }

  #buffersOf(answer: readonly Buffer[] | ReleasableAnswer): readonly Buffer[] {
    if (!('onSent' in answer)) return answer
    this.#sent.push(answer.onSent)
    return answer.buffers
  }

  #releaseSent(): void {
    if (this.#sent.length === 0 || this.#outgoing.length > 0 || this.socket.bufferedBytes > 0) return
    for (const onSent of this.#sent.splice(0)) onSent()
  }

  #flush(): void {
    if (this.#closed || this.#outgoing.length === 0) return
    const buffers = this.#outgoing
    this.#options.responseMemory.reserve(this.#outgoingBytes)
    this.#unwrittenBytes += this.#outgoingBytes
    this.#outgoing = []
    this.#outgoingBytes = 0
    const hasRoom = this.socket.write(buffers)
    if (!hasRoom) this.#draining = true
    this.#settleResponseMemory()
  }

  /** Gives back what the kernel has taken. */
  #settleResponseMemory(): void {
    const { responseMemory } = this.#options
    const unwritten = this.#draining ? Math.min(this.socket.bufferedBytes, this.#unwrittenBytes) : 0
    const taken = this.#unwrittenBytes - unwritten
    this.#unwrittenBytes = unwritten
    if (taken > 0) responseMemory.release(taken)
    if (unwritten === 0) responseMemory.endExemption(this)
  }

  #endIfAnswered(): void {
    if (!this.#closing || this.#closed || this.#slots.length > 0) return
    this.#end()
  }

  #fail(error: unknown): void {
    if (error instanceof AssertionError) {
      this.#options.world.halt('an assertion failed while a request was handled', error)
      return
    }
    if (this.#closed) return
    if (error instanceof DecodeError) {
      this.close(`invalid request: ${error.message}`)
      return
    }
    this.#options.world.logger.log('ERROR', 'kafka.network.Processor', `Request on connection ${this.id} failed`, error)
    this.close('request failed')
  }

  /** While requests of its own are in handling a connection needs no exemption from a full budget: their answers wake it. */
  #mayRead(): boolean {
    const { requestMemory } = this.#options
    if (!requestMemory.isFull) return true
    return this.#slots.length === 0 && requestMemory.mayGrow(this)
  }

  #reserve(bytes: number): void {
    this.#reservedBytes += bytes
    this.#options.requestMemory.reserve(bytes)
  }

  #release(bytes: number): void {
    const { requestMemory } = this.#options
    this.#reservedBytes -= bytes
    requestMemory.release(bytes)
    if (!this.#reader.isMidFrame && this.#next === undefined) requestMemory.leave(this)
  }

  #pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.socket.pause()
  }

  #resumeIfRoom(): void {
    if (!this.#paused || this.#closed || this.#closing) return
    if (this.#next !== undefined && this.#reader.bufferedBytes > PARKED_BYTES_MAX) return
    if (!this.#mayRead()) return
    this.#paused = false
    this.socket.resume()
  }
}
