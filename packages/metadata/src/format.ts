// Formats the log directories of a node: an id for each (meta.properties), the records that the cluster begins with
// (bootstrap.checkpoint), and for a dynamic quorum the voters it begins with. meta.properties comes last: a directory that
// has it is whole. Messages are those of kafka-storage.
import { isUuid, OdradekError, randomUuid, type Uuid } from '@odradek/base'
import type { BrokerConfig } from '@odradek/config'
import {
  latestProductionMetadataVersion,
  METADATA_VERSION_FEATURE,
  type MetadataVersionLevel,
  metadataVersionByLevel,
  metadataVersionByName,
  metadataVersions
} from '@odradek/protocol'
import { BOOTSTRAP_SNAPSHOT_ID, SnapshotBatches, snapshotFileName, type Voter } from '@odradek/raft'
import {
  META_PROPERTIES,
  METADATA_TOPIC,
  type MetaProperties,
  partitionName,
  readMetaProperties,
  writeMetaProperties
} from '@odradek/storage'
import { type Disk, systemMessageOf, type World } from '@odradek/world'
import { BOOTSTRAP_FILE, bootstrapFeatureLevels, bootstrapFeatureRecords, bootstrapPath, encodeBootstrapFile } from './bootstrap.ts'
import { featureDefinition, featureDependencyProblem, KRAFT_VERSION_FEATURE, supportedFeatures } from './features.ts'
import type { MetadataRecord } from './records.ts'
import { parseScramArguments } from './scram-credentials.ts'

export interface FormatOptions {
  readonly config: BrokerConfig
  readonly clusterId: string
  /** Directories that are formatted already are left as they are. */
  readonly ignoreFormatted?: boolean
  /** This node is the only voter of a dynamic quorum. */
  readonly standalone?: boolean
  /** `id@host:port:directoryId,…`: the voters of a dynamic quorum. */
  readonly initialControllers?: string
  /** The quorum is dynamic, and this node does not begin it. */
  readonly noInitialControllers?: boolean
  /** As `4.3` or `4.3-IV0`. */
  readonly releaseVersion?: string
  readonly featureLevels?: ReadonlyMap<string, number>
  /** As `SCRAM-SHA-256=[name=alice,password=alice-secret]`. */
  readonly scram?: readonly string[]
  /** Told what was done, line by line. */
  print?(line: string): void
}

function failed(message: string, options: { cause?: unknown } = {}): OdradekError {
  return new OdradekError('FORMAT_FAILED', message, options)
}

/** Rejects with code FORMAT_FAILED, and a message for the user, when something speaks against it. */
export async function formatStorage(world: World, options: FormatOptions): Promise<void> {
  const { config, clusterId } = options
  const voters = initialVoters(world, options)
  const metadataVersion = effectiveMetadataVersion(options)
  const levels = effectiveLevels(options, metadataVersion)
  const records = bootstrapFeatureRecords(levels)
  if ((options.scram ?? []).length > 0 && !metadataVersion.scram) {
    throw failed(`SCRAM is only supported in metadata.version ${metadataVersions.find((version) => version.scram)?.name} or later.`)
  }
  records.push(...parseScramArguments(options.scram ?? [], (size) => world.random.bytes(size)))
  const { formatted, empty } = await readDirectories(world, config, clusterId)
  if (formatted.length > 0 && options.ignoreFormatted !== true) {
    throw failed(
      `Log directory ${formatted[0]} is already formatted. Use --ignore-formatted to ignore this directory and format the others.`
    )
  }
  const print = options.print ?? (() => undefined)
  if (empty.length === 0) {
    print('All of the log directories are already formatted.')
    return
  }
  print(`Bootstrap metadata: ${describeBootstrap(records, metadataVersion)}`)
  const kraftVersion = levels.get(KRAFT_VERSION_FEATURE) ?? 0
  for (const directory of empty)
    try {
      await formatDirectory(world, { options, directory, records, voters, metadataVersion, kraftVersion, print })
    } catch (error) {
      const message = systemMessageOf(error)
      throw message === undefined ? error : failed(`Log directory ${directory} cannot be formatted: ${message}`, { cause: error })
    }
}

