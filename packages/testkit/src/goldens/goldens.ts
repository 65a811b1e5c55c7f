// Readers of the golden vectors (bytes and behaviour of Apache Kafka). The folder is GOLDENS_DIR, default
// `../shared/goldens` beside the checkout. Absent, a golden test is skipped with a message; under CI=true it fails.

import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { parseExact } from './exact-json.ts'
import { readTar, type TarEntry } from './tar.ts'

export class Goldens {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** The bytes of a file, unzipped when its name ends in `.gz`. */
  bytes(name: string): Buffer {
    const bytes = readFileSync(join(this.folder, name))
    return name.endsWith('.gz') ? gunzipSync(bytes) : bytes
  }

  /** One value a line. Whole numbers beyond 2^53 are bigint, all others number. */
  lines<T>(name: string): T[] {
    const lines = this.bytes(name).toString('utf8').split('\n')
    return lines.filter((line) => line !== '').map((line) => parseExact(line) as T)
  }

  json<T>(name: string): T {
    return parseExact(this.bytes(name).toString('utf8')) as T
  }

  /** Files and folders of `log-dir-<name>.tar.gz`, below its top folder. */
  logDir(name: string): TarEntry[] {
    return readTar(this.bytes(`log-dir-${name}.tar.gz`))
      .map((entry) => ({ ...entry, path: entry.path.replace(/^data\/?/, '') }))
      .filter((entry) => entry.path !== '')
  }
}

export function goldensFolder(): string {
  return resolve(process.env.GOLDENS_DIR ?? join(import.meta.dirname, '../../../../../shared/goldens'))
}

/** Undefined when the folder is absent. */
export function openGoldens(): Goldens | undefined {
  const folder = goldensFolder()
  return existsSync(join(folder, 'messages.ndjson.gz')) ? new Goldens(folder) : undefined
}

/**
 * For the first line of a golden test: `const goldens = requireGoldens(t); if (goldens === undefined) return`.
 * Skips the test when the goldens are absent; under CI=true it throws instead.
 */
export function requireGoldens(t: TestContext): Goldens | undefined {
  const goldens = openGoldens()
  if (goldens !== undefined) return goldens
  const message = `no goldens in ${goldensFolder()}: set GOLDENS_DIR to the folder of the golden vectors`
  if (process.env.CI === 'true') throw new Error(message)
  t.skip(message)
  return undefined
}
