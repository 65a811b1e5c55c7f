/** The options of kafka-configs: their help texts, the entities they name, and which of them go together. */
import { helpAndVersion, type OptionSpec, type Options, UsageError } from '../options.ts'
import { ToolError } from '../tool.ts'

const string = { type: 'String' } as const
const ADD_CONFIG =
  "Key Value pairs of configs to add. Square brackets can be used to group values which contain commas: 'k1=v1,k2=[v1,v2,v2],k3=v3'. The following is a list of valid configurations: "

export const configsOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server to connect to' },
    description: 'The Kafka servers to connect to.'
  },
  {
    name: 'bootstrap-controller',
    argument: { type: 'String', name: 'controller to connect to' },
    description: 'The Kafka controllers to connect to.'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'command config property file' },
    description:
      'Property file containing configs to be passed to Admin Client. This is used only with --bootstrap-server option for describing and altering broker configs.'
  },
  { name: 'alter', description: 'Alter the configuration for the entity.' },
  { name: 'describe', description: 'List configs for the given entity.' },
  { name: 'all', description: 'List all configs for the given entity, including static configs if available.' },
  {
    name: 'entity-type',
    argument: string,
    description: 'Type of entity (topics/clients/users/brokers/broker-loggers/ips/client-metrics/groups)'
  },
  {
    name: 'entity-name',
    argument: string,
    description: 'Name of entity (topic name/client id/user principal name/broker id/ip/client metrics/group id)'
  },
  { name: 'entity-default', description: 'Default entity name for clients/users/brokers/ips (applies to corresponding entity type)' },
  { name: 'add-config', argument: string, description: ADD_CONFIG },
  {
    name: 'add-config-file',
    argument: string,
    description: 'Path to a properties file with configs to add. See add-config for a list of valid configurations.'
  },
  { name: 'delete-config', argument: { type: 'String', separator: ',' }, description: "config keys to remove 'k1,k2'" },
  { name: 'topic', argument: string, description: "The topic's name." },
  { name: 'client', argument: string, description: "The client's ID." },
  { name: 'client-defaults', description: 'The config defaults for all clients.' },
  { name: 'user', argument: string, description: "The user's principal name." },
  { name: 'user-defaults', description: 'The config defaults for all users.' },
  { name: 'broker', argument: string, description: "The broker's ID." },
  { name: 'broker-defaults', description: 'The config defaults for all brokers.' },
  { name: 'broker-logger', argument: string, description: "The broker's ID for its logger config." },
  { name: 'ip-defaults', description: 'The config defaults for all IPs.' },
  { name: 'ip', argument: string, description: 'The IP address.' },
  { name: 'group', argument: string, description: "The group's ID." },
  { name: 'client-metrics', argument: string, description: 'The client metrics config resource name.' }
]

export const quotaNames = ['consumer_byte_rate', 'controller_mutation_rate', 'producer_byte_rate', 'request_percentage']
export const ipQuotaNames = ['connection_creation_rate']
export const scramNames = ['SCRAM-SHA-256', 'SCRAM-SHA-512']

/** The options with the names of all settings, which are looked up only for the help. */
export async function describedOptions(): Promise<readonly OptionSpec[]> {
  const { brokerConfigDefinitions, clientMetricsConfigDefinitions, groupConfigDefinitions, topicConfigDefinitions } = await import(
    '@odradek/config'
  )
  const brokers = [...brokerConfigDefinitions.values()].filter(({ dynamicMode }) => dynamicMode !== 'read-only')
  const topics = [...topicConfigDefinitions.values()].filter(({ internal }) => internal !== true)
  const names: Readonly<Record<string, readonly string[]>> = {
    topics: topics.map(({ name }) => name),
    brokers: brokers.map(({ name }) => name),
    users: [...scramNames, ...quotaNames],
    clients: quotaNames,
    ips: ipQuotaNames,
    'client-metrics': [...clientMetricsConfigDefinitions.keys()],
    groups: [...groupConfigDefinitions.keys()]
  }
  const lists = Object.entries(names).map(
    ([type, own]) =>
      `For entity-type '${type}': \n${[...own]
        .sort()
        .map((name) => `\t${name}\n`)
        .join('')}`
  )
  const together = "Entity types 'users' and 'clients' may be specified together to update config for clients of a specific user."
  const description = `${ADD_CONFIG}${lists.join('')}${together}`
  return configsOptions.map((option) => (option.name === 'add-config' ? { ...option, description } : option))
}

// ---- entities

export type EntityType = 'topics' | 'clients' | 'users' | 'brokers' | 'ips' | 'client-metrics' | 'groups' | 'broker-loggers'
const entityTypes: readonly string[] = ['topics', 'clients', 'users', 'brokers', 'ips', 'client-metrics', 'groups', 'broker-loggers']
const quotaOrBroker = ['users', 'clients', 'brokers', 'ips']

const flags: readonly (readonly [option: string, type: EntityType])[] = [
  ['topic', 'topics'],
  ['client', 'clients'],
  ['user', 'users'],
  ['broker', 'brokers'],
  ['broker-logger', 'broker-loggers'],
  ['ip', 'ips'],
  ['client-metrics', 'client-metrics'],
  ['group', 'groups']
]
const defaultFlags: readonly (readonly [option: string, type: EntityType])[] = [
  ['client-defaults', 'clients'],
  ['user-defaults', 'users'],
  ['broker-defaults', 'brokers'],
  ['ip-defaults', 'ips']
]

