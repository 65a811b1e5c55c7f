// Arguments of one command: its own options and those that all share. An option that does not exist is an error that says what was meant.
import { parseArgs } from 'node:util'
import { closest, OdradekError } from '@odradek/base'
import type { CommandIo } from './io.ts'

export interface OptionSpec {
  readonly short?: string
  /** What stands for the value in the help; absent: a switch. */
  readonly value?: string
  readonly isMany?: boolean
  /** For completion: what it may be. */
  readonly choices?: readonly string[]
  readonly help: string
}

export interface CommandSpec {
  /** After `odradek`: `topic create NAME...` */
  readonly usage: string
  readonly about: string
  readonly options: Readonly<Record<string, OptionSpec>>
  readonly least?: number
  readonly most?: number
}

export const sharedOptions: Readonly<Record<string, OptionSpec>> = {
  brokers: { short: 'b', value: 'HOST:PORT', help: 'the cluster (default: the profile, ODRADEK_BROKERS, localhost:9092)' },
  profile: { value: 'NAME', help: 'the cluster by the name of its profile' },
  'command-config': { value: 'FILE', help: 'settings of the client in a properties file' },
  set: { short: 'X', value: 'KEY=VALUE', isMany: true, help: 'one setting of the client' },
  help: { short: 'h', help: 'this text' }
}

export const outputOption: Readonly<Record<string, OptionSpec>> = {
  output: {
    short: 'o',
    value: 'FORM',
    choices: ['table', 'wide', 'json', 'yaml'],
    help: 'table, wide, json or yaml (default: table; json when piped)'
  },
  watch: { help: 'again every two seconds' }
}

export class Arguments {
  readonly rest: readonly string[]
  readonly #values: Values

  constructor(values: Values, rest: readonly string[]) {
    this.#values = values
    this.rest = rest
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  texts(name: string): readonly string[] {
    const value = this.#values[name]
    return Array.isArray(value) ? value : []
  }

  /** A whole number from `least` on. */
  number(name: string, least = 0): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
      throw usageError(`--${name} wants a whole number from ${least} on, not ${text}`)
    return value
  }

  /** One of a few words. */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const found = choices.find((choice) => choice === text)
    if (found === undefined) throw usageError(`--${name} wants one of ${choices.join(', ')}, not ${text}`)
    return found
  }

  /** `key=value` texts. */
  pairs(name: string): Record<string, string> {
    return Object.fromEntries(
      this.texts(name).map((text) => {
        const at = text.indexOf('=')
        if (at <= 0) throw usageError(`--${name} wants KEY=VALUE, not ${text}`)
        return [text.slice(0, at), text.slice(at + 1)]
      })
    )
  }
}

export const usageError = (message: string): OdradekError => new OdradekError('USAGE', message)

/** An optional regular expression on the command line. */
export function patternOf(text: string | undefined): RegExp {
  try {
    return new RegExp(text ?? '')
  } catch (error) {
    throw usageError((error as Error).message)
  }
}

/** Undefined: the help was asked for and is printed. */
export function readArguments(spec: CommandSpec, args: readonly string[], io: CommandIo): Arguments | undefined {
  const options = { ...sharedOptions, ...spec.options }
  for (const arg of args) {
    if (arg === '--') break
    const [, name] = /^--(?:no-)?([^=]+)/.exec(arg) ?? []
    if (name === undefined || options[name] !== undefined) continue
    const meant = closest(name, Object.keys(options))
    throw usageError(
      `odradek ${spec.usage.split(' [')[0]} has no option --${name}${meant === undefined ? '' : `: did you mean --${meant}?`}`
    )
  }
  const { values, positionals } = parse(options, args)
  if (values.help === true) {
    io.out(helpOf(spec))
    return undefined
  }
  const { least = 0, most = 0 } = spec
  if (positionals.length < least || positionals.length > most) throw usageError(`usage: odradek ${spec.usage}`)
  return new Arguments(values, positionals)
}

type Values = Readonly<Record<string, string | boolean | string[] | undefined>>

