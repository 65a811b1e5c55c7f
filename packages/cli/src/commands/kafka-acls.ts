/** kafka-acls: lists, adds and removes access control lists. Flags, output and exit codes are those of Kafka's tool. */
import { OdradekError } from '@odradek/base'
import type {
  AclBinding,
  AclBindingFilter,
  AclOperationName,
  AclPermissionName,
  Admin,
  PatternTypeName,
  ResourceTypeName
} from '@odradek/client'
import { executionException, wrapped } from '../java.ts'
import { type Options, UsageError } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { call, messageOf, processIo, type Target, ToolError, type ToolIo, withAdmin } from '../tool.ts'
import { type AclsAction, aclsOptions, checkAclsOptions } from './kafka-acls-options.ts'

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return runOptionsTool({ specs: aclsOptions, purpose: 'This tool helps to manage acls on kafka.', malformed: 'with table', run }, argv, io)
}

async function run(options: Options, io: ToolIo): Promise<number> {
  const action = checkAclsOptions(options)
  try {
    await withAdmin(targetOf(options, io), io, (admin) => actions[action]({ admin, options, io }))
    return 0
  } catch (error) {
    if (!(error instanceof OdradekError) || error instanceof UsageError) throw error
    io.out(`Error while executing ACL command: ${messageOf(error)}\n`)
    return 1
  }
}

function targetOf(options: Options, io: ToolIo): Target {
  const commandConfig = options.value('command-config')
  if (options.has('command-config') && commandConfig === undefined)
    io.out('Did not load any properties since the property file is not specified\n')
  return {
    bootstrapServer: options.value('bootstrap-server'),
    bootstrapController: options.value('bootstrap-controller'),
    commandConfig
  }
}

interface Context {
  readonly admin: Admin
  readonly options: Options
  readonly io: ToolIo
}

const actions: Readonly<Record<AclsAction, (context: Context) => Promise<void>>> = { add, remove, list }

// ---- what the options mean

interface Resource {
  readonly resourceType: ResourceTypeName
  readonly resourceName: string
  readonly patternType: PatternTypeName
}

interface Entry {
  readonly principal: string
  readonly host: string
  readonly operation: AclOperationName
  readonly permission: AclPermissionName
}

interface Rule {
  readonly resource: Resource
  readonly entries: readonly Entry[]
}

const resourceText = ({ resourceType, resourceName, patternType }: Resource): string =>
  `ResourcePattern(resourceType=${resourceType}, name=${resourceName}, patternType=${patternType})`
const entryText = ({ principal, host, operation, permission }: Entry): string =>
  `(principal=${principal}, host=${host}, operation=${operation}, permissionType=${permission})`
const entryLines = (entries: readonly Entry[]): string => entries.map((entry) => `\t${entryText(entry)}`).join('\n')

const cluster: Resource = { resourceType: 'CLUSTER', resourceName: 'kafka-cluster', patternType: 'LITERAL' }

const resourceOptions: readonly (readonly [option: string, type: ResourceTypeName])[] = [
  ['topic', 'TOPIC'],
  ['group', 'GROUP'],
  ['transactional-id', 'TRANSACTIONAL_ID'],
  ['delegation-token', 'DELEGATION_TOKEN'],
  ['user-principal', 'USER']
]

function patternTypeOf(options: Options): PatternTypeName {
  const text = options.value('resource-pattern-type') as string
  const type = (['ANY', 'MATCH', 'LITERAL', 'PREFIXED'] as const).find((one) => one === text.toUpperCase())
  if (type !== undefined) return type
  const message = `Cannot parse argument '${text}' of option resource-pattern-type`
  throw new ToolError(message, 'joptsimple.OptionArgumentConversionException')
}

function resourcesOf(options: Options): Resource[] {
  const patternType = patternTypeOf(options)
  const resources = resourceOptions.flatMap(([option, resourceType]) =>
    [...new Set(options.values(option).map((name) => name.trim()))].map((resourceName) => ({ resourceType, resourceName, patternType }))
  )
  const isCluster = options.has('cluster') || options.has('idempotent')
  return patternType === 'LITERAL' && isCluster ? [...resources, cluster] : resources
}

