/**
 * Text to value and back for Kafka's nine setting types.
 *
 * Contract: parseValue takes what Java's ConfigDef takes (surrounding blanks, a plus sign, `0.5f`) and refuses the rest with the
 * same words; canonicalText gives the text DescribeConfigs shows. NaN is refused where Java would let it through every range.
 */
import { configInvalid, invalidValue } from './config-error.ts'
import type { ConfigDefinition, ConfigType, ConfigValue } from './definition.ts'
import { LONG_MAX } from './definition.ts'
import { validateValue } from './validators.ts'

const integerRanges = {
  SHORT: { min: -(2n ** 15n), max: 2n ** 15n - 1n },
  INT: { min: -(2n ** 31n), max: 2n ** 31n - 1n },
  LONG: { min: -(2n ** 63n), max: 2n ** 63n - 1n }
}

/** Parses and validates. Throws an OdradekError with code CONFIG_INVALID. */
export function parseValue(definition: ConfigDefinition, text: string): ConfigValue {
  const value = parseType(definition, text.trim())
  validateValue(definition, value)
  return value
}

function parseType(definition: ConfigDefinition, text: string): ConfigValue {
  const { name, type } = definition
  switch (type) {
    case 'BOOLEAN': {
      const lower = text.toLowerCase()
      if (lower === 'true' || lower === 'false') return lower === 'true'
      throw invalidValue(name, text, 'Expected value to be either true or false')
    }
    case 'SHORT':
    case 'INT':
    case 'LONG':
      return Number(parseInteger(name, type, text))
    case 'DOUBLE':
      return parseDouble(name, text)
    case 'LIST':
      return parseList(definition, text)
    default:
      return text
  }
}

function parseInteger(name: string, type: 'SHORT' | 'INT' | 'LONG', text: string): bigint {
  if (/^[+-]?[0-9]{1,40}$/.test(text)) {
    const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
    if (value >= integerRanges[type].min && value <= integerRanges[type].max) return value
  }
  throw invalidValue(name, text, `Not a number of type ${type}`)
}

function parseDouble(name: string, text: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?$/.test(text)) return Number.parseFloat(text)
  if (/^[+-]?Infinity$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  throw invalidValue(name, text, 'Not a number of type DOUBLE')
}

function parseList(definition: ConfigDefinition, text: string): readonly string[] {
  if (text === '') return []
  const items = text.split(',').map((item) => item.trim())
  if (definition.validator?.startsWith('list ') !== true) return items
  if (items.includes('')) throw configInvalid(`Configuration '${definition.name}' values must not be empty.`)
  return [...new Set(items)]
}

/** What DescribeConfigs shows for a text that parseValue takes: blanks and signs gone, exact for every long. */
export function canonicalText(definition: ConfigDefinition, text: string): string {
  if (definition.type === 'LONG') return parseInteger(definition.name, 'LONG', text.trim()).toString()
  return formatValue(definition.type, parseType(definition, text.trim())) as string
}

/** Java's ConfigDef.convertToString. null stays null. */
export function formatValue(type: ConfigType, value: ConfigValue): string | null {
  if (value === null) return null
  if (type === 'DOUBLE') return javaDouble(value as number)
  if (type === 'LONG' && value === LONG_MAX) return '9223372036854775807'
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value).toString() : String(value)
  if (Array.isArray(value)) return value.join(',')
  return String(value)
}

/** Double.toString: at least one digit after the point, and an exponent outside of 10^-3 to 10^7. */
export function javaDouble(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size === 0 || (size >= 1e-3 && size < 1e7))
    return Number.isInteger(value) ? `${Object.is(value, -0) ? '-0' : value}.0` : String(value)
  const [digits, exponent] = value.toExponential().split('e')
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
}
