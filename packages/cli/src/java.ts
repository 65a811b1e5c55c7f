// What shows of Java in the text of Kafka's tools: causes within causes, the order of its hash maps, its numbers, dates and durations.
import { javaStringHash, type OdradekError } from '@odradek/base'
import type { KeyedResult, TopicPartition } from '@odradek/client'
import { firstOf, javaError, ToolError, unreachable } from './tool.ts'

/** Java's tools print the message of the outermost of the exceptions around a cause, which is the class and message of the next. */
export const executionException = (cause: unknown): ToolError => new ToolError(javaError(cause), 'java.util.concurrent.ExecutionException')
export const runtimeException = (cause: unknown): ToolError => new ToolError(javaError(cause), 'java.lang.RuntimeException')

/** A file of settings that cannot be read is told within an exception by the commands about groups. */
export const settingsUnread = (error: OdradekError): OdradekError =>
  /^java\.n?io\./.test((error as Partial<ToolError>).javaClass ?? '') ? runtimeException(error) : error

/** The result of `made`; what it fails with goes through `wrap`. */
export async function wrapped<T>(made: PromiseLike<T>, ...wraps: readonly ((cause: unknown) => ToolError)[]): Promise<T> {
  try {
    return await made
  } catch (error) {
    throw wraps.reduce<unknown>((cause, wrap) => wrap(cause), error)
  }
}

/** The failure of a call about several things is that of the first. */
export async function ofFirst<T>(made: PromiseLike<T>): Promise<T> {
  try {
    return await made
  } catch (error) {
    throw firstOf(error)
  }
}

export interface Outcomes<V> {
  readonly values: ReadonlyMap<string, V>
  readonly errors: ReadonlyMap<string, unknown>
}

/** What became of each item, with Java's words for a broker that cannot be reached. */
export async function outcomesOf<V>(name: string, result: KeyedResult<V>): Promise<Outcomes<V>> {
  const { values, errors } = await result.outcomes()
  return { values, errors: new Map([...errors].map(([key, error]) => [key, unreachable(name, error)])) }
}

/** The order in which a HashMap of Java gives its keys, which shows in what Kafka's tools print. 16 is the size that it begins with. */
export function mapOrder<T>(items: readonly T[], hashOf: (item: T) => number, smallest = 16): T[] {
  let size = smallest
  while (items.length > size * 0.75) size *= 2
  const bucket = (item: T): number => {
    const hash = hashOf(item)
    return (hash ^ (hash >>> 16)) & (size - 1)
  }
  return items.toSorted((a, b) => bucket(a) - bucket(b))
}

/** The size that a HashMap begins with which is a copy of one with `count` keys. */
export const copiedMapSize = (count: number): number => (count === 0 ? 16 : 2 ** Math.ceil(Math.log2(Math.floor(count / 0.75 + 1))))

export const nameOrder = <T>(items: readonly T[], nameOf: (item: T) => string, smallest?: number): T[] =>
  mapOrder(items, (item) => javaStringHash(nameOf(item)), smallest)
export const stringOrder = (names: readonly string[]): string[] => mapOrder(names, javaStringHash)
export const partitionOrder = <P extends TopicPartition>(partitions: readonly P[], smallest?: number): P[] =>
  mapOrder(partitions, ({ topic, partition }) => combinedHash(partition, javaStringHash(topic)), smallest)

/** The hash of an object with fields of these hashes. */
export const combinedHash = (...fields: readonly number[]): number => fields.reduce((hash, field) => (Math.imul(31, hash) + field) | 0, 1)

/** A double as Java prints it: `1024.0`, `1.0E7`, `1.5E-4`. */
export function javaDouble(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const magnitude = Math.abs(value)
  if (magnitude === 0 || (magnitude >= 1e-3 && magnitude < 1e7)) return Number.isInteger(value) ? `${value}.0` : String(value)
  const [digits, exponent] = value.toExponential().split('e')
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
}

const WITHOUT_ZONE = /^[^Z+-]*$/
const DATE_TIME = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)(?:(Z)|([+-])(\d\d)(?::(\d\d))?)/
const parseException = (message: string): ToolError => new ToolError(message, 'java.text.ParseException')

/** `2026-11-21T10:00:00.000`, with `Z`, `+01` or `+01:00` or else in UTC, as ms. */
export function parseDateTime(given: string): number {
  const [, time] = given.split('T')
  if (time === undefined || time === '')
    throw parseException("Error parsing timestamp. It does not contain a 'T' according to ISO8601 format")
  const text = WITHOUT_ZONE.test(time) ? `${given}Z` : given
  const unparseable = parseException(`Unparseable date: "${text}"`)
  const match = DATE_TIME.exec(text)
  if (match === null) throw unparseable
  const [year, month, day, hour, minute, second, ms] = match.slice(1, 8).map(Number)
  const utc = new Date(0)
  utc.setUTCFullYear(year, month - 1, day)
  utc.setUTCHours(hour, minute, second, ms)
  const isDate = utc.getUTCMonth() === month - 1 && utc.getUTCDate() === day
  if (!isDate || hour > 23 || minute > 59 || second > 59 || ms > 999) throw unparseable
  const [, , , , , , , , , sign, zoneHours = '0', zoneMinutes = '0'] = match
  const offsetMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000
  return utc.getTime() - (sign === '-' ? -offsetMs : offsetMs)
}

const DURATION = /^([-+]?)P(?:([-+]?\d+)D)?(T(?:([-+]?\d+)H)?(?:([-+]?\d+)M)?(?:([-+]?\d+)(?:[.,](\d{0,9}))?S)?)?$/i

/** `P1DT2H3M4.5S` in ms. */
export function parseDuration(text: string): number {
  const match = DURATION.exec(text)
  const [, sign, days, time, hours, minutes, seconds, fraction = ''] = match ?? []
  const hasTime = hours !== undefined || minutes !== undefined || seconds !== undefined
  if (match === null || (time !== undefined && !hasTime) || (days === undefined && !hasTime))
    throw new ToolError('Text cannot be parsed to a Duration', 'java.time.format.DateTimeParseException')
  const whole = ((Number(days ?? 0) * 24 + Number(hours ?? 0)) * 60 + Number(minutes ?? 0)) * 60 + Number(seconds ?? 0)
  const part = Number(`0.${fraction || '0'}`) * (seconds?.startsWith('-') === true ? -1 : 1)
  return (sign === '-' ? -1 : 1) * (whole + part) * 1000
}

/** The text of a Uuid, checked. */
export function parseUuid(text: string): string {
  const wrong = (message: string): ToolError => new ToolError(message)
  if (text.length > 24) throw wrong(`Input string with prefix \`${text.slice(0, 24)}\` is too long to be decoded as a base64 UUID`)
  const digits = text.replace(/={1,2}$/, '')
  const illegal = /[^\w-]/.exec(digits)?.[0]
  if (illegal !== undefined) throw wrong(`Illegal base64 character ${illegal.charCodeAt(0).toString(16)}`)
  if (digits.length === 1) throw wrong('Input byte[] should at least have 2 bytes for base64 bytes')
  const bytes = Buffer.from(digits, 'base64url')
  if (bytes.length === 16) return bytes.toString('base64url')
  throw wrong(
    `Input string \`${text}\` decoded as ${bytes.length} bytes, which is not equal to the expected 16 bytes of a base64-encoded UUID`
  )
}
