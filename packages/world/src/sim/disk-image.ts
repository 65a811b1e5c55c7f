// What a disk holds, twice: as the kernel shows it now, and as it would be found after the power was lost. Between the
// two lie the operations not synced yet, in order. A file's bytes and size become durable by its sync, an entry of a
// folder (made, renamed, removed) by a sync of that folder, and nothing else. When the power is lost
// - each written sector of an unsynced write is kept or lost on its own, so that a write may be torn;
// - sizes (of growing writes and truncations) are kept up to some operation of the file and lost from there on, apart
//   from the bytes: kept size over lost bytes shows zeros, or what lay there before (stale bytes);
// - changes of names are kept up to some change of their folder and lost from there on, each folder on its own; a rename
//   between two folders is one change of both.
// No faults, no time, no promises here: see storage.ts.

import type { Prng } from '@odradek/base'
import { createDiskError } from '../disk-error.ts'
import { FileTree, Folder } from '../memory/file-tree.ts'
import { PagedBytes } from '../memory/paged-bytes.ts'
import type { OpenMode } from '../ports.ts'

type FileOperation = { kind: 'write'; atMs: number; position: number; data: Buffer } | { kind: 'truncate'; atMs: number; size: number }

/** One file, whatever names it has. */
export class Inode {
  current = new PagedBytes()
  durable = new PagedBytes()
  unsynced: FileOperation[] = []
  /** Operations ever done; `unsynced` holds the last ones. */
  operations = 0
  mtimeMs = 0
  lockOwner: { isAlive: boolean } | undefined
}

/** The lock of a dead process is nobody's. */
export function isLocked(inode: Inode): boolean {
  return inode.lockOwner?.isAlive === true
}

export type Entry = Inode | ImageFolder

export class ImageFolder extends Folder<Inode> {
  /** The entries that a power loss leaves. */
  durable = new Map<string, Entry>()
}

/** One atomic change of names: an entry appears (node) or goes (undefined), at one or two places. */
interface NameChange {
  readonly places: readonly { folder: ImageFolder; name: string; node: Entry | undefined }[]
  readonly atMs: number
  /** Counts all changes. */
  readonly sequence: number
  isDurable: boolean
}

export interface PowerLossOptions {
  /** Bytes that are written whole or not at all: 512 or 4096. */
  sectorBytes: number
  /** Chance that kept size over lost bytes shows stale bytes instead of zeros. */
  staleChance: number
}

/** The kernel writes back what is older by itself. */
const WRITE_BACK_MS = 30_000

export class DiskImage {
  readonly #root = new ImageFolder()
  readonly #tree = new FileTree<Inode>(this.#root)
  #nameChanges: NameChange[] = []
  #nameSequence = 0
  capacityBytes = Infinity
  readonly #now: () => number

  /** `now` is virtual time. */
  constructor(now: () => number) {
    this.#now = now
  }

  // ---- names

  find(path: string): Entry | undefined {
    return this.#tree.find(path) as Entry | undefined
  }

  get(path: string): Entry {
    return this.#tree.get(path) as Entry
  }

  file(path: string): Inode {
    return this.#tree.file(path)
  }

