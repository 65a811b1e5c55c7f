import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Of this package. */
export function version(): string {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string }
  return `odradek ${manifest.version} (Kafka 4.3)`
}
