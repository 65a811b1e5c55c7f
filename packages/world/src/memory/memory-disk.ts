// A disk in memory without faults, for brokers that keep nothing. Every operation takes effect when it is called; its
// promise resolves in the same turn. Bytes are copied in (the caller's buffers stay its own) and counted: above
// `maxBytes` a write fails with ENOSPC, as on a full disk.

import { createDiskError } from '../disk-error.ts'
import type { Disk, DiskFile, FileStat, OpenMode } from '../ports.ts'
import { FileTree, Folder, filesBelow } from './file-tree.ts'
import { PagedBytes } from './paged-bytes.ts'

export interface MemoryDiskOptions {
  /** Above it a write fails with ENOSPC. Default 1 GiB; nothing is taken before it is written. */
  maxBytes?: number
}

interface MemoryFile {
  readonly bytes: PagedBytes
  mtimeMs: number
  openCount: number
  isLinked: boolean
  isLocked: boolean
}

export class MemoryDisk implements Disk {
  readonly #tree = new FileTree<MemoryFile>()
  readonly #maxBytes: number
  readonly #now: () => number
  #usedBytes = 0
  /** Where it says true a write fails with ENOSPC, also one that would need no more memory. */
  isFullFor: ((path: string) => boolean) | undefined

  constructor(options: MemoryDiskOptions & { now: () => number }) {
    this.#maxBytes = options.maxBytes ?? 2 ** 30
    this.#now = options.now
  }

  /** Memory taken by all files, in bytes. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const file = this.#openNode(path, mode)
    file.openCount++
    return new MemoryDiskFile(path, file, {
      isReadOnly: mode === 'read',
      now: this.#now,
      checkSpace: () => this.#checkSpace(path),
      onClose: () => this.#release(file)
    })
  }

  async readFile(path: string): Promise<Buffer> {
    return this.#tree.file(path).bytes.toBuffer()
  }

  async writeFileAtomic(path: string, data: Buffer): Promise<void> {
    const { parent, name } = this.#tree.place(path)
    const old = parent.children.get(name)
    if (old instanceof Folder) throw createDiskError('EISDIR', 'it is a folder', path)
    this.#checkSpace(path)
    const file = this.#newFile()
    try {
      file.bytes.write(0, data)
    } catch (error) {
      file.bytes.truncate(0)
      throw error
    }
    parent.children.set(name, file)
    if (old !== undefined) this.#unlinked(old)
  }

  async mkdir(path: string): Promise<boolean> {
    const folders = this.#tree.missingFolders(path)
    for (const missing of folders) {
      const { parent, name } = this.#tree.place(missing)
      parent.children.set(name, new Folder())
    }
    return folders.length > 0
  }

  async readdir(path: string): Promise<string[]> {
    return [...this.#tree.folder(path).children.keys()].sort()
  }

  async stat(path: string): Promise<FileStat> {
    const node = this.#tree.get(path)
    return node instanceof Folder ? { size: 0, isDirectory: true, mtimeMs: 0 } : fileStat(node)
  }

  async exists(path: string): Promise<boolean> {
    return this.#tree.find(path) !== undefined
  }

  async rename(from: string, to: string): Promise<void> {
    const { moved, replaced } = this.#tree.checkRename(from, to)
    const source = this.#tree.place(from)
    const target = this.#tree.place(to)
    source.parent.children.delete(source.name)
    target.parent.children.set(target.name, moved)
    if (replaced !== undefined && !(replaced instanceof Folder)) this.#unlinked(replaced)
  }

  async unlink(path: string): Promise<void> {
    const file = this.#tree.file(path)
    const { parent, name } = this.#tree.place(path)
    parent.children.delete(name)
    this.#unlinked(file)
  }

  async removeTree(path: string): Promise<void> {
    const node = this.#tree.find(path)
    if (node === undefined) return
    const { parent, name } = this.#tree.place(path)
    parent.children.delete(name)
    for (const file of filesBelow(node)) this.#unlinked(file)
  }

  async syncDir(path: string): Promise<void> {
    this.#tree.folder(path)
  }

  async space(path: string): Promise<{ freeBytes: number; totalBytes: number }> {
    this.#tree.get(path)
    return { freeBytes: this.isFullFor?.(path) ? 0 : this.#maxBytes - this.#usedBytes, totalBytes: this.#maxBytes }
  }

  async lock(path: string): Promise<{ release(): Promise<void> }> {
    const file = this.#openNode(path, 'create')
    if (file.isLocked) throw createDiskError('EBUSY', 'another node holds the lock', path)
    file.isLocked = true
    return {
      async release() {
        file.isLocked = false
      }
    }
  }

  #openNode(path: string, mode: OpenMode): MemoryFile {
    if (mode === 'read' || mode === 'write') return this.#tree.file(path)
    const { parent, name } = this.#tree.place(path)
    const existing = parent.children.get(name)
    if (existing === undefined) {
      const file = this.#newFile()
      parent.children.set(name, file)
      return file
    }
    if (mode === 'exclusive') throw createDiskError('EEXIST', 'file already exists', path)
    if (existing instanceof Folder) throw createDiskError('EISDIR', 'it is a folder', path)
    return existing
  }

  #checkSpace(path: string): void {
    if (this.isFullFor?.(path)) throw createDiskError('ENOSPC', 'the memory disk was said to be full', path)
  }

  #newFile(): MemoryFile {
    const account = (change: number): void => {
      if (change > 0 && this.#usedBytes + change > this.#maxBytes) {
        throw createDiskError('ENOSPC', `the memory disk is full (${this.#maxBytes} bytes): raise maxBytes or lower the retention`)
      }
      this.#usedBytes += change
    }
    return { bytes: new PagedBytes(account), mtimeMs: this.#now(), openCount: 0, isLinked: true, isLocked: false }
  }

  #unlinked(file: MemoryFile): void {
    file.isLinked = false
    if (file.openCount === 0) file.bytes.truncate(0)
  }

  /** A file that has no name any more lives until its last close. */
  #release(file: MemoryFile): void {
    file.openCount--
    if (file.openCount === 0 && !file.isLinked) file.bytes.truncate(0)
  }
}

