/**
 * Command lines of Kafka's older tools: options only, in any order. Messages and the help table are those of Kafka's parser
 * (joptsimple), which scripts may read. Options may be written `--name value`, `--name=value` and `-name value`, and may be given more
 * than once where the tool takes several. Kafka's tools take no abbreviations. The newer tools are read by command-line.ts.
 */
import { LONG_MAX } from '@odradek/base'
import { pieces } from './line-break.ts'
import { ToolError, type ToolIo } from './tool.ts'

export interface OptionSpec {
  readonly name: string
  readonly description: string
  /** Absent: a flag. */
  readonly argument?: OptionArgument
  /** The option must be given, which the table marks. */
  readonly isRequired?: boolean
  /** The option may be given only along with one of these. */
  readonly availableWith?: readonly string[]
}

export interface OptionArgument {
  readonly type: 'String' | 'Integer' | 'Long'
  readonly name?: string
  readonly default?: string
  /** May be left away. */
  readonly isOptional?: boolean
  /** One argument is many values. */
  readonly separator?: string
  /** What values are possible, which the table shows in place of the type. */
  readonly pattern?: string
}

/** What was given does not fit together: Kafka's tools print the message and the table of options. */
export class UsageError extends ToolError {
  override readonly name: string = 'UsageError'
}

/** Kafka's tools differ in how they tell of options that have a new name. */
export interface RenamingWords {
  readonly warning: string
  both(old: string, current: string): string
}

/** Longer option names and descriptions are broken into lines. */
const WIDTH = 80
const SEPARATOR = 2
const INDENT = '  '

export class Options {
  readonly #specs: ReadonlyMap<string, OptionSpec>
  readonly #given = new Map<string, string[]>()

  /** Every option as often as it was given, in order. */
  readonly order: readonly string[]

  /** Throws a ToolError for an option that does not exist or has no value. */
  constructor(specs: readonly OptionSpec[], argv: readonly string[]) {
    this.#specs = new Map(specs.map((spec) => [spec.name, spec]))
    const order: string[] = []
    for (let index = 0; index < argv.length; index++) {
      const argument = argv[index]
      if (argument === '--') break
      if (!looksLikeOption(argument)) continue
      const [, name, attached] = /^--?([^=]*)(?:=(.*))?$/s.exec(argument) as RegExpExecArray
      const spec = this.#specs.get(name)
      if (spec === undefined) throw unrecognized(argument, name)
      const values = this.#given.get(name) ?? []
      this.#given.set(name, values)
      order.push(name)
      if (spec.argument === undefined) continue
      const mayFollow = spec.argument.isOptional !== true || isValue(argv[index + 1], spec.argument)
      const value = attached || (mayFollow ? argv[++index] : undefined)
      if (value !== undefined) values.push(...separated(value, spec.argument.separator))
      else if (spec.argument.isOptional !== true)
        throw new ToolError(`Option ${name} requires an argument`, 'joptsimple.OptionMissingRequiredArgumentException')
    }
    this.order = order
    if (!this.has('help') && !this.has('version')) this.#checkTogether(specs)
  }

  #checkTogether(specs: readonly OptionSpec[]): void {
    const sorted = specs.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    const missing = sorted.filter(({ name, isRequired }) => isRequired === true && !this.has(name))
    if (missing.length > 0)
      throw new ToolError(`Missing required option(s) ${listed(missing)}`, 'joptsimple.MissingRequiredOptionsException')
    const unavailable = specs.filter(({ name, availableWith }) => this.has(name) && availableWith?.some((one) => this.has(one)) === false)
    if (unavailable.length > 0) {
      const message = `Option(s) ${listed(unavailable)} are unavailable given other options on the command line`
      throw new ToolError(message, 'joptsimple.UnavailableOptionException')
    }
  }

  has(name: string): boolean {
    return this.#given.has(name)
  }

  values(name: string): readonly string[] {
    return this.#given.get(name) ?? []
  }

  /** The value, or the default of the option. Throws when several were given. */
  value(name: string): string | undefined {
    const values = this.values(name)
    if (values.length > 1) {
      const message = `Found multiple arguments for option ${name}, but you asked for only one`
      throw new ToolError(message, 'joptsimple.MultipleArgumentsForOptionException')
    }
    return values[0] ?? this.#specs.get(name)?.argument?.default
  }

  /** An Integer or Long. */
  integer(name: string): number | undefined {
    const text = this.value(name)
    return text === undefined ? undefined : this.#integer(name, text)
  }

  integers(name: string): readonly number[] {
    return this.values(name).map((text) => this.#integer(name, text))
  }

  #integer(name: string, text: string): number {
    const value = Number(text)
    const isLong = this.#specs.get(name)?.argument?.type === 'Long'
    if (!/^[+-]?\d+$/.test(text) || (isLong ? Math.abs(value) > LONG_MAX : value !== (value | 0)))
      throw new ToolError(`Cannot parse argument '${text}' of option ${name}`, 'joptsimple.OptionArgumentConversionException')
    return value
  }

  /** Into the settings of a client: what was given; or the default of the option where the setting has no value yet. */
  mergeInto(settings: Record<string, string>, setting: string, name: string): void {
    const value = this.value(name)
    if (value !== undefined && (this.has(name) || !Object.hasOwn(settings, setting))) settings[setting] = value
  }

  /** The name under which a renamed option was given: under its old one with a warning. Throws when both were. */
  renamed(old: string, current: string, io: ToolIo, words: RenamingWords): string {
    if (!this.has(old)) return current
    if (this.has(current)) throw new UsageError(`Options ${words.both(old, current)} cannot be specified together.`)
    io.out(`${words.warning} --${old} is deprecated and will be removed in a future version. Use --${current} instead.\n`)
    return old
  }

  require(...names: readonly string[]): void {
    for (const name of names) if (!this.has(name)) throw new UsageError(`Missing required argument "[${name}]"`)
  }

  requireOneOf(...names: readonly string[]): void {
    if (names.filter((name) => this.has(name)).length !== 1)
      throw new UsageError(`Exactly one of the following arguments is required: ${names.map((name) => `[${name}]`).join(', ')}`)
  }

  exclude(name: string, others: readonly string[]): void {
    if (!this.has(name)) return
    const other = others.find((one) => this.has(one))
    if (other !== undefined) throw new UsageError(`Option "[${name}]" can't be used with option "[${other}]"`)
  }
}

