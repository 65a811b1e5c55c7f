/** kafka-storage: formats log directories and tells what is in them. Flags, output and exit codes are those of Kafka's tool. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { OdradekError, randomUuid } from '@odradek/base'
import { type BrokerConfig, loadBrokerConfig, parseProperties } from '@odradek/config'
import { formatStorage, storageDirectories } from '@odradek/metadata'
import { META_PROPERTIES } from '@odradek/storage'
import { createNodeProviderSources, createNodeWorld } from '@odradek/world/node'
import { type Arguments, parseCommandLine, UsageError } from './command-line.ts'
import type { Command, CommandLine } from './command-line-definition.ts'
import { dependenciesText, versionMappingText } from './release-features.ts'

export interface ToolIo {
  out(text: string): void
  err(text: string): void
}

const processIo: ToolIo = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text)
}

const config = { long: '--config', short: '-c', required: true, help: "The node's properties file." } as const
const release = {
  long: '--release-version',
  short: '-r',
  help: 'A Kafka release (4.3) or metadata.version (4.3-IV0); the newest one if absent.'
} as const
const quorum = { isExclusive: true }

const commands: readonly Command[] = [
  { name: 'info', help: 'Show which log directories are formatted, and for which cluster and node.', options: [config] },
  {
    name: 'format',
    help: 'Format the log directories of a node.',
    options: [
      config,
      { long: '--cluster-id', short: '-t', required: true, help: 'The id of the cluster; the same on every node of it.' },
      {
        long: '--add-scram',
        short: '-S',
        repeated: true,
        help: 'A SCRAM credential that the cluster begins with: \'SCRAM-SHA-256=[name=alice,password=alice-secret]\', also with iterations=N, salt="base64" and saltedpassword="base64".'
      },
      { long: '--ignore-formatted', short: '-g', flag: true, help: 'Leave directories that are formatted already as they are.' },
      release,
      {
        long: '--feature',
        short: '-f',
        repeated: true,
        help: 'The level of a feature, as group.version=1; the default of the release if absent.'
      },
      {
        long: '--standalone',
        short: '-s',
        flag: true,
        group: quorum,
        help: 'Make this controller the only voter of a dynamic quorum (without controller.quorum.voters).'
      },
      {
        long: '--no-initial-controllers',
        short: '-N',
        flag: true,
        group: quorum,
        help: 'Do not name the voters: this node joins a dynamic quorum.'
      },
      {
        long: '--initial-controllers',
        short: '-I',
        group: quorum,
        help: 'The voters of a dynamic quorum, the same on every node: id@host:port:directory-id, separated by commas.'
      }
    ]
  },
  { name: 'version-mapping', help: 'Show the feature levels of a release.', options: [release] },
  {
    name: 'feature-dependencies',
    help: 'Show what the level of a feature asks of other features.',
    options: [{ long: '--feature', short: '-f', required: true, repeated: true, help: 'A feature and its level, as group.version=1.' }]
  },
  { name: 'random-uuid', help: 'Print a random id.', options: [] }
]

const commandLine: CommandLine = { program: 'kafka-storage', description: 'Formats the storage of a node and looks into it.', commands }

export async function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  try {
    const parsed = parseCommandLine(commandLine, argv)
    if ('help' in parsed) {
      io.out(parsed.help)
      return 0
    }
    return await run(parsed.command, parsed.arguments, io)
  } catch (error) {
    if (!(error instanceof OdradekError) && !(error instanceof UsageError)) throw error
    io.err(`${error.message}\n`)
    return 1
  }
}

function run(command: string, args: Arguments, io: ToolIo): number | Promise<number> {
  switch (command) {
    case 'info':
      return info(readConfig(args), io)
    case 'format':
      return format(readConfig(args), args, io)
    case 'version-mapping':
      io.out(versionMappingText(args.value('--release-version')))
      return 0
    case 'feature-dependencies':
      return featureDependencies(args.values('--feature'), io)
    default:
      io.out(`${randomUuid((size) => createNodeWorld({ logLevel: 'OFF' }).random.bytes(size))}\n`)
      return 0
  }
}

function failure(message: string): OdradekError {
  return new OdradekError('STORAGE_TOOL', message)
}

function readConfig(args: Arguments): BrokerConfig {
  const path = args.value('--config') as string
  if (!existsSync(path)) throw failure(`${path} does not exist: name the properties file of the node with --config.`)
  return loadBrokerConfig({
    properties: parseProperties(readFileSync(path, 'utf8')),
    env: process.env,
    providers: createNodeProviderSources()
  }).config
}

// ---- info

function info(config: BrokerConfig, io: ToolIo): number {
  const problems: string[] = []
  const found: string[] = []
  const identities: Map<string, string>[] = []
  for (const directory of storageDirectories(config)) {
    if (!existsSync(directory)) problems.push(`${directory} does not exist`)
    else if (!statSync(directory).isDirectory()) problems.push(`${directory} is not a directory`)
    else {
      found.push(directory)
      const path = `${directory}/${META_PROPERTIES}`
      if (existsSync(path)) identities.push(parseProperties(readFileSync(path, 'utf8')))
      else problems.push(`${directory} is not formatted.`)
    }
  }
  const first = identities[0]
  for (const other of identities.slice(1)) {
    if (other.get('cluster.id') !== first.get('cluster.id')) problems.push('Mismatched cluster IDs between storage directories.')
    else if (other.get('node.id') !== first.get('node.id')) problems.push('Mismatched node IDs between storage directories.')
  }
  const list = (title: string, lines: readonly string[]): string => `${title}${lines.length === 1 ? 'y' : 'ies'}:\n${indented(lines)}\n`
  if (found.length > 0) io.out(list('Found log director', found))
  if (first !== undefined)
    io.out(
      `Found metadata: {${[...first]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => `${key}=${value}`)
        .join(', ')}}\n\n`
    )
  if (problems.length > 0) io.out(`Found problem${problems.length === 1 ? '' : 's'}:\n${indented(problems)}\n`)
  return problems.length > 0 ? 1 : 0
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}\n`).join('')
}

// ---- format

async function format(config: BrokerConfig, args: Arguments, io: ToolIo): Promise<number> {
  const featureLevels = new Map<string, number>()
  for (const text of args.values('--feature')) {
    const equals = text.indexOf('=')
    if (equals < 0) throw failure(`Can't parse feature=level string ${text}: equals sign not found.`)
    const level = text.slice(equals + 1)
    if (!/^-?\d{1,5}$/.test(level)) throw failure(`Can't parse feature=level string ${text}: unable to parse ${level} as a short.`)
    featureLevels.set(text.slice(0, equals).trim(), Number(level))
  }
  await formatStorage(createNodeWorld({ logLevel: 'OFF' }), {
    config,
    clusterId: args.value('--cluster-id') as string,
    ignoreFormatted: args.has('--ignore-formatted'),
    standalone: args.has('--standalone'),
    noInitialControllers: args.has('--no-initial-controllers'),
    initialControllers: args.value('--initial-controllers'),
    releaseVersion: args.value('--release-version'),
    featureLevels,
    scram: args.values('--add-scram'),
    print: (line) => io.out(`${line}\n`)
  })
  return 0
}

// ---- tables

function featureDependencies(features: readonly string[], io: ToolIo): number {
  for (const text of features) {
    const [name, levelText, ...rest] = text.split('=')
    if (levelText === undefined || rest.length > 0)
      throw failure(`Invalid feature format: ${text}. Expected format: 'feature=version' (e.g. 'group.version=1')`)
    if (!/^-?\d{1,5}$/.test(levelText)) throw failure(`Invalid version format: ${levelText} for feature ${name}`)
    const dependencies = dependenciesText(name, Number(levelText))
    if (dependencies === undefined) throw failure(`Feature level ${levelText} is not supported for feature ${name}`)
    io.out(dependencies)
  }
  return 0
}
