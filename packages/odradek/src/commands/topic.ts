// odradek topic: ls, describe, create, add-partitions, delete.
import type { TopicPartitionInfo } from '@odradek/client'
import { type Arguments, outputOption, patternOf, runVerb, usageError, type Verb } from './arguments.ts'
import { adminSettings, withKafka } from './connect.ts'
import type { CommandIo } from './io.ts'
import { failureLines } from './missing-topic.ts'
import { show } from './output.ts'
import { keyOf } from './places.ts'

const dryRun = { 'dry-run': { help: 'check only, change nothing' } }

export const topic = (args: readonly string[], io: CommandIo): Promise<number> => runVerb('topic', verbs, args, io)

const ls: Verb = {
  spec: {
    usage: 'topic ls [PATTERN]',
    about: 'Lists topics; PATTERN is a regular expression.',
    options: { ...outputOption, internal: { help: 'internal ones too' } },
    most: 1
  },
  run: (args, io) =>
    withKafka(args, io, async (kafka, settings) => {
      const admin = kafka.admin(await adminSettings(settings))
      const pattern = patternOf(args.rest[0])
      return await show(args, io, async () => {
        const listed = await admin.listTopics({ listInternal: args.has('internal') })
        const names = [...listed.keys()].filter((name) => pattern.test(name)).sort()
        const { values: described } = await admin.describeTopics(names).outcomes()
        const rows = names.flatMap((name) => {
          const found = described.get(name)
          if (found === undefined) return []
          const { topicId, isInternal, partitions } = found
          return [
            {
              name,
              partitions: partitions.length,
              replicas: Math.max(0, ...partitions.map(({ replicas }) => replicas.length)),
              underReplicated: partitions.filter(({ isr, replicas }) => isr.length < replicas.length).length,
              offline: partitions.filter(({ leader }) => leader === undefined).length,
              topicId,
              isInternal
            }
          ]
        })
        return { rows, columns: ['name', 'partitions', 'replicas'] }
      })
    })
}

const describe: Verb = {
  spec: { usage: 'topic describe NAME', about: 'Partitions of a topic with their offsets.', options: outputOption, least: 1, most: 1 },
  run: (args, io) =>
    withKafka(args, io, async (kafka, settings) => {
      const [name] = args.rest
      const admin = kafka.admin(await adminSettings(settings))
      return await show(args, io, async () => {
        const found = (await admin.describeTopics([name])).get(name)
        const partitions = found?.partitions ?? []
        const at = (spec: 'earliest' | 'latest') => admin.listOffsets(partitions.map(({ partition }) => ({ topic: name, partition, spec })))
        const [earliest, latest] = await Promise.all([at('earliest').outcomes(), at('latest').outcomes()])
        const key = (partition: number): string => keyOf({ topic: name, partition })
        const rows = partitions.map(({ partition, leader, replicas, isr }: TopicPartitionInfo) => {
          const [start, end] = [earliest.values.get(key(partition))?.offset, latest.values.get(key(partition))?.offset]
          return {
            partition,
            leader: leader?.id,
            replicas: replicas.map(({ id }) => id),
            isr: isr.map(({ id }) => id),
            start,
            end,
            records: start === undefined || end === undefined ? undefined : end - start
          }
        })
        return { rows, columns: ['partition', 'leader', 'replicas', 'isr', 'start', 'end', 'records'] }
      })
    })
}

const create: Verb = {
  spec: {
    usage: 'topic create NAME...',
    about: 'Creates topics.',
    options: {
      partitions: { short: 'p', value: 'N', help: "number of partitions (default: the broker's)" },
      replicas: { short: 'r', value: 'N', help: "replicas of each partition (default: the broker's)" },
      config: { short: 'c', value: 'KEY=VALUE', isMany: true, help: 'a setting of the topic' },
      'if-not-exists': { help: 'an existing topic is no failure' },
      ...dryRun
    },
    least: 1,
    most: Number.POSITIVE_INFINITY
  },
  run: (args, io) =>
    withKafka(args, io, async (kafka, settings) => {
      const wanted = {
        numPartitions: args.number('partitions', 1),
        replicationFactor: args.number('replicas', 1),
        configs: args.pairs('config')
      }
      const admin = kafka.admin(await adminSettings(settings))
      const made = admin.createTopics(
        args.rest.map((name) => ({ name, ...wanted })),
        { validateOnly: args.has('dry-run') }
      )
      const { values, errors } = await made.outcomes()
      const failed = [...errors].filter(([, { code }]) => code !== 'TOPIC_ALREADY_EXISTS' || !args.has('if-not-exists'))
      for (const name of values.keys()) io.out(`${args.has('dry-run') ? 'would create' : 'created'} ${name}\n`)
      for (const [name, error] of failed) io.err(`${name}: ${error.message} (${error.code})\n`)
      return failed.length === 0 ? 0 : 1
    })
}

const addPartitions: Verb = {
  spec: {
    usage: 'topic add-partitions NAME TOTAL',
    about: 'Raises the number of partitions to TOTAL. Keys then go to other partitions than before.',
    options: dryRun,
    least: 2,
    most: 2
  },
  run: (args, io) =>
    withKafka(args, io, async (kafka, settings) => {
      const [name, text] = args.rest
      const total = Number(text)
      if (!Number.isSafeInteger(total) || total < 1) throw usageError(`TOTAL is a whole number from 1 on, not ${text}`)
      await kafka.admin(await adminSettings(settings)).createPartitions({ [name]: total }, { validateOnly: args.has('dry-run') })
      io.out(`${name} ${args.has('dry-run') ? 'would have' : 'has'} ${total} partitions\n`)
      return 0
    })
}

const remove: Verb = {
  spec: {
    usage: 'topic delete NAME...',
    about: 'Deletes topics and all their records.',
    options: dryRun,
    least: 1,
    most: Number.POSITIVE_INFINITY
  },
  run: (args, io) => withKafka(args, io, async (kafka, settings) => await removeAll(args, io, kafka.admin(await adminSettings(settings))))
}

async function removeAll(args: Arguments, io: CommandIo, admin: import('@odradek/client').Admin): Promise<number> {
  const isDry = args.has('dry-run')
  const outcomes = isDry ? await admin.describeTopics(args.rest).outcomes() : await admin.deleteTopics(args.rest).outcomes()
  for (const name of outcomes.values.keys()) io.out(`${isDry ? 'would delete' : 'deleted'} ${name}\n`)
  for (const line of await failureLines(outcomes.errors, admin)) io.err(`${line}\n`)
  return outcomes.errors.size === 0 ? 0 : 1
}

export const verbs: Readonly<Record<string, Verb>> = { ls, describe, create, 'add-partitions': addPartitions, delete: remove }
