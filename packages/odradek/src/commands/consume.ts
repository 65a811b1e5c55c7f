// odradek consume: records on standard output, by a format, as JSON, or as lines of values.
import type { Consumer, ConsumerRecord, TopicPartition } from '@odradek/client'
import { type Arguments, type CommandSpec, readArguments, usageError } from './arguments.ts'
import { withKafka } from './connect.ts'
import type { CommandIo } from './io.ts'
import { noSuchTopic } from './missing-topic.ts'
import { keyOf, timeOf } from './places.ts'
import { type Format, formatHelp, parseFormat } from './record-format.ts'
import { toJson } from './record-json.ts'

export const spec: CommandSpec = {
  usage: 'consume TOPIC...',
  about: `Prints records until it is ended.\n\nFormat: ${formatHelp}`,
  options: {
    output: {
      short: 'o',
      value: 'FORM',
      choices: ['json', 'value'],
      help: 'json (one record a line) or value (default: value; json when piped)'
    },
    format: { short: 'f', value: 'TEXT', help: "how a record is printed: '%t %p %o %k %v\\n'" },
    group: { short: 'g', value: 'ID', help: 'as a member of this group, which commits (default: none)' },
    offset: {
      value: 'WHERE',
      choices: ['start', 'end'],
      help: 'start, end, N, -N (the last N), or @TIME in ms or ISO 8601 (default: end)'
    },
    'from-beginning': { help: 'the same as --offset start' },
    partition: { short: 'p', value: 'N', isMany: true, help: 'this partition only' },
    num: { short: 'n', value: 'COUNT', help: 'end after so many records' },
    'exit-at-end': { short: 'e', help: 'end where the partitions end now' },
    committed: { help: 'records of committed transactions only' }
  },
  least: 1,
  most: 100
}

/** Where partitions ended when the command began, by partition; those that are read to there are taken out. */
type Ends = Map<string, { readonly one: TopicPartition; readonly end: number }>

const POLL_MS = 500
const PIECE_BYTES = 64 * 1024

export async function consume(argv: readonly string[], io: CommandIo): Promise<number> {
  const args = readArguments(spec, argv, io)
  if (args === undefined) return 0
  const format = formatOf(args, io)
  const group = args.text('group')
  if (group !== undefined && (args.has('partition') || args.has('exit-at-end')))
    throw usageError('--group is given its partitions: --partition and --exit-at-end do not go with it')
  if (args.has('from-beginning') && !['start', undefined].includes(args.text('offset')))
    throw usageError('--from-beginning and --offset do not go together')
  if (group !== undefined && !['start', 'end', undefined].includes(args.text('offset')))
    throw usageError('--group goes on where it has committed: of --offset only start and end go with it. odradek group reset moves it.')
  return await withKafka(args, io, async (kafka, settings) => {
    const { consumerConfigDefinitions } = await import('@odradek/config')
    const known = Object.fromEntries(Object.entries(settings).filter(([name]) => consumerConfigDefinitions.has(name)))
    const isFromStart = args.has('from-beginning') || args.text('offset') === 'start'
    const consumer = kafka.consumer({
      // a name mistyped makes no topic
      'allow.auto.create.topics': false,
      ...known,
      'auto.offset.reset': isFromStart ? 'earliest' : 'latest',
      ...(args.has('committed') ? { 'isolation.level': 'read_committed' } : {}),
      ...(group === undefined ? { 'enable.auto.commit': false } : { 'group.id': group })
    })
    let ends: Ends | undefined
    if (group !== undefined) consumer.subscribe(args.rest)
    else ends = await assign(args, consumer)
    await printAll(args, io, consumer, format, ends)
    await consumer.close()
    return 0
  })
}

function formatOf(args: Arguments, io: CommandIo): Format {
  const text = args.text('format')
  const form = args.choice('output', ['json', 'value'])
  if (text !== undefined && form !== undefined) throw usageError('--format and --output do not go together')
  if (text !== undefined) return parseFormat(text)
  if ((form ?? (io.isOutputTerminal ? 'value' : 'json')) === 'json') return (record) => Buffer.from(`${toJson(record)}\n`)
  return parseFormat('%v\\n')
}

