/** odradek start: a broker from nothing. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { closest, OdradekError } from '@odradek/base'
import { makePrivateFolder, readProperties, runServer, splitOnce } from '@odradek/cli'
import { developmentProperties } from '@odradek/config'
import { isHalfFormatted } from '@odradek/metadata'
import type { LogLevel } from '@odradek/world'
import { createMemoryDisk, nodeDisk } from '@odradek/world/node'
import type { OptionSpec } from './commands/arguments.ts'
import { formatNewDirectories } from './format.ts'
import { LOG_LEVELS, startOptions } from './start-options.ts'

const usage = `usage: odradek start [options]

${Object.entries<OptionSpec>(startOptions)
  .map(([name, { value, help }]) => `  ${`--${name}${value === undefined ? '' : ` ${value}`}`.padEnd(22)}${help}`)
  .join('\n')}`

interface StartOptions {
  readonly config: string | undefined
  readonly overrides: Map<string, string>
  readonly data: string
  readonly port: number
  readonly isEphemeral: boolean
  readonly logLevel: LogLevel
}

const DEFAULT_PORT = 9092

export async function start(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage)
    return 0
  }
  try {
    return await run(readOptions(args))
  } catch (error) {
    if (!(error instanceof OdradekError) || error.code !== 'USAGE') throw error
    console.error(`${error.message}\n\n${usage}`)
    return 1
  }
}

function readOptions(args: readonly string[]): StartOptions {
  const values = parse(args)
  const overrides = new Map<string, string>()
  for (const text of values.override ?? []) {
    const [key, value] = splitOnce(text)
    if (value === undefined) throw new OdradekError('USAGE', `--override wants KEY=VALUE, not ${text}`)
    overrides.set(key, value)
  }
  const port = Number(values.port ?? DEFAULT_PORT)
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new OdradekError('USAGE', `--port wants a number from 0 to 65535, not ${values.port}`)
  if (values.config !== undefined && (values.port !== undefined || values.data !== undefined)) {
    throw new OdradekError(
      'USAGE',
      '--port and --data belong to the development node; with --config set listeners and log.dirs by --override'
    )
  }
  const logLevel = (values['log-level'] ?? (process.stdout.isTTY ? 'WARN' : 'INFO')).toUpperCase()
  if (!LOG_LEVELS.includes(logLevel)) throw new OdradekError('USAGE', `--log-level wants one of ${LOG_LEVELS.join(', ')}`)
  return {
    config: values.config,
    overrides,
    data: resolve(values.data ?? 'data'),
    port,
    isEphemeral: values.ephemeral ?? false,
    logLevel: logLevel as LogLevel
  }
}

function parse(args: readonly string[]) {
  for (const arg of args) {
    const [, name] = /^--([^=]+)/.exec(arg) ?? []
    if (name === undefined || Object.hasOwn(startOptions, name)) continue
    const meant = closest(name, Object.keys(startOptions))
    throw new OdradekError('USAGE', `odradek start has no option --${name}${meant === undefined ? '' : `: did you mean --${meant}?`}`)
  }
  try {
    return parseArgs({
      args: [...args],
      options: {
        config: { type: 'string' },
        override: { type: 'string', multiple: true },
        data: { type: 'string' },
        port: { type: 'string' },
        ephemeral: { type: 'boolean' },
        'log-level': { type: 'string' }
      }
    }).values
  } catch (error) {
    throw new OdradekError('USAGE', (error as Error).message, { cause: error })
  }
}

async function run(options: StartOptions): Promise<number> {
  const { data, port, isEphemeral, overrides, logLevel } = options
  const properties = options.config === undefined ? developmentProperties({ port, dataDir: data }) : readProperties(options.config)
  if (options.config === undefined && !isEphemeral) await checkDataFolder(data)
  return runServer({
    properties,
    overrides,
    logLevel,
    disk: isEphemeral ? createMemoryDisk() : undefined,
    prepare: formatNewDirectories,
    onStarted: (server) => {
      const listener = server.listeners.find(({ isController }) => !isController)
      const host = listener?.host === '' || listener?.host === '0.0.0.0' || listener?.host === '127.0.0.1' ? 'localhost' : listener?.host
      console.log(
        welcome(`${host}:${listener?.port}`, isEphemeral ? 'in memory, gone when the broker stops' : server.config.logDirs.join(', '))
      )
    }
  })
}

/** A folder that holds something else is left alone; one that an interrupted start began to format is not something else. */
async function checkDataFolder(path: string): Promise<void> {
  try {
    makePrivateFolder(path)
  } catch (error) {
    throw new OdradekError('STORAGE_NO_DIRECTORY', `${path} cannot be made: ${(error as Error).message}; name another one with --data`, {
      cause: error
    })
  }
  if (existsSync(join(path, 'meta.properties'))) return
  if (await isHalfFormatted(nodeDisk, path)) return
  throw new OdradekError(
    'DATA_DIR_FOREIGN',
    `${path} holds files but no meta.properties, so it is no data directory of Kafka; name an empty or new one with --data`
  )
}

function welcome(bootstrap: string, data: string): string {
  return `
Odradek serves the Kafka protocol.

  bootstrap server   ${bootstrap}
  data               ${data}

Try it in another terminal, with the tools of Apache Kafka:

  npx kafka-topics.sh --bootstrap-server ${bootstrap} --create --topic hello --partitions 3
  npx kafka-console-producer.sh --bootstrap-server ${bootstrap} --topic hello
  npx kafka-console-consumer.sh --bootstrap-server ${bootstrap} --topic hello --from-beginning

Stop it with Ctrl-C.
`
}
