// The loop of a console consumer: polls, prints, counts, and stops cleanly when it has enough, when nothing comes any more, when it is
// interrupted and when nobody reads its output.
import type { Consumer, ConsumerRecord } from '@odradek/client'
import { isHopeless } from '../clients.ts'
import { javaError, logError, ToolError, type ToolIo } from '../tool.ts'
import { OutputBuffer } from './output-buffer.ts'
import type { Formatter } from './printable-record.ts'

export interface ConsumeTask extends PrintTask {
  readonly topic: string | undefined
  /** A pattern on the names of topics. */
  readonly include: string | undefined
  readonly partition: number | undefined
  /** Where to read a partition from. */
  readonly from: 'earliest' | 'latest' | number
}

export interface PrintTask {
  readonly formatter: Formatter
  /** Without records for so long, it ends. */
  readonly timeoutMs: number | undefined
  /** -1: no end. */
  readonly maxMessages: number
  readonly skipsErrors: boolean
  /** Of share groups: what became of the record. */
  readonly settle?: (record: ConsumerRecord, isPrinted: boolean) => void
  readonly logger: string
}

type Reader = Pick<Consumer, 'poll' | 'close'>

/** Where nothing is said of time: as long as a timer can wait. */
const POLL_MS = 2 ** 30

/** Closes the consumer. Throws what a record that cannot be printed fails with. */
export async function consumeAndPrint(consumer: Consumer, task: ConsumeTask, io: ToolIo): Promise<void> {
  try {
    start(consumer, task)
  } catch (error) {
    await consumer.close()
    throw error
  }
  await printAndClose(consumer, task, io)
}

/** The same for a consumer that knows what to read. */
export async function printAndClose(consumer: Reader, task: PrintTask, io: ToolIo): Promise<void> {
  const printer = new Printer(task, io)
  try {
    await pollAndPrint(consumer, printer, task, io)
  } finally {
    await printer.flush()
    await consumer.close()
    io.err(`Processed a total of ${printer.count} messages\n`)
  }
}

function start(consumer: Consumer, { topic, include, partition, from }: ConsumeTask): void {
  if (partition === undefined || topic === undefined) {
    consumer.subscribe(topic === undefined ? wholeName(include as string) : [topic])
    return
  }
  const target = { topic, partition }
  consumer.assign([target])
  if (from === 'earliest') consumer.seekToBeginning([target])
  else if (from === 'latest') consumer.seekToEnd([target])
  else consumer.seek(target, from)
}

/** A pattern that the whole name of a topic must match. */
export function wholeName(text: string): RegExp {
  try {
    return new RegExp(`^(?:${text})$`)
  } catch (error) {
    throw new ToolError((error as Error).message, 'java.util.regex.PatternSyntaxException')
  }
}

async function pollAndPrint(consumer: Reader, printer: Printer, { timeoutMs = POLL_MS, logger }: PrintTask, io: ToolIo): Promise<void> {
  const { signal } = io
  while (!printer.isDone) {
    let records: Iterable<ConsumerRecord> & { readonly isEmpty: boolean }
    try {
      records = await consumer.poll({ timeoutMs, signal })
    } catch (error) {
      if (signal.aborted) return
      if (isHopeless(error)) throw error
      logError(io, 'Error processing message, terminating consumer process: ', logger)
      io.err(`${javaError(error)}\n`)
      return
    }
    if (records.isEmpty && timeoutMs < POLL_MS) {
      logError(io, 'Error processing message, terminating consumer process: ', logger)
      io.err('org.apache.kafka.common.errors.TimeoutException: null\n')
      return
    }
    if (!(await printer.print(records))) return
  }
}

class Printer {
  readonly #task: PrintTask
  readonly #io: ToolIo
  readonly #output: OutputBuffer
  #isUnread = false
  count = 0

  constructor(task: PrintTask, io: ToolIo) {
    this.#task = task
    this.#io = io
    this.#output = new OutputBuffer(io)
  }

  get isDone(): boolean {
    const { maxMessages } = this.#task
    return maxMessages !== -1 && this.count >= maxMessages
  }

  /** False: stop. A record counts as read, for the offsets that are committed, once the next one is asked for. */
  async print(records: Iterable<ConsumerRecord>): Promise<boolean> {
    for (const record of records) {
      if (this.isDone || this.#io.signal.aborted) return false
      this.count++
      this.#printOne(record)
      if (this.#output.isFull && !(await this.flush())) return false
    }
    return await this.flush()
  }

  #printOne(record: ConsumerRecord): void {
    const { formatter, skipsErrors, settle, logger } = this.#task
    try {
      formatter(record, this.#output)
    } catch (error) {
      if (!skipsErrors) throw error
      logError(this.#io, `Error processing message, ${settle === undefined ? 'skipping' : 'rejecting'} this message: `, logger)
      this.#io.err(`${javaError(error)}\n`)
      settle?.(record, false)
      return
    }
    settle?.(record, true)
  }

  async flush(): Promise<boolean> {
    const isRead = await this.#output.flush()
    if (!isRead && !this.#isUnread) this.#io.err('Unable to write to standard out, closing consumer.\n')
    this.#isUnread = !isRead
    return isRead
  }
}
