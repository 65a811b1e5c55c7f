// What providers of settings (config.providers) read: the environment and small files, at once, before a process does anything else.
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { errorCodeOf } from '../disk-error.ts'

const FILE_BYTES_MAX = 1024 * 1024

/** Relative paths are relative to `cwd`. What is named is followed where it is a link: mounted secrets are links. */
export function createNodeProviderSources(options: { cwd?: string; env?: Readonly<Record<string, string | undefined>> } = {}) {
  const { cwd = process.cwd(), env = process.env } = options
  return {
    env,
    kindOf(path: string): 'file' | 'directory' | 'other' | undefined {
      const stat = statSync(resolve(cwd, path), { throwIfNoEntry: false })
      if (stat === undefined) return undefined
      return stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other'
    },
    readText(path: string): string {
      const file = resolve(cwd, path)
      const stat = statSync(file, { throwIfNoEntry: false })
      if (stat === undefined) throw new Error('there is no such file')
      // A pipe or a device would be waited for.
      if (!stat.isFile()) throw new Error('it is not a file')
      if (stat.size > FILE_BYTES_MAX) throw new Error('it is larger than 1 MiB')
      try {
        return readFileSync(file, 'utf8')
      } catch (error) {
        throw new Error(errorCodeOf(error) === 'EACCES' ? 'this user may not read it' : (error as Error).message, { cause: error })
      }
    }
  }
}
