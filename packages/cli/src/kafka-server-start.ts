/** kafka-server-start [-daemon] server.properties [--override property=value]*: a node of an unchanged Kafka properties file. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { OdradekError } from '@odradek/base'
import { parseProperties } from '@odradek/config'
import { runServer } from './run-server.ts'

const usage = 'USAGE: kafka-server-start [-daemon] server.properties [--override property=value]*'
/** The release of Apache Kafka whose behaviour this is. */
const KAFKA_VERSION = '4.3.1'

interface StartOptions {
  readonly file: string
  readonly overrides: ReadonlyMap<string, string>
}

export async function main(argv: readonly string[]): Promise<number> {
  const args = argv.filter((argument) => argument !== '-daemon')
  if (args.includes('--version')) {
    console.log(`${KAFKA_VERSION} (Odradek)`)
    return 0
  }
  const options = readOptions(args)
  if (options === undefined) {
    console.error(usage)
    return 1
  }
  if (args.length < argv.length) return startDaemon(args)
  return runServer({ properties: readProperties(options.file), overrides: options.overrides })
}

function readOptions([file, ...rest]: readonly string[]): StartOptions | undefined {
  if (file === undefined || file.startsWith('-')) return undefined
  const overrides = new Map<string, string>()
  for (let index = 0; index < rest.length; index += 2) {
    const [key, value] = splitOnce(rest[index + 1] ?? '')
    if (rest[index] !== '--override' || value === undefined) return undefined
    overrides.set(key, value)
  }
  return { file, overrides }
}

/** `key=value`; the value may hold more equal signs. */
export function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at < 1 ? [text, undefined] : [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}

export function readProperties(file: string): Map<string, string> {
  try {
    return parseProperties(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error instanceof OdradekError) throw error
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String((error as Error).message)
    throw new OdradekError('CONFIG_UNREADABLE', `${file} cannot be read: ${reason}`, { cause: error })
  }
}

/** The same command again without a terminal. */
function startDaemon(args: readonly string[]): number {
  const child = spawn(process.execPath, [process.argv[1], ...args], { detached: true, stdio: 'ignore' })
  child.unref()
  return 0
}
