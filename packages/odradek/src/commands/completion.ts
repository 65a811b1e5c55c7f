// odradek completion SHELL prints what a shell loads; the shell then asks `odradek __complete WORDS…` for what may come next: commands, options
// and their values, names of topics and groups. A cluster that does not answer within a second has no names.
import { readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { Arguments, type CommandSpec, type OptionSpec, sharedOptions, usageError } from './arguments.ts'
import { adminSettings, withKafka } from './connect.ts'
import type { CommandIo } from './io.ts'

// Bash breaks words at = and : too. What it takes for the last word is only the end of ours, and so must the answers be.
const scripts: Readonly<Record<string, string>> = {
  bash: `_odradek() {
  local line="\${COMP_LINE:0:COMP_POINT}" IFS=$' \\t' words=() typed=
  read -ra words <<< "$line"
  case "$line" in *[[:space:]]) words+=("") ;; esac
  typed="\${words[\${#words[@]}-1]}"
  local last="\${COMP_WORDS[COMP_CWORD]}"
  case "$last" in = | :) last= ;; esac
  local head="\${typed%"$last"}"
  IFS=$'\\n'
  COMPREPLY=($(odradek __complete "\${words[@]:1}" 2>/dev/null))
  COMPREPLY=("\${COMPREPLY[@]#"$head"}")
  case "\${COMPREPLY[0]}" in */ | *=) compopt -o nospace 2>/dev/null ;; esac
}
complete -F _odradek odradek
`,
  zsh: `#compdef odradek
_odradek() {
  local -a found open
  found=(\${(f)"$(odradek __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  open=(\${(M)found:#*[/=]})
  compadd -a -S '' open
  found=(\${found:#*[/=]})
  compadd -a found
}
compdef _odradek odradek
`,
  fish: `complete -c odradek -f -a '(odradek __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`
}

export async function completion(args: readonly string[], io: CommandIo): Promise<number> {
  const [shell] = args
  const script = Object.hasOwn(scripts, shell ?? '') ? scripts[shell] : undefined
  if (script === undefined || args.length !== 1) throw usageError('usage: odradek completion bash|zsh|fish')
  io.out(script)
  return 0
}

const nouns = {
  topic: () => import('./topic.ts'),
  group: () => import('./group.ts'),
  config: () => import('./config.ts'),
  cluster: () => import('./cluster.ts'),
  profile: () => import('./profile.ts')
} as const
const commands = ['start', 'produce', 'consume', 'completion', ...Object.keys(nouns)]
const CALL_MS = '1000'

/** The last word is the one that is being typed. */
export async function complete(words: readonly string[], io: CommandIo): Promise<number> {
  const typed = words.at(-1) ?? ''
  const found = await choices(words.slice(0, -1), typed, io).catch(() => [])
  const matching = found.filter((name) => name.startsWith(typed)).sort()
  io.out([...new Set(matching)].map((name) => `${name}\n`).join(''))
  return 0
}

async function choices(before: readonly string[], typed: string, io: CommandIo): Promise<readonly string[]> {
  const [command, verb] = before
  if (command === undefined) return commands
  if (command === 'completion') return before.length === 1 ? Object.keys(scripts) : []
  if (!Object.hasOwn(nouns, command)) return await argumentsOf(command, before.slice(1), typed, io)
  const { verbs } = await nouns[command as keyof typeof nouns]()
  if (verb === undefined) return Object.keys(verbs)
  return Object.hasOwn(verbs, verb) ? await argumentsOf(`${command} ${verb}`, before.slice(2), typed, io) : []
}

/** Options, their values, and what the command is about. */
async function argumentsOf(command: string, before: readonly string[], typed: string, io: CommandIo): Promise<readonly string[]> {
  const options = await optionsOf(command)
  if (options === undefined) return []
  const line = read(options, before)
  if (line.open !== undefined) return await valuesOf(line.open, options[line.open], typed, line, io)
  const [, named] = /^--([^=]+)=/.exec(typed) ?? []
  if (named !== undefined) {
    if (options[named]?.value === undefined) return []
    const values = await valuesOf(named, options[named], typed.slice(named.length + 3), line, io)
    return values.map((value) => `--${named}=${value}`)
  }
  if (!typed.startsWith('-') || line.isEnded) return await namesFor(command, line, io)
  return Object.keys(options).flatMap((name) => (line.values[name] === undefined || options[name].isMany ? [`--${name}`] : []))
}

type Options = Readonly<Record<string, OptionSpec>>

async function optionsOf(command: string): Promise<Options | undefined> {
  if (command === 'start') return (await import('../start-options.ts')).startOptions
  const spec = await specOf(command)
  return spec === undefined ? undefined : { ...spec.options, ...sharedOptions }
}

async function specOf(command: string): Promise<CommandSpec | undefined> {
  if (command === 'produce') return (await import('./produce.ts')).spec
  if (command === 'consume') return (await import('./consume.ts')).spec
  const [noun, verb] = command.split(' ')
  return Object.hasOwn(nouns, noun) ? (await nouns[noun as keyof typeof nouns]()).verbs[verb].spec : undefined
}

interface Line {
  /** The option whose value is being typed. */
  readonly open: string | undefined
  /** After `--` there are no options. */
  readonly isEnded: boolean
  readonly values: Readonly<Record<string, string | string[]>>
  readonly rest: readonly string[]
}

/** What stands before the word that is typed, mistakes passed over. */
function read(options: Options, before: readonly string[]): Line {
  const values: Record<string, string | string[]> = {}
  const rest: string[] = []
  let open: string | undefined
  const take = (name: string, value: string): void => {
    values[name] = options[name].isMany ? [...(values[name] ?? []), value] : value
  }
  for (const [index, word] of before.entries()) {
    if (open !== undefined) {
      take(open, word)
      open = undefined
    } else if (word === '--') return { open, isEnded: true, values, rest: [...rest, ...before.slice(index + 1)] }
    else if (word.startsWith('-') && word !== '-') {
      const [, long, value] = /^--([^=]+)(?:=(.*))?$/.exec(word) ?? []
      const name = long ?? Object.keys(options).find((one) => options[one].short === word[1])
      if (name === undefined || !Object.hasOwn(options, name)) continue
      const given = long === undefined && word.length > 2 ? word.slice(2) : value
      if (options[name].value === undefined || given !== undefined) take(name, given ?? '')
      else open = name
    } else rest.push(word)
  }
  return { open, isEnded: false, values, rest }
}

async function valuesOf(
  name: string,
  { choices: some, value }: OptionSpec,
  typed: string,
  line: Line,
  io: CommandIo
): Promise<readonly string[]> {
  if (some !== undefined) return some
  if (value === 'FILE' || value === 'DIR') return filesAt(typed, value === 'DIR', io)
  if (name === 'topic') return await topics(line, io)
  if (name === 'group') return await groups(line, io)
  return name === 'profile' ? await profiles(io) : []
}

/** What the words of a command are besides its options. */
async function namesFor(command: string, line: Line, io: CommandIo): Promise<readonly string[]> {
  const [noun, verb] = command.split(' ')
  const count = line.rest.length
  const isMany = verb === 'delete' || command === 'consume'
  if (command === 'produce' || command === 'consume' || (noun === 'topic' && verb !== 'create' && verb !== 'ls'))
    return isMany || count === 0 ? (await topics(line, io)).filter((name) => !line.rest.includes(name)) : []
  if (noun === 'group' && verb !== 'ls')
    return isMany || count === 0 ? (await groups(line, io)).filter((name) => !line.rest.includes(name)) : []
  if (noun === 'profile' && verb !== 'ls' && verb !== 'create') return count === 0 ? await profiles(io) : []
  if (noun !== 'config') return []
  const [type] = line.rest
  if (count === 0) return ['topic', 'broker', 'group', 'client-metrics']
  if (count > 1) return []
  return type === 'topic' ? await topics(line, io) : type === 'group' ? await groups(line, io) : ['default']
}

const profiles = async (io: CommandIo): Promise<readonly string[]> => Object.keys((await import('./profiles.ts')).readProfiles(io).profiles)

/** Folders end with a slash: there completion goes on. */
function filesAt(typed: string, isFolder: boolean, io: CommandIo): readonly string[] {
  const base = typed.slice(0, typed.lastIndexOf('/') + 1)
  const folder = resolve(io.cwd, base.replace(/^~(?=\/)/, io.env.HOME ?? homedir()))
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [`${base}${entry.name}/`] : isFolder ? [] : [`${base}${entry.name}`]
  )
}

/** The cluster is the one that the line names. */
function target({ values }: Line): Arguments {
  const { brokers, profile, 'command-config': file, set = [] } = values
  const quick = [`default.api.timeout.ms=${CALL_MS}`, `request.timeout.ms=${CALL_MS}`]
  return new Arguments({ brokers, profile, 'command-config': file, set: [...set, ...quick] }, [])
}

const topics = (line: Line, io: CommandIo): Promise<readonly string[]> =>
  withKafka(target(line), io, async (kafka, settings) => [...(await kafka.admin(await adminSettings(settings)).listTopics()).keys()])
const groups = (line: Line, io: CommandIo): Promise<readonly string[]> =>
  withKafka(target(line), io, async (kafka, settings) =>
    (await kafka.admin(await adminSettings(settings)).listGroups()).map(({ groupId }) => groupId)
  )
