/** kafka-features: the versions of features that a cluster uses, and their change. As Kafka's tool does it. */
import { OdradekError } from '@odradek/base'
import type { Admin, FeatureUpdate } from '@odradek/client'
import { type Arguments, parseCommandLine, UsageError } from '../command-line.ts'
import type { CommandLine, Option } from '../command-line-definition.ts'
import { bootstrapOptions, targetOf } from '../command-line-tool.ts'
import { executionException, wrapped } from '../java.ts'
import { call, messageOf, processIo, ToolError, type ToolIo, unreachable, withAdmin } from '../tool.ts'

const METADATA_VERSION = 'metadata.version'
const releaseHelp = (verb: string): string =>
  `The release version to ${verb} all features to. For example, 3.9-IV0 will set metadata.version=21 and kraft.version=1. Use the version-mapping command to learn which features will be set for any given version.`
const feature = (help: string, required?: true): Option => ({ long: '--feature', repeated: true, required, help })

const changes = (verb: 'update' | 'downgrade', noun: 'upgrade' | 'downgrade', example: string): readonly Option[] => [
  { long: '--metadata', help: `DEPRECATED -- The level to which we should ${noun} the metadata. For example, ${example}.` },
  { long: '--release-version', help: releaseHelp(verb) },
  feature(`A feature ${noun} we should perform, in feature=level format. For example: \`metadata.version=5\`.`)
]

const commandLine: CommandLine = {
  program: 'kafka-features',
  description: 'This tool manages feature flags in Kafka.',
  options: [
    ...bootstrapOptions({ isExclusive: true }, 'KRaft quorum'),
    { long: '--command-config', help: 'Property file containing configs to be passed to Admin Client.' }
  ],
  commands: [
    {
      name: 'describe',
      help: 'Describes the current active feature flags.',
      options: [
        {
          long: '--node-id',
          type: 'Integer',
          help: 'The node id to which the requests should be sent. If not specified, the requests will be sent to an arbitrary controller/broker.'
        }
      ]
    },
    {
      name: 'upgrade',
      help: 'Upgrade one or more feature flags.',
      options: [
        ...changes('update', 'upgrade', '3.3-IV3'),
        { long: '--dry-run', flag: true, help: 'Validate this upgrade, but do not perform it.' }
      ]
    },
    {
      name: 'downgrade',
      help: 'Downgrade one or more feature flags.',
      options: [
        ...changes('downgrade', 'downgrade', '3.3-IV0'),
        { long: '--unsafe', flag: true, help: 'Perform this downgrade even if it may irreversibly destroy metadata.' },
        { long: '--dry-run', flag: true, help: 'Validate this downgrade, but do not perform it.' }
      ]
    },
    {
      name: 'disable',
      help: 'Disable one or more feature flags. This is the same as downgrading the version to zero.',
      options: [
        feature('A feature flag to disable.'),
        { long: '--unsafe', flag: true, help: 'Disable this feature flag even if it may irreversibly destroy metadata.' },
        { long: '--dry-run', flag: true, help: 'Perform a dry-run of this disable operation.' }
      ]
    },
    {
      name: 'version-mapping',
      help: 'Look up the corresponding features for a given metadata version. Using the command with no --release-version  argument will return the mapping for the latest stable metadata version',
      options: [
        {
          long: '--release-version',
          help: 'The release version to use for the corresponding feature mapping. The minimum is 3.3-IV3; the default is 4.3-IV0'
        }
      ]
    },
    {
      name: 'feature-dependencies',
      help: 'Look up dependencies for a given feature version. If the feature is not known or the version not yet defined, an error is thrown. Multiple features can be specified.',
      options: [
        feature('The feature and version to look up dependencies for, in feature=version format. For example: `metadata.version=5`.', true)
      ]
    }
  ]
}

const offline = ['version-mapping', 'feature-dependencies']