/** `log.dirs` and `metadata.log.dir`, sorted. */
export function storageDirectories(config: BrokerConfig): string[] {
  return [...new Set([...config.logDirs, config.metadataLogDir])].sort()
}

/** Formatting this directory was begun and never ended: meta.properties comes last, and nothing else is there. */
export async function isHalfFormatted(disk: Disk, directory: string): Promise<boolean> {
  const metadataFolder = partitionName(METADATA_TOPIC, 0)
  const known = new Set(['.lock', META_PROPERTIES, BOOTSTRAP_FILE, snapshotFileName(BOOTSTRAP_SNAPSHOT_ID)])
  const names = await disk.readdir(directory)
  const inner = names.includes(metadataFolder) ? await disk.readdir(`${directory}/${metadataFolder}`) : []
  return names
    .filter((name) => name !== metadataFolder)
    .concat(inner)
    .every((name) => known.has(name.replace(/\.tmp$/, '')))
}

/** A new cluster must not begin where others of the directories hold the logs of one: it would set them aside. */
export function metadataIsMissing(metadataLogDir: string, other: string): OdradekError {
  return new OdradekError(
    'STORAGE_NOT_FORMATTED',
    `${metadataLogDir} is to hold the metadata of the cluster and has no meta.properties, while ${other} belongs to a cluster: ` +
      'bring the directory back, or correct log.dirs and metadata.log.dir'
  )
}

// ---- what is asked for

function initialVoters(world: World, options: FormatOptions): readonly Voter[] | undefined {
  const { config } = options
  const isDynamic = options.standalone === true || options.initialControllers !== undefined
  if (config.quorumVoters.length > 0 && isDynamic) {
    throw failed(
      'You cannot specify controller.quorum.voters and format the node with --initial-controllers or --standalone. ' +
        'If you want to use dynamic quorum, please remove controller.quorum.voters and specify controller.quorum.bootstrap.servers instead.'
    )
  }
  if (options.standalone === true) return [standaloneVoter(world, config)]
  if (options.initialControllers !== undefined) return parseVoters(options.initialControllers, config.controllerListenerNames[0])
  if (options.noInitialControllers !== true && config.isController && config.quorumVoters.length === 0) {
    throw failed(
      'Because controller.quorum.voters is not set on this controller, you must specify one of the following: ' +
        '--standalone, --initial-controllers, or --no-initial-controllers.'
    )
  }
  return undefined
}

function standaloneVoter(world: World, config: BrokerConfig): Voter {
  if (!config.isController) throw failed('You can only use --standalone on a controller.')
  const listener = config.controllerListeners[0]
  if (listener === undefined) throw failed('No controller listeners found.')
  const directoryId = randomUuid((size) => world.random.bytes(size))
  return voter(config.nodeId, directoryId, {
    name: listener.listenerName,
    host: listener.host === '' ? 'localhost' : listener.host,
    port: listener.port
  })
}

function voter(id: number, directoryId: Uuid, endpoint: Voter['endpoints'][number]): Voter {
  return { id, directoryId, endpoints: [endpoint], minSupportedVersion: 0, maxSupportedVersion: 1 }
}

function parseVoters(text: string, listenerName: string): Voter[] {
  const voters = text.split(',').map((entry) => parseVoter(entry.trim(), listenerName))
  for (const [index, { id }] of voters.entries()) {
    if (voters.findIndex((other) => other.id === id) !== index) throw failed(`Node id ${id} was specified more than once.`)
  }
  return voters
}

function parseVoter(text: string, listenerName: string): Voter {
  const at = text.indexOf('@')
  if (at < 0) throw failed('No @ found in dynamic voter string.')
  if (at === 0) throw failed('Invalid @ at beginning of dynamic voter string.')
  const id = Number(text.slice(0, at))
  if (!Number.isInteger(id)) throw failed('Failed to parse node id in dynamic voter string.')
  if (id < 0) throw failed(`Invalid negative node id ${id} in dynamic voter string.`)
  const match = /^(?:\[([^\]]*)\]|([^:]+)):([^:]*):(.*)$/.exec(text.slice(at + 1))
  if (match === null) throw failed('No host:port:directory found after the node id in dynamic voter string.')
  const port = Number(match[3])
  if (!/^\d+$/.test(match[3])) throw failed('Failed to parse port in dynamic voter string.')
  if (port > 65535) throw failed(`Invalid port ${port} in dynamic voter string.`)
  if (!isUuid(match[4])) throw failed('Failed to parse directory ID in dynamic voter string.')
  return voter(id, match[4], { name: listenerName, host: match[1] ?? match[2], port })
}

