// The disk of a simulated machine: a DiskImage with time and faults. It outlives the processes that use it; each has its
// own port to it (sim-disk.ts). An operation takes effect when it completes, so that those under way at a crash may have
// happened, or in part, or not at all.

import type { Prng } from '@odradek/base'
import { createDiskError } from '../disk-error.ts'
import type { Disk } from '../ports.ts'
import { DiskImage } from './disk-image.ts'
import type { SimProcess } from './process.ts'
import { SimDisk } from './sim-disk.ts'
import type { Simulation } from './simulation.ts'

export interface DiskConditions {
  /** Of every operation but syncs, drawn evenly. Default 0.02 to 0.3. */
  latencyMs: readonly [low: number, high: number]
  /** Default 0.2 to 5. */
  syncLatencyMs: readonly [low: number, high: number]
  /** How often an operation takes the slow latency instead. Default 0.001. */
  slowChance: number
  /** Default 20 to 500. */
  slowLatencyMs: readonly [low: number, high: number]
  /** Bytes written whole or not at all when the power is lost. Default 512 or 4096, by chance. */
  sectorBytes: 512 | 4096
  /** Chance that a file grown but not written shows stale bytes instead of zeros after a power loss. Default 0.1. */
  staleChance: number
  /** Chances of a fault, asked for each operation of the kind. Default 0. */
  readErrorChance: number
  /** A failed write may have written a part. */
  writeErrorChance: number
  /** fsync fails once with EIO; the unsynced bytes are lost with the next power loss though later syncs succeed. */
  syncErrorChance: number
  /** A sync answers well and does nothing. */
  lyingSyncChance: number
  /** One bit of what is read is wrong, this time. */
  flippedReadChance: number
  capacityBytes: number
  /** With a full disk, writes succeed and the sync fails with ENOSPC, as with delayed allocation. Default false. */
  isFullAtSync: boolean
}

export type DiskOperation =
  | 'open'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'stat'
  | 'mkdir'
  | 'readdir'
  | 'rename'
  | 'unlink'
  | 'removeTree'
  | 'syncDir'
  | 'lock'

export interface PlannedDiskFault {
  operation: DiskOperation
  /** Only for paths that match. */
  path?: RegExp
  /** Default EIO. */
  code?: string
  /** How many times it happens. Default 1. */
  times?: number
}

const CHANGES: ReadonlySet<DiskOperation> = new Set(['write', 'truncate', 'mkdir', 'rename', 'unlink', 'removeTree'])

/** One operation on its way. */
export interface Submission<T> {
  operation: DiskOperation
  path: string
  process: SimProcess
  /** Takes effect, and gives the result; throws a DiskError. */
  apply(): T
  /** Takes effect in part, when the operation fails or is cut off. */
  applyPart?(random: Prng): void
  /** For `sync`: what an fsync error does. */
  onSyncError?(): void
  resolve(value: T): void
  reject(error: Error): void
}

export class SimStorage {
  readonly simulation: Simulation
  readonly name: string
  readonly image: DiskImage
  /** May be changed while the simulation runs. */
  readonly conditions: DiskConditions
  isReadOnly = false
  readonly #inFlight = new Set<Submission<unknown>>()
  #planned: (PlannedDiskFault & { times: number })[] = []
  #stalledUntilMs = 0
  readonly #latencies: Prng
  readonly #power: Prng
  readonly #parts: Prng
  readonly #chances: Record<'read' | 'write' | 'sync' | 'lie' | 'flip', Prng>

  constructor(simulation: Simulation, name: string, conditions: Partial<DiskConditions>) {
    this.simulation = simulation
    this.name = name
    const prng = simulation.prng.fork(`disk/${name}`)
    this.#latencies = prng.fork('latencies')
    this.#power = prng.fork('power')
    this.#parts = prng.fork('parts')
    const chance = (kind: string): Prng => prng.fork(`faults/${kind}`)
    this.#chances = { read: chance('read'), write: chance('write'), sync: chance('sync'), lie: chance('lie'), flip: chance('flip') }
    this.conditions = {
      latencyMs: [0.02, 0.3],
      syncLatencyMs: [0.2, 5],
      slowChance: 0.001,
      slowLatencyMs: [20, 500],
      sectorBytes: prng.fork('sector').pick([512, 4096] as const),
      staleChance: 0.1,
      readErrorChance: 0,
      writeErrorChance: 0,
      syncErrorChance: 0,
      lyingSyncChance: 0,
      flippedReadChance: 0,
      capacityBytes: Infinity,
      isFullAtSync: false,
      ...conditions
    }
    this.image = new DiskImage(() => simulation.nowMs)
  }

  // ---- faults

  /** The next operations of the kind fail. */
  failNext(fault: PlannedDiskFault): void {
    this.#planned.push({ ...fault, times: fault.times ?? 1 })
  }