export async function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  try {
    const parsed = parseCommandLine(commandLine, argv)
    if ('help' in parsed) {
      io.out(parsed.help)
      return 0
    }
    const { command, arguments: args } = parsed
    if (!offline.includes(command) && !args.has('--bootstrap-server') && !args.has('--bootstrap-controller')) {
      io.err(commandLineError('You must specify either --bootstrap-controller or --bootstrap-server.'))
      return 1
    }
    await run(command, args, io)
    return 0
  } catch (error) {
    if (!(error instanceof OdradekError)) throw error
    io.err(error instanceof UsageError ? commandLineError(error.reason) : `${messageOf(error)}\n`)
    return 1
  }
}

/** Without an end of the line, as in Kafka's tool. */
const commandLineError = (reason: string): string => `Command line error: ${reason}. Type --help for help.`

async function run(command: string, args: Arguments, io: ToolIo): Promise<void> {
  if (command === 'version-mapping') {
    const { versionMappingText } = await import('../release-features.ts')
    io.out(versionMappingText(args.value('--release-version')))
    return
  }
  if (command === 'feature-dependencies') return await printDependencies(args.values('--feature'), io)
  await withAdmin(targetOf(args), io, async (admin) => {
    if (command === 'describe') return await describe(admin, args.integer('--node-id'), io)
    const updates = command === 'disable' ? disabled(args) : await changed(command, args, io)
    await update(admin, command, { updates, isDryRun: args.has('--dry-run') }, io)
  })
}

async function printDependencies(features: readonly string[], io: ToolIo): Promise<void> {
  const { dependenciesText } = await import('../release-features.ts')
  for (const text of features) {
    const { name, level } = nameAndLevel(text)
    const dependencies = dependenciesText(name, level)
    if (dependencies === undefined) throw new ToolError(`No feature:${name} with feature level ${level}`)
    io.out(dependencies)
  }
}

async function describe(admin: Admin, nodeId: number | undefined, io: ToolIo): Promise<void> {
  if (nodeId !== undefined && nodeId < 0) throw new ToolError(`Invalid node id ${nodeId}: must be non-negative.`)
  const found = await wrapped(call('describeFeatures', admin.describeFeatures({ nodeId })), executionException)
  const { metadataVersionByLevel } = await import('@odradek/protocol')
  const shown = (name: string, level: number): string =>
    (name === METADATA_VERSION ? (metadataVersionByLevel(level)?.name ?? `UNKNOWN ${level}`) : String(level)).padEnd(15)
  for (const name of [...found.supportedFeatures.keys()].sort()) {
    const { minVersion = 0, maxVersion = 0 } = found.supportedFeatures.get(name) ?? {}
    const finalized = found.finalizedFeatures.get(name)?.maxVersionLevel ?? 0
    const columns = [
      `Feature: ${name.padEnd(40)}`,
      `SupportedMinVersion: ${shown(name, minVersion)}`,
      `SupportedMaxVersion: ${shown(name, maxVersion)}`,
      `FinalizedVersionLevel: ${shown(name, finalized)}`,
      `Epoch: ${found.finalizedFeaturesEpoch ?? '-'}`
    ]
    io.out(`${columns.join('  ')}\n`)
  }
}

type Updates = Readonly<Record<string, FeatureUpdate>>
type UpgradeType = NonNullable<FeatureUpdate['upgradeType']>

const typeOf = (command: string, args: Arguments): UpgradeType => {
  if (command === 'upgrade') return 'UPGRADE'
  return args.has('--unsafe') ? 'UNSAFE_DOWNGRADE' : 'SAFE_DOWNGRADE'
}

const twice = (name: string): ToolError => new ToolError(`Feature ${name} was specified more than once.`, 'java.lang.RuntimeException')

function disabled(args: Arguments): Updates {
  const updates: Record<string, FeatureUpdate> = {}
  for (const name of args.values('--feature')) {
    if (Object.hasOwn(updates, name)) throw twice(name)
    updates[name] = { maxVersionLevel: 0, upgradeType: typeOf('disable', args) }
  }
  return updates
}

