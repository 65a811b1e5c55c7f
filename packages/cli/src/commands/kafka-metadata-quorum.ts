/** kafka-metadata-quorum: who keeps the metadata of a cluster; adds and removes controllers. As Kafka's tool does it. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { OdradekError, ZERO_UUID } from '@odradek/base'
import type { Admin, QuorumInfo, QuorumReplicaState, RaftVoterEndpoint } from '@odradek/client'
import { type Arguments, parseCommandLine } from '../command-line.ts'
import type { CommandLine, Group } from '../command-line-definition.ts'
import { bootstrapOptions, targetOf } from '../command-line-tool.ts'
import { executionException, parseUuid, wrapped } from '../java.ts'
import { table } from '../table.ts'
import { call, messageOf, processIo, readInput, type Target, ToolError, type ToolIo, withAdmin, withoutReferences } from '../tool.ts'

const replication: Group = { title: 'Replication' }
const dryRun = { long: '--dry-run', flag: true, help: 'True if we should print what would be done, but not do it.' }

const commandLine: CommandLine = {
  program: 'kafka-metadata-quorum',
  description: 'This tool describes kraft metadata quorum status.',
  options: [
    ...bootstrapOptions({ isExclusive: true, required: true }, 'Kafka controllers'),
    {
      long: '--command-config',
      help: 'Property file containing configs to be passed to Admin Client. For add-controller, the file is used to specify the controller properties as well.'
    }
  ],
  commands: [
    {
      name: 'describe',
      help: 'Describe the metadata quorum info',
      options: [
        {
          long: '--status',
          flag: true,
          group: { title: 'Status' },
          help: 'A short summary of the quorum status and the other provides detailed information about the status of replication.'
        },
        { long: '--replication', flag: true, group: replication, help: 'Detailed information about the status of replication' },
        { long: '--human-readable', flag: true, group: replication, help: 'Human-readable output' }
      ]
    },
    { name: 'add-controller', help: 'Add a controller to the KRaft controller cluster', options: [dryRun] },
    {
      name: 'remove-controller',
      help: 'Remove a controller from the KRaft controller cluster',
      options: [
        { long: '--controller-id', short: '-i', required: true, type: 'Integer', help: 'The id of the controller to remove.' },
        { long: '--controller-directory-id', short: '-d', required: true, help: 'The directory ID of the controller to remove.' },
        dryRun
      ]
    }
  ]
}

export async function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  try {
    const parsed = parseCommandLine(commandLine, argv)
    if ('help' in parsed) io.out(parsed.help)
    else await run(parsed.command, parsed.arguments, io)
    return 0
  } catch (error) {
    if (!(error instanceof OdradekError)) throw error
    io.err(`${messageOf(error)}\n`)
    return 1
  }
}

async function run(command: string, args: Arguments, io: ToolIo): Promise<void> {
  const target = targetOf(args)
  const file = target.commandConfig
  if (file !== undefined && !existsSync(resolve(io.cwd, file))) throw new ToolError(`Properties file ${file} does not exists!`)
  if (command === 'describe') return await describe(target, args, io)
  if (command === 'remove-controller') return await removeController(target, args, io)
  if (file === undefined)
    throw new ToolError('You must supply the configuration file of the controller you are adding when using add-controller.')
  await addController(target, { file, isDryRun: args.has('--dry-run') }, io)
}

// ---- describe

async function describe(target: Target, args: Arguments, io: ToolIo): Promise<void> {
  const [status, isReplication] = [args.has('--status'), args.has('--replication')]
  if (status && isReplication) throw new ToolError('Only one of --status or --replication should be specified with describe sub-command')
  if (!status && !isReplication) throw new ToolError('One of --status or --replication must be specified with describe sub-command')
  const isHumanReadable = args.has('--human-readable')
  if (status && isHumanReadable) throw new ToolError('The option --human-readable is only supported along with --replication')
  await withAdmin(target, io, async (admin) =>
    io.out(status ? await statusText(admin) : replicationText(await quorumOf(admin), isHumanReadable))
  )
}

const quorumOf = (admin: Admin): Promise<QuorumInfo> =>
  wrapped(call('describeMetadataQuorum', admin.describeMetadataQuorum()), executionException)

function leaderOf({ leaderId, voters }: QuorumInfo): QuorumReplicaState {
  const leader = voters.find(({ replicaId }) => replicaId === leaderId)
  if (leader === undefined) throw new ToolError('No value present', 'java.util.NoSuchElementException')
  return leader
}

function replicationText(quorum: QuorumInfo, isHumanReadable: boolean): string {
  const leader = leaderOf(quorum)
  const rows = (states: readonly QuorumReplicaState[], status: string): (string | number)[][] =>
    states.map((state) => [
      state.replicaId,
      state.replicaDirectoryId,
      state.logEndOffset,
      leader.logEndOffset - state.logEndOffset,
      timeText(state.lastFetchTimestamp, isHumanReadable ? 'last fetch' : undefined),
      timeText(state.lastCaughtUpTimestamp, isHumanReadable ? 'last caught up' : undefined),
      status
    ])
  return table(
    ['NodeId', 'DirectoryId', 'LogEndOffset', 'Lag', 'LastFetchTimestamp', 'LastCaughtUpTimestamp', 'Status'],
    [
      ...rows([leader], 'Leader'),
      ...rows(
        quorum.voters.filter((voter) => voter !== leader),
        'Follower'
      ),
      ...rows(quorum.observers, 'Observer')
    ]
  )
}

/** `relative` names the time: then it is told how long ago it was. */
function timeText(time: number | undefined, relative: string | undefined): string {
  if (time === undefined) return '-1'
  if (relative === undefined) return String(time)
  const now = Date.now()
  if (time > 0 && time <= now) return `${now - time} ms ago`
  throw new ToolError(
    `Error while computing relative time, possible drift in system clock.\nCurrent timestamp is ${now}, ${relative} timestamp is ${time}`,
    'org.apache.kafka.common.KafkaException'
  )
}

