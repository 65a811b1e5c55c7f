// odradek completion SHELL prints what a shell loads; the shell then asks `odradek __complete WORDS…` for what may come next, names of topics
// and groups included. A cluster that does not answer within a second has no names.
import { Arguments, usageError } from './arguments.ts'
import { adminSettings, withKafka } from './connect.ts'
import type { CommandIo } from './io.ts'

const scripts: Readonly<Record<string, string>> = {
  bash: `_odradek() {
  local IFS=$'\\n'
  COMPREPLY=($(odradek __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -F _odradek odradek
`,
  zsh: `#compdef odradek
_odradek() {
  local -a found
  found=("\${(@f)$(odradek __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
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

const nouns = ['topic', 'group', 'config', 'cluster', 'profile'] as const
const commands = ['start', 'produce', 'consume', 'completion', ...nouns]
const CALL_MS = '1000'

/** The last word is the one that is being typed. */
export async function complete(words: readonly string[], io: CommandIo): Promise<number> {
  const typed = words.at(-1) ?? ''
  const found = await choices(words.slice(0, -1), io).catch(() => [])
  const matching = found.filter((name) => name.startsWith(typed)).sort()
  io.out(matching.map((name) => `${name}\n`).join(''))
  return 0
}

async function choices(before: readonly string[], io: CommandIo): Promise<readonly string[]> {
  const [command, verb, ...rest] = before
  if (command === undefined) return commands
  if (command === 'completion') return Object.keys(scripts)
  if (command === 'produce' || command === 'consume') return await topics(io)
  const isNoun = (name: string): name is (typeof nouns)[number] => (nouns as readonly string[]).includes(name)
  if (!isNoun(command)) return []
  if (verb === undefined) return Object.keys((await verbs[command]()).verbs)
  if (command === 'topic' && verb !== 'create' && verb !== 'ls') return await topics(io)
  if (command === 'group' && verb !== 'ls') return await groups(io)
  if (command === 'profile' && verb !== 'ls' && verb !== 'create')
    return Object.keys((await import('./profiles.ts')).readProfiles(io).profiles)
  if (command === 'config' && rest.length === 0) return ['topic', 'broker', 'group', 'client-metrics']
  if (command === 'config' && rest.length === 1)
    return rest[0] === 'topic' ? await topics(io) : rest[0] === 'group' ? await groups(io) : ['default']
  return []
}

const verbs = {
  topic: () => import('./topic.ts'),
  group: () => import('./group.ts'),
  config: () => import('./config.ts'),
  cluster: () => import('./cluster.ts'),
  profile: () => import('./profile.ts')
} as const

const none = new Arguments({ set: [`default.api.timeout.ms=${CALL_MS}`, `request.timeout.ms=${CALL_MS}`] }, [])

const topics = (io: CommandIo): Promise<readonly string[]> =>
  withKafka(none, io, async (kafka, settings) => [...(await kafka.admin(await adminSettings(settings)).listTopics()).keys()])
const groups = (io: CommandIo): Promise<readonly string[]> =>
  withKafka(none, io, async (kafka, settings) =>
    (await kafka.admin(await adminSettings(settings)).listGroups()).map(({ groupId }) => groupId)
  )
