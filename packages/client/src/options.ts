// Settings of a client: every setting of the Java client by its own name ('session.timeout.ms') or in camelCase (sessionTimeoutMs),
// with Java's defaults and checks. An unknown name is an error that says what was probably meant.
import { editDistance, OdradekError } from '@odradek/base'
import {
  type ConfigDefinition,
  type ConfigValue,
  consumerConfigDefinitions,
  parseValue,
  producerConfigDefinitions,
  shareConsumerConfigDefinitions
} from '@odradek/config'
import { ErrorCode } from '@odradek/protocol'
import { KafkaError } from './errors.ts'

export type CamelCase<S extends string> = S extends `${infer Head}.${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : S

/** A number may be written as text, a list as text with commas: what a properties file holds is fine. */
type Given<V> = V extends readonly string[]
  ? string | readonly string[]
  : V extends boolean
    ? boolean | 'true' | 'false'
    : V extends number
      ? number | `${number}`
      : V

/** The settings of `S` under both names, all optional. */
export type ClientOptions<S> = { readonly [K in keyof S & string as K | CamelCase<K>]?: Given<S[K]> }

const JMX_REPORTER = 'org.apache.kafka.common.metrics.JmxReporter'

export type Definitions = ReadonlyMap<string, ConfigDefinition>

export interface ResolvedOptions<S> {
  /** Every setting, by its dotted name: what was given, else the default. */
  readonly settings: S
  /** The dotted names that were given. */
  readonly given: ReadonlySet<string>
}

export function camelCase(name: string): string {
  return name.replaceAll(/\.([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/**
 * `own` names options that are no settings (a partitioner, serializers): they are let be. Throws INVALID_CONFIG. A function or an
 * object given for a setting that names Java classes stays what it is.
 */
export function resolveOptions<S>(
  what: string,
  definitions: Definitions,
  options: object,
  own: readonly string[] = []
): ResolvedOptions<S> {
  const byName = new Map<string, ConfigDefinition>()
  for (const definition of definitions.values()) for (const name of namesOf(definition)) byName.set(name, definition)
  const settings: Record<string, unknown> = {}
  for (const definition of definitions.values()) settings[definition.name] = definition.default ?? null
  const given = new Set<string>()
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || own.includes(name)) continue
    const definition = byName.get(name)
    if (name.startsWith('config.providers.')) refuseUnbuilt('config.providers', [name])
    if (definition === undefined) throw unknownSetting(what, name, [...byName.keys(), ...own])
    if (given.has(definition.name)) throw invalidConfig(`${definition.name} is given twice, as ${namesOf(definition).join(' and as ')}`)
    given.add(definition.name)
    settings[definition.name] = parsedValue(definition, value)
    refuseUnbuilt(definition.name, settings[definition.name])
  }
  return { settings: settings as S, given }
}

/** The options that `definitions` knows, under whatever name: what a client takes over from those of its Kafka object. */
export function pickOptions(definitions: Definitions, options: object): Record<string, unknown> {
  const names = new Set([...definitions.values()].flatMap(namesOf))
  return Object.fromEntries(Object.entries(options).filter(([name]) => names.has(name)))
}

/** `over` wins, under whatever name either uses. */
export function mergeOptions(definitions: Definitions, under: object, over: object): Record<string, unknown> {
  const result: Record<string, unknown> = { ...under }
  const defined = Object.entries(over).filter(([, value]) => value !== undefined)
  for (const definition of definitions.values()) {
    const names = namesOf(definition)
    if (defined.some(([name]) => names.includes(name))) for (const name of names) delete result[name]
  }
  return { ...result, ...Object.fromEntries(defined) }
}

/** What would be missed if it did nothing. */
function refuseUnbuilt(name: string, value: unknown): void {
  const classes = (Array.isArray(value) ? value : []).filter((each) => each !== JMX_REPORTER)
  if (name === 'config.providers' && classes.length > 0)
    throw invalidConfig('config.providers: a client looks nothing up: give it the values themselves, from the environment or a file')
  if (name === 'metric.reporters' && classes.length > 0)
    throw invalidConfig(`metric.reporters: ${classes.join(', ')} is a class of Java: read metrics() of the client`)
  if (name.startsWith('sasl.oauthbearer.assertion.') && value !== null && value !== '')
    throw invalidConfig(`${name}: tokens for an assertion are not built: give \`sasl\` with a function that gets the token`)
}

function namesOf({ name }: ConfigDefinition): string[] {
  const camel = camelCase(name)
  return camel === name ? [name] : [camel, name]
}

function parsedValue(definition: ConfigDefinition, value: unknown): unknown {
  if (value === null) return null
  const isOpaque =
    typeof value === 'function' || (Array.isArray(value) ? value.some((item) => typeof item !== 'string') : typeof value === 'object')
  if (isOpaque) {
    if (definition.type === 'CLASS' || definition.type === 'LIST') return value
    throw invalidConfig(`${definition.name} must be a ${definition.type}`)
  }
  try {
    return parseValue(definition, Array.isArray(value) ? value.join(',') : String(value)) satisfies ConfigValue
  } catch (error) {
    if (error instanceof OdradekError) throw new KafkaError(ErrorCode.INVALID_CONFIG, { message: error.message, cause: error })
    throw error
  }
}

/** Words of other clients. */
const hints: ReadonlyMap<string, string> = new Map([
  ['ssl', 'tls'],
  ['connectionTimeout', 'socketConnectionSetupTimeoutMs'],
  ['requestTimeout', 'requestTimeoutMs'],
  ['retry', 'retries and retryBackoffMs'],
  ['logLevel', 'logger']
])

/** The clients that have settings of their own, for those who give them to a client that has not. */
const owners: readonly (readonly [definitions: Definitions, plural: string, method: string])[] = [
  [producerConfigDefinitions, 'producers', 'kafka.producer()'],
  [consumerConfigDefinitions, 'consumers', 'kafka.consumer()'],
  [shareConsumerConfigDefinitions, 'share consumers', 'kafka.shareConsumer()']
]

function unknownSetting(what: string, name: string, known: readonly string[]): KafkaError {
  const found = owners.filter(([definitions]) => [...definitions.values()].some((each) => namesOf(each).includes(name)))
  if (found.length > 0) {
    const list = (words: string[]): string => words.join(' or ')
    const whose = list(found.map(([, plural]) => plural)).replace(' or ', ' and ')
    return invalidConfig(`${name} is a setting of ${whose}: give it to ${list(found.map(([, , method]) => method))}`)
  }
  const other = hints.get(name)
  if (other !== undefined) return invalidConfig(`A ${what} has no setting "${name}": did you mean ${other}?`)
  const isDotted = name.includes('.')
  // The same style of name is nearer than the other one.
  const distanceTo = (each: string): number =>
    editDistance(name.toLowerCase(), each.toLowerCase()) + (each.includes('.') === isDotted ? 0 : 0.5)
  const close = known.map((each) => ({ each, distance: distanceTo(each) })).sort((a, b) => a.distance - b.distance)
  const [best] = close
  const hint = best !== undefined && best.distance <= Math.max(2, name.length / 3) ? `: did you mean ${best.each}?` : ''
  return invalidConfig(`A ${what} has no setting "${name}"${hint}`)
}

/** For messages: what somebody gave in place of something else. */
export function aKind(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

export function invalidConfig(message: string): KafkaError {
  return new KafkaError(ErrorCode.INVALID_CONFIG, { message })
}
