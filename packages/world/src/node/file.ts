// An open file over node:fs. Operations run on libuv's threads, positional, so that they need no order among themselves.
// The descriptor is closed only after the last operation in flight: a closed number may belong to another file at once,
// and a late write would go there.

import * as fs from 'node:fs'
import { createDiskError } from '../disk-error.ts'
import type { DiskError, DiskFile, FileStat } from '../ports.ts'

type Callback<T> = (error: NodeJS.ErrnoException | null, value?: T) => void

/** The kernel takes no more buffers in one call (IOV_MAX). */
const BUFFERS_MAX = 1024
/** Writes up to this size are done at once. */
export const SMALL_BYTES_MAX = 64 * 1024
const WRITTEN = Promise.resolve()
/** Node takes an int32 as length. */
const LENGTH_MAX = 1 << 30

export class NodeFile implements DiskFile {
  readonly path: string
  readonly #fd: number
  #inFlight = 0
  #closing: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
  }

  read(position: number, target: Buffer, offset: number, length: number): Promise<number> {
    return this.#run((done) => readFully(this.#fd, { position, target, offset, length }, 0, done))
  }

  /**
   * A small write is a copy into the page cache: done at once it takes microseconds, two changes of thread less than on libuv's
   * threads. What the kernel did not take goes the long way.
   */
  write(position: number, buffers: readonly Buffer[]): Promise<void> {
    let left = buffers
    let done = 0
    if (isSmall(buffers) && this.#closing === undefined) {
      try {
        done =
          buffers.length === 1
            ? fs.writeSync(this.#fd, buffers[0], 0, buffers[0].length, position)
            : fs.writevSync(this.#fd, buffers, position)
      } catch (error) {
        return Promise.reject(withPath(error as NodeJS.ErrnoException, this.path))
      }
      left = dropBytes(buffers, done)
      if (left.length === 0) return WRITTEN
    }
    return this.#run((whenDone) => writeFully(this.#fd, left, position + done, whenDone))
  }

  sync(): Promise<void> {
    return this.#run((done) => fs.fdatasync(this.#fd, done))
  }

  truncate(size: number): Promise<void> {
    return this.#run((done) => fs.ftruncate(this.#fd, size, done))
  }

  stat(): Promise<FileStat> {
    return this.#run((done) => fs.fstat(this.#fd, (error, stats) => done(error, error ? undefined : toFileStat(stats))))
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve, reject) => {
      const close = (): void => fs.close(this.#fd, (error) => (error ? reject(withPath(error, this.path)) : resolve()))
      if (this.#inFlight === 0) close()
      else this.#onIdle = close
    })
    return this.#closing
  }

  #run<T>(start: (done: Callback<T>) => void): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(createDiskError('EBADF', 'the file is closed', this.path))
    return new Promise((resolve, reject) => {
      this.#inFlight++
      start((error, value) => {
        this.#inFlight--
        if (error) reject(withPath(error, this.path))
        else resolve(value as T)
        if (this.#inFlight === 0) this.#onIdle?.()
      })
    })
  }
}

export function toFileStat(stats: fs.Stats): FileStat {
  return { size: stats.size, isDirectory: stats.isDirectory(), mtimeMs: stats.mtimeMs }
}

/** Errors of a descriptor do not name their file. */
function withPath(error: NodeJS.ErrnoException, path: string): DiskError {
  if (error.path === undefined) {
    error.path = path
    error.message += ` '${path}'`
  }
  error.code ??= 'EIO'
  return error as DiskError
}

interface ReadRange {
  position: number
  target: Buffer
  offset: number
  length: number
}

function readFully(fd: number, range: ReadRange, doneBefore: number, done: Callback<number>): void {
  const length = Math.min(range.length - doneBefore, LENGTH_MAX)
  if (length === 0) {
    done(null, doneBefore)
    return
  }
  fs.read(fd, range.target, range.offset + doneBefore, length, range.position + doneBefore, (error, bytes) => {
    if (error) done(error, 0)
    else if (bytes === 0 || doneBefore + bytes === range.length) done(null, doneBefore + bytes)
    else readFully(fd, range, doneBefore + bytes, done)
  })
}

function writeFully(fd: number, buffers: readonly Buffer[], position: number, done: Callback<void>): void {
  const rest = buffers.length > BUFFERS_MAX ? buffers.slice(0, BUFFERS_MAX) : buffers
  const onWritten = (error: NodeJS.ErrnoException | null, bytes: number): void => {
    if (error) {
      done(error)
      return
    }
    const left = dropBytes(buffers, bytes)
    if (left.length === 0) done(null)
    else if (bytes === 0) done(createDiskError('EIO', 'the kernel wrote nothing'))
    else writeFully(fd, left, position + bytes, done)
  }
  if (rest.length === 0) done(null)
  else if (rest.length === 1) fs.write(fd, rest[0], 0, Math.min(rest[0].length, LENGTH_MAX), position, onWritten)
  else fs.writev(fd, rest as Buffer[], position, onWritten)
}

function isSmall(buffers: readonly Buffer[]): boolean {
  if (buffers.length > BUFFERS_MAX) return false
  let bytes = 0
  for (const buffer of buffers) bytes += buffer.length
  return bytes <= SMALL_BYTES_MAX
}

/** What is left of `buffers` after the first `bytes` of them; empty buffers at the front go too. */
function dropBytes(buffers: readonly Buffer[], bytes: number): readonly Buffer[] {
  let first = 0
  let skip = bytes
  while (first < buffers.length && skip >= buffers[first].length) skip -= buffers[first++].length
  if (first === 0 && skip === 0) return buffers
  const left = buffers.slice(first)
  if (skip > 0) left[0] = left[0].subarray(skip)
  return left
}