function parse(options: Readonly<Record<string, OptionSpec>>, args: readonly string[]): { values: Values; positionals: readonly string[] } {
  const known = Object.entries(options).map(([name, { short, value, isMany }]) => [
    name,
    {
      type: value === undefined ? ('boolean' as const) : ('string' as const),
      multiple: isMany === true,
      ...(short === undefined ? {} : { short })
    }
  ])
  try {
    const { values, positionals } = parseArgs({
      args: withNegatives(options, args),
      options: Object.fromEntries(known),
      allowPositionals: true
    })
    return { values: values as Values, positionals }
  } catch (error) {
    throw new OdradekError('USAGE', (error as Error).message, { cause: error })
  }
}

/** `--offset -1` is an option and its value, and no option -1. */
function withNegatives(options: Readonly<Record<string, OptionSpec>>, args: readonly string[]): string[] {
  const joined: string[] = []
  for (let index = 0; index < args.length; index++) {
    const [arg, next] = [args[index], args[index + 1]]
    const isValue = arg.startsWith('--') && options[arg.slice(2)]?.value !== undefined && /^-\d/.test(next ?? '')
    joined.push(isValue ? `${arg}=${next}` : arg)
    if (isValue) index++
  }
  return joined
}

export function helpOf({ usage, about, options }: CommandSpec): string {
  const lines = Object.entries({ ...options, ...sharedOptions }).map(([name, { short, value, help }]) => {
    const title = `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
    return `  ${title.padEnd(30)}${help}`
  })
  return `usage: odradek ${usage}\n\n${about}\n\n${lines.join('\n')}\n`
}

/**
 * `-b HOST:PORT topic ls` as `topic ls -b HOST:PORT`: options that commands share may stand before the word that says which command it is.
 * Unchanged when another option does, or nothing follows.
 */
export function withWordFirst(args: readonly string[]): readonly string[] {
  let at = 0
  for (let width = 1; width > 0 && args[at]?.startsWith('-'); at += width) width = widthOf(args[at])
  const word = args[at]
  return at === 0 || word === undefined || word.startsWith('-') ? args : [word, ...args.slice(0, at), ...args.slice(at + 1)]
}

/** How many arguments a shared option takes up, with itself; 0: it is none. */
function widthOf(arg: string): 0 | 1 | 2 {
  const isLong = arg.startsWith('--')
  const [name] = arg.slice(2).split('=')
  const shared = Object.entries({ ...sharedOptions, ...outputOption })
  const found = shared.find(([long, { short }]) => (isLong ? long === name : short === arg[1]))
  if (found === undefined) return 0
  return found[1].value === undefined || (isLong ? arg.includes('=') : arg.length > 2) ? 1 : 2
}

/** What other tools call it. */
const synonyms: Readonly<Record<string, string>> = { list: 'ls', get: 'ls', show: 'describe', rm: 'delete', remove: 'delete' }

export interface Verb {
  readonly spec: CommandSpec
  run(args: Arguments, io: CommandIo): Promise<number>
}

/** `odradek topic ls …`: the verb and what follows it. */
export async function runVerb(
  noun: string,
  verbs: Readonly<Record<string, Verb>>,
  args: readonly string[],
  io: CommandIo
): Promise<number> {
  const [given, ...rest] = withWordFirst(args)
  const name = Object.hasOwn(verbs, synonyms[given] ?? '') ? synonyms[given] : given
  const list = Object.values(verbs)
    .map(({ spec }) => `  odradek ${spec.usage}\n      ${spec.about}`)
    .join('\n')
  if (name === undefined || name === '--help' || name === '-h') {
    io.out(`${list}\n`)
    return name === undefined ? 1 : 0
  }
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  if (verb === undefined) {
    const names = Object.keys(verbs)
    if (name.startsWith('-')) throw usageError(`odradek ${noun} is followed by one of ${names.join(', ')}, and then by ${name}\n\n${list}`)
    const meant = closest(name, names)
    throw usageError(`odradek ${noun} has no ${name}${meant === undefined ? '' : `: did you mean ${meant}?`}\n\n${list}`)
  }
  const read = readArguments(verb.spec, rest, io)
  return read === undefined ? 0 : await verb.run(read, io)
}
