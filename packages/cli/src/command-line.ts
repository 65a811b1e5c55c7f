/**
 * Command lines of Kafka's newer tools: a program with sub-commands, long and short options. Usage and error lines are those of
 * Kafka's parser (argparse4j), which scripts may read; the help texts are our own.
 */
import { OdradekError } from '@odradek/base'

export interface Option {
  readonly long: string
  readonly short?: string
  readonly help: string
  readonly required?: boolean
  /** Takes no value. */
  readonly flag?: boolean
  /** May be given more than once. */
  readonly repeated?: boolean
  /** Options of one group exclude each other. */
  readonly group?: string
}

export interface Command {
  readonly name: string
  readonly help: string
  readonly options: readonly Option[]
  /** The group of which one option must be given. */
  readonly requiredGroup?: string
}

export interface CommandLine {
  readonly program: string
  readonly description: string
  readonly commands: readonly Command[]
}

export interface Arguments {
  has(option: string): boolean
  /** The last one given. */
  value(option: string): string | undefined
  values(option: string): readonly string[]
}

export type ParsedCommandLine = { readonly help: string } | { readonly command: string; readonly arguments: Arguments }

/** Arguments that do not fit; the message is the usage and what is wrong. */
export class UsageError extends OdradekError {
  override readonly name = 'UsageError'
  constructor(message: string) {
    super('USAGE', message)
  }
}

const WIDTH = 75
const INDENT = ' '.repeat(21)
const HELP_COLUMN = 25

export function parseCommandLine(line: CommandLine, argv: readonly string[]): ParsedCommandLine {
  const fail = (reason: string): UsageError => new UsageError(`${programUsage(line)}\n${line.program}: error: ${reason}`)
  const [first, ...rest] = argv
  if (first === undefined) throw fail('too few arguments')
  if (first === '-h' || first === '--help') return { help: programHelp(line) }
  if (first.startsWith('-')) throw fail(`unrecognized arguments: '${first}'`)
  const command = line.commands.find(({ name }) => name === first)
  if (command === undefined)
    throw fail(`invalid choice: '${first}' (choose from ${line.commands.map(({ name }) => `'${name}'`).join(', ')})`)
  return parseCommand(line, command, rest)
}

function parseCommand(line: CommandLine, command: Command, argv: readonly string[]): ParsedCommandLine {
  const fail = (reason: string): UsageError => new UsageError(`${commandUsage(line, command)}\n${line.program}: error: ${reason}`)
  const given = new Map<string, string[]>()
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index]
    if (argument === '-h' || argument === '--help') return { help: commandHelp(line, command) }
    const { option, attached } = findOption(command, argument)
    if (option === undefined) throw fail(`unrecognized arguments: '${argument}'`)
    const other =
      option.group === undefined
        ? undefined
        : command.options.find((one) => one.group === option.group && one !== option && given.has(one.long))
    if (other !== undefined) throw fail(`argument ${names(option)}: not allowed with argument ${names(other)}`)
    const value = option.flag === true ? '' : (attached ?? argv[++index])
    if (value === undefined) throw fail(`argument ${names(option)}: expected one argument`)
    given.set(option.long, [...(given.get(option.long) ?? []), value])
  }
  const missing = command.options.find((option) => option.required === true && !given.has(option.long))
  if (missing !== undefined) throw fail(`argument ${names(missing)} is required`)
  const choice = command.options.filter(({ group }) => group !== undefined && group === command.requiredGroup)
  if (choice.length > 0 && !choice.some(({ long }) => given.has(long)))
    throw fail(`one of the arguments ${choice.map(names).join(' ')} is required`)
  const parsed: Arguments = {
    has: (option) => given.has(option),
    value: (option) => given.get(option)?.at(-1),
    values: (option) => given.get(option) ?? []
  }
  return { command: command.name, arguments: parsed }
}