async function changed(command: string, args: Arguments, io: ToolIo): Promise<Updates> {
  const [metadata, release] = [args.value('--metadata'), args.value('--release-version')]
  const upgradeType = typeOf(command, args)
  if (release !== undefined) {
    if (metadata !== undefined || args.has('--feature')) throw new ToolError('Can not specify `release-version` with other feature flags.')
    return await ofRelease(release, upgradeType)
  }
  const updates: Record<string, FeatureUpdate> = {}
  if (metadata !== undefined) {
    io.out(' `metadata` flag is deprecated and may be removed in a future release.\n')
    const { releaseNamed } = await import('../release-features.ts')
    updates[METADATA_VERSION] = { maxVersionLevel: releaseNamed(metadata).level, upgradeType }
  }
  for (const text of args.values('--feature')) {
    const { name, level } = nameAndLevel(text)
    if (level === 0 && upgradeType === 'UPGRADE')
      throw new ToolError(
        'The upgradeType flag should be set to SAFE_DOWNGRADE or UNSAFE_DOWNGRADE when the provided maxVersionLevel:0 is < 1.'
      )
    if (level < 0) throw new ToolError('Cannot specify a negative version level.')
    if (Object.hasOwn(updates, name)) throw twice(name)
    updates[name] = { maxVersionLevel: level, upgradeType }
  }
  return updates
}

async function ofRelease(release: string, upgradeType: UpgradeType): Promise<Updates> {
  const [{ releaseNamed }, { featureDefinitions }] = await Promise.all([import('../release-features.ts'), import('@odradek/protocol')])
  const version = releaseNamed(release)
  const levels = featureDefinitions.map(({ name }): [string, number] => [name, version.defaults[name]])
  // Nothing is upgraded to 0.
  const wanted = levels.filter(([, level]) => upgradeType !== 'UPGRADE' || level > 0)
  return Object.fromEntries(
    [[METADATA_VERSION, version.level] as const, ...wanted].map(([name, maxVersionLevel]) => [name, { maxVersionLevel, upgradeType }])
  )
}

function nameAndLevel(text: string): { name: string; level: number } {
  const fail = (why: string): ToolError => new ToolError(`Can't parse feature=level string ${text}: ${why}`, 'java.lang.RuntimeException')
  const equals = text.indexOf('=')
  if (equals < 0) throw fail('equals sign not found.')
  const [name, level] = [text.slice(0, equals).trim(), text.slice(equals + 1).trim()]
  if (!/^[+-]?\d{1,5}$/.test(level) || (Number(level) << 16) >> 16 !== Number(level)) throw fail(`unable to parse ${level} as a short.`)
  return { name, level: Number(level) }
}

async function update(
  admin: Admin,
  command: string,
  { updates, isDryRun }: { readonly updates: Updates; readonly isDryRun: boolean },
  io: ToolIo
): Promise<void> {
  const names = Object.keys(updates).sort()
  if (names.length === 0) throw new ToolError(`You must specify at least one feature to ${command}`)
  if (names.some((name) => name.trim() === '')) throw new ToolError('Provided feature can not be empty.')
  const { errors } = await admin.updateFeatures(updates, { validateOnly: isDryRun }).outcomes()
  for (const name of names) {
    const [error, level] = [errors.get(name), updates[name].maxVersionLevel]
    const to = command === 'disable' ? '' : ` to ${level}`
    io.out(
      error === undefined
        ? `${name} ${isDryRun ? 'can be' : 'was'} ${command}d${to}.\n`
        : `${isDryRun ? 'Can' : 'Could'} not ${command} ${name}${to}. ${messageOf(unreachable('updateFeatures', error))}\n`
    )
  }
  if (errors.size > 0) throw new ToolError(`${errors.size} out of ${names.length} operation(s) failed.`)
}
