// Rows for people (table, wide) and for programs (json, yaml).
import { setTimeout } from 'node:timers/promises'
import type { Arguments } from './arguments.ts'
import type { CommandIo } from './io.ts'

export type Form = 'table' | 'wide' | 'json' | 'yaml'
type Row = Readonly<Record<string, unknown>>

const WATCH_MS = 2000

export function formOf(args: Arguments, io: CommandIo): Form {
  return args.choice('output', ['table', 'wide', 'json', 'yaml']) ?? (io.isOutputTerminal ? 'table' : 'json')
}

export interface Listing {
  readonly rows: readonly Row[]
  /** Of the table; wide shows all columns. */
  readonly columns: readonly string[]
  /** A line above the table. */
  readonly title?: string
}

export function print(listing: Listing, form: Form, io: CommandIo): void {
  const { rows, columns } = listing
  if (form === 'json') for (const row of rows) io.out(`${JSON.stringify(row)}\n`)
  else if (form === 'yaml') io.out(rows.length === 0 ? '[]\n' : rows.map((row) => yaml([row], '')).join(''))
  else
    io.out(
      (listing.title === undefined ? '' : `${listing.title}\n`) +
        table(rows, form === 'wide' ? [...new Set(rows.flatMap((row) => Object.keys(row)))] : columns, io)
    )
}

/** Prints what `load` gives, once or every two seconds until the user ends it. */
export async function show(args: Arguments, io: CommandIo, load: () => Promise<Listing>): Promise<number> {
  const form = formOf(args, io)
  for (;;) {
    const listing = await load()
    if (args.has('watch') && io.isOutputTerminal) io.out('\u001b[2J\u001b[H')
    print(listing, form, io)
    if (!args.has('watch')) return 0
    // rejected when the user ends it
    await setTimeout(WATCH_MS, undefined, { signal: io.signal }).catch(() => {})
    if (io.signal.aborted || !(await io.drained())) return 0
  }
}

function table(rows: readonly Row[], columns: readonly string[], io: CommandIo): string {
  const cells = rows.map((row) => columns.map((column) => cell(row[column])))
  const titles = columns.map((column) => column.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toUpperCase())
  const widths = titles.map((title, index) => cells.reduce((most, row) => Math.max(most, row[index].length), title.length))
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => text.padEnd(widths[index]))
      .join('  ')
      .trimEnd()
  const isColoured = io.isOutputTerminal && io.env.NO_COLOR === undefined
  return [isColoured ? `\u001b[1m${line(titles)}\u001b[0m` : line(titles), ...cells.map(line)].map((text) => `${text}\n`).join('')
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return '-'
  if (Array.isArray(value)) return value.map(cell).join(',')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** The part of YAML that rows need. Texts that YAML would read as something else are quoted as JSON quotes them, which is YAML too. */
function yaml(value: unknown, indent: string): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return `${indent}[]\n`
    return value.map((item) => `${indent}- ${yaml(item, `${indent}  `).trimStart()}`).join('')
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, field]) => field !== undefined)
    if (entries.length === 0) return `${indent}{}\n`
    return entries
      .map(([name, field]) => {
        const isNested = typeof field === 'object' && field !== null && Object.keys(field).length > 0
        return isNested ? `${indent}${scalar(name)}:\n${yaml(field, `${indent}  `)}` : `${indent}${scalar(name)}: ${yaml(field, '')}`
      })
      .join('')
  }
  return `${indent}${scalar(value)}\n`
}

const PLAIN = /^[A-Za-z_][A-Za-z0-9_.\-/]*$/
const RESERVED = /^(true|false|null|yes|no|on|off|y|n|~)$/i

function scalar(value: unknown): string {
  if (typeof value === 'string') return PLAIN.test(value) && !RESERVED.test(value) ? value : JSON.stringify(value)
  return value === undefined || value === null ? 'null' : String(value)
}
