// Value to text for Kafka's nine setting types.
import type { ConfigType, ConfigValue } from './definition.ts'
import { LONG_MAX } from './definition.ts'

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
function javaDouble(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size === 0 || (size >= 1e-3 && size < 1e7))
    return Number.isInteger(value) ? `${Object.is(value, -0) ? '-0' : value}.0` : String(value)
  const [digits, exponent] = value.toExponential().split('e')
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
}
