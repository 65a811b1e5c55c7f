/**
 * Command lines of Kafka's newer tools: a program, mostly with sub-commands, long and short options, names that may be cut short. What
 * is accepted, usage, help and error lines are those of Kafka's parser (argparse4j), which scripts may read; the layout is in
 * command-line-help.ts.
 */
import { OdradekError } from '@odradek/base'
import type { CommandLine, Group, Level, NumberType, Option } from './command-line-definition.ts'
import { errorText, groupsOf, helpText, namesOf, usageText } from './command-line-help.ts'

export interface Arguments {
  has(option: string): boolean
  /** The last one given. */
  value(option: string): string | undefined
  values(option: string): readonly string[]
  /** Of an option with a type. */
  integer(option: string): number | undefined
}

/** `command` is '' in a program without commands. */
export type ParsedCommandLine = { readonly help: string } | { readonly command: string; readonly arguments: Arguments }

/** Arguments that do not fit; the message is the usage and what is wrong, `reason` the latter alone. */
export class UsageError extends OdradekError {
  override readonly name = 'UsageError'
  readonly reason: string
  constructor(level: Level, reason: string, suggestions: readonly string[] = []) {
    const didYouMean = suggestions.length === 0 ? '' : `\n\nDid you mean:\n${suggestions.map((name) => `\t${name}`).join('\n')}`
    super('USAGE', `${usageText(level)}\n${errorText(level, reason)}${didYouMean}`)
    this.reason = reason
  }
}

const HELP: Option = { long: '--help', short: '-h', isShortFirst: true, flag: true, help: 'show this help message and exit' }

const programLevel = (line: CommandLine): Level => ({ line, options: [HELP, ...(line.options ?? [])], commands: line.commands })

/** What the program itself finds wrong with its options. */
export const programUsageError = (line: CommandLine, reason: string): UsageError => new UsageError(programLevel(line), reason)
export const programHelp = (line: CommandLine): string => helpText(programLevel(line))

export function parseCommandLine(line: CommandLine, argv: readonly string[]): ParsedCommandLine {
  return new Parser(line, argv).parse(programLevel(line))
}

const slashed = (option: Option): string => namesOf(option).join('/')

class Parser {
  readonly #line: CommandLine
  readonly #argv: readonly string[]
  readonly #given = new Map<string, string[]>()
  #index = 0
  /** After `--` nothing is an option. */
  #isSeparated = false
  /** What is missing is told only when nothing else is wrong. */
  #missing: UsageError | undefined

  constructor(line: CommandLine, argv: readonly string[]) {
    this.#line = line
    this.#argv = argv
  }

