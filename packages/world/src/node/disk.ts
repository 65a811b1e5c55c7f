import * as fs from 'node:fs'
import * as fsp from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCodeOf } from '../disk-error.ts'
import type { Disk, DiskFile, OpenMode } from '../ports.ts'
import { SerialByPath } from '../serial-by-path.ts'
import { NodeFile, SMALL_BYTES_MAX, toFileStat } from './file.ts'
import { LoopShare } from './loop-share.ts'

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = fs.constants
const FLAGS: Record<OpenMode, number> = {
  read: O_RDONLY,
  write: O_RDWR,
  create: O_RDWR | O_CREAT,
  exclusive: O_RDWR | O_CREAT | O_EXCL
}

/** Of all disks of the process: it has one loop. */
const inLoop = new LoopShare()

export function createNodeDisk(): Disk {
  const replacements = new SerialByPath()
  return {
    ...stateless,
    writeFileAtomic: (path, data, options) => replacements.run(path, () => writeFileAtomic(path, data, options))
  }
}

const stateless: Omit<Disk, 'writeFileAtomic'> = {
  open: openFile,
  readFile: (path) => fsp.readFile(path),

  mkdir: (path) => inLoop.run(() => makeFolder(path)),

  async readdir(path) {
    return (await fsp.readdir(path)).sort()
  },

  async stat(path) {
    return toFileStat(await fsp.stat(path))
  },

  async exists(path) {
    try {
      await fsp.stat(path)
      return true
    } catch (error) {
      const code = errorCodeOf(error)
      if (code === 'ENOENT' || code === 'ENOTDIR') return false
      throw error
    }
  },

  rename: (from, to) => fsp.rename(from, to),
  unlink: (path) => fsp.unlink(path),
  removeTree: (path) => fsp.rm(path, { recursive: true, force: true }),
  syncDir,

  async space(path) {
    const stats = await fsp.statfs(path)
    return { freeBytes: stats.bavail * stats.bsize, totalBytes: stats.blocks * stats.bsize }
  },

  async lock(path) {
    // Loaded here, not with the module: most of a start's first milliseconds need no SQLite.
    const { lockFile } = await import('./lock.ts')
    return lockFile(path)
  }
}

/**
 * Makes a folder and those above it; false when it was there. Not by Node's own `recursive`: that never returns where a folder takes
 * no new ones and says so with ENOENT, as those of /proc do.
 */
export function makeFolder(path: string, mode?: number): boolean {
  if (isFolder(path)) return false
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent, mode)
  try {
    fs.mkdirSync(path, { mode })
    return true
  } catch (error) {
    // somebody else made it meanwhile
    if (isFolder(path)) return false
    throw error
  }
}

function isFolder(path: string): boolean {
  return fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function openFile(path: string, mode: OpenMode): Promise<DiskFile> {
  return new Promise((resolve, reject) => {
    fs.open(path, FLAGS[mode], 0o644, (error, fd) => (error ? reject(error) : resolve(new NodeFile(path, fd))))
  })
}

async function writeFileAtomic(path: string, data: Buffer, options: { sync?: boolean } = {}): Promise<void> {
  const sync = options.sync ?? true
  const temporary = `${path}.tmp`
  if (!sync && data.length <= SMALL_BYTES_MAX) {
    await inLoop.run(() => {
      fs.writeFileSync(temporary, data, { mode: 0o644 })
      fs.renameSync(temporary, path)
    })
    return
  }
  const handle = await fsp.open(temporary, 'w', 0o644)
  try {
    await handle.writeFile(data)
    if (sync) await handle.sync()
  } finally {
    await handle.close()
  }
  await fsp.rename(temporary, path)
  if (sync) await syncDir(dirname(path))
}

async function syncDir(path: string): Promise<void> {
  // Windows opens no folders; its renames are in the journal of the file system.
  if (process.platform === 'win32') return
  const handle = await fsp.open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
