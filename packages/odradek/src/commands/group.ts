// odradek group: ls, describe, reset, delete.
import type { Admin, TopicPartition } from '@odradek/client'
import { type Arguments, outputOption, patternOf, runVerb, usageError, type Verb } from './arguments.ts'
import { adminSettings, withKafka } from './connect.ts'
import { causeOf, describeGroup, groupListing } from './group-describe.ts'
import type { CommandIo } from './io.ts'
import { formOf, print, show } from './output.ts'
import { keyOf, timeOf } from './places.ts'

export const group = (args: readonly string[], io: CommandIo): Promise<number> => runVerb('group', verbs, args, io)

const ls: Verb = {
  spec: {
    usage: 'group ls [PATTERN]',
    about: 'Lists groups of every kind; PATTERN is a regular expression.',
    options: outputOption,
    most: 1
  },
  run: (args, io) =>
    withKafka(args, io, async (kafka, settings) => {
      const admin = kafka.admin(await adminSettings(settings))
      const pattern = patternOf(args.rest[0])
      return await show(args, io, async () => {
        const groups = (await admin.listGroups()).filter(({ groupId }) => pattern.test(groupId))
        const rows = groups.map(({ groupId, type, groupState, protocol }) => ({ group: groupId, type, state: groupState, protocol }))
        return { rows, columns: ['group', 'type', 'state'] }
      })
    })
}

const describe: Verb = {
  spec: {
    usage: 'group describe ID',
    about: 'Offsets, lag and members of a group of any kind, partition by partition.',
    options: outputOption,
    least: 1,
    most: 1
  },
  run: (args, io) =>
    withKafka(args, io, async (kafka, settings) => {
      const [groupId] = args.rest
      const admin = kafka.admin(await adminSettings(settings))
      return await show(args, io, () => groupListing(admin, groupId))
    })
}

const reset: Verb = {
  spec: {
    usage: 'group reset ID --topic TOPIC --to WHERE',
    about: 'Moves the committed offsets of a group that has no members. WHERE is start, end, a number or @TIME (ms or ISO 8601).',
    options: {
      topic: { short: 't', value: 'TOPIC', isMany: true, help: 'of this topic; TOPIC:N is one partition' },
      to: { value: 'WHERE', choices: ['start', 'end'], help: 'start, end, N or @TIME' },
      'dry-run': { help: 'show what would be, change nothing' },
      output: outputOption.output
    },
    least: 1,
    most: 1
  },
  run: (args, io) =>
    withKafka(args, io, async (kafka, settings) => await resetOffsets(args, io, kafka.admin(await adminSettings(settings))))
}

async function resetOffsets(args: Arguments, io: CommandIo, admin: Admin): Promise<number> {
  const [groupId] = args.rest
  const to = args.text('to')
  if (to === undefined || args.texts('topic').length === 0) throw usageError(`usage: odradek ${reset.spec.usage}`)
  const partitions = (await Promise.all(args.texts('topic').map((text) => partitionsOf(text, admin)))).flat()
  const offsets = await targets(partitions, to, admin)
  const rows = offsets.map(({ topic, partition, offset }) => ({ topic, partition, offset }))
  if (!args.has('dry-run')) await admin.alterConsumerGroupOffsets(groupId, offsets)
  print({ rows, columns: ['topic', 'partition', 'offset'] }, formOf(args, io), io)
  if (args.has('dry-run')) io.err('nothing was changed (--dry-run)\n')
  return 0
}

async function partitionsOf(text: string, admin: Admin): Promise<TopicPartition[]> {
  const [, name, only] = /^(.*?)(?::(\d+))?$/.exec(text) as RegExpExecArray
  if (only !== undefined) return [{ topic: name, partition: Number(only) }]
  const found = (await admin.describeTopics([name])).get(name)
  return (found?.partitions ?? []).map(({ partition }) => ({ topic: name, partition }))
}

async function targets(partitions: readonly TopicPartition[], to: string, admin: Admin): Promise<(TopicPartition & { offset: number })[]> {
  const at = async (spec: 'earliest' | 'latest' | { timestamp: number }) =>
    await admin.listOffsets(partitions.map(({ topic, partition }) => ({ topic, partition, spec })))
  const [starts, ends] = await Promise.all([at('earliest'), at('latest')])
  const found = to.startsWith('@') ? await at({ timestamp: timeOf(to.slice(1), '@TIME') }) : undefined
  return partitions.map((one) => {
    const [start, end] = [starts.get(keyOf(one))?.offset ?? 0, ends.get(keyOf(one))?.offset ?? 0]
    if (to === 'start') return { ...one, offset: start }
    if (to === 'end') return { ...one, offset: end }
    if (found !== undefined) {
      const offset = found.get(keyOf(one))?.offset ?? -1
      return { ...one, offset: offset < 0 ? end : offset }
    }
    const offset = Number(to)
    if (!Number.isSafeInteger(offset) || offset < 0) throw usageError(`--to wants start, end, a number or @TIME, not ${to}`)
    return { ...one, offset: Math.min(Math.max(offset, start), end) }
  })
}

const remove: Verb = {
  spec: {
    usage: 'group delete ID...',
    about: 'Deletes groups that have no members, with their offsets.',
    options: { 'dry-run': { help: 'check only' } },
    least: 1,
    most: Number.POSITIVE_INFINITY
  },
  run: (args, io) =>
    withKafka(args, io, async (kafka, settings) => {
      const admin = kafka.admin(await adminSettings(settings))
      const isDry = args.has('dry-run')
      const { values, errors } = isDry ? await emptyOnes(admin, args.rest) : await admin.deleteConsumerGroups(args.rest).outcomes()
      for (const name of values.keys()) io.out(`${isDry ? 'would delete' : 'deleted'} ${name}\n`)
      for (const [name, error] of errors) io.err(`${name}: ${error.message} (${error.code})\n`)
      return errors.size === 0 ? 0 : 1
    })
}

/** As the deletion would answer. */
async function emptyOnes(admin: Admin, groupIds: readonly string[]) {
  const [values, errors] = [new Map<string, unknown>(), new Map<string, { message: string; code: string }>()]
  for (const groupId of groupIds) {
    try {
      const { members } = await describeGroup(admin, groupId)
      if (members.length === 0) values.set(groupId, undefined)
      else errors.set(groupId, { message: `It has ${members.length} member(s)`, code: 'NON_EMPTY_GROUP' })
    } catch (error) {
      errors.set(groupId, causeOf(error))
    }
  }
  return { values, errors }
}

export const verbs: Readonly<Record<string, Verb>> = { ls, describe, reset, delete: remove }