/** Gives where the partitions end, when it is to be the end. */
async function assign(args: Arguments, consumer: Consumer): Promise<Ends | undefined> {
  const asked = args.texts('partition').map(Number)
  if (asked.some((partition) => !Number.isSafeInteger(partition) || partition < 0))
    throw usageError('--partition wants a whole number from 0 on')
  const found = args.rest.map(async (name) => {
    const all = await consumer.partitionsFor(name)
    if (all.length === 0) throw usageError(noSuchTopic(name, [...(await consumer.listTopics()).keys()]))
    const missing = asked.filter((wanted) => !all.some(({ partition }) => partition === wanted))
    if (missing.length > 0) throw usageError(`${name} has ${all.length} partition(s), no ${missing.join(', ')}`)
    return asked.length === 0 ? all : all.filter(({ partition }) => asked.includes(partition))
  })
  const partitions = (await Promise.all(found)).flat()
  consumer.assign(partitions)
  const where = args.has('from-beginning') ? 'start' : (args.text('offset') ?? 'end')
  const ends = await consumer.endOffsets(partitions)
  await seek(consumer, partitions, where, ends)
  if (!args.has('exit-at-end')) return undefined
  // from the end on nothing would come
  const starts = await Promise.all(partitions.map((one) => consumer.position(one)))
  return new Map(
    partitions.flatMap((one, index) => {
      const end = ends.get(keyOf(one)) ?? 0
      return starts[index] < end ? [[keyOf(one), { one, end }] as const] : []
    })
  )
}

async function seek(
  consumer: Consumer,
  partitions: readonly TopicPartition[],
  where: string,
  ends: ReadonlyMap<string, number>
): Promise<void> {
  if (where === 'start') return consumer.seekToBeginning(partitions)
  if (where === 'end') return consumer.seekToEnd(partitions)
  if (where.startsWith('@')) {
    const timestamp = timeOf(where.slice(1), '--offset @TIME')
    const found = await consumer.offsetsForTimes(partitions.map((one) => ({ ...one, timestamp })))
    for (const one of partitions) consumer.seek(one, found.get(keyOf(one))?.offset ?? ends.get(keyOf(one)) ?? 0)
    return
  }
  const count = Number(where)
  if (!Number.isSafeInteger(count)) throw usageError(`--offset wants start, end, a number or @TIME, not ${where}`)
  const starts = count < 0 ? await consumer.beginningOffsets(partitions) : undefined
  for (const one of partitions)
    consumer.seek(one, starts === undefined ? count : Math.max(starts.get(keyOf(one)) ?? 0, (ends.get(keyOf(one)) ?? 0) + count))
}

async function printAll(args: Arguments, io: CommandIo, consumer: Consumer, format: Format, ends: Ends | undefined): Promise<void> {
  const limit = args.number('num', 1) ?? Number.POSITIVE_INFINITY
  let count = 0
  while (count < limit && !io.signal.aborted && (ends === undefined || ends.size > 0)) {
    const pieces: Buffer[] = []
    let bytes = 0
    for (const record of await consumer.poll({ timeoutMs: POLL_MS, signal: io.signal }).catch(whenInterrupted(io))) {
      if (count >= limit) break
      if (!isBeforeEnd(record, ends)) continue
      pieces.push(format(record))
      count++
      bytes += pieces[pieces.length - 1].length
      if (bytes < PIECE_BYTES) continue
      io.out(Buffer.concat(pieces.splice(0)))
      bytes = 0
      if (!(await io.drained())) return
    }
    if (pieces.length > 0) io.out(Buffer.concat(pieces))
    if (!(await io.drained())) return
    // markers of transactions and what was aborted are passed too
    for (const [key, { one, end }] of ends ?? []) if ((await consumer.position(one)) >= end) ends?.delete(key)
  }
}

const isBeforeEnd = (record: ConsumerRecord<unknown, unknown>, ends: Ends | undefined): boolean =>
  ends === undefined || record.offset < (ends.get(keyOf(record))?.end ?? 0)

const whenInterrupted =
  (io: CommandIo) =>
  (error: unknown): never[] => {
    if (io.signal.aborted) return []
    throw error
  }