/** Types and names go by their place; the name '' is the default of a type. */
export interface Entities {
  readonly types: readonly EntityType[]
  readonly names: readonly string[]
}

function entitiesOf(options: Options): { types: string[]; names: string[] } {
  const named = [...options.values('entity-name')]
  const places = options.order.filter((name) => name === 'entity-name' || name === 'entity-default')
  const given = flags.filter(([option]) => options.has(option))
  const defaults = defaultFlags.filter(([option]) => options.has(option))
  return {
    types: [...options.values('entity-type'), ...[...given, ...defaults].map(([, type]) => type)],
    names: [
      ...places.map((place) => (place === 'entity-name' ? (named.shift() as string) : '')),
      ...given.map(([option]) => options.value(option) as string),
      ...defaults.map(() => '')
    ]
  }
}

/** Throws a UsageError or ToolError when options do not go together. */
export async function checkConfigsOptions(options: Options): Promise<{ action: 'describe' | 'alter'; entities: Entities }> {
  const isDescribe = options.has('describe')
  if (isDescribe === options.has('alter')) throw new UsageError('Command must include exactly one action: --describe, --alter')
  options.exclude('describe', ['add-config', 'delete-config'])
  const { types, names } = entitiesOf(options)
  checkTypes(options, types)
  const hasName = names.some((name) => name !== '')
  if (options.has('bootstrap-server') && options.has('bootstrap-controller'))
    throw new ToolError('Only one of --bootstrap-server or --bootstrap-controller can be specified')
  if (hasName && (types.includes('brokers') || types.includes('broker-loggers')))
    for (const id of firstValues(options, ['entity-name', 'broker', 'broker-logger']))
      if (!isInteger(id)) throw new ToolError(`The entity name for ${types[0]} must be a valid integer broker id, but it is: ${id}`)
  if (hasName && types.includes('ips'))
    for (const ip of firstValues(options, ['entity-name', 'ip']))
      if (!(await isAddress(ip)))
        throw new ToolError(`The entity name for ${types[0]} must be a valid IP or resolvable host, but it is: ${ip}`)
  if (isDescribe) checkDescribe(options, types, hasName)
  else checkAlter(options, types, names)
  return { action: isDescribe ? 'describe' : 'alter', entities: { types: types as EntityType[], names } }
}

function checkTypes(options: Options, types: readonly string[]): void {
  const repeated = types.filter((type, index) => types.indexOf(type) !== index)
  if (repeated.length > 0) throw new ToolError(`Duplicate entity type(s) specified: ${repeated.join(',')}`)
  if (!options.has('bootstrap-server') && !options.has('bootstrap-controller'))
    throw new ToolError('Either --bootstrap-server or --bootstrap-controller must be specified.')
  for (const type of types)
    if (!entityTypes.includes(type))
      throw new ToolError(
        `Invalid entity type ${type}, the entity type must be one of ${entityTypes.join(', ')} with a --bootstrap-server or --bootstrap-controller argument`
      )
  if (types.length === 0) throw new ToolError('At least one entity type must be specified')
  if (types.length > 1 && !types.every((type) => type === 'users' || type === 'clients'))
    throw new ToolError("Only 'users' and 'clients' entity types may be specified together")
  const isGeneral = ['entity-name', 'entity-type', 'entity-default'].some((option) => options.has(option))
  if (isGeneral && [...flags, ...defaultFlags].some(([option]) => options.has(option)))
    throw new ToolError('--entity-{type,name,default} should not be used in conjunction with specific entity flags')
}

function checkDescribe(options: Options, types: readonly string[], hasName: boolean): void {
  if (options.has('entity-default') && !types.some((type) => quotaOrBroker.includes(type)))
    throw new ToolError(`--entity-default must not be specified with --describe of ${types.join(',')}`)
  if (types.includes('broker-loggers') && !hasName)
    throw new ToolError(`An entity name must be specified with --describe of ${types.join(',')}`)
}

function checkAlter(options: Options, types: readonly string[], names: readonly string[]): void {
  if (types.some((type) => quotaOrBroker.includes(type))) {
    if (names.length === 0)
      throw new ToolError('An entity-name or default entity must be specified with --alter of users, clients, brokers or ips')
  } else if (!names.some((name) => name !== '')) throw new ToolError(`An entity name must be specified with --alter of ${types.join(',')}`)
  const [adds, addsFile] = [options.has('add-config'), options.has('add-config-file')]
  if (adds && addsFile) throw new ToolError('Only one of --add-config or --add-config-file must be specified')
  if (!adds && !addsFile && !options.has('delete-config'))
    throw new ToolError('At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter')
}

const firstValues = (options: Options, names: readonly string[]): string[] =>
  names.filter((name) => options.has(name)).map((name) => options.value(name) as string)

export const isInteger = (text: string): boolean => /^[+-]?\d{1,10}$/.test(text) && Number(text) === (Number(text) | 0)

async function isAddress(host: string): Promise<boolean> {
  if (host === '') return true
  const { lookup } = await import('node:dns/promises')
  return await lookup(host).then(
    () => true,
    () => false
  )
}
