// One direction of a connection. Bytes wait in the sender's own queue (not copied yet, as in the real world: who writes
// to a buffer after giving it away is found out), then in the network, in segments that arrive in order, then unread at
// the receiver. Network and receiver together hold no more than the window; beyond it the sender's queue grows, and its
// owner is told.

import { crc32c } from '@odradek/base'
import type { Link, SimNetwork } from './network.ts'
import type { SimSocket } from './socket.ts'

interface Segment {
  /** Undefined for the end of the stream. */
  data: Buffer | undefined
  dueMs: number
}

export class Pipe {
  readonly from: SimSocket
  readonly to: SimSocket
  readonly #network: SimNetwork
  readonly #link: Link
  /** Written by the owner, not yet taken by its kernel. */
  readonly #queue: Buffer[] = []
  #queuedBytes = 0
  #segments: Segment[] = []
  #inFlightBytes = 0
  #isScheduled = false
  #stalledSinceMs: number | undefined
  #endWanted = false
  #endSent = false
  /** Takes bytes and delivers none. */
  isDead = false

  constructor(network: SimNetwork, from: SimSocket, to: SimSocket) {
    this.from = from
    this.to = to
    this.#network = network
    this.#link = network.link(from.host.name, to.host.name)
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get isEndSent(): boolean {
    return this.#endSent
  }

  write(buffers: readonly Buffer[]): void {
    for (const buffer of buffers) {
      if (buffer.length === 0) continue
      this.#queue.push(buffer)
      this.#queuedBytes += buffer.length
    }
    this.flush()
  }

  /** The end of the stream follows what is queued. */
  end(): void {
    this.#endWanted = true
    this.flush()
  }

  /** Moves from the sender's queue into the network what the window takes. */
  flush(): void {
    const { windowBytes } = this.#network.conditions
    while (this.#queuedBytes > 0) {
      const room = windowBytes - this.#inFlightBytes - this.to.unreadBytes
      if (room <= 0) break
      this.#send(this.#take(Math.min(room, Math.max(1, this.#network.drawSegmentBytes()))))
    }
    if (this.#endWanted && !this.#endSent && this.#queuedBytes === 0) {
      this.#endSent = true
      this.#send(undefined)
    }
    this.schedule()
  }

  /** What is queued and under way is lost. */
  clear(): void {
    this.#queue.length = 0
    this.#queuedBytes = 0
    this.#segments = []
    this.#inFlightBytes = 0
  }

  /** The owner's queue is lost; what its kernel has taken still arrives. */
  dropQueue(): void {
    this.#queue.length = 0
    this.#queuedBytes = 0
  }

  /** Sees to it that the first segment arrives when it is due. */
  schedule(): void {
    if (this.#isScheduled || this.#segments.length === 0) return
    this.#isScheduled = true
    const { simulation } = this.#network
    simulation.schedule(this.#segments[0].dueMs - simulation.nowMs, 'net.segment', () => this.#arrive())
  }

  #send(data: Buffer | undefined): void {
    // One that is due before its forerunner waits for it: only the first one is on the agenda.
    this.#segments.push({ data, dueMs: this.#network.simulation.nowMs + this.#network.drawDelayMs() })
    this.#inFlightBytes += data?.length ?? 0
  }

  /** Copies the next `bytes` of the queue, or all when it has fewer. */
  #take(bytes: number): Buffer {
    const target = Buffer.allocUnsafeSlow(Math.min(bytes, this.#queuedBytes))
    let filled = 0
    while (filled < target.length) {
      const first = this.#queue[0]
      const copied = first.copy(target, filled)
      filled += copied
      if (copied === first.length) this.#queue.shift()
      else this.#queue[0] = first.subarray(copied)
    }
    this.#queuedBytes -= target.length
    return target
  }

  #arrive(): void {
    this.#isScheduled = false
    const { simulation } = this.#network
    if (this.#link.isBlocked || !this.to.host.isUp || this.isDead) {
      this.#stall()
      return
    }
    if (simulation.nowMs < this.#link.clogUntilMs && this.#segments.length > 0) {
      this.#segments[0].dueMs = this.#link.clogUntilMs + this.#network.drawDelayMs()
      this.schedule()
      return
    }
    this.#stalledSinceMs = undefined
    const segment = this.#segments.shift()
    if (segment === undefined) return
    const { data } = segment
    if (data === undefined) {
      this.to.onFin()
    } else {
      this.#inFlightBytes -= data.length
      simulation.trace.add(simulation.nowMs, this.to.host.name, 'net.bytes', this.from.localPort, data.length, crc32c(data))
      if (this.#network.drawsReset()) {
        this.from.reset('ECONNRESET')
        this.to.reset('ECONNRESET')
        return
      }
      if (this.#network.drawsSilentDrop()) {
        this.isDead = true
        this.to.outgoing.isDead = true
      } else {
        this.to.onSegment(data)
      }
    }
    if (this.#queuedBytes > 0) this.from.flushSoon()
    this.schedule()
  }

  /** Nothing arrives: TCP sends again, until the link works or it gives up. */
  #stall(): void {
    const { simulation, conditions } = this.#network
    if (!this.isDead) this.#link.stalled.add(this)
    if (this.#stalledSinceMs !== undefined) return
    const since = simulation.nowMs
    this.#stalledSinceMs = since
    simulation.schedule(conditions.giveUpMs, 'net.give-up', () => {
      if (this.#stalledSinceMs === since) this.from.reset('ETIMEDOUT')
    })
  }
}
