// The bytes of one log on their way to its file: what is appended in one turn of the event loop, and what gathers while a
// write is in flight, leaves as one vectored positional write. One write in flight a log, so that the file is always a
// prefix of what was appended. A failed write is never retried: the owner decides what is lost.

import type { Timers } from '@odradek/world'
import type { Segment } from './segment.ts'
import { addBuffer } from './tail-cache.ts'

interface Chunk {
  segment: Segment
  position: number
  buffers: Buffer[]
  bytes: number
  endOffset: number
}

export interface WriterOwner {
  /** Asked before the write that makes the segment's file; the write waits for the promise. */
  beforeFirstWrite(segment: Segment): Promise<void> | undefined
  /** All appended bytes below `endOffset` are in the file. */
  onChunkWritten(endOffset: number): void
  onWriteFailed(error: unknown): void
}

export class LogWriter {
  private readonly timers: Timers
  /** Changes when a log takes over another's files. */
  owner: WriterOwner
  private queue: Chunk[] = []
  private isScheduled = false
  private isPaused = false
  private inFlight: Promise<void> | undefined
  private isStopped = false
  private stopError: unknown
  private waiters: { offset: number; resolve: () => void; reject: (error: unknown) => void }[] = []
  private writtenOffset: number

  constructor(timers: Timers, owner: WriterOwner, writtenOffset: number) {
    this.timers = timers
    this.owner = owner
    this.writtenOffset = writtenOffset
  }

  get isIdle(): boolean {
    return this.queue.length === 0 && this.inFlight === undefined
  }

  enqueue(segment: Segment, position: number, buffer: Buffer, endOffset: number): void {
    const last = this.queue.length === 0 ? undefined : this.queue[this.queue.length - 1]
    if (last !== undefined && last.segment === segment) {
      addBuffer(last.buffers, buffer)
      last.bytes += buffer.length
      last.endOffset = endOffset
    } else {
      this.queue.push({ segment, position, buffers: [buffer], bytes: buffer.length, endOffset })
    }
    if (this.inFlight === undefined && !this.isScheduled) {
      this.isScheduled = true
      this.timers.defer(this.run)
    }
  }

  /** Resolves when everything below `offset` is in the file; rejects when it will not be. */
  whenWritten(offset: number): Promise<void> {
    if (offset <= this.writtenOffset) return Promise.resolve()
    if (this.isStopped) return Promise.reject(this.stopError)
    return new Promise((resolve, reject) => this.waiters.push({ offset, resolve, reject }))
  }

  /** Runs `work` between two writes; what is appended meanwhile waits. */
  async between(work: () => Promise<void>): Promise<void> {
    this.isPaused = true
    try {
      await this.inFlight?.catch(() => undefined)
      await work()
    } finally {
      this.isPaused = false
      if (!this.isScheduled) this.run()
    }
  }

  /** What was queued is dropped; the write in flight ends first. */
  async stop(error: unknown): Promise<void> {
    this.isStopped = true
    this.stopError = error
    this.queue = []
    await this.inFlight?.catch(() => undefined)
    const { waiters } = this
    this.waiters = []
    for (const waiter of waiters) waiter.reject(error)
  }

  /** Goes on after `stop`, from `writtenOffset`. */
  restart(writtenOffset: number): void {
    this.isStopped = false
    this.writtenOffset = writtenOffset
  }

  private readonly run = (): void => {
    this.isScheduled = false
    if (this.isPaused || this.isStopped || this.inFlight !== undefined) return
    const chunk = this.queue.shift()
    if (chunk === undefined) return
    const { segment } = chunk
    const ready = segment.file.isCreated ? undefined : this.owner.beforeFirstWrite(segment)
    const write = (): Promise<void> => segment.file.write(chunk.position, chunk.buffers)
    this.inFlight = (ready === undefined ? write() : ready.then(write)).then(
      () => {
        this.inFlight = undefined
        segment.writtenSize = chunk.position + chunk.bytes
        this.writtenOffset = chunk.endOffset
        if (this.queue.length > 0 && !this.isStopped) this.run()
        this.owner.onChunkWritten(chunk.endOffset)
        this.wake()
      },
      (error: unknown) => {
        this.inFlight = undefined
        this.owner.onWriteFailed(error)
      }
    )
  }

  private wake(): void {
    if (this.waiters.length === 0) return
    const ready = this.waiters.filter((waiter) => waiter.offset <= this.writtenOffset)
    this.waiters = this.waiters.filter((waiter) => waiter.offset > this.writtenOffset)
    for (const waiter of ready) waiter.resolve()
  }
}
