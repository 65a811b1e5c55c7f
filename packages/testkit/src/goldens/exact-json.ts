/**
 * JSON.parse that rounds nothing: a whole number beyond 2^53 becomes a bigint. Others stay numbers, so a field of 64 bits
 * may be either; `toInt64` makes it one thing.
 */
export function parseExact(text: string): unknown {
  // Most lines have no long number, and a reviver visits every value.
  return /\d{16}/.test(text) ? JSON.parse(text, exactNumber as (key: string, value: unknown) => unknown) : JSON.parse(text)
}

function exactNumber(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context.source ?? ''
  return /^-?\d+$/.test(source) ? BigInt(source) : value
}

export function toInt64(value: number | bigint): bigint {
  return BigInt(value)
}