  parse(level: Level): ParsedCommandLine {
    const groups = new Map<Group, Option>()
    const found = new Set<Option>()
    while (this.#index < this.#argv.length) {
      const term = this.#argv[this.#index]
      if (this.#isOption(term)) {
        for (const option of this.#take(level, term, groups)) {
          if (option === HELP) return { help: helpText(level) }
          if (option.isVersion === true) return { command: '', arguments: argumentsOf(this.#given) }
          found.add(option)
        }
      } else if (term === '--' && !this.#isSeparated) {
        this.#isSeparated = true
        this.#index++
      } else if (level.commands.length > 0 && !this.#isSeparated) {
        this.#checkRequired(level, found)
        return this.#parseCommand(level, term)
      } else throw new UsageError(level, `unrecognized arguments: '${this.#argv.slice(this.#index).join(' ')}'`)
    }
    if (level.commands.length > 0) throw new UsageError(level, 'too few arguments')
    this.#checkRequired(level, found)
    if (this.#missing !== undefined) throw this.#missing
    return { command: level.command?.name ?? '', arguments: argumentsOf(this.#given) }
  }

  /** A negative number is a value. */
  #isOption(term: string | undefined): boolean {
    return term !== undefined && !this.#isSeparated && /^-+[^-]/.test(term) && !/^-\d+$/.test(term)
  }

  #parseCommand(level: Level, term: string): ParsedCommandLine {
    const { commands } = level
    const exact = commands.filter(({ name }) => name === term)
    const candidates = exact.length > 0 || term === '' ? exact : commands.filter(({ name }) => name.startsWith(term))
    const names = candidates.map(({ name }) => name).sort()
    if (names.length > 1) throw new UsageError(level, `ambiguous command: ${term} could match ${names.join(', ')}`)
    const [command] = candidates
    if (command === undefined) {
      const known = commands.map(({ name }) => name)
      const reason = `invalid choice: '${term}' (choose from ${known.map((name) => `'${name}'`).join(', ')})`
      throw new UsageError(
        level,
        reason,
        similar(
          term,
          known.map((name) => [name, name])
        )
      )
    }
    this.#index++
    return this.parse({ line: this.#line, command, options: [HELP, ...command.options], commands: [] })
  }

  /** The option of this term, or the several short ones that it is made of. */
  #take(level: Level, term: string, groups: Map<Group, Option>): readonly Option[] {
    const equals = term.indexOf('=')
    const name = equals < 0 ? term : term.slice(0, equals)
    const option = findOption(level, name)
    this.#index++
    if (option === undefined) return this.#takeShort(level, term, groups)
    this.#put(level, option, equals < 0 ? undefined : term.slice(equals + 1), groups)
    return [option]
  }

  #takeShort(level: Level, term: string, groups: Map<Group, Option>): readonly Option[] {
    const taken: Option[] = []
    for (let index = 1; index < term.length; index++) {
      const option = term.startsWith('--') ? undefined : optionNamed(level, `-${term.charAt(index)}`)
      if (option === undefined) throw unrecognized(level, term)
      taken.push(option)
      const rest = option.flag === true ? undefined : term.slice(index + 1) || undefined
      this.#put(level, option, rest, groups)
      if (option.flag !== true) break
    }
    return taken
  }

  #put(level: Level, option: Option, attached: string | undefined, groups: Map<Group, Option>): void {
    const fail = (reason: string): UsageError => new UsageError(level, `argument ${slashed(option)}: ${reason}`)
    if (option.group?.isExclusive === true) {
      const other = groups.get(option.group) ?? option
      if (other !== option) throw fail(`not allowed with argument ${slashed(other)}`)
      groups.set(option.group, option)
    }
    const values = this.#given.get(option.long) ?? []
    this.#given.set(option.long, values)
    if (option.flag === true) {
      if (attached !== undefined) throw fail(`ignore implicit argument '${attached}'`)
      return
    }
    const value = attached ?? (this.#isValue() ? this.#argv[this.#index++] : undefined)
    if (value === undefined) throw fail(option.isList === true ? 'expected at least one argument' : 'expected one argument')
    const wrong = option.type === undefined ? undefined : wrongNumber(value, option.type)
    if (wrong !== undefined) throw fail(`could not convert '${value}' to ${option.type} (${wrong})`)
    if (option.choices?.includes(value) === false) throw fail(`invalid choice: '${value}' (choose from {${option.choices.join(',')}})`)
    values.push(value)
    while (option.isList === true && this.#isValue()) values.push(this.#argv[this.#index++])
  }

  #isValue(): boolean {
    const next = this.#argv[this.#index]
    return next !== undefined && next !== '--' && !this.#isOption(next)
  }

  #checkRequired(level: Level, found: ReadonlySet<Option>): void {
    if (this.#missing !== undefined) return
    for (const option of level.options)
      if (option.required === true && !found.has(option)) this.#missing = new UsageError(level, `argument ${slashed(option)} is required`)
    if (this.#missing !== undefined) return
    for (const [group, options] of groupsOf(level.options)) {
      if (group.isExclusive === true && group.required === true && !options.some((option) => found.has(option)))
        this.#missing = new UsageError(level, `one of the arguments ${options.map(slashed).join(' ')} is required`)
    }
  }
}

const optionNamed = ({ options }: Level, name: string): Option | undefined =>
  options.find(({ long, short }) => long === name || short === name)

/** By its whole name or by a beginning that fits only one. */
function findOption(level: Level, name: string): Option | undefined {
  const exact = optionNamed(level, name)
  if (exact !== undefined) return exact
  const candidates = level.options.flatMap(namesOf).filter((one) => one.startsWith(name))
  if (candidates.length === 0) return undefined
  if (candidates.length === 1) return optionNamed(level, candidates[0])
  throw new UsageError(level, `ambiguous option: ${name} could match ${candidates.sort().join(', ')}`)
}

function unrecognized(level: Level, term: string): UsageError {
  const body = term.replace(/^-+/, '')
  const known = level.options.flatMap(namesOf).filter((name) => name.startsWith('--'))
  const suggestions =
    body.length < 2
      ? []
      : similar(
          body,
          known.map((name) => [name, name.slice(2)])
        )
  return new UsageError(level, `unrecognized arguments: '${term}'`, suggestions)
}

const bits = { Short: 16, Integer: 32, Long: 64 } as const

/** Java's complaint. */
function wrongNumber(text: string, type: NumberType): string | undefined {
  if (type === 'Double') return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? undefined : `For input string: "${text}"`
  const isNumber = /^[+-]?\d+$/.test(text)
  const value = isNumber ? BigInt(text.replace('+', '')) : 0n
  if (isNumber && BigInt.asIntN(bits[type], value) === value) return undefined
  if (type === 'Short' && isNumber && BigInt.asIntN(32, value) === value) return `Value out of range. Value:"${text}" Radix:10`
  return `For input string: "${text}"`
}

function argumentsOf(given: ReadonlyMap<string, readonly string[]>): Arguments {
  const value = (option: string): string | undefined => given.get(option)?.at(-1)
  return {
    value,
    has: (option) => given.has(option),
    values: (option) => given.get(option) ?? [],
    integer: (option) => (given.has(option) ? Number(value(option)) : undefined)
  }
}

/** Names that are this far away, or farther, are no likely slips of the finger. */
const FAR = 7

/** The nearest of the names, each with the part of it that counts. */
function similar(text: string, candidates: readonly (readonly [name: string, body: string])[]): readonly string[] {
  const distances = candidates.map(([name, body]) => ({ name, distance: body.startsWith(text) ? 0 : distanceOf(text, body) }))
  const nearest = Math.min(FAR, ...distances.map(({ distance }) => distance))
  if (nearest === FAR) return []
  return distances
    .filter(({ distance }) => distance === nearest)
    .map(({ name }) => name)
    .sort()
}

const [SUBSTITUTION, ADDITION, DELETION] = [2, 1, 4]

/** Levenshtein's distance with swaps of neighbours for nothing: what to do to `from` so that it becomes `to`. */
function distanceOf(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, index) => index)]
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1]
      const isSwap = !isSame && i > 1 && j > 1 && from[i - 2] === to[j - 1] && from[i - 1] === to[j - 2]
      row.push(
        Math.min(
          rows[i - 1][j - 1] + (isSame ? 0 : SUBSTITUTION),
          isSwap ? rows[i - 2][j - 2] : Number.POSITIVE_INFINITY,
          rows[i - 1][j] + DELETION,
          row[j - 1] + ADDITION
        )
      )
    }
    rows.push(row)
  }
  return rows[from.length][to.length]
}
