// The disk port of one simulated process. Once the process is dead its operations have no effect and never settle.

import { dirname } from 'node:path/posix'
import { crc32c, type Prng } from '@odradek/base'
import { createDiskError } from '../disk-error.ts'
import type { Disk, DiskFile, FileStat, OpenMode } from '../ports.ts'
import { SerialByPath } from '../serial-by-path.ts'
import { type Entry, type Inode, isLocked } from './disk-image.ts'
import type { SimProcess } from './process.ts'
import type { DiskOperation, SimStorage } from './storage.ts'

interface Parts {
  applyPart?(random: Prng): void
  onSyncError?(): void
}

export class SimDisk implements Disk {
  readonly #storage: SimStorage
  readonly #process: SimProcess
  readonly #replacements = new SerialByPath()

  constructor(storage: SimStorage, process: SimProcess) {
    this.#storage = storage
    this.#process = process
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.submit('open', path, () => {
      if (mode !== 'read' && this.#storage.isReadOnly) throw createDiskError('EROFS', 'read-only file system', path)
      return new SimFile(this.#storage, this, this.#storage.image.open(path, mode), { path, isReadOnly: mode === 'read' })
    })
  }

  async readFile(path: string): Promise<Buffer> {
    const file = await this.open(path, 'read')
    const { size } = await file.stat()
    const bytes = Buffer.allocUnsafeSlow(size)
    const read = await file.read(0, bytes, 0, size)
    await file.close()
    return bytes.subarray(0, read)
  }

  writeFileAtomic(path: string, data: Buffer, options: { sync?: boolean } = {}): Promise<void> {
    return this.#replacements.run(path, () => this.#replace(path, data, options.sync ?? true))
  }

  async #replace(path: string, data: Buffer, sync: boolean): Promise<void> {
    const temporary = `${path}.tmp`
    const file = await this.open(temporary, 'create')
    await file.truncate(0)
    await file.write(0, [data])
    if (sync) await file.sync()
    await file.close()
    await this.rename(temporary, path)
    if (sync) await this.syncDir(dirname(path))
  }

  mkdir(path: string): Promise<boolean> {
    return this.submit('mkdir', path, () => this.#storage.image.mkdir(path))
  }

  readdir(path: string): Promise<string[]> {
    return this.submit('readdir', path, () => this.#storage.image.names(path))
  }

  stat(path: string): Promise<FileStat> {
    return this.submit('stat', path, () => this.#statOf(this.#storage.image.get(path)))
  }

  exists(path: string): Promise<boolean> {
    return this.submit('stat', path, () => this.#storage.image.find(path) !== undefined)
  }

  rename(from: string, to: string): Promise<void> {
    return this.submit('rename', to, () => this.#storage.image.rename(from, to))
  }

  unlink(path: string): Promise<void> {
    return this.submit('unlink', path, () => this.#storage.image.unlink(path))
  }

  removeTree(path: string): Promise<void> {
    const { image } = this.#storage
    return this.submit<void>('removeTree', path, () => void image.removeTree(path), {
      applyPart: (random) => void image.removeTree(path, { limit: random.below(20), random })
    })
  }

  syncDir(path: string): Promise<void> {
    const { image } = this.#storage
    const mark = image.nameMark()
    return this.submit('syncDir', path, () => {
      if (!this.#storage.liesAtSync()) image.syncFolder(path, mark)
    })
  }

  space(path: string): Promise<{ freeBytes: number; totalBytes: number }> {
    return this.submit('stat', path, () => {
      this.#storage.image.get(path)
      const totalBytes = Math.min(this.#storage.conditions.capacityBytes, 2 ** 40)
      return { freeBytes: Math.max(0, totalBytes - this.#storage.image.usedBytes()), totalBytes }
    })
  }

  lock(path: string): Promise<{ release(): Promise<void> }> {
    return this.submit('lock', path, () => {
      const inode = this.#storage.image.open(path, 'create')
      if (isLocked(inode)) throw createDiskError('EBUSY', 'another live node holds the lock', path)
      // An owner of its own, so that a process does not lock twice and releases only what it holds.
      const process = this.#process
      const owner = {
        isHeld: true,
        get isAlive() {
          return this.isHeld && process.isAlive
        }
      }
      inode.lockOwner = owner
      return {
        async release() {
          owner.isHeld = false
        }
      }
    })
  }

  /** For its files too. */
  submit<T>(operation: DiskOperation, path: string, apply: () => T, parts: Parts = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const process = this.#process
      if (process.effect(`disk.${operation}`)) this.#storage.submit({ operation, path, process, apply, ...parts, resolve, reject })
    })
  }

  #statOf(entry: Entry): FileStat {
    const isFile = 'current' in entry
    return {
      size: isFile ? entry.current.size : 0,
      isDirectory: !isFile,
      mtimeMs: this.#storage.simulation.startMs + (isFile ? entry.mtimeMs : 0)
    }
  }
}

class SimFile implements DiskFile {
  readonly path: string
  readonly #storage: SimStorage
  readonly #disk: SimDisk
  readonly #inode: Inode
  readonly #isReadOnly: boolean
  #isClosed = false

  constructor(storage: SimStorage, disk: SimDisk, inode: Inode, options: { path: string; isReadOnly: boolean }) {
    this.path = options.path
    this.#storage = storage
    this.#disk = disk
    this.#inode = inode
    this.#isReadOnly = options.isReadOnly
  }

  read(position: number, target: Buffer, offset: number, length: number): Promise<number> {
    return this.#submit('read', false, () => {
      const bytes = this.#inode.current.read(position, target, offset, length)
      this.#storage.disturb(target, offset, bytes)
      return bytes
    })
  }

  write(position: number, buffers: readonly Buffer[]): Promise<void> {
    const { image, simulation, name } = this.#storage
    return this.#submit(
      'write',
      true,
      () => {
        // Gathered only now: bytes that change under way are found out here as on a real disk.
        const data = Buffer.concat(buffers)
        simulation.trace.add(simulation.nowMs, name, 'disk.bytes', position, data.length, crc32c(data))
        image.write(this.#inode, position, data)
      },
      {
        applyPart: (random) => {
          const data = Buffer.concat(buffers)
          try {
            image.write(this.#inode, position, data.subarray(0, random.below(data.length + 1)))
          } catch {
            // no room for the part either
          }
        }
      }
    )
  }

  sync(): Promise<void> {
    const inode = this.#inode
    // What is written while it runs is not covered.
    const { operations } = inode
    const { image } = this.#storage
    return this.#submit(
      'sync',
      false,
      () => {
        try {
          this.#storage.checkRoomAtSync()
        } catch (error) {
          image.forgetUnsynced(inode)
          throw error
        }
        if (!this.#storage.liesAtSync()) image.sync(inode, operations)
      },
      { onSyncError: () => image.forgetUnsynced(inode) }
    )
  }

  truncate(size: number): Promise<void> {
    return this.#submit('truncate', true, () => this.#storage.image.truncate(this.#inode, size))
  }

  stat(): Promise<FileStat> {
    const inode = this.#inode
    const { startMs } = this.#storage.simulation
    return this.#submit('stat', false, () => ({ size: inode.current.size, isDirectory: false, mtimeMs: startMs + inode.mtimeMs }))
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  #submit<T>(operation: DiskOperation, changes: boolean, apply: () => T, parts?: Parts): Promise<T> {
    if (this.#isClosed) return Promise.reject(createDiskError('EBADF', 'the file is closed', this.path))
    if (changes && this.#isReadOnly) return Promise.reject(createDiskError('EBADF', 'the file is open for reading only', this.path))
    return this.#disk.submit(operation, this.path, apply, parts)
  }
}
