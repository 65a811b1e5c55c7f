// What the producer itself can do: 100-byte records, acks=1, against a broker in another process. ODRADEK_INTEROP_BROKER=apache for
// Apache Kafka; RECORDS, BATCH_BYTES, LINGER_MS and MODE (flush: nothing is awaited but memory and the end; await: every promise, 10 000 at a time; batches: sendBatch of 10 000) as wished.

import { Kafka } from '@odradek/client'
import { defaultKind, serverJavaFlags, startBroker } from '../interop/support/brokers.ts'

const records = Number(process.env.RECORDS ?? 3_000_000)
const batchSize = Number(process.env.BATCH_BYTES ?? 131_072)
const lingerMs = Number(process.env.LINGER_MS ?? 5)
const modes = (process.env.MODE ?? 'flush,await,batches').split(',')

await using broker = await startBroker({ javaFlags: serverJavaFlags })
await using kafka = new Kafka({ brokers: broker.bootstrapServers })
const admin = kafka.admin()
await admin.createTopics([{ name: 'bench', numPartitions: 3, replicationFactor: 1 }])
const value = Buffer.alloc(100, 'x')

async function run(mode: string, count: number): Promise<number> {
  await using producer = kafka.producer({ acks: 1, batchSize, lingerMs, maxRequestSize: 4 * 1_048_576 })
  await producer.partitionsFor('bench')
  const start = performance.now()
  let pending: Promise<unknown>[] = []
  if (mode === 'batches')
    for (let i = 0; i < count; i += 10_000)
      await producer.sendBatch(
        'bench',
        Array.from({ length: 10_000 }, () => ({ value }))
      )
  else
    for (let i = 0; i < count; i++) {
      const sent = producer.send('bench', { value })
      if (mode === 'await') {
        pending.push(sent)
        if (pending.length === 10_000) {
          await Promise.all(pending)
          pending = []
        }
      } else if (producer.isFull) await producer.ready()
    }
  await Promise.all(pending)
  await producer.flush()
  return count / ((performance.now() - start) / 1000)
}

for (const mode of modes) {
  await run(mode, Math.min(records, 200_000))
  const before = process.cpuUsage()
  const rate = await run(mode, records)
  const cpu = process.cpuUsage(before)
  const perCpuSecond = records / ((cpu.user + cpu.system) / 1e6)
  console.log(
    JSON.stringify({
      broker: defaultKind,
      mode,
      records,
      batchSize,
      recordsPerSecond: Math.round(rate),
      perCpuSecond: Math.round(perCpuSecond)
    })
  )
}

const single = kafka.producer({ lingerMs: 0, acks: 1 })
const times: number[] = []
for (let i = 0; i < 3_000; i++) {
  const start = performance.now()
  await single.send('bench', { value })
  times.push(performance.now() - start)
}
times.sort((a, b) => a - b)
console.log(JSON.stringify({ broker: defaultKind, mode: 'single', p50Ms: times[1_500].toFixed(3), p99Ms: times[2_970].toFixed(3) }))