function effectiveMetadataVersion({ config, releaseVersion, featureLevels }: FormatOptions): MetadataVersionLevel {
  const isUnstable = config.get('unstable.feature.versions.enable')
  const asked = featureLevels?.get(METADATA_VERSION_FEATURE)
  if (asked !== undefined && releaseVersion !== undefined)
    throw failed('Use --release-version instead of --feature metadata.version=X to avoid ambiguity.')
  if (asked !== undefined) {
    const version = metadataVersionByLevel(asked)
    const [first, last] = [metadataVersions[0].level, metadataVersions[metadataVersions.length - 1].level]
    if (version === undefined)
      throw failed(`No MetadataVersion with feature level ${asked}. Valid feature levels are from ${first} to ${last}.`)
    if (!version.production && !isUnstable) throw failed(`metadata.version ${version.name} is not yet stable.`)
    return version
  }
  if (releaseVersion !== undefined) return releaseMetadataVersion(releaseVersion, { isUnstable })
  return isUnstable ? metadataVersions[metadataVersions.length - 1] : latestProductionMetadataVersion
}

/** As `--release-version` takes it. */
export function releaseMetadataVersion(name: string, { isUnstable }: { isUnstable: boolean }): MetadataVersionLevel {
  const known = metadataVersions.filter((version) => version.production || isUnstable)
  const version = metadataVersionByName(name)
  if (version !== undefined && known.includes(version)) return version
  throw failed(`Unknown metadata.version '${name}'. Supported metadata.version are: ${known.map((level) => level.name).join(', ')}`)
}

function effectiveLevels(options: FormatOptions, metadataVersion: MetadataVersionLevel): Map<string, number> {
  const asked = options.featureLevels ?? new Map<string, number>()
  for (const name of asked.keys()) {
    if (name === METADATA_VERSION_FEATURE || featureDefinition(name) !== undefined) continue
    const known = [...supportedFeatures().keys()].filter((feature) => feature !== METADATA_VERSION_FEATURE).sort()
    throw failed(`Unsupported feature: ${name}. Supported features are: ${known.join(', ')}`)
  }
  const levels = bootstrapFeatureLevels(metadataVersion, asked)
  levels.set(KRAFT_VERSION_FEATURE, kraftVersion(options, asked.get(KRAFT_VERSION_FEATURE)))
  for (const [name, level] of levels) {
    const problem = name === METADATA_VERSION_FEATURE ? undefined : featureDependencyProblem(name, level, levels)
    if (problem !== undefined) throw failed(problem)
  }
  return levels
}

const DYNAMIC_FLAGS =
  'controller.quorum.voters is empty and one of the flags --standalone, --initial-controllers, or --no-initial-controllers is used.'

function kraftVersion({ config, standalone, initialControllers, noInitialControllers }: FormatOptions, asked: number | undefined): number {
  const isDynamic =
    config.quorumVoters.length === 0 && (standalone === true || initialControllers !== undefined || noInitialControllers === true)
  if (asked === undefined) return isDynamic ? 1 : 0
  if (asked === 0 && isDynamic) {
    throw failed(
      `Cannot set kraft.version to 0 if ${DYNAMIC_FLAGS} For dynamic controllers support, try removing the --feature flag for kraft.version.`
    )
  }
  if (asked > 0 && !isDynamic) {
    throw failed(
      `Cannot set kraft.version to ${asked} unless ${DYNAMIC_FLAGS} For dynamic controllers support, try using one of --standalone, ` +
        '--initial-controllers, or --no-initial-controllers and removing controller.quorum.voters.'
    )
  }
  return asked
}

// ---- what is there, and what is written

