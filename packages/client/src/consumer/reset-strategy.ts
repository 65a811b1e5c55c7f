// auto.offset.reset
import { invalidConfig } from '../options.ts'
import type { ResetStrategy } from './partition-state.ts'

/** undefined: none, an error for the user. */
export function parseResetStrategy(text: string): ResetStrategy | undefined {
  const lower = text.toLowerCase()
  if (lower === 'none') return undefined
  if (lower === 'earliest' || lower === 'latest') return { kind: lower }
  if (lower.startsWith('by_duration:')) return { kind: 'by_duration', durationMs: parseDuration(text.slice('by_duration:'.length)) }
  throw invalidConfig(`auto.offset.reset is "${text}": earliest, latest, none or by_duration:PnDTnHnMn.nS`)
}

/** ISO 8601 as java.time.Duration takes it, ms. */
export function parseDuration(text: string): number {
  const match = /^P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d{0,9})?)S)?)?$/i.exec(text)
  if (match === null || match.slice(1).every((part) => part === undefined)) throw invalidConfig(`"${text}" is no duration: PnDTnHnMn.nS`)
  const [days = '0', hours = '0', minutes = '0', seconds = '0'] = match.slice(1)
  return Math.floor(((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60_000 + Number(seconds.replace(',', '.')) * 1000)
}
