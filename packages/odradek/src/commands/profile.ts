// odradek profile: ls, create, use, delete.
import { OdradekError } from '@odradek/base'
import { outputOption, runVerb, usageError, type Verb } from './arguments.ts'
import { settingsOf } from './connect.ts'
import type { CommandIo } from './io.ts'
import { show } from './output.ts'
import { readProfiles, writeProfiles } from './profiles.ts'

export const profile = (args: readonly string[], io: CommandIo): Promise<number> => runVerb('profile', verbs, args, io)

const SECRET = /password|secret|jaas|token/i

const ls: Verb = {
  spec: { usage: 'profile ls', about: 'Lists profiles; * is the current one.', options: outputOption },
  run: (args, io) =>
    show(args, io, async () => {
      const { current, profiles } = readProfiles(io)
      const rows = Object.entries(profiles).map(([name, { brokers, settings }]) => ({
        current: name === current ? '*' : '',
        name,
        brokers,
        settings: Object.entries(settings).map(([key, value]) => `${key}=${SECRET.test(key) ? '***' : value}`)
      }))
      return { rows, columns: ['current', 'name', 'brokers'] }
    })
}

const create: Verb = {
  spec: {
    usage: 'profile create NAME -b HOST:PORT [-X KEY=VALUE]...',
    about: 'Makes or replaces a profile, which becomes the current one.',
    options: {},
    least: 1,
    most: 1
  },
  async run(args, io) {
    const [name] = args.rest
    const brokers = args.text('brokers')
    if (brokers === undefined) throw usageError('A profile names its cluster: --brokers HOST:PORT')
    const { profiles } = readProfiles(io)
    const { settings } = await settingsOf(args, io)
    writeProfiles({ current: name, profiles: { ...profiles, [name]: { brokers, settings } } }, io)
    io.out(`${name} is the current profile\n`)
    return 0
  }
}

function known(name: string, io: CommandIo) {
  const found = readProfiles(io)
  if (!Object.hasOwn(found.profiles, name))
    throw new OdradekError('PROFILE_UNKNOWN', `There is no profile ${name}. Known: ${Object.keys(found.profiles).join(', ') || 'none'}.`)
  return found
}

const use: Verb = {
  spec: { usage: 'profile use NAME', about: 'Makes a profile the current one.', options: {}, least: 1, most: 1 },
  async run(args, io) {
    const [name] = args.rest
    writeProfiles({ ...known(name, io), current: name }, io)
    io.out(`${name} is the current profile\n`)
    return 0
  }
}

const remove: Verb = {
  spec: { usage: 'profile delete NAME', about: 'Forgets a profile.', options: {}, least: 1, most: 1 },
  async run(args, io) {
    const [name] = args.rest
    const { current, profiles } = known(name, io)
    const { [name]: _gone, ...left } = profiles
    writeProfiles({ current: current === name ? undefined : current, profiles: left }, io)
    io.out(`forgot ${name}\n`)
    return 0
  }
}

export const verbs: Readonly<Record<string, Verb>> = { ls, create, use, delete: remove }