/** Whether what comes next is the value of an option that needs none. */
function isValue(text: string | undefined, { type }: OptionArgument): boolean {
  if (text === undefined) return false
  return type === 'String' ? !looksLikeOption(text) : /^[+-]?\d+$/.test(text)
}

const looksLikeOption = (argument: string): boolean => argument.startsWith('-') && argument !== '-'
const listed = (specs: readonly OptionSpec[]): string => `[${specs.map(({ name }) => name).join(', ')}]`

/** Nothing between two separators is no value. */
function separated(value: string, separator: string | undefined): string[] {
  const values = separator === undefined ? [value] : value.split(separator).filter((one) => one !== '')
  return values.length === 0 ? [value] : values
}

function unrecognized(argument: string, name: string): ToolError {
  const shown = argument.startsWith('--') ? name : name.charAt(0)
  return new ToolError(`${shown} is not a recognized option`, 'joptsimple.UnrecognizedOptionException')
}

export const helpAndVersion: readonly OptionSpec[] = [
  { name: 'help', description: 'Print usage information.' },
  { name: 'version', description: 'Display Kafka version.' }
]

/** The table of options as Kafka's tools print it, sorted by name. */
export function helpTable(specs: readonly OptionSpec[]): string {
  const header = specs.some(({ isRequired }) => isRequired) ? 'Option (* = required)' : 'Option'
  const rows: [string, string][] = [
    [header, 'Description'],
    [header.replace(/./g, '-'), '-----------']
  ]
  for (const spec of specs.toSorted((a, b) => (a.name < b.name ? -1 : 1))) rows.push([title(spec), description(spec)])
  const widest = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length))
  const optionWidth = Math.min((WIDTH - SEPARATOR) >> 1, widest(0))
  const broken = rows.flatMap(([left, right]) => {
    const lefts = lines(left, optionWidth)
    const rights = lines(right, WIDTH - optionWidth - SEPARATOR)
    const count = Math.max(lefts.length, rights.length)
    return Array.from({ length: count }, (_, index): [string, string] => [lefts[index] ?? '', rights[index] ?? ''])
  })
  const width = (column: 0 | 1): number => Math.max(...broken.map((row) => row[column].length))
  const [left, right] = [width(0) + SEPARATOR, width(1)]
  return broken.map((row) => `${row[0].padEnd(left)}${row[1].padEnd(right)}\n`).join('')
}

function title({ name, argument, isRequired }: OptionSpec): string {
  const option = `${isRequired === true ? '* ' : ''}--${name}`
  if (argument === undefined) return option
  const [open, close] = argument.isOptional === true ? ['[', ']'] : ['<', '>']
  return `${option} ${open}${argument.pattern ?? argument.type}${argument.name === undefined ? '' : `: ${argument.name}`}${close}`
}

function description(spec: OptionSpec): string {
  const value = spec.argument?.default
  return value === undefined ? spec.description : `${spec.description} (default: ${value})`
}

function lines(text: string, width: number): string[] {
  return text
    .trim()
    .split('\n')
    .flatMap((line) => {
      const found = ['']
      for (const word of pieces(line)) {
        const last = found.length - 1
        // The space after a word counts, as it does in Kafka's parser.
        if (found[last].length + word.length > width) found.push(INDENT + word)
        else found[last] += word
      }
      return found.map((one) => one.trimEnd())
    })
}
