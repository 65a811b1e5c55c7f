/** kafka-configs: describes and alters settings, quotas and SCRAM credentials. Flags, output and exit codes are those of Kafka's tool. */
import { OdradekError } from '@odradek/base'
import type { Admin, ConfigEntry, ConfigResourceTypeName } from '@odradek/client'
import { nameOrder, stringOrder } from '../java.ts'
import { type Options, UsageError } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { call, firstOf, javaError, messageOf, processIo, readInput, ToolError, type ToolIo, withAdmin } from '../tool.ts'
import { asked, type Change, type ConfigsContext } from './kafka-configs-context.ts'
import { checkConfigsOptions, configsOptions, describedOptions, type EntityType, isInteger } from './kafka-configs-options.ts'

const purpose = 'This tool helps to manipulate and describe entity config for a topic, client, user, broker, ip, client-metrics or group'

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  const run = async (options: Options): Promise<number> => {
    try {
      const { action, entities } = await checkConfigsOptions(options)
      const target = {
        bootstrapServer: options.value('bootstrap-server'),
        bootstrapController: options.value('bootstrap-controller'),
        commandConfig: options.value('command-config')
      }
      return await withAdmin(target, io, async (admin) => {
        await actions[action]({ admin, options, io, ...entities })
        return 0
      })
    } catch (error) {
      if (!(error instanceof OdradekError) || isOwnMessage(error)) throw error
      io.err(`Error while executing config command with args '${argv.join(' ')}'\n${javaError(error)}\n`)
      return 1
    }
  }
  return runOptionsTool({ specs: configsOptions, described: describedOptions, purpose, run }, argv, io)
}

const told = [
  'java.lang.IllegalArgumentException',
  'org.apache.kafka.common.errors.InvalidConfigurationException',
  'org.apache.kafka.common.errors.InvalidTopicException'
]

/** What is wrong with the command line is told alone; else what was done is told too. */
function isOwnMessage(error: unknown): boolean {
  if (error instanceof UsageError) return true
  return error instanceof ToolError && (told.includes(error.javaClass) || error.javaClass.startsWith('joptsimple.'))
}

const isQuota = (type: EntityType): boolean => type === 'users' || type === 'clients' || type === 'ips'

const actions: Readonly<Record<'describe' | 'alter', (context: ConfigsContext) => Promise<void>>> = {
  async describe(context) {
    const [type] = context.types
    if (!isQuota(type)) return await describeResources(context)
    const { describeQuotas, describeScram } = await import('./kafka-configs-quotas.ts')
    await describeQuotas(context)
    if (type !== 'ips' && !context.types.includes('clients') && !context.names.includes('')) await describeScram(context)
  },
  async alter(context) {
    const { types, names, options, io } = context
    const [[type], [name]] = [types, names]
    if (types.length !== names.length) throw new ToolError('An entity name must be specified for every entity type')
    const change: Change = { add: await configsToAdd(options, io), remove: options.values('delete-config').map((one) => one.trim()) }
    if (isQuota(type)) {
      const { alterQuotasOrScram } = await import('./kafka-configs-quotas.ts')
      await alterQuotasOrScram(context, change)
    } else await alterResource(context, change)
    if (name === '') io.out(`Completed updating default config for ${type} in the cluster.\n`)
    else io.out(`Completed updating config for ${type.slice(0, -1)} ${name}.\n`)
  }
}

// ---- alter

/** Commas outside of square brackets part settings, and an equals sign outside of them parts name and value. */
const OUTSIDE = '(?=[^\\]]*(?:\\[|$))'

async function configsToAdd(options: Options, io: ToolIo): Promise<ReadonlyMap<string, string>> {
  const add = new Map<string, string>()
  const file = options.value('add-config-file')
  if (file !== undefined) {
    const { parseProperties } = await import('@odradek/config')
    for (const [name, value] of parseProperties(readInput(file, io))) add.set(name, value)
  }
  const text = options.value('add-config')
  if (text !== undefined) {
    const parts = text.split(new RegExp(`,${OUTSIDE}`))
    while (parts.length > 1 && parts[parts.length - 1] === '') parts.pop()
    for (const pair of parts.map((part) => part.split(new RegExp(`\\s*=\\s*${OUTSIDE}`)))) {
      if (pair.length !== 2)
        throw new ToolError(
          'requirement failed: Invalid entity config: all configs to be added must be in the format "key=val" or  "key=[val1,val2]" to group values which contain commas.'
        )
      add.set(pair[0].trim(), pair[1].replaceAll(/[[\]]/g, '').trim())
    }
  }
  for (const name of add.keys())
    if (!/^[$a-zA-Z0-9._-]*$/.test(name)) throw new ToolError(`Invalid character found for config key: ${name}`)
  return new Map(nameOrder([...add], ([name]) => name))
}

const ALTER_TIMEOUT_MS = 30_000

