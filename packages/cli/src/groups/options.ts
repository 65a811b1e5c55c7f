// The options that commands about groups have in common, and the checks of those that belong together.
import { type OptionSpec, type Options, UsageError } from '../options.ts'
import type { Target } from '../tool.ts'

/** Where offsets are reset to. */
export const resetOptions: readonly OptionSpec[] = [
  { name: 'to-offset', argument: { type: 'Long', name: 'offset' }, description: 'Reset offsets to a specific offset.' },
  {
    name: 'from-file',
    argument: { type: 'String', name: 'path to CSV file' },
    description: 'Reset offsets to values defined in CSV file.'
  },
  {
    name: 'to-datetime',
    argument: { type: 'String', name: 'datetime' },
    description: "Reset offsets to offset from datetime. Format: 'YYYY-MM-DDThh:mm:ss.sss'"
  },
  {
    name: 'by-duration',
    argument: { type: 'String', name: 'duration' },
    description: "Reset offsets to offset by duration from current timestamp. Format: 'PnDTnHnMnS'"
  },
  { name: 'to-earliest', description: 'Reset offsets to earliest offset.' },
  { name: 'to-latest', description: 'Reset offsets to latest offset.' },
  { name: 'to-current', description: 'Reset offsets to current offset.' },
  {
    name: 'shift-by',
    argument: { type: 'Long', name: 'number-of-offsets' },
    description: "Reset offsets shifting current offset by 'n', where 'n' can be positive or negative."
  }
]

/** The names of these options; one of them is given. */
export const scenarios = ['to-offset', 'to-datetime', 'by-duration', 'to-earliest', 'to-latest', 'to-current', 'shift-by', 'from-file']

export function excludeScenarios(options: Options, names: readonly string[] = scenarios): void {
  for (const name of names) options.exclude(name, without(names, name))
}

const without = (names: readonly string[], name: string): string[] => names.filter((one) => one !== name)

export const groupTarget = (options: Options): Target => ({
  bootstrapServer: options.value('bootstrap-server'),
  commandConfig: options.value('command-config')
})

/** `[group]`, as Kafka's tools name an option in a message. */
export const bracketed = (...names: readonly string[]): string => names.map((name) => `[${name}]`).join(', ')

export function requireGroups(options: Options, action: string): void {
  if (!options.has('group') && !options.has('all-groups'))
    throw new UsageError(`Option ${bracketed(action)} takes one of these options: ${bracketed('all-groups', 'group')}`)
}

/** What --describe shows is one of three things. */
export function checkDescribe(options: Options): void {
  if (!options.has('describe')) return
  requireGroups(options, 'describe')
  const views = ['members', 'offsets', 'state']
  if (views.filter((name) => options.has(name)).length > 1)
    throw new UsageError(`Option ${bracketed('describe')} takes at most one of these options: ${bracketed(...views)}`)
  if (options.value('state') !== undefined)
    throw new UsageError(`Option ${bracketed('describe')} does not take a value for ${bracketed('state')}`)
}

export function checkDryRun(options: Options): void {
  if (options.has('dry-run') && options.has('execute'))
    throw new UsageError(`Option ${bracketed('reset-offsets')} only accepts one of ${bracketed('execute')} and ${bracketed('dry-run')}`)
}