function requiredResources(options: Options): Resource[] {
  const resources = resourcesOf(options)
  if (resources.length > 0) return resources
  throw new UsageError(
    'You must provide at least one resource: --topic <topic> or --cluster or --group <group> or --delegation-token <Delegation Token ID>'
  )
}

function principals(options: Options, option: string): string[] {
  const texts = options.values(option).map((text) => text.trim())
  const wrong = texts.find((text) => !text.includes(':'))
  if (wrong !== undefined) throw new ToolError(`expected a string in format principalType:principalName but got ${wrong}`)
  return [...new Set(texts)]
}

function entriesOf(options: Options, operations: readonly AclOperationName[]): Entry[] {
  const side = (permission: AclPermissionName, name: string): Entry[] => {
    const who = principals(options, `${name}-principal`)
    const hosts = options.has(`${name}-host`) ? new Set(options.values(`${name}-host`).map((host) => host.trim())) : ['*']
    return who.flatMap((principal) =>
      operations.flatMap((operation) => [...hosts].map((host) => ({ principal, host, operation, permission })))
    )
  }
  const entries = [...side('ALLOW', 'allow'), ...side('DENY', 'deny')]
  if (entries.length > 0 && operations.includes('ANY')) throw new ToolError('operation must not be ANY')
  return entries
}

const operationNames: readonly AclOperationName[] = [
  'ANY',
  'ALL',
  'READ',
  'WRITE',
  'CREATE',
  'DELETE',
  'ALTER',
  'DESCRIBE',
  'CLUSTER_ACTION',
  'DESCRIBE_CONFIGS',
  'ALTER_CONFIGS',
  'IDEMPOTENT_WRITE',
  'CREATE_TOKENS',
  'DESCRIBE_TOKENS',
  'TWO_PHASE_COMMIT'
]

/** `AlterConfigs`, in letters of any size. */
const operationOf = (text: string): AclOperationName =>
  operationNames.find((name) => name.replaceAll('_', '') === text.trim().toUpperCase()) ?? 'UNKNOWN'

