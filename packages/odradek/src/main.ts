/** The odradek command: a broker from nothing, and one short way to topics, records, groups and settings. Each part loads when it is asked for. */
import { closest, OdradekError } from '@odradek/base'
import { type CommandIo, processIo } from './commands/io.ts'

interface Part {
  readonly about: string
  run(args: readonly string[], io: CommandIo): Promise<number>
}

const parts: Readonly<Record<string, Part>> = {
  start: { about: 'start a broker', run: async (args) => (await import('./start.ts')).start(args) },
  topic: {
    about: 'list, describe, create, grow and delete topics',
    run: async (args, io) => (await import('./commands/topic.ts')).topic(args, io)
  },
  produce: {
    about: 'send records from standard input',
    run: async (args, io) => (await import('./commands/produce.ts')).produce(args, io)
  },
  consume: { about: 'print records', run: async (args, io) => (await import('./commands/consume.ts')).consume(args, io) },
  group: {
    about: 'list, describe, rewind and delete groups',
    run: async (args, io) => (await import('./commands/group.ts')).group(args, io)
  },
  config: { about: 'show and change dynamic settings', run: async (args, io) => (await import('./commands/config.ts')).config(args, io) },
  cluster: {
    about: 'brokers, controller and features',
    run: async (args, io) => (await import('./commands/cluster.ts')).cluster(args, io)
  },
  profile: { about: 'remember clusters by name', run: async (args, io) => (await import('./commands/profile.ts')).profile(args, io) },
  completion: {
    about: 'completion for bash, zsh or fish',
    run: async (args, io) => (await import('./commands/completion.ts')).completion(args, io)
  }
}

const usage = `usage: odradek [COMMAND] [options]

${Object.entries(parts)
  .map(([name, { about }]) => `  ${name.padEnd(12)}${about}`)
  .join('\n')}

Without a command it starts a broker. odradek COMMAND --help tells the options of each.
`

/** Options alone are those of `start`. */
async function withCommandFirst(argv: readonly string[]): Promise<readonly string[]> {
  if (argv.length > 0 && !argv[0].startsWith('-')) return argv
  const words = (await import('./commands/arguments.ts')).withWordFirst(argv)
  return Object.hasOwn(parts, words[0] ?? '') ? words : ['start', ...argv]
}

export async function main(argv: readonly string[], io: CommandIo = processIo): Promise<number> {
  const [first] = argv
  if (first === 'help' || first === '--help' || first === '-h') {
    io.out(usage)
    return 0
  }
  if (first === '--version' || first === 'version') {
    io.out(`${(await import('./commands/version.ts')).version()}\n`)
    return 0
  }
  const [name, ...args] = await withCommandFirst(argv)
  if (name === '__complete') return await (await import('./commands/completion.ts')).complete(args, io)
  const part = Object.hasOwn(parts, name) ? parts[name] : undefined
  if (part === undefined) {
    const meant = closest(name, Object.keys(parts))
    io.err(`${name} is no command of odradek${meant === undefined ? '' : `: did you mean ${meant}?`}\n\n${usage}`)
    return 1
  }
  try {
    return await part.run(args, io)
  } catch (error) {
    if (io.env.ODRADEK_STACK !== undefined || !(error instanceof OdradekError)) throw error
    io.err(`${error.message}\n`)
    return 1
  }
}
