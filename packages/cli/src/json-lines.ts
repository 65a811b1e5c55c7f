// JSON as Java's tools print it, one object a line.
import type { ToolIo } from './tool.ts'

const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

/** Digits that are no JavaScript number's text: longs beyond 2^53, doubles with Java's `.0`. */
export const digits = (text: string): unknown => rawJSON(text)

/** For JSON.stringify: longs beyond 2^53 with all their digits. */
export const exactNumbers = (_name: string, value: unknown): unknown => (typeof value === 'bigint' ? digits(String(value)) : value)

/** An event of the verifiable tools: with the time and its name first. */
export function printEvent(io: ToolIo, name: string, fields: object = {}): void {
  io.out(`${JSON.stringify({ timestamp: Date.now(), name, ...fields })}\n`)
}
