// Usage, help and errors of command lines in the layout of Kafka's parser (argparse4j): 75 columns, broken lines filled up with spaces.
import type { Group, Level, Option } from './command-line-definition.ts'
import { pieces } from './line-break.ts'

const WIDTH = 75
const USAGE_INDENT_MAX = 30
const HELP_COLUMN = 25
const TITLE_WIDTH_MAX = 21

/** In Kafka's order. */
export const namesOf = ({ long, short, isShortFirst }: Option): readonly string[] =>
  short === undefined ? [long] : isShortFirst === true ? [short, long] : [long, short]

export function groupsOf(options: readonly Option[]): ReadonlyMap<Group, readonly Option[]> {
  const groups = new Map<Group, Option[]>()
  for (const option of options) if (option.group !== undefined) groups.set(option.group, [...(groups.get(option.group) ?? []), option])
  return groups
}

const metavarOf = ({ metavar, long }: Option): string => metavar ?? long.slice(2).replaceAll('-', '_').toUpperCase()
const valueSyntax = (option: Option): string =>
  option.isList === true ? `${metavarOf(option)} [${metavarOf(option)} ...]` : metavarOf(option)
const withValue = (option: Option, name = namesOf(option)[0]): string => (option.flag === true ? name : `${name} ${valueSyntax(option)}`)
const syntax = (option: Option): string => (option.required === true ? withValue(option) : `[${withValue(option)}]`)

/** Without the end of the last line. */
export function usageText(level: Level): string {
  const { line, command, commands } = level
  const program = `usage: ${line.program}`
  const isLong = program.length > USAGE_INDENT_MAX
  const indent = ' '.repeat(isLong ? 6 : program.length)
  const lines = isLong ? [program, indent] : [program]
  let isFirst = true
  const parts = [
    ...(command === undefined ? [] : [...requiredSyntax(line.options ?? []), command.name]),
    ...level.options.filter(({ group }) => group?.isExclusive !== true).map(syntax),
    ...[...groupsOf(level.options)].flatMap(([group, options]) => alternatives(group, options)),
    ...(commands.length === 0 ? [] : [commandsSyntax(level), '...'])
  ]
  for (const part of parts) {
    const last = lines[lines.length - 1]
    // Kafka's parser counts the indent of the first line twice.
    const width = isLong && lines.length === 2 ? WIDTH - indent.length : WIDTH
    // The first part stays where it is, however long.
    if (!isFirst && last.length + 1 + part.length > width) lines.push(`${indent} ${part}`)
    else {
      lines[lines.length - 1] = `${last} ${part}`
      isFirst = false
    }
  }
  return lines.join('\n')
}

/** What the program asks for before its command. */
function requiredSyntax(options: readonly Option[]): readonly string[] {
  const single = options.filter(({ required, group }) => required === true && group?.isExclusive !== true).map(syntax)
  return [...single, ...[...groupsOf(options)].filter(([group]) => group.required).flatMap(([group, own]) => alternatives(group, own))]
}

function alternatives({ isExclusive, required }: Group, options: readonly Option[]): readonly string[] {
  if (isExclusive !== true) return []
  const [open, close] = required === true ? ['(', ')'] : ['[', ']']
  if (options.length === 1) return [required === true ? withValue(options[0]) : syntax(options[0])]
  return options.flatMap((option, index) => [
    ...(index === 0 ? [] : ['|']),
    `${index === 0 ? open : ''}${withValue(option)}${index === options.length - 1 ? close : ''}`
  ])
}

const commandsSyntax = ({ line, commands }: Level): string => line.commandsMetavar ?? `{${commands.map(({ name }) => name).join(',')}}`

export function errorText({ line }: Level, reason: string): string {
  // The end of the line counts.
  return wrapped(`${line.program}: error: ${reason}\n`, 0, '').slice(0, -1)
}

export function helpText(level: Level): string {
  const { line, command, commands, options } = level
  const description = command === undefined ? line.description : (command.description ?? '')
  const isApart = ({ group }: Option): boolean =>
    group !== undefined && (group.isExclusive !== true || group.title !== undefined || group.description !== undefined)
  const listed = (title: string | undefined, text: string): string => (title === undefined ? `\n${text}` : `\n${title}:\n${text}`)
  const commandList = entry(commandsSyntax(level), '') + commands.map(({ name, help }) => entry(`  ${name}`, help)).join('')
  const entries = (some: readonly Option[]): string => some.map((option) => entry(titleOf(option), option.help)).join('')
  const sections = [
    `${usageText(level)}\n`,
    description === '' ? '' : `\n${wrapped(description, 0, '')}\n`,
    commands.length > 0 && line.commandsTitle === undefined ? listed('positional arguments', commandList) : '',
    listed('optional arguments', entries(options.filter((option) => !isApart(option)))),
    commands.length > 0 && line.commandsTitle !== undefined ? listed(line.commandsTitle, commandList) : ''
  ]
  for (const [group, own] of groupsOf(level.options)) {
    if (!isApart(own[0])) continue
    const about = group.description === undefined ? '' : `  ${wrapped(group.description, 2, '  ')}\n\n`
    sections.push(listed(group.title, about + entries(own)))
  }
  return sections.join('')
}

const titleOf = (option: Option): string =>
  namesOf(option)
    .map((name) => withValue(option, name))
    .join(', ')

function entry(title: string, help: string): string {
  if (help === '') return `  ${title}\n`
  const indent = ' '.repeat(HELP_COLUMN)
  const start = title.length <= TITLE_WIDTH_MAX ? `  ${title}`.padEnd(HELP_COLUMN) : `  ${title}\n${indent}`
  return `${start}${wrapped(help, HELP_COLUMN, indent)}\n`
}

/** Lines of at most WIDTH columns. `offset` is where the first one begins. */
function wrapped(text: string, offset: number, indent: string): string {
  const lines: string[] = []
  let current = ''
  let width = offset
  for (const piece of pieces(text)) {
    if (width + piece.length > WIDTH) {
      lines.push(justified(current, width))
      current = ''
      width = indent.length
    }
    current += piece
    width += piece.length
  }
  return [...lines, current].join(`\n${indent}`)
}

/** Fills a line of this width up to WIDTH: each gap becomes wider by the same, those in the middle by one more. */
function justified(line: string, width: number): string {
  const text = line.replace(/^ +| +$/g, '')
  const gaps = text.match(/ +/g)?.length ?? 0
  if (gaps === 0) return text
  const missing = WIDTH - (width - (line.length - text.length))
  const [each, rest] = [Math.floor(missing / gaps), missing % gaps]
  const first = Math.floor((gaps - rest + 1) / 2)
  let gap = 0
  return text.replace(/ +/g, (spaces) => {
    const more = each + (gap >= first && gap < first + rest ? 1 : 0)
    gap++
    return spaces + ' '.repeat(more)
  })
}