  /** Nothing completes for `ms`. */
  stall(ms: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.simulation.nowMs + ms)
  }

  /** Flips one bit of a file for good. */
  flipBit(path: string, position: number, bit = 0): void {
    const inode = this.image.file(path)
    for (const bytes of [inode.current, inode.durable]) {
      const byte = Buffer.alloc(1)
      if (bytes.read(position, byte, 0, 1) === 0) continue
      byte[0] ^= 1 << bit
      bytes.write(position, byte)
    }
  }

  /** Cuts a file to `size` for good. */
  cut(path: string, size: number): void {
    const inode = this.image.file(path)
    inode.unsynced = []
    inode.current.truncate(size)
    inode.durable = inode.current.copy()
  }

  /** The bytes of a file as the kernel shows them now. */
  peek(path: string): Buffer {
    return this.image.file(path).current.toBuffer()
  }

  /** All files with their bytes, as the kernel shows them now; folders end in `/`. */
  list(): string[] {
    const paths: string[] = []
    const walk = (path: string): void => {
      for (const name of this.image.names(path)) {
        const child = `${path}/${name}`
        const isFile = 'current' in this.image.get(child)
        paths.push(isFile ? child : `${child}/`)
        if (!isFile) walk(child)
      }
    }
    walk('')
    return paths
  }

  // ---- for nodes

  portOf(process: SimProcess): Disk {
    return new SimDisk(this, process)
  }

  /** What was under way may have happened, or not, or in part. */
  onProcessDeath(process: SimProcess): void {
    for (const submission of [...this.#inFlight]) {
      if (submission.process !== process) continue
      this.#inFlight.delete(submission)
      const outcome = this.#parts.below(3)
      try {
        if (outcome === 0) submission.apply()
        else if (outcome === 1) submission.applyPart?.(this.#parts)
      } catch {
        // it would have failed, and there is nobody to tell
      }
    }
  }

  losePower(): void {
    this.image.losePower(this.#power, this.conditions)
  }

  // ---- for ports

  submit<T>(submission: Submission<T>): void {
    this.#inFlight.add(submission as Submission<unknown>)
    this.#completeAfter(this.#drawLatencyMs(submission.operation), submission)
  }

  /** Perhaps flips a bit of what was read. */
  disturb(target: Buffer, offset: number, length: number): void {
    if (this.#chances.flip.chance(this.conditions.flippedReadChance) && length > 0) {
      target[offset + this.#parts.below(length)] ^= 1 << this.#parts.below(8)
    }
  }

  liesAtSync(): boolean {
    return this.#chances.lie.chance(this.conditions.lyingSyncChance)
  }

  checkRoomAtSync(): void {
    const { capacityBytes, isFullAtSync } = this.conditions
    if (isFullAtSync && this.image.usedBytes() > capacityBytes) throw createDiskError('ENOSPC', 'no space left on device')
  }

  #completeAfter<T>(delayMs: number, submission: Submission<T>): void {
    submission.process.after(delayMs, `disk.${submission.operation} ${submission.path}`, () => {
      const stallMs = this.#stalledUntilMs - this.simulation.nowMs
      if (stallMs > 0) this.#completeAfter(stallMs, submission)
      else this.#complete(submission)
    })
  }

  #complete<T>(submission: Submission<T>): void {
    this.#inFlight.delete(submission as Submission<unknown>)
    const { conditions, image } = this
    image.capacityBytes = conditions.isFullAtSync ? Infinity : conditions.capacityBytes
    const code = this.#faultOf(submission)
    if (code !== undefined) {
      this.simulation.trace.add(this.simulation.nowMs, this.name, `disk.fault ${code}`)
      submission.applyPart?.(this.#parts)
      submission.onSyncError?.()
      submission.reject(createDiskError(code, `${submission.operation} failed`, submission.path))
      return
    }
    let value: T
    try {
      value = submission.apply()
    } catch (error) {
      submission.reject(error as Error)
      return
    }
    submission.resolve(value)
  }

  #faultOf(submission: Submission<unknown>): string | undefined {
    const { operation, path } = submission
    if (this.isReadOnly && CHANGES.has(operation)) return 'EROFS'
    for (const fault of this.#planned) {
      if (fault.operation !== operation || (fault.path !== undefined && !fault.path.test(path))) continue
      fault.times--
      if (fault.times === 0) this.#planned = this.#planned.filter((each) => each !== fault)
      return fault.code ?? 'EIO'
    }
    const { readErrorChance, writeErrorChance, syncErrorChance } = this.conditions
    if (operation === 'read' && this.#chances.read.chance(readErrorChance)) return 'EIO'
    if ((operation === 'write' || operation === 'truncate') && this.#chances.write.chance(writeErrorChance)) return 'EIO'
    if ((operation === 'sync' || operation === 'syncDir') && this.#chances.sync.chance(syncErrorChance)) return 'EIO'
    return undefined
  }

  #drawLatencyMs(operation: DiskOperation): number {
    const { latencyMs, syncLatencyMs, slowChance, slowLatencyMs } = this.conditions
    const isSlow = this.#latencies.chance(slowChance)
    const [low, high] = isSlow ? slowLatencyMs : operation === 'sync' || operation === 'syncDir' ? syncLatencyMs : latencyMs
    return low + this.#latencies.float() * (high - low)
  }
}