async function statusText(admin: Admin): Promise<string> {
  const { clusterId } = await wrapped(call('listNodes', admin.describeCluster()), executionException)
  const quorum = await quorumOf(admin)
  const leader = leaderOf(quorum)
  const slowest = quorum.voters.reduce((least, voter) => (voter.logEndOffset < least.logEndOffset ? voter : least))
  const rows: [string, string | number][] = [
    ['ClusterId', clusterId],
    ['LeaderId', quorum.leaderId],
    ['LeaderEpoch', quorum.leaderEpoch],
    ['HighWatermark', quorum.highWatermark],
    ['MaxFollowerLag', leader.logEndOffset - slowest.logEndOffset],
    ['MaxFollowerLagTimeMs', lagTimeMs(leader, slowest)],
    ['CurrentVoters', replicasText(quorum, quorum.voters)],
    ['CurrentObservers', replicasText(quorum, quorum.observers)]
  ]
  return rows.map(([name, value]) => `${`${name}:`.padEnd(24)}${value}\n`).join('')
}

function lagTimeMs(leader: QuorumReplicaState, slowest: QuorumReplicaState): number {
  if (leader === slowest) return 0
  if (leader.lastCaughtUpTimestamp === undefined || slowest.lastCaughtUpTimestamp === undefined) return -1
  return leader.lastCaughtUpTimestamp - slowest.lastCaughtUpTimestamp
}

/** Looks like JSON. */
function replicasText(quorum: QuorumInfo, replicas: readonly QuorumReplicaState[]): string {
  const texts = replicas.map(({ replicaId, replicaDirectoryId }) => {
    const listeners = quorum.nodes.find(({ nodeId }) => nodeId === replicaId)?.listeners ?? []
    const endpoints = listeners.map(({ name, host, port }) => `"${endpointText({ listener: name, host, port })}"`)
    const fields = [`"id": ${replicaId}`]
    if (replicaDirectoryId !== ZERO_UUID) fields.push(`"directoryId": "${replicaDirectoryId}"`)
    if (endpoints.length > 0) fields.push(`"endpoints": [${endpoints.join(', ')}]`)
    return `{${fields.join(', ')}}`
  })
  return `[${texts.join(', ')}]`
}

const endpointText = ({ listener, host, port }: RaftVoterEndpoint): string =>
  `${listener}://${host.includes(':') ? `[${host}]` : host}:${port}`

// ---- add and remove

