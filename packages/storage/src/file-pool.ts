// Open files, bounded: a node has many more segments than the system allows descriptors. A LogFile is a name that may be
// open; `use` opens it when needed and the pool closes the one unused for longest beyond its limit. A file in use is never
// closed, so the limit is soft by the number of operations in flight.

import type { Disk, DiskFile } from '@odradek/world'

export const OPEN_FILES_MAX = 512

export class FilePool {
  readonly disk: Disk
  private readonly limit: number
  /** Least recently used first. */
  private readonly open = new Set<LogFile>()

  constructor(disk: Disk, limit = OPEN_FILES_MAX) {
    this.disk = disk
    this.limit = limit
  }

  get openCount(): number {
    return this.open.size
  }

  touch(file: LogFile): void {
    if (this.open.size <= this.limit >> 1) {
      this.open.add(file)
      return
    }
    this.open.delete(file)
    this.open.add(file)
    if (this.open.size > this.limit) this.closeOldest()
  }

  forget(file: LogFile): void {
    this.open.delete(file)
  }

  /** Nobody's descriptor is worth more than one that another file waits for. */
  closeIdle(): void {
    for (const file of this.open) if (!file.isBusy) file.close().catch(() => undefined)
  }

  private closeOldest(): void {
    for (const file of this.open) {
      if (this.open.size <= this.limit) return
      if (!file.isBusy) file.close().catch(() => undefined)
    }
  }
}

export class LogFile {
  path: string
  /** False until the first write made the file: opening may create it. */
  isCreated: boolean
  private readonly pool: FilePool
  private handle: DiskFile | undefined
  private opening: Promise<DiskFile> | undefined
  private users = 0
  private isRemoved = false

  constructor(pool: FilePool, path: string, isCreated: boolean) {
    this.pool = pool
    this.path = path
    this.isCreated = isCreated
  }

  get isBusy(): boolean {
    return this.users > 0
  }

  read(position: number, target: Buffer, offset: number, length: number): Promise<number> {
    const handle = this.handle
    this.users++
    const result = handle
      ? this.ready(handle).read(position, target, offset, length)
      : this.opened().then((file) => file.read(position, target, offset, length))
    return result.finally(this.done)
  }

  write(position: number, buffers: readonly Buffer[]): Promise<void> {
    const handle = this.handle
    this.users++
    const result = handle ? this.ready(handle).write(position, buffers) : this.opened().then((file) => file.write(position, buffers))
    return result.finally(this.done)
  }

  /** Makes the file, if it is not there. */
  create(): Promise<void> {
    return this.withHandle(async () => undefined)
  }

  /** Keeps the file open, whatever its name becomes, until the function given is called. */
  async hold(): Promise<() => void> {
    this.users++
    await this.opened()
    return this.done
  }

  sync(): Promise<void> {
    return this.withHandle((file) => file.sync())
  }

  truncate(size: number): Promise<void> {
    return this.withHandle((file) => file.truncate(size))
  }

  size(): Promise<number> {
    return this.withHandle(async (file) => (await file.stat()).size)
  }

  /** Reads the whole file. */
  async readAll(): Promise<Buffer> {
    return this.withHandle(async (file) => {
      const { size } = await file.stat()
      const data = Buffer.allocUnsafe(size)
      const read = size === 0 ? 0 : await file.read(0, data, 0, size)
      return data.subarray(0, read)
    })
  }

  /** Moves the file. An open descriptor stays valid. */
  async rename(path: string): Promise<void> {
    const from = this.path
    this.path = path
    if (this.isCreated) await this.pool.disk.rename(from, path)
  }

  /** Removes the file, if it was ever made; it never opens again. */
  async remove(): Promise<void> {
    this.isRemoved = true
    await this.close()
    if (this.isCreated) await this.pool.disk.unlink(this.path)
  }

  /** Closes the descriptor; the next use opens it again. */
  async close(): Promise<void> {
    this.pool.forget(this)
    const handle = this.handle ?? (await this.opening?.catch(() => undefined))
    this.handle = undefined
    this.opening = undefined
    if (handle) await handle.close()
  }

  private readonly done = (): void => {
    this.users--
  }

  private ready(handle: DiskFile): DiskFile {
    this.pool.touch(this)
    return handle
  }

  private async withHandle<T>(operation: (file: DiskFile) => Promise<T>): Promise<T> {
    this.users++
    try {
      return await operation(this.handle ? this.ready(this.handle) : await this.opened())
    } finally {
      this.users--
    }
  }

  private opened(): Promise<DiskFile> {
    if (this.isRemoved) return Promise.reject(Object.assign(new Error(`${this.path} was removed`), { code: 'ENOENT', path: this.path }))
    if (this.handle) return Promise.resolve(this.ready(this.handle))
    if (this.opening) return this.opening
    const opening = this.pool.disk.open(this.path, this.isCreated ? 'write' : 'create').then(
      (handle) => {
        this.isCreated = true
        if (this.opening === opening) {
          this.handle = handle
          this.opening = undefined
          this.pool.touch(this)
        }
        return handle
      },
      (error: unknown) => {
        if (this.opening === opening) this.opening = undefined
        throw error
      }
    )
    this.opening = opening
    return opening
  }
}
