import { dirname, join } from 'node:path/posix'
import type { Disk } from '@odradek/world'

export interface TarEntry {
  /** Without a slash at its end. */
  path: string
  isDirectory: boolean
  data: Buffer
}

const BLOCK = 512

/** Reads a ustar archive: plain files and folders. Throws on anything else (links, a broken checksum, a cut file). */
export function readTar(archive: Buffer): TarEntry[] {
  const entries: TarEntry[] = []
  let at = 0
  while (at + BLOCK <= archive.length && archive[at] !== 0) {
    const header = archive.subarray(at, at + BLOCK)
    const text = (start: number, length: number): string => header.toString('utf8', start, start + length).replace(/\0.*$/s, '')
    const octal = (start: number, length: number): number => Number.parseInt(text(start, length).trim() || '0', 8)
    const name = text(0, 100)
    if (checksum(header) !== octal(148, 8)) throw new Error(`tar: wrong checksum in the header at ${at} (${name})`)
    const prefix = text(345, 155)
    const size = octal(124, 12)
    const type = text(156, 1)
    if (type !== '' && type !== '0' && type !== '5') throw new Error(`tar: entry type ${type} of ${name} is not supported`)
    const start = at + BLOCK
    if (start + size > archive.length) throw new Error(`tar: ${name} is cut`)
    const path = (prefix === '' ? name : `${prefix}/${name}`).replace(/\/+$/, '')
    entries.push({ path, isDirectory: type === '5', data: archive.subarray(start, start + size) })
    at = start + Math.ceil(size / BLOCK) * BLOCK
  }
  return entries
}

/** Writes the entries below `root` of a disk (`nodeDisk` for a real folder). */
export async function writeTree(entries: readonly TarEntry[], disk: Disk, root: string): Promise<void> {
  await disk.mkdir(root)
  for (const entry of entries) {
    if (entry.path.split('/').includes('..')) throw new Error(`tar: ${entry.path} leads outside`)
    const path = join(root, entry.path)
    if (entry.isDirectory) {
      await disk.mkdir(path)
      continue
    }
    await disk.mkdir(dirname(path))
    const file = await disk.open(path, 'create')
    if (entry.data.length > 0) await file.write(0, [entry.data])
    await file.close()
  }
}

function checksum(header: Buffer): number {
  let sum = 0
  for (let index = 0; index < BLOCK; index++) sum += index >= 148 && index < 156 ? 32 : header[index]
  return sum
}