async function removeController(target: Target, args: Arguments, io: ToolIo): Promise<void> {
  const id = args.integer('--controller-id') as number
  if (id < 0) throw new ToolError(`Invalid negative --controller-id: ${id}`)
  const directoryId = directoryIdOf(args.value('--controller-directory-id') as string)
  const isDryRun = args.has('--dry-run')
  if (!isDryRun)
    await withAdmin(target, io, (admin) => wrapped(call('removeRaftVoter', admin.removeRaftVoter(id, directoryId)), executionException))
  io.out(`${isDryRun ? 'DRY RUN of removing ' : 'Removed '} KRaft controller ${id} with directory id ${directoryId}\n`)
}

function directoryIdOf(text: string): string {
  try {
    return parseUuid(text)
  } catch (error) {
    throw new ToolError(`Failed to parse --controller-directory-id: ${messageOf(error)}`)
  }
}

type Settings = ReadonlyMap<string, string>

async function addController(target: Target, { file, isDryRun }: { file: string; isDryRun: boolean }, io: ToolIo): Promise<void> {
  const { adminConfigDefinitions, parseProperties } = await import('@odradek/config')
  const settings = await withoutReferences(parseProperties(readInput(file, io)), io)
  const id = controllerId(settings)
  const directoryId = directoryIdIn(metadataDirectory(settings), parseProperties, io)
  const endpoints = controllerEndpoints(settings)
  if (!isDryRun) {
    // Most of the file is for the controller: those settings are no mistake here.
    const defaults = Object.fromEntries([...settings].filter(([name]) => adminConfigDefinitions.has(name)))
    await withAdmin({ ...target, commandConfig: undefined, defaults }, io, (admin) =>
      wrapped(call('addRaftVoter', admin.addRaftVoter(id, directoryId, endpoints)), executionException)
    )
  }
  const what = `controller ${id} with directory id ${directoryId} and endpoints: ${endpoints.map(endpointText).join(', ')}`
  io.out(`${isDryRun ? 'DRY RUN of adding' : 'Added'} ${what}\n`)
}

const isItOne = 'Is this a valid controller configuration file?'

function controllerId(settings: Settings): number {
  const text = settings.get('node.id')
  if (text === undefined) throw new ToolError(`node.id not found in configuration file. ${isItOne}`)
  if (!/^[+-]?\d{1,9}$/.test(text)) throw new ToolError(`For input string: "${text}"`, 'java.lang.NumberFormatException')
  if (Number(text) < 0) throw new ToolError(`node.id was negative in configuration file. ${isItOne}`)
  if (settings.get('process.roles')?.includes('controller') !== true)
    throw new ToolError(`process.roles did not contain 'controller' in configuration file. ${isItOne}`)
  return Number(text)
}

function metadataDirectory(settings: Settings): string {
  const directory = settings.get('metadata.log.dir') ?? settings.get('log.dirs')?.trim().split(',')[0]
  if (directory === undefined) throw new ToolError(`Neither metadata.log.dir nor log.dirs were found. ${isItOne}`)
  return directory
}

function directoryIdIn(directory: string, parse: (text: string) => Settings, io: ToolIo): string {
  const path = resolve(io.cwd, directory, 'meta.properties')
  if (!existsSync(path)) throw new ToolError(`Unable to read meta.properties from ${directory}`)
  const id = parse(readFileSync(path, 'utf8')).get('directory.id')
  if (id === undefined) throw new ToolError(`No directory id found in ${directory}`)
  return id
}

/** Of the listeners for controllers, as others reach them. */
function controllerEndpoints(settings: Settings): RaftVoterEndpoint[] {
  const endpoints = new Map<string, RaftVoterEndpoint>()
  for (const setting of ['listeners', 'advertised.listeners']) {
    for (const text of (settings.get(setting) ?? '').split(',').map((one) => one.trim())) {
      if (text === '') continue
      const [, name, host, port] = /^(.*):\/\/\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)$/.exec(text) ?? []
      if (name === undefined) throw new ToolError(`Unable to parse ${text} to a broker endpoint`, 'org.apache.kafka.common.KafkaException')
      const listener = name.toUpperCase()
      endpoints.set(listener, { listener, host: host === '' ? 'localhost' : host, port: Number(port) })
    }
  }
  const names = settings.get('controller.listener.names')
  if (names === undefined) throw new ToolError(`controller.listener.names was not found. ${isItOne}`)
  return names.split(',').map((name) => {
    const endpoint = endpoints.get(name.toUpperCase())
    if (endpoint === undefined) throw new ToolError(`Cannot find information about controller listener name: ${name.toUpperCase()}`)
    return endpoint
  })
}