const possible: Readonly<Partial<Record<ResourceTypeName, readonly AclOperationName[]>>> = {
  TOPIC: ['READ', 'WRITE', 'CREATE', 'DELETE', 'ALTER', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS', 'ALL'],
  GROUP: ['READ', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS', 'ALL'],
  CLUSTER: ['CREATE', 'ALTER', 'DESCRIBE', 'CLUSTER_ACTION', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS', 'IDEMPOTENT_WRITE', 'ALL'],
  TRANSACTIONAL_ID: ['WRITE', 'DESCRIBE', 'TWO_PHASE_COMMIT', 'ALL'],
  DELEGATION_TOKEN: ['DESCRIBE', 'ALL'],
  USER: ['CREATE_TOKENS', 'DESCRIBE_TOKENS', 'ALL']
}

/** What is to be added or removed: as asked for, or what a producer or consumer needs. */
function rulesOf(options: Options): Rule[] {
  const resources = requiredResources(options)
  const rules = new Map<string, Rule>()
  const put = (resource: Resource, ...operations: readonly AclOperationName[]): void => {
    const more = entriesOf(options, operations)
    const known = rules.get(resourceText(resource))?.entries ?? []
    const fresh = more.filter((entry) => !known.some((one) => entryText(one) === entryText(entry)))
    rules.set(resourceText(resource), { resource, entries: [...known, ...fresh] })
  }
  const [isProducer, isConsumer] = [options.has('producer'), options.has('consumer')]
  for (const resource of resources) {
    const { resourceType } = resource
    if (!isProducer && !isConsumer) put(resource, ...asked(options))
    if (isProducer && resourceType === 'TOPIC') put(resource, 'WRITE', 'CREATE', 'DESCRIBE')
    if (isProducer && resourceType === 'TRANSACTIONAL_ID') put(resource, 'WRITE', 'DESCRIBE')
    if (isConsumer && resourceType === 'TOPIC') put(resource, 'READ', 'DESCRIBE')
    if (isConsumer && resourceType === 'GROUP') put(resource, 'READ')
  }
  if (isProducer && options.has('idempotent')) put(cluster, 'IDEMPOTENT_WRITE')
  for (const { resource, entries } of rules.values()) {
    const known = possible[resource.resourceType] ?? []
    if (entries.some(({ operation }) => !known.includes(operation)))
      throw new UsageError(`ResourceType ${resource.resourceType} only supports operations [${known.join(', ')}]`)
  }
  return [...rules.values()]
}

function asked(options: Options): AclOperationName[] {
  const texts = options.has('operation') ? options.values('operation') : [options.value('operation') as string]
  return [...new Set(texts.map(operationOf))]
}

// ---- actions

const describeAcls = (admin: Admin, filter: AclBindingFilter): Promise<readonly Required<AclBinding>[]> =>
  wrapped(call('describeAcls', admin.describeAcls(filter)), executionException)

async function add({ admin, options, io }: Context): Promise<void> {
  const patternType = patternTypeOf(options)
  if (patternType !== 'LITERAL' && patternType !== 'PREFIXED')
    throw new UsageError(`A '--resource-pattern-type' value of '${patternType}' is not valid when adding acls.`)
  const rules = rulesOf(options)
  if (rules.some(({ entries }) => entries.length === 0))
    throw new UsageError('You must specify one of: --allow-principal, --deny-principal when trying to add ACLs.')
  for (const { resource, entries } of rules) {
    const existing = new Set((await describeAcls(admin, resource)).map(entryText))
    for (const entry of entries.filter((one) => existing.has(entryText(one))))
      io.out(`Acl (pattern=${resourceText(resource)}, entry=${entryText(entry)}) already exists.\n`)
    const fresh = entries.filter((one) => !existing.has(entryText(one)))
    if (fresh.length === 0) continue
    io.out(`Adding ACLs for resource \`${resourceText(resource)}\`: \n ${entryLines(fresh)}\n\n`)
    const bindings = fresh.map((entry) => ({ ...resource, ...entry }))
    await wrapped(call('createAcls', admin.createAcls(bindings)), executionException)
  }
}

async function remove({ admin, options, io }: Context): Promise<void> {
  const answers = linesOf(io.input)
  for (const { resource, entries } of rulesOf(options)) {
    const filter = `resource filter \`${resourceText(resource)}\`? (y/n)`
    const question =
      entries.length === 0
        ? `Are you sure you want to delete all ACLs for ${filter}`
        : `Are you sure you want to remove ACLs: \n ${entryLines(entries)}\n from ${filter}`
    if (!options.has('force') && !(await isConfirmed(question, answers, io))) continue
    const filters: AclBindingFilter[] = entries.length === 0 ? [resource] : entries.map((entry) => ({ ...resource, ...entry }))
    const deleted = await wrapped(call('deleteAcls', admin.deleteAcls(filters)), executionException)
    const [error] = [...deleted.values()].flatMap(({ failed }) => [...failed.values()])
    if (error !== undefined) throw executionException(error)
  }
}

async function isConfirmed(question: string, answers: AsyncIterator<string>, io: ToolIo): Promise<boolean> {
  io.out(`${question}\n`)
  const { done, value } = await answers.next()
  if (done === true) throw new ToolError('nobody answers; --force removes without being asked')
  return value.trim().toLowerCase() === 'y'
}

async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of input) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() as string
    yield* lines
  }
  if (rest !== '') yield rest
}

async function list({ admin, options, io }: Context): Promise<void> {
  const resources = resourcesOf(options)
  const wanted = principals(options, 'principal')
  const filters: AclBindingFilter[] = resources.length === 0 ? [{}] : resources
  const bindings: Required<AclBinding>[] = []
  for (const filter of filters) bindings.push(...(await describeAcls(admin, filter)))
  if (wanted.length === 0) printAcls(bindings, io)
  for (const principal of wanted) {
    io.out(`ACLs for principal \`${principal}\`\n`)
    printAcls(
      bindings.filter((binding) => binding.principal === principal),
      io
    )
  }
}

function printAcls(bindings: readonly Required<AclBinding>[], io: ToolIo): void {
  const unique = new Map(bindings.map((binding) => [resourceText(binding) + entryText(binding), binding]))
  for (const [resource, entries] of Map.groupBy(unique.values(), resourceText))
    io.out(`Current ACLs for resource \`${resource}\`:\n${entryLines(entries)}\n\n`)
}