  names(path: string): string[] {
    return [...this.#tree.folder(path).children.keys()].sort()
  }

  open(path: string, mode: OpenMode): Inode {
    if (mode === 'read' || mode === 'write') return this.#tree.file(path)
    const { parent, name } = this.#tree.place(path)
    const existing = parent.children.get(name)
    if (existing instanceof Folder) throw createDiskError('EISDIR', 'it is a folder', path)
    if (existing !== undefined) {
      if (mode === 'exclusive') throw createDiskError('EEXIST', 'file already exists', path)
      return existing
    }
    const inode = new Inode()
    inode.mtimeMs = this.#now()
    this.#change([{ folder: parent as ImageFolder, name, node: inode }])
    return inode
  }

  mkdir(path: string): boolean {
    const folders = this.#tree.missingFolders(path)
    for (const missing of folders) {
      const { parent, name } = this.#tree.place(missing)
      this.#change([{ folder: parent as ImageFolder, name, node: new ImageFolder() }])
    }
    return folders.length > 0
  }

  rename(from: string, to: string): void {
    const { moved } = this.#tree.checkRename(from, to)
    const source = this.#tree.place(from)
    const target = this.#tree.place(to)
    this.#change([
      { folder: source.parent as ImageFolder, name: source.name, node: undefined },
      { folder: target.parent as ImageFolder, name: target.name, node: moved as Entry }
    ])
  }

  unlink(path: string): void {
    this.#tree.file(path)
    const { parent, name } = this.#tree.place(path)
    this.#change([{ folder: parent as ImageFolder, name, node: undefined }])
  }

  /** Removes file by file, at most `limit` entries, in no order with `random`; true when all is gone. */
  removeTree(path: string, { limit = Infinity, random }: { limit?: number; random?: Prng } = {}): boolean {
    const node = this.find(path)
    if (node === undefined) return true
    let left = limit
    const remove = (folder: ImageFolder, name: string): void => {
      const child = folder.children.get(name)
      if (child instanceof Folder) {
        const inners = [...child.children.keys()]
        for (const inner of random?.shuffle(inners) ?? inners) remove(child as ImageFolder, inner)
      }
      if (left-- > 0) this.#change([{ folder, name, node: undefined }])
    }
    const { parent, name } = this.#tree.place(path)
    remove(parent as ImageFolder, name)
    return left >= 0
  }

  /** A mark of the changes so far, for {@link syncFolder}. */
  nameMark(): number {
    return this.#nameSequence
  }

  /** Makes the entries of the folder durable, as far as they were changed up to `mark`, and what those changes stand on. */
  syncFolder(path: string, mark: number): void {
    const folders = new Set<ImageFolder>([this.#tree.folder(path) as ImageFolder])
    // Backwards: a rename into the folder drags along what was done before in the folder it came from.
    for (const change of this.#nameChanges.toReversed()) {
      if (change.sequence > mark || !change.places.some(({ folder }) => folders.has(folder))) continue
      for (const { folder } of change.places) folders.add(folder)
      change.isDurable = true
    }
    for (const change of this.#nameChanges) if (change.isDurable) makeDurable(change)
    this.#nameChanges = this.#nameChanges.filter((change) => !change.isDurable)
  }

  // ---- bytes

  write(inode: Inode, position: number, data: Buffer): void {
    this.#checkRoom(inode, position + data.length)
    inode.current.write(position, data)
    this.#remember(inode, { kind: 'write', atMs: this.#now(), position, data: Buffer.from(data) })
  }

  truncate(inode: Inode, size: number): void {
    inode.current.truncate(size)
    this.#remember(inode, { kind: 'truncate', atMs: this.#now(), size })
  }

  /** Makes the operations up to the `operations`th durable: those that were done when the sync began. */
  sync(inode: Inode, operations: number): void {
    const count = inode.unsynced.length - (inode.operations - operations)
    if (count > 0) applyAll(inode.durable, inode.unsynced.splice(0, count))
  }

  /** What a failed fsync does on Linux: the unsynced bytes count as written though they are not, and stay visible. */
  forgetUnsynced(inode: Inode): void {
    inode.unsynced = []
  }

  usedBytes(): number {
    let sum = 0
    const add = (folder: ImageFolder): void => {
      for (const child of folder.children.values()) {
        if (child instanceof Folder) add(child as ImageFolder)
        else sum += child.current.size
      }
    }
    add(this.#root)
    return sum
  }

  #remember(inode: Inode, operation: FileOperation): void {
    inode.mtimeMs = operation.atMs
    inode.operations++
    inode.unsynced.push(operation)
    let old = 0
    while (inode.unsynced[old].atMs < operation.atMs - WRITE_BACK_MS) old++
    if (old > 0) applyAll(inode.durable, inode.unsynced.splice(0, old))
  }

  #checkRoom(inode: Inode, end: number): void {
    if (this.capacityBytes === Infinity || end <= inode.current.size) return
    if (this.usedBytes() + end - inode.current.size > this.capacityBytes) throw createDiskError('ENOSPC', 'no space left on device')
  }

  #change(places: NameChange['places']): void {
    for (const { folder, name, node } of places) setEntry(folder.children as Map<string, Entry>, name, node)
    const atMs = this.#now()
    this.#nameChanges.push({ places, atMs, sequence: ++this.#nameSequence, isDurable: false })
    let old = 0
    while (this.#nameChanges[old].atMs < atMs - WRITE_BACK_MS) makeDurable(this.#nameChanges[old++])
    if (old > 0) this.#nameChanges.splice(0, old)
  }

  // ---- power

  /** The power is lost: what is found afterwards, by chance. */
  losePower(random: Prng, options: PowerLossOptions): void {
    // Sometimes nearly everything survives, sometimes nearly nothing: both find bugs that an even mix does not.
    const keepChance = random.pick([0, 0.1, 0.5, 0.9, 1])
    const closed = new Set<ImageFolder>()
    for (const change of this.#nameChanges) {
      const isKept = random.chance(keepChance) && !change.places.some(({ folder }) => closed.has(folder))
      if (isKept) makeDurable(change)
      else for (const { folder } of change.places) closed.add(folder)
    }
    this.#nameChanges = []
    this.#recover(this.#root, random, keepChance, options, new Set())
  }

  #recover(folder: ImageFolder, random: Prng, keepChance: number, options: PowerLossOptions, seen: Set<Entry>): void {
    folder.children.clear()
    for (const [name, node] of folder.durable) {
      folder.children.set(name, node)
      if (seen.has(node)) continue
      seen.add(node)
      if (node instanceof ImageFolder) {
        this.#recover(node, random, keepChance, options, seen)
      } else {
        loseUnsynced(node, random, keepChance, options)
        node.lockOwner = undefined
      }
    }
  }
}