/** `--option value`, `--option=value`, `-o value` and `-ovalue`. */
function findOption(command: Command, argument: string): { option: Option | undefined; attached?: string } {
  const equals = argument.indexOf('=')
  const name = argument.startsWith('--') && equals > 0 ? argument.slice(0, equals) : argument
  const exact = command.options.find(({ long, short }) => long === name || short === name)
  if (exact !== undefined) return { option: exact, attached: name === argument ? undefined : argument.slice(equals + 1) }
  const glued = command.options.find(
    ({ short, flag }) => flag !== true && short !== undefined && argument.startsWith(short) && !argument.startsWith('--')
  )
  return { option: glued, attached: argument.slice(2) }
}

const names = ({ long, short }: Option): string => (short === undefined ? long : `${long}/${short}`)
const placeholder = ({ long }: Option): string => long.slice(2).replaceAll('-', '_').toUpperCase()
const withValue = (option: Option, name = option.long): string => (option.flag === true ? name : `${name} ${placeholder(option)}`)

function programUsage({ program, commands }: CommandLine): string {
  const indent = ' '.repeat('usage: '.length + program.length + 1)
  const names = `{${commands.map(({ name }) => name).join(',')}}`
  const line = `usage: ${program} [-h] ${names} ...`
  return line.length <= WIDTH ? line : `usage: ${program} [-h]\n${indent}${names}\n${indent}...`
}

function commandUsage(line: CommandLine, command: Command): string {
  const isRequired = ({ required }: Option): boolean => required === true
  const single = command.options.filter(({ group }) => group === undefined)
  const parts = ['[-h]', ...single.map((option) => (isRequired(option) ? withValue(option) : `[${withValue(option)}]`))]
  const excluding = command.options.filter(({ group }) => group !== undefined)
  const [open, close] = command.requiredGroup === undefined ? ['[', ']'] : ['(', ')']
  parts.push(
    ...excluding.map((option, index) => `${index === 0 ? open : ''}${withValue(option)}${index === excluding.length - 1 ? close : ' |'}`)
  )
  const lines = [`usage: ${line.program} ${command.name}`]
  for (const part of parts) {
    const extended = `${lines[lines.length - 1]} ${part}`
    // An option is broken off only together with all that follows it in its group.
    if (extended.length > WIDTH) lines.push(`${INDENT}${part}`)
    else lines[lines.length - 1] = extended
  }
  return lines.join('\n')
}

function programHelp(line: CommandLine): string {
  const commands = line.commands.map(({ name, help }) => helpEntry(`    ${name}`, help)).join('')
  return `${programUsage(line)}\n\n${line.description}\n\npositional arguments:\n  {${line.commands.map(({ name }) => name).join(',')}}\n${commands}\noptional arguments:\n${HELP_ENTRY}`
}

function commandHelp(line: CommandLine, command: Command): string {
  const options = command.options
    .map((option) =>
      helpEntry(
        `  ${[option.long, option.short]
          .filter((name) => name !== undefined)
          .map((name) => withValue(option, name))
          .join(', ')}`,
        option.help
      )
    )
    .join('')
  return `${commandUsage(line, command)}\n\noptional arguments:\n${HELP_ENTRY}${options}`
}

function helpEntry(title: string, help: string): string {
  const lines = title.length < HELP_COLUMN - 1 ? [title.padEnd(HELP_COLUMN)] : [title, ' '.repeat(HELP_COLUMN)]
  for (const word of help.split(' ')) {
    const last = lines[lines.length - 1]
    const isStart = last.trimEnd() === '' || last.length === HELP_COLUMN
    if (!isStart && last.length + 1 + word.length > WIDTH) lines.push(' '.repeat(HELP_COLUMN) + word)
    else lines[lines.length - 1] = isStart ? last + word : `${last} ${word}`
  }
  return `${lines.join('\n')}\n`
}

const HELP_ENTRY = helpEntry('  -h, --help', 'show this help message and exit')
