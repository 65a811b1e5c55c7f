// Kafka's numbers as the names of its constants, both ways.
import { closest } from '@odradek/base'
import {
  AclOperation,
  AclPermissionType,
  AlterConfigOp,
  ConfigResourceType,
  ConfigSource,
  ConfigType,
  PatternType,
  ResourceType,
  ScramMechanism,
  Sentinel
} from '@odradek/protocol'
import type { KafkaError } from '../errors.ts'
import { invalidConfig } from '../options.ts'

type Table = Readonly<Record<string, number>>

class Names<T extends Table> {
  readonly #what: string
  readonly #numbers: T
  readonly #names: ReadonlyMap<number, keyof T & string>

  constructor(what: string, numbers: T) {
    this.#what = what
    this.#numbers = numbers
    this.#names = new Map(Object.entries(numbers).map(([name, number]) => [number, name]))
  }

  number(name: keyof T & string): number {
    if (Object.hasOwn(this.#numbers, name)) return this.#numbers[name]
    throw unknownName(this.#what, name, Object.keys(this.#numbers))
  }

  /** A number of a newer release is UNKNOWN. */
  name(number: number): (keyof T & string) | 'UNKNOWN' {
    return this.#names.get(number) ?? 'UNKNOWN'
  }
}

export function unknownName(what: string, given: unknown, names: readonly string[]): KafkaError {
  const meant = names.find((name) => name.toLowerCase() === String(given).toLowerCase()) ?? closest(String(given), names)
  return invalidConfig(
    `${String(given)} is no ${what}: ${meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${meant}?`}`
  )
}

export type ConfigResourceTypeName = keyof typeof ConfigResourceType
export type AclOperationName = keyof typeof AclOperation
export type AclPermissionName = keyof typeof AclPermissionType
export type ResourceTypeName = keyof typeof ResourceType
export type PatternTypeName = keyof typeof PatternType
export type AlterConfigOpName = keyof typeof AlterConfigOp
export type ScramMechanismName = 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
export type ConfigTypeName = keyof typeof ConfigType
/** Java's names of ConfigEntry.ConfigSource. */
export type ConfigSourceName =
  | 'UNKNOWN'
  | 'DYNAMIC_TOPIC_CONFIG'
  | 'DYNAMIC_BROKER_CONFIG'
  | 'DYNAMIC_DEFAULT_BROKER_CONFIG'
  | 'STATIC_BROKER_CONFIG'
  | 'DEFAULT_CONFIG'
  | 'DYNAMIC_BROKER_LOGGER_CONFIG'
  | 'DYNAMIC_CLIENT_METRICS_CONFIG'
  | 'DYNAMIC_GROUP_CONFIG'

export const configResourceTypes = new Names('type of a resource', ConfigResourceType)
export const configTypes = new Names('type of a setting', ConfigType)
export const aclOperations = new Names('operation of ACLs', AclOperation)
export const aclPermissions = new Names('permission of ACLs', AclPermissionType)
export const resourceTypes = new Names('type of a resource', ResourceType)
export const patternTypes = new Names('type of a pattern', PatternType)
export const alterConfigOps = new Names('op of a change', AlterConfigOp)

const dynamicSources: ReadonlySet<number> = new Set([
  ConfigSource.TOPIC_CONFIG,
  ConfigSource.CLIENT_METRICS_CONFIG,
  ConfigSource.GROUP_CONFIG
])
const sources = new Names('source of a setting', ConfigSource)

export function configSourceName(source: number): ConfigSourceName {
  const name = sources.name(source)
  return (dynamicSources.has(source) ? `DYNAMIC_${name}` : name) as ConfigSourceName
}

export function scramMechanismName(mechanism: number): ScramMechanismName | 'UNKNOWN' {
  if (mechanism === ScramMechanism.SCRAM_SHA_256) return 'SCRAM-SHA-256'
  return mechanism === ScramMechanism.SCRAM_SHA_512 ? 'SCRAM-SHA-512' : 'UNKNOWN'
}

export function scramMechanismNumber(name: ScramMechanismName): number {
  return name === 'SCRAM-SHA-256' ? ScramMechanism.SCRAM_SHA_256 : ScramMechanism.SCRAM_SHA_512
}

/** undefined: the broker was not asked. */
export function authorizedOperations(bits: number): readonly AclOperationName[] | undefined {
  if (bits === Sentinel.AUTHORIZED_OPERATIONS_OMITTED) return undefined
  return Object.entries(AclOperation)
    .filter(([, number]) => number > AclOperation.ANY && (bits >> number) & 1)
    .map(([name]) => name as AclOperationName)
}