async function readDirectories(world: World, config: BrokerConfig, clusterId: string): Promise<{ formatted: string[]; empty: string[] }> {
  const formatted: string[] = []
  const empty: string[] = []
  for (const directory of storageDirectories(config)) {
    const meta = await readMetaProperties(world.disk, directory)
    if (meta === undefined) empty.push(directory)
    else {
      checkIdentity(meta, `${directory}/${META_PROPERTIES}`, clusterId, config.nodeId)
      formatted.push(directory)
    }
  }
  return { formatted, empty }
}

function checkIdentity(meta: MetaProperties, path: string, clusterId: string, nodeId: number): void {
  if (meta.clusterId !== clusterId) throw failed(`Invalid cluster.id in: ${path}. Expected ${clusterId}, but read ${meta.clusterId}`)
  if (meta.nodeId !== nodeId) {
    throw failed(
      `Stored node id ${meta.nodeId} doesn't match previous node id ${nodeId} in ${path}. If you moved your data, make sure your configured ` +
        'node id matches. If you intend to create a new node, you should remove all data in your data directories.'
    )
  }
}

interface DirectoryFormat {
  readonly options: FormatOptions
  readonly directory: string
  readonly records: readonly MetadataRecord[]
  readonly voters: readonly Voter[] | undefined
  readonly metadataVersion: MetadataVersionLevel
  readonly kraftVersion: number
  print(line: string): void
}

async function formatDirectory(world: World, format: DirectoryFormat): Promise<void> {
  const { directory, voters, metadataVersion, options } = format
  const { config, clusterId } = options
  const isMetadata = directory === config.metadataLogDir
  const self = isMetadata ? voters?.find(({ id }) => id === config.nodeId) : undefined
  const kind = !isMetadata ? 'data' : voters === undefined ? 'metadata' : self === undefined ? 'dynamic metadata' : 'dynamic metadata voter'
  format.print(`Formatting ${kind} directory ${directory} with metadata.version ${metadataVersion.name}.`)
  const { disk } = world
  const now = world.clock.now()
  await makeDirectory(disk, directory)
  await disk.writeFileAtomic(bootstrapPath(directory), encodeBootstrapFile(format.records, now))
  if (isMetadata && voters !== undefined) {
    const folder = `${directory}/${partitionName(METADATA_TOPIC, 0)}`
    const batches = new SnapshotBatches(BOOTSTRAP_SNAPSHOT_ID, now)
    const header = batches.header({ lastContainedLogTimestamp: now, membership: { kraftVersion: format.kraftVersion, voters } })
    await disk.mkdir(folder)
    await disk.writeFileAtomic(`${folder}/${snapshotFileName(BOOTSTRAP_SNAPSHOT_ID)}`, Buffer.concat([header, batches.footer()]))
  }
  const directoryId = self?.directoryId ?? randomUuid((size) => world.random.bytes(size))
  await writeMetaProperties(disk, directory, { clusterId, nodeId: config.nodeId, directoryId })
}

/**
 * Its name survives a power loss, and so do those of the folders above, also when the try before this one made them and
 * could not sync them.
 */
async function makeDirectory(disk: Disk, path: string): Promise<void> {
  await disk.mkdir(path)
  for (let folder = path; folder.lastIndexOf('/') >= 0 && folder !== '/'; ) {
    folder = folder.slice(0, folder.lastIndexOf('/')) || '/'
    await disk.syncDir(folder).catch((error: unknown) => {
      // A folder that is closed to us, or on a file system that syncs none, was not made by us.
      if (!['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP'].includes((error as { code?: string }).code ?? '')) throw error
    })
  }
}

/** In the words of kafka-storage. */
function describeBootstrap(records: readonly MetadataRecord[], metadataVersion: MetadataVersionLevel): string {
  const described = records.map(({ type, version, data }) => {
    const fields = Object.entries(data).map(([name, value]) => `${name}=${describeValue(value)}`)
    return `ApiMessageAndVersion(${type}(${fields.join(', ')}) at version ${version})`
  })
  return `BootstrapMetadata(records=[${described.join(', ')}], metadataVersionLevel=${metadataVersion.level}, source=format command)`
}

/** Keys and salts of credentials stay out of the terminal. */
function describeValue(value: unknown): string {
  if (Buffer.isBuffer(value)) return '[hidden]'
  return typeof value === 'string' ? `'${value}'` : String(value)
}
