// The side of kafka-configs that is about users, clients and addresses: quotas and SCRAM credentials.
import { javaStringHash } from '@odradek/base'
import type { ClientQuota, QuotaEntity, UserScramCredentialAlteration } from '@odradek/client'
import { javaDouble, mapOrder, nameOrder } from '../java.ts'
import { javaError, ToolError } from '../tool.ts'
import { asked, type Change, type ConfigsContext } from './kafka-configs-context.ts'
import { type EntityType, ipQuotaNames, quotaNames, scramNames } from './kafka-configs-options.ts'

type QuotaType = keyof QuotaEntity
const quotaTypes: Readonly<Partial<Record<EntityType, QuotaType>>> = { users: 'user', clients: 'client-id', ips: 'ip' }
const typeNames: readonly (readonly [QuotaType, string])[] = [
  ['user', 'user-principal'],
  ['client-id', 'client-id'],
  ['ip', 'ip']
]

// ---- describe

/** A type without a name stands for every name. */
async function quotasOf({ admin, options, types, names }: ConfigsContext): Promise<ClientQuota[]> {
  if (names.length > types.length) throw new ToolError('More entity names specified than entity types')
  const components = types.map((type, index) => {
    const name = names[index]
    return [quotaTypes[type], name === undefined ? { any: true } : name === '' ? null : name]
  })
  const found = await asked(
    options,
    'describeClientQuotas',
    admin.describeClientQuotas({ components: Object.fromEntries(components), strict: true })
  )
  return mapOrder([...found], ({ entity }) => entityHash(entity), 1)
}

/** As Java works it out, which decides about the order. */
function entityHash(entity: QuotaEntity): number {
  const hashes = Object.entries(entity).map(([type, name]) => javaStringHash(type) ^ (name === null ? 0 : javaStringHash(name)))
  return (31 + hashes.reduce((sum, hash) => (sum + hash) | 0, 0)) | 0
}

export async function describeQuotas(context: ConfigsContext): Promise<void> {
  for (const { entity, quotas } of await quotasOf(context)) {
    const who = typeNames.flatMap(([type, text]) => {
      const name = entity[type]
      if (name === undefined) return []
      return name === null ? [`the default ${text}`] : [`${text} '${name}'`]
    })
    const values = nameOrder(Object.entries(quotas), ([name]) => name, 1).map(([name, value]) => `${name}=${javaDouble(value)}`)
    context.io.out(`Quota configs for ${who.join(', ')} are ${values.join(', ')}\n`)
  }
}

export async function describeScram({ admin, options, names, io }: ConfigsContext): Promise<void> {
  const { values, errors } = await asked(options, 'describeUserScramCredentials', admin.describeUserScramCredentials(names).outcomes())
  for (const [user, infos] of values) {
    const credentials = infos.map(({ mechanism, iterations }) => `${mechanism}=iterations=${iterations}`)
    io.out(`SCRAM credential configs for user-principal '${user}' are ${credentials.join(', ')}\n`)
  }
  for (const [user, error] of errors) {
    if (error.code === 'RESOURCE_NOT_FOUND') continue
    io.out(`Error retrieving SCRAM credential configs for user-principal '${user}': ExecutionException: ${javaError(error)}\n`)
  }
}

// ---- alter

export async function alterQuotasOrScram(context: ConfigsContext, change: Change): Promise<void> {
  const { types } = context
  if (types[0] === 'ips') {
    const unknown = [...change.add.keys(), ...change.remove].filter((name) => !ipQuotaNames.includes(name))
    if (unknown.length > 0)
      throw new ToolError(
        `Only connection quota configs can be added for 'ips' using --bootstrap-server. Unexpected config names: ${unknown.join(',')}`
      )
    return await alterQuotas(context, change)
  }
  const isUser = types.length === 1 && types[0] === 'users'
  const [what, allowed] = isUser ? ['quota and SCRAM credential', [...quotaNames, ...scramNames]] : ['quota', quotaNames]
  for (const [names, verb, collection] of [
    [[...change.add.keys()], 'added', 'Set'],
    [change.remove, 'deleted', 'ArrayBuffer']
  ] as const) {
    const unknown = names.filter((name) => !allowed.includes(name))
    if (unknown.length > 0)
      throw new ToolError(
        `Only ${what} configs can be ${verb} for '${isUser ? 'users' : 'clients'}' using --bootstrap-server. Unexpected config names: ${collection}(${unknown.join(', ')})`
      )
  }
  const all = [...change.add.keys(), ...change.remove]
  const [hasScram, hasQuota] = [all.some((name) => scramNames.includes(name)), all.some((name) => quotaNames.includes(name))]
  if (hasScram && context.names.includes(''))
    throw new ToolError(
      'The use of --entity-default or --user-defaults is not allowed with User SCRAM Credentials using --bootstrap-server.'
    )
  if (hasScram && hasQuota)
    throw new ToolError("Cannot alter both quota and SCRAM credential configs simultaneously for 'users' using --bootstrap-server.")
  if (hasScram) await alterScram(context, change)
  else await alterQuotas(context, change)
}

async function alterQuotas(context: ConfigsContext, { add, remove }: Change): Promise<void> {
  const { admin, options, types, names } = context
  const [old] = await quotasOf(context)
  const absent = remove.filter((name) => old?.quotas[name] === undefined)
  if (absent.length > 0)
    throw new ToolError(`Invalid config(s): ${absent.join(',')}`, 'org.apache.kafka.common.errors.InvalidConfigurationException')
  const entity: QuotaEntity = Object.fromEntries(types.map((type, index) => [quotaTypes[type], names[index] || null]))
  const ops = Object.fromEntries([...[...add].map(([name, text]) => [name, parseQuota(name, text)]), ...remove.map((name) => [name, null])])
  await asked(options, 'alterClientQuotas', admin.alterClientQuotas([{ entity, ops }]))
}

const DOUBLE = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[fd]?$/i

function parseQuota(name: string, text: string): number {
  if (DOUBLE.test(text)) return Number(text.replace(/[fd]$/i, ''))
  throw new ToolError(`Cannot parse quota configuration value for ${name}: ${text}`)
}

const ITERATIONS = 4096

async function alterScram({ admin, options, names: [user] }: ConfigsContext, { add, remove }: Change): Promise<void> {
  const mechanismOf = (name: string) => name as UserScramCredentialAlteration['mechanism']
  const alterations = [
    ...remove.map((name) => ({ user, mechanism: mechanismOf(name) })),
    ...[...add].map(([name, text]) => ({ user, mechanism: mechanismOf(name), upsert: scramCredential(name, text) }))
  ]
  await asked(options, 'alterUserScramCredentials', admin.alterUserScramCredentials(alterations))
}

function scramCredential(name: string, text: string): { iterations: number; password: string } {
  const match = /^(?:iterations=(-?\d*),)?password=(.*)$/.exec(text)
  if (match === null) throw new ToolError(`Invalid credential property ${name.replaceAll('-', '_')}=${text}`)
  const [, given, password] = match
  if (given === '' || given === '-') throw new ToolError(`For input string: "${given}"`, 'java.lang.IllegalArgumentException')
  const iterations = given === undefined || given === '-1' ? ITERATIONS : Number(given)
  if (iterations < ITERATIONS) throw new ToolError(`Iterations ${iterations} is less than the minimum ${ITERATIONS} required for ${name}`)
  return { iterations, password }
}