interface MemoryDiskFileOptions {
  readonly isReadOnly: boolean
  readonly now: () => number
  /** Throws when nothing may be written. */
  readonly checkSpace: () => void
  readonly onClose: () => void
}

class MemoryDiskFile implements DiskFile {
  readonly path: string
  readonly #file: MemoryFile
  readonly #options: MemoryDiskFileOptions
  #isClosed = false

  constructor(path: string, file: MemoryFile, options: MemoryDiskFileOptions) {
    this.path = path
    this.#file = file
    this.#options = options
  }

  async read(position: number, target: Buffer, offset: number, length: number): Promise<number> {
    this.#check()
    return this.#file.bytes.read(position, target, offset, length)
  }

  async write(position: number, buffers: readonly Buffer[]): Promise<void> {
    this.#checkWritable()
    this.#options.checkSpace()
    let at = position
    for (const buffer of buffers) {
      this.#file.bytes.write(at, buffer)
      at += buffer.length
    }
    this.#file.mtimeMs = this.#options.now()
  }

  async sync(): Promise<void> {
    this.#check()
  }

  async truncate(size: number): Promise<void> {
    this.#checkWritable()
    this.#file.bytes.truncate(size)
    this.#file.mtimeMs = this.#options.now()
  }

  async stat(): Promise<FileStat> {
    this.#check()
    return fileStat(this.#file)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#options.onClose()
  }

  #check(): void {
    if (this.#isClosed) throw createDiskError('EBADF', 'the file is closed', this.path)
  }

  #checkWritable(): void {
    this.#check()
    if (this.#options.isReadOnly) throw createDiskError('EBADF', 'the file is open for reading only', this.path)
  }
}

function fileStat(file: MemoryFile): FileStat {
  return { size: file.bytes.size, isDirectory: false, mtimeMs: file.mtimeMs }
}