async function alterResource({ admin, types: [type], names: [name], options, io }: ConfigsContext, change: Change): Promise<void> {
  const { add, remove } = change
  if (type === 'brokers' && name !== '') requireBrokerId(type, name)
  if (type === 'broker-loggers') {
    const loggers = (await entriesOf({ admin, options, io, types: [type], names: [name] }, name)).map((entry) => entry.name)
    const unknown = [...remove, ...add.keys()].filter((one) => !loggers.includes(one))
    if (unknown.length > 0)
      throw new ToolError(`Invalid broker logger(s): ${unknown.join(',')}`, 'org.apache.kafka.common.errors.InvalidConfigurationException')
  }
  const ops = [
    ...remove.map((one) => ({ name: one, value: null, op: 'DELETE' as const })),
    ...[...add].map(([one, value]) => ({ name: one, value, op: 'SET' as const }))
  ]
  const alteration = { type: resourceTypes[type as ResourceEntity].type, name, ops }
  await asked(options, 'incrementalAlterConfigs', admin.incrementalAlterConfigs([alteration], { timeoutMs: ALTER_TIMEOUT_MS }))
}

function requireBrokerId(type: EntityType, name: string): void {
  if (!isInteger(name)) throw new ToolError(`The entity name for ${type} must be a valid integer broker id, found: ${name}`)
}

// ---- describe

type ResourceEntity = Exclude<EntityType, 'users' | 'clients' | 'ips'>

/** `source`: where dynamic settings of the type come from; all of a logger's are. */
const resourceTypes: Readonly<Record<ResourceEntity, { type: ConfigResourceTypeName; source?: ConfigEntry['source'] }>> = {
  topics: { type: 'TOPIC', source: 'DYNAMIC_TOPIC_CONFIG' },
  brokers: { type: 'BROKER', source: 'DYNAMIC_BROKER_CONFIG' },
  'broker-loggers': { type: 'BROKER_LOGGER' },
  'client-metrics': { type: 'CLIENT_METRICS', source: 'DYNAMIC_CLIENT_METRICS_CONFIG' },
  groups: { type: 'GROUP', source: 'DYNAMIC_GROUP_CONFIG' }
}

async function describeResources(context: ConfigsContext): Promise<void> {
  const { types, names, options, io } = context
  const [type] = types
  const [name] = names
  const describesAll = options.has('all')
  const existing = name === undefined || !describesAll ? await existingNames(context) : []
  if (name !== undefined && !describesAll && !existing.includes(name)) {
    io.out(`The ${type.slice(0, -1)} '${name}' doesn't exist and doesn't have dynamic config.\n`)
    return
  }
  for (const one of name === undefined ? existing : [name]) {
    if (one === '') io.out(`Default configs for ${type} in the cluster are:\n`)
    else io.out(`${describesAll ? 'All' : 'Dynamic'} configs for ${type.slice(0, -1)} ${one} are:\n`)
    for (const entry of await entriesOf(context, one)) {
      const synonyms = entry.synonyms.map((synonym) => `${synonym.source}:${synonym.name}=${synonym.value}`)
      io.out(`  ${entry.name}=${entry.value} sensitive=${entry.isSensitive} synonyms={${synonyms.join(', ')}}\n`)
    }
  }
}

/** What can be described, in the order of Kafka's tool. */
async function existingNames({ admin, options, types: [type], names: [name] }: ConfigsContext): Promise<string[]> {
  if (type === 'topics') {
    if (name !== undefined) await requireTopicName(name)
    return stringOrder([...(await asked(options, 'listTopics', admin.listTopics({ listInternal: true }))).keys()])
  }
  if (type === 'brokers' || type === 'broker-loggers') {
    const { nodes } = await asked(options, 'listNodes', admin.describeCluster())
    return [...nodes.map(({ id }) => String(id)), '']
  }
  if (type === 'client-metrics') {
    const found = await asked(options, 'listConfigResources', admin.listConfigResources(['CLIENT_METRICS']))
    return found.map((resource) => resource.name)
  }
  const groups = nameOrder(await asked(options, 'listGroups', admin.listGroups()), ({ groupId }) => groupId).map(({ groupId }) => groupId)
  const resources = await groupResources(admin)
  if (resources === undefined) return name === undefined ? groups : [name]
  return [...new Set([...groups, ...resources])]
}

/** undefined: the broker does not tell. */
async function groupResources(admin: Admin): Promise<string[] | undefined> {
  try {
    return (await call('listConfigResources', admin.listConfigResources(['GROUP']))).map(({ name }) => name)
  } catch (error) {
    if (['UNSUPPORTED_VERSION', 'CLUSTER_AUTHORIZATION_FAILED'].includes((firstOf(error) as { code?: string }).code ?? '')) return undefined
    throw error
  }
}

async function requireTopicName(name: string): Promise<void> {
  if (/^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..') return
  const { topicNameProblem } = await import('@odradek/metadata')
  throw new ToolError(topicNameProblem(name) ?? messageOf(name), 'org.apache.kafka.common.errors.InvalidTopicException')
}

/** Sorted; only the dynamic ones without --all. */
async function entriesOf({ admin, types, options }: ConfigsContext, name: string): Promise<readonly ConfigEntry[]> {
  const [entity] = types
  if (entity === 'topics') await requireTopicName(name)
  if ((entity === 'brokers' || entity === 'broker-loggers') && name !== '') requireBrokerId(entity, name)
  const { type, source } = resourceTypes[entity as ResourceEntity]
  const wanted = entity === 'brokers' && name === '' ? 'DYNAMIC_DEFAULT_BROKER_CONFIG' : source
  const described = await asked(options, 'describeConfigs', admin.describeConfigs([{ type, name }], { includeSynonyms: true }))
  const entries = [...(described.get(`${type}:${name}`)?.entries.values() ?? [])]
  return entries
    .filter((entry) => options.has('all') || wanted === undefined || entry.source === wanted)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}
