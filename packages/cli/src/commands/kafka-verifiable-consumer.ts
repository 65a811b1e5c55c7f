/** kafka-verifiable-consumer: reads a topic and tells each thing that happens to it as JSON. As Kafka's tool does it. */
import type { Consumer, ConsumerRecord, ConsumerRecords, TopicPartition } from '@odradek/client'
import { isHopeless, makeConsumer, readSettings, type Settings } from '../clients.ts'
import { type Arguments, programUsageError } from '../command-line.ts'
import { printEvent } from '../json-lines.ts'
import { runProgram } from '../program-tool.ts'
import { exitCodeOf, javaError, logError, messageOf, processIo, ToolError, type ToolIo } from '../tool.ts'
import { verifiableConsumerLine } from './kafka-verifiable-consumer-options.ts'

/** As long as a timer can wait. */
const POLL_MS = 2 ** 30

export const main = (argv: readonly string[], io: ToolIo = processIo): Promise<number> =>
  runProgram(verifiableConsumerLine, argv, io, async (args) => {
    const consumer = await makeConsumer(await consumerSettings(args, io), io)
    printEvent(io, 'startup_complete')
    const requested = (): void => printEvent(io, 'shutdown_requested')
    io.signal.addEventListener('abort', requested, { once: true })
    try {
      await new Verifier(consumer, args, io).run()
    } catch (error) {
      if (isHopeless(error)) throw error
      if (!io.signal.aborted) {
        logError(io, 'Error during processing, terminating consumer process: ', 'org.apache.kafka.tools.VerifiableConsumer')
        io.err(`${javaError(error)}\n`)
      }
    } finally {
      await consumer.close()
      printEvent(io, 'shutdown_complete')
    }
    if (io.signal.aborted) return exitCodeOf(io.signal)
    io.signal.removeEventListener('abort', requested)
    // Java's tool says so at its end in any case.
    requested()
    return 0
  })

async function consumerSettings(args: Arguments, io: ToolIo): Promise<Settings> {
  const [old, file] = [args.value('--consumer.config'), args.value('--command-config')]
  if (old !== undefined && file !== undefined)
    throw programUsageError(verifiableConsumerLine, 'Options --consumer.config and --command-config are mutually exclusive.')
  if (old !== undefined)
    io.out('Option --consumer.config has been deprecated and will be removed in a future version. Use --command-config instead.\n')
  const protocol = (args.value('--group-protocol') ?? 'classic').toLowerCase()
  if (protocol !== 'classic' && protocol !== 'consumer')
    throw new ToolError(`No enum constant org.apache.kafka.clients.consumer.GroupProtocol.${protocol.toUpperCase()}`)
  const settings: Settings = { ...(await fileSettings(old ?? file, io)), 'group.protocol': protocol }
  const put = (setting: string, value: string | undefined): void => {
    if (value !== undefined) settings[setting] = value
  }
  if (protocol === 'consumer') put('group.remote.assignor', args.value('--group-remote-assignor'))
  else put('partition.assignment.strategy', args.value('--assignment-strategy') ?? 'org.apache.kafka.clients.consumer.RangeAssignor')
  put('session.timeout.ms', args.value('--session-timeout'))
  put('group.id', args.value('--group-id'))
  put('group.instance.id', args.value('--group-instance-id'))
  put('bootstrap.servers', args.value('--bootstrap-server'))
  put('enable.auto.commit', String(args.has('--enable-autocommit')))
  put('auto.offset.reset', args.value('--reset-policy') ?? 'earliest')
  return settings
}

async function fileSettings(path: string | undefined, io: ToolIo): Promise<Settings> {
  try {
    return await readSettings(path, io)
  } catch (error) {
    throw programUsageError(verifiableConsumerLine, messageOf(error))
  }
}

type Offsets = (TopicPartition & { readonly offset: number })[]

class Verifier {
  readonly #consumer: Consumer
  readonly #io: ToolIo
  readonly #topic: string
  readonly #isVerbose: boolean
  readonly #commits: boolean
  /** Records that may still be read. */
  #left: number

  constructor(consumer: Consumer, args: Arguments, io: ToolIo) {
    const countMax = args.integer('--max-messages') ?? -1
    this.#consumer = consumer
    this.#io = io
    this.#topic = args.value('--topic') as string
    this.#isVerbose = args.has('--verbose')
    this.#commits = !args.has('--enable-autocommit')
    this.#left = countMax < 0 ? Number.POSITIVE_INFINITY : countMax
  }

  async run(): Promise<void> {
    const told = (name: string) => (partitions: readonly TopicPartition[]) =>
      printEvent(this.#io, name, { partitions: partitions.map(({ topic, partition }) => ({ topic, partition })) })
    this.#consumer.subscribe([this.#topic], { onAssigned: told('partitions_assigned'), onRevoked: told('partitions_revoked') })
    while (this.#left > 0) {
      const records = await this.#consumer.poll({ timeoutMs: POLL_MS, signal: this.#io.signal })
      const offsets = this.#tell(records)
      if (this.#commits) await this.#commit(offsets)
      await this.#io.drained()
    }
  }

  #tell(records: ConsumerRecords): Offsets {
    const offsets: Offsets = []
    const partitions: object[] = []
    for (const { topic, partition } of records.partitions) {
      const own = records.records({ topic, partition }).slice(0, this.#left)
      if (own.length === 0) break
      const [minOffset, maxOffset] = [own[0].offset, own[own.length - 1].offset]
      offsets.push({ topic, partition, offset: maxOffset + 1 })
      partitions.push({ topic, partition, count: own.length, minOffset, maxOffset })
      if (this.#isVerbose) for (const record of own) printEvent(this.#io, 'record_data', dataOf(record))
      this.#left -= own.length
    }
    printEvent(this.#io, 'records_consumed', { count: records.count, partitions })
    return offsets
  }

  async #commit(offsets: Offsets): Promise<void> {
    try {
      await this.#consumer.commitSync(offsets)
      printEvent(this.#io, 'offsets_committed', { offsets, success: true })
    } catch (error) {
      if ((error as { code?: string }).code === 'FENCED_INSTANCE_ID') throw error
      printEvent(this.#io, 'offsets_committed', { offsets, error: messageOf(error), success: false })
    }
  }
}

const dataOf = ({ rawKey, rawValue, topic, partition, offset }: ConsumerRecord): object => {
  const text = (bytes: Buffer | null): string | null => bytes?.toString() ?? null
  return { key: text(rawKey), value: text(rawValue), topic, partition, offset }
}
