// Memory of a consumer that stops reading under full load. This file is both sides: `measure` loads a broker and starts a process of its
// own with a consumer in it (this file again), which reads, stops, tells its memory, and reads on.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { type Consumer, Kafka } from '@odradek/client'

export type Mode = 'poll' | 'stream' | 'run'

export interface Stopped {
  /** Subscribed, nothing read yet. */
  readonly idleMegabytes: number
  /** The most while it did not read. */
  readonly stoppedMegabytes: number
  /** While it did not read, by the load. */
  readonly producedMegabytes: number
}

export interface StoppedOptions {
  readonly brokers: string
  readonly topic: string
  readonly mode: Mode
  readonly seconds: number
  /** Settings of the consumer. */
  readonly settings?: Readonly<Record<string, unknown>>
}

const PARTITIONS = 4
const VALUE = Buffer.alloc(1_000, 'x')
const megabytes = (): number => process.memoryUsage().rss / 1e6

export async function measure({ brokers, topic, mode, seconds, settings = {} }: StoppedOptions): Promise<Stopped> {
  await using kafka = new Kafka({ brokers })
  const configs = { 'retention.bytes': 64_000_000, 'segment.bytes': 16_000_000 }
  await kafka.admin().createTopics([{ name: topic, numPartitions: PARTITIONS, replicationFactor: 1, configs }])
  const args = [import.meta.filename, JSON.stringify({ brokers, topic, mode, seconds, settings })]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<Record<string, number>> => {
    const line = await lines.next()
    if (line.done) throw new Error('the consumer ended before it had told everything')
    return JSON.parse(line.value)
  }
  const { idle } = await next()
  const producer = kafka.producer({ lingerMs: 5, batchSize: 128_000, maxRequestSize: 2_000_000, bufferMemory: 16_000_000 })
  let isOver = false
  let sent = 0
  const load = (async () => {
    while (!isOver) {
      producer.send(topic, { value: VALUE, partition: sent++ % PARTITIONS }).catch(() => {})
      if (producer.isFull) await producer.ready()
      else if (sent % 1_000 === 0) await delay(0)
    }
  })()
  try {
    await next()
    const before = sent
    const { stopped } = await next()
    const produced = sent - before
    await next()
    return { idleMegabytes: idle, stoppedMegabytes: stopped, producedMegabytes: (produced * VALUE.length) / 1e6 }
  } finally {
    isOver = true
    await load
    if (child.exitCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
  }
}

const tell = (figures: Record<string, number>): void => void process.stdout.write(`${JSON.stringify(figures)}\n`)

async function stopReading(seconds: number): Promise<void> {
  tell({ stops: 1 })
  const endMs = performance.now() + seconds * 1_000
  let stopped = 0
  while (performance.now() < endMs) {
    stopped = Math.max(stopped, megabytes())
    await delay(50)
  }
  tell({ stopped })
}

/** Called with each record: stops once, in the middle, and ends after as many records again. */
function reader(seconds: number, end: () => void): () => Promise<void> {
  const some = 100_000
  let count = 0
  return async () => {
    count++
    if (count === some) await stopReading(seconds)
    if (count === 2 * some) {
      tell({ readOn: count })
      end()
    }
  }
}

async function consume(consumer: Consumer, { topic, mode, seconds }: StoppedOptions): Promise<void> {
  const stop = new AbortController()
  const { signal } = stop
  const read = reader(seconds, () => stop.abort())
  consumer.subscribe(topic)
  while (consumer.assignment().length < PARTITIONS) await consumer.poll(100)
  globalThis.gc?.()
  tell({ idle: megabytes() })
  if (mode === 'run') await consumer.run(undefined, read, { signal })
  else if (mode === 'stream') for await (const _ of consumer.stream(undefined, { signal })) await read()
  else while (!signal.aborted) for (const _ of await consumer.poll(1_000)) await read()
}

if (process.argv[1] === import.meta.filename) {
  const options = JSON.parse(process.argv[2]) as StoppedOptions
  await using kafka = new Kafka({ brokers: options.brokers })
  await consume(kafka.consumer({ groupId: options.topic, autoOffsetReset: 'earliest', ...options.settings }), options)
}
