/**
 * Enforces the `valid` text of a definition. The text is how Kafka's validators describe themselves, so one interpreter serves every
 * table; an unknown text is a bug of the tables and a test walks them all. Messages follow Kafka's.
 */
import { assert } from '@odradek/base'
import { configInvalid, invalidValue } from './config-error.ts'
import type { ConfigDefinition, ConfigValue } from './definition.ts'
import { formatValue } from './format-value.ts'

type Check = (definition: ConfigDefinition, value: ConfigValue) => void

/** Throws an OdradekError with code CONFIG_INVALID when the definition does not allow `value`. */
export function validateValue(definition: ConfigDefinition, value: ConfigValue): void {
  if (definition.validator !== undefined) checkFor(definition.validator)(definition, value)
}

/** Exported for the test that walks the tables. */
export function checkFor(text: string): Check {
  const range = /^\[(-?[\d.]+),\.\.\.(?:,(-?[\d.]+))?\](?: or (-?\d+))?$/.exec(text)
  if (range !== null) return rangeCheck(Number(range[1]), range[2] === undefined ? undefined : Number(range[2]), range[3])
  const list = /^list (?:of \[(.*)\] )?isEmptyAllowed=(true|false) isNullAllowed=(?:true|false)$/.exec(text)
  if (list !== null) return listCheck(list[1]?.split(', '), list[2] === 'true')
  if (text === '[latest, earliest, by_duration:PnDTnHnMn.nS]') return checkOffsetReset
  if (text === '[latest, earliest, none, by_duration:PnDTnHnMn.nS]') return checkConsumerOffsetReset
  if (text === '[partitionId]:[brokerId],[partitionId]:[brokerId],...') return checkThrottledReplicas
  // The validator says lower case; the default is upper case and both are taken.
  if (text === '[batch_optimized, record_limit]') return oneOfCheck(['BATCH_OPTIMIZED', 'RECORD_LIMIT'], true)
  const oneOf = /^(\(case insensitive\) )?\[(.*)\]$/.exec(text)
  if (oneOf !== null) return oneOfCheck(oneOf[2].split(', '), oneOf[1] !== undefined)
  if (text === 'non-empty string') return checkNonEmpty
  // The voters and bootstrap servers are parsed with the whole configuration at hand (broker-checks.ts).
  assert(text === 'non-empty list' || text === 'non-null string', `no check for the validator ${text}`)
  return () => {}
}

function rangeCheck(min: number, max: number | undefined, exception: string | undefined): Check {
  return ({ name, type }, value) => {
    if (exception !== undefined && value === Number(exception)) return
    const shown = () => String(formatValue(type, value))
    const inside = (value as number) >= min && (max === undefined || (value as number) <= max)
    if (exception !== undefined && !inside)
      throw invalidValue(name, shown(), `Value must be between ${min} and ${max} or equal to ${exception}`)
    if ((value as number) < min) throw invalidValue(name, shown(), `Value must be at least ${min}`)
    if (max !== undefined && (value as number) > max) throw invalidValue(name, shown(), `Value must be no more than ${max}`)
  }
}

function listCheck(allowed: readonly string[] | undefined, isEmptyAllowed: boolean): Check {
  return ({ name }, value) => {
    const items = value as readonly string[]
    if (items.length === 0 && !isEmptyAllowed) {
      const values = allowed === undefined ? 'any non-empty value' : `[${allowed.join(', ')}]`
      throw configInvalid(`Configuration '${name}' must not be empty. Valid values include: ${values}`)
    }
    const wrong = allowed === undefined ? undefined : items.find((item) => !allowed.includes(item))
    if (wrong !== undefined) throw invalidValue(name, wrong, `String must be one of: ${allowed?.join(', ')}`)
  }
}

function oneOfCheck(allowed: readonly string[], isCaseInsensitive: boolean): Check {
  return ({ name }, value) => {
    const text = value as string
    if (isCaseInsensitive ? allowed.includes(text.toUpperCase()) : allowed.includes(text)) return
    throw invalidValue(name, text, `String must be one of${isCaseInsensitive ? ' (case insensitive)' : ''}: ${allowed.join(', ')}`)
  }
}

function checkNonEmpty({ name }: ConfigDefinition, value: ConfigValue): void {
  if (value === '') throw invalidValue(name, '', 'String must be non-empty')
}

function checkThrottledReplicas({ name }: ConfigDefinition, value: ConfigValue): void {
  const items = value as readonly string[]
  if (items.every((item) => /^\d+:\d+$/.test(item)) || (items.length === 1 && items[0] === '*')) return
  const wanted = `${name} must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...`
  throw invalidValue(name, `[${items.join(', ')}]`, wanted)
}

/** Only a consumer may want an error instead of a place to start from. */
function checkConsumerOffsetReset(definition: ConfigDefinition, value: ConfigValue): void {
  if (value !== 'none') checkOffsetReset(definition, value)
}

function checkOffsetReset({ name }: ConfigDefinition, value: ConfigValue): void {
  const text = value as string
  if (text === 'latest' || text === 'earliest') return
  // ISO-8601 as java.time.Duration reads it; a negative duration has no meaning here.
  const duration = /^by_duration:P(?=.)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d{1,9})?S)?)?$/i
  if (text.startsWith('by_duration:') && duration.test(text)) return
  throw invalidValue(name, text, "The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.")
}