function makeDurable(change: NameChange): void {
  for (const { folder, name, node } of change.places) setEntry(folder.durable, name, node)
}

function setEntry(entries: Map<string, Entry>, name: string, node: Entry | undefined): void {
  if (node === undefined) entries.delete(name)
  else entries.set(name, node)
}

function applyAll(bytes: PagedBytes, operations: readonly FileOperation[]): void {
  for (const operation of operations) {
    if (operation.kind === 'write') bytes.write(operation.position, operation.data)
    else bytes.truncate(operation.size)
  }
}

function loseUnsynced(inode: Inode, random: Prng, keepChance: number, options: PowerLossOptions): void {
  const { durable, unsynced } = inode
  // The size is that after the first so many operations, whatever became of their bytes.
  const sizesKept = random.chance(keepChance) ? unsynced.length : random.below(unsynced.length + 1)
  let size = durable.size
  for (const [index, operation] of unsynced.entries()) {
    const isSizeKept = index < sizesKept
    if (operation.kind === 'truncate') {
      if (!isSizeKept) continue
      durable.truncate(operation.size)
      size = operation.size
      continue
    }
    const end = operation.position + operation.data.length
    if (isSizeKept && end > size) {
      if (random.chance(options.staleChance)) durable.write(size, random.bytes(end - size))
      size = end
    }
    keepSectors(durable, operation, random, keepChance, options.sectorBytes)
  }
  durable.truncate(size)
  inode.current = durable.copy()
  inode.unsynced = []
}

/** Writes those sectors of the operation that the disk had time for. */
function keepSectors(
  bytes: PagedBytes,
  operation: { position: number; data: Buffer },
  random: Prng,
  keepChance: number,
  sectorBytes: number
): void {
  const { position, data } = operation
  for (let at = position; at < position + data.length; ) {
    const next = Math.min(position + data.length, (Math.floor(at / sectorBytes) + 1) * sectorBytes)
    if (random.chance(keepChance)) bytes.write(at, data.subarray(at - position, next - position))
    at = next
  }
}
