// odradek config: ls, set, unset: dynamic settings of topics, brokers and groups.
import { closest } from '@odradek/base'
import type { ConfigResource } from '@odradek/client'
import { type Arguments, outputOption, runVerb, usageError, type Verb } from './arguments.ts'
import { adminSettings, withKafka } from './connect.ts'
import type { CommandIo } from './io.ts'
import { show } from './output.ts'

export const config = (args: readonly string[], io: CommandIo): Promise<number> => runVerb('config', verbs, args, io)

const types = { topic: 'TOPIC', broker: 'BROKER', group: 'GROUP', 'client-metrics': 'CLIENT_METRICS' } as const
const about = `TYPE is ${Object.keys(types).join(', ')}; the broker "default" is all of them.`

function resourceOf(args: Arguments): ConfigResource {
  const [type, name] = args.rest
  const known = types[type as keyof typeof types]
  if (known === undefined) throw usageError(`${type} has no settings: ${about}`)
  return { type: known, name: known === 'BROKER' && name === 'default' ? '' : name }
}

/** Changed on this resource, not inherited from the brokers. */
const isOwn = ({ type }: ConfigResource, source: string): boolean =>
  source.startsWith('DYNAMIC') && (type === 'BROKER' || !source.endsWith('BROKER_CONFIG'))

const ls: Verb = {
  spec: {
    usage: 'config ls TYPE NAME [KEY]',
    about: `Shows settings that were changed. ${about}`,
    options: { ...outputOption, all: { short: 'a', help: 'those with their defaults too' } },
    least: 2,
    most: 3
  },
  run: (args, io) =>
    withKafka(args, io, async (kafka, settings) => {
      const admin = kafka.admin(await adminSettings(settings))
      const resource = resourceOf(args)
      const [, , key] = args.rest
      return await show(args, io, async () => {
        const [found] = [...(await admin.describeConfigs([resource])).values()]
        if (key !== undefined && !found.entries.has(key)) {
          const meant = closest(key, [...found.entries.keys()])
          throw usageError(`${args.rest[0]} ${resource.name} has no setting ${key}${meant === undefined ? '' : `: did you mean ${meant}?`}`)
        }
        const rows = [...found.entries.values()]
          .filter(({ name, source }) => (key === undefined ? args.has('all') || isOwn(resource, source) : name === key))
          .map(({ name, value, source, isSensitive, isReadOnly }) => ({ name, value: isSensitive ? '***' : value, source, isReadOnly }))
          .sort((a, b) => (a.name < b.name ? -1 : 1))
        return { rows, columns: ['name', 'value', 'source'] }
      })
    })
}

const change = (op: 'SET' | 'DELETE', usage: string, what: string): Verb => ({
  spec: {
    usage,
    about: `${what} ${about}`,
    options: { 'dry-run': { help: 'check only, change nothing' } },
    least: 3,
    most: Number.POSITIVE_INFINITY
  },
  run: (args, io) =>
    withKafka(args, io, async (kafka, settings) => {
      const resource = resourceOf(args)
      const ops = args.rest.slice(2).map((text) => {
        const at = text.indexOf('=')
        if (op === 'SET' && at <= 0) throw usageError(`KEY=VALUE is wanted, not ${text}`)
        return op === 'SET' ? { name: text.slice(0, at), value: text.slice(at + 1), op } : { name: text, op }
      })
      const admin = kafka.admin(await adminSettings(settings))
      await admin.incrementalAlterConfigs([{ ...resource, ops }], { validateOnly: args.has('dry-run') })
      io.out(`${args.has('dry-run') ? 'would change' : 'changed'} ${ops.map(({ name }) => name).join(', ')}\n`)
      return 0
    })
})

export const verbs: Readonly<Record<string, Verb>> = {
  ls,
  set: change('SET', 'config set TYPE NAME KEY=VALUE...', 'Sets settings.'),
  unset: change('DELETE', 'config unset TYPE NAME KEY...', 'Takes settings back to their defaults.')
}
