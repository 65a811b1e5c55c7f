// Times in the patterns of Java's SimpleDateFormat, in local time and English.
import { ToolError } from '../tool.ts'

type Field = (date: Date, width: number) => string

const number =
  (of: (date: Date) => number): Field =>
  (date, width) =>
    String(of(date)).padStart(width, '0')

const text =
  (kind: 'weekday' | 'month'): Field =>
  (date, width) =>
    new Intl.DateTimeFormat('en-US', { [kind]: width >= 4 ? 'long' : 'short' }).format(date)

const hours = (date: Date): number => date.getHours()
const dayOfYear = (date: Date): number =>
  Math.round((Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 0)) / 86_400_000)

function zone(date: Date, separator: string): string {
  const minutes = -date.getTimezoneOffset()
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}${separator}${two(Math.abs(minutes) % 60)}`
}

const fields: Readonly<Record<string, Field>> = {
  y: (date, width) => (width === 2 ? String(date.getFullYear()).slice(-2) : String(date.getFullYear()).padStart(width, '0')),
  M: (date, width) => (width >= 3 ? text('month')(date, width) : number((one) => one.getMonth() + 1)(date, width)),
  d: number((date) => date.getDate()),
  D: number(dayOfYear),
  E: text('weekday'),
  u: number((date) => date.getDay() || 7),
  a: (date) => (hours(date) < 12 ? 'AM' : 'PM'),
  H: number(hours),
  k: number((date) => hours(date) || 24),
  K: number((date) => hours(date) % 12),
  h: number((date) => hours(date) % 12 || 12),
  m: number((date) => date.getMinutes()),
  s: number((date) => date.getSeconds()),
  S: number((date) => date.getMilliseconds()),
  Z: (date) => zone(date, ''),
  X: (date, width) => (date.getTimezoneOffset() === 0 ? 'Z' : zone(date, width >= 3 ? ':' : '').slice(0, width === 1 ? 3 : undefined))
}

/** Throws for a letter that is none of the pattern language (era, week numbers and names of zones are not built). */
export function dateFormat(pattern: string): (ms: number) => string {
  const parts: (string | { field: Field; width: number })[] = []
  for (const [part, quoted] of pattern.matchAll(/''|'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']/g)) {
    if (part === "''") parts.push("'")
    else if (quoted !== undefined) parts.push(quoted.replaceAll("''", "'"))
    else if (!/[A-Za-z]/.test(part)) parts.push(part)
    else if (Object.hasOwn(fields, part[0])) parts.push({ field: fields[part[0]], width: part.length })
    else throw new ToolError(`Illegal pattern character '${part[0]}'`)
  }
  return (ms) => {
    const date = new Date(ms)
    return parts.map((part) => (typeof part === 'string' ? part : part.field(date, part.width))).join('')
  }
}
