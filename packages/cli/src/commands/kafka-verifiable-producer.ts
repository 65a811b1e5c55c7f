/** kafka-verifiable-producer: sends numbers that count up and tells what became of each. As Kafka's tool does it. */
import type { Producer } from '@odradek/client'
import { makeProducer, readSettings, type Settings } from '../clients.ts'
import { type Arguments, programUsageError } from '../command-line.ts'
import { javaDouble } from '../java.ts'
import { digits, printEvent } from '../json-lines.ts'
import { PacedSender } from '../paced-sender.ts'
import { Throttle } from '../perf/throttle.ts'
import { runProgram } from '../program-tool.ts'
import { exitCodeOf, javaError, messageOf, processIo, type ToolIo } from '../tool.ts'
import { verifiableProducerLine } from './kafka-verifiable-producer-options.ts'

export const main = (argv: readonly string[], io: ToolIo = processIo): Promise<number> =>
  runProgram(verifiableProducerLine, argv, io, async (args) => {
    const producer = await makeProducer(await producerSettings(args, io), io)
    const startMs = Date.now()
    const counts = { sent: 0, acked: 0 }
    const throughput = args.integer('--throughput') ?? -1
    printEvent(io, 'startup_complete')
    try {
      await sendAll(producer, { args, throughput, counts }, io)
    } finally {
      await producer.close()
    }
    printEvent(io, 'shutdown_complete')
    const average = (1000 * counts.acked) / (Date.now() - startMs)
    const summary = { ...counts, target_throughput: throughput, avg_throughput: digits(javaDouble(average)) }
    printEvent(io, 'tool_data', summary)
    return io.signal.aborted ? exitCodeOf(io.signal) : 0
  })

async function producerSettings(args: Arguments, io: ToolIo): Promise<Settings> {
  const [old, file] = [args.value('--producer.config'), args.value('--command-config')]
  if (old !== undefined && file !== undefined)
    throw programUsageError(verifiableProducerLine, 'Options --producer.config and --command-config are mutually exclusive.')
  if (old !== undefined)
    io.out('Option --producer.config has been deprecated and will be removed in a future version. Use --command-config instead.\n')
  return {
    'bootstrap.servers': args.value('--bootstrap-server') as string,
    acks: args.value('--acks') ?? '-1',
    // What fails is told, not tried again.
    retries: '0',
    ...(await fileSettings(old ?? file, io))
  }
}

async function fileSettings(path: string | undefined, io: ToolIo): Promise<Settings> {
  try {
    return await readSettings(path, io)
  } catch (error) {
    throw programUsageError(verifiableProducerLine, messageOf(error))
  }
}

interface Task {
  readonly args: Arguments
  readonly throughput: number
  readonly counts: { sent: number; acked: number }
}

async function sendAll(producer: Producer, { args, throughput, counts }: Task, io: ToolIo): Promise<void> {
  const topic = args.value('--topic') as string
  const countMax = args.integer('--max-messages') ?? -1
  const prefix = args.value('--value-prefix')
  const keyCount = args.integer('--repeating-keys')
  const startMs = Date.now()
  let createTime = args.integer('--message-create-time') ?? -1
  const sender = new PacedSender(producer, topic, io.signal)
  const throttle = new Throttle(throughput, startMs)
  for (let index = 0; countMax < 0 || index < countMax; index++) {
    if (io.signal.aborted) return
    const key = keyCount === undefined ? null : String(index % keyCount)
    const value = prefix === undefined ? String(index) : `${prefix}.${index}`
    const timestamp = createTime === -1 ? undefined : createTime
    const sentMs = Date.now()
    if (createTime !== -1) createTime += sentMs - startMs
    counts.sent++
    const room = sender.send({ key, value, timestamp }, (error, metadata) => {
      if (metadata === null) return printEvent(io, 'producer_send_error', { topic, key, value, ...described(error) })
      counts.acked++
      const { offset, partition } = metadata
      printEvent(io, 'producer_send_success', { key, value, offset, topic, partition })
    })
    if (room !== undefined) await room.catch(unlessAborted(io))
    const pause = throttle.after(index, sentMs, io.signal)
    if (pause !== undefined) await Promise.all([pause, io.drained()])
  }
}

const unlessAborted = (io: ToolIo) => (error: unknown) => {
  if (!io.signal.aborted) throw error
}

function described(error: Error | null): { exception: string; message: string } {
  const [javaClass] = javaError(error).split(':', 1)
  return { exception: `class ${javaClass}`, message: messageOf(error) }
}
