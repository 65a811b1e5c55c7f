/**
 * Text to value for Kafka's nine setting types; back by format-value.ts.
 *
 * Contract: parseValue takes what Java's ConfigDef takes (surrounding blanks, a plus sign, `0.5f`) and refuses the rest with the
 * same words; canonicalText gives the text DescribeConfigs shows. NaN is refused where Java would let it through every range.
 */
import { configInvalid, invalidValue } from './config-error.ts'
import type { ConfigDefinition, ConfigValue } from './definition.ts'
import { formatValue } from './format-value.ts'
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
