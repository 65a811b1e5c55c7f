// Throughput and CPU of produce and consume, librdkafka in C and the Java performance tools.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrokerKind, BrokerProcess } from '../../test/interop/support/brokers.ts'
import { apacheTool, createTopic, type Figures, librdkafka, measured, median, rawFetch, type Scenario, withBroker } from '../support.ts'

const produceTargets = { megabytesPerSecond: { atLeast: 1.3 }, cpuSecondsPerGigabyte: { atMost: 0.8 } }
const consumeTargets = { megabytesPerSecond: { atLeast: 1.3 }, cpuSecondsPerGigabyte: { atMost: 1 } }

function figures(megabytes: number, seconds: number, cpu: number): Figures {
  return { megabytesPerSecond: megabytes / seconds, cpuSecondsPerGigabyte: cpu / (megabytes / 1000) }
}

/** Enough bytes that a run takes some seconds. */
function recordCount(size: number, quick: boolean): number {
  const bytes = quick ? 100_000_000 : 800_000_000
  return Math.floor(bytes / size)
}

function librdkafkaProduce(size: number, partitions: number): Scenario {
  return {
    name: `produce librdkafka ${size} B acks=all ${partitions} partition${partitions === 1 ? '' : 's'}`,
    targets: produceTargets,
    run: (kind, quick) =>
      withBroker(kind, {}, async (broker) => {
        await createTopic(broker, 'load', partitions)
        await librdkafka('produce', broker, { topic: 'load', records: recordCount(size, true), size, last: 'all' }) // warm
        const records = recordCount(size, quick)
        const { result, cpu } = await measured(broker, () => librdkafka('produce', broker, { topic: 'load', records, size, last: 'all' }))
        return { ...figures((records * size) / 1e6, result.seconds, cpu), clientCores: result.clientCores }
      })
  }
}

function javaProduce(size: number, partitions: number): Scenario {
  return {
    name: `produce Java ${size} B acks=all ${partitions} partition${partitions === 1 ? '' : 's'}`,
    targets: produceTargets,
    run: (kind, quick) =>
      withBroker(kind, {}, async (broker) => {
        await createTopic(broker, 'load', partitions)
        const records = recordCount(size, quick) / (size < 1000 ? 4 : 2)
        const { result, cpu } = await measured(broker, () =>
          apacheTool('org.apache.kafka.tools.ProducerPerformance', [
            '--bootstrap-server',
            broker.bootstrapServers,
            '--topic',
            'load',
            '--num-records',
            String(records),
            '--record-size',
            String(size),
            '--throughput',
            '-1',
            '--command-property',
            'acks=all',
            'batch.size=16384'
          ])
        )
        const rates = [...result.matchAll(/([\d.]+) records\/sec/g)]
        const rate = Number(rates[rates.length - 1][1])
        return figures((records * size) / 1e6, records / rate, cpu)
      })
  }
}

/** How a load is read once: the bytes come from the runs that wrote it. Gives the seconds. */
interface Reader {
  readonly name: string
  read(broker: BrokerProcess, load: { megabytes: number; records: number; size: number; partitions: number }): Promise<ReadOnce>
}

/** `clientCores` where it is known: a client that takes a core is what is measured. */
interface ReadOnce {
  readonly seconds: number
  readonly clientCores?: number
}

const clients: Record<'librdkafka' | 'rawFetch' | 'Java', Reader> = {
  librdkafka: {
    name: 'librdkafka',
    read: async (broker, { records, size, partitions }) =>
      await librdkafka('consume', broker, { topic: 'load', records, size, last: String(partitions) })
  },
  // librdkafka takes a whole core for 1.2 GB/s of 1 KB records: what a broker could give shows only to a client that keeps nothing
  rawFetch: {
    name: 'a client that only fetches',
    read: async (broker, { megabytes, partitions }) => ({ seconds: await rawFetch(broker, { topic: 'load', partitions, megabytes }) })
  },
  Java: {
    name: 'Java',
    read: async (broker, { records }) => {
      const args = ['--bootstrap-server', broker.bootstrapServers, '--topic', 'load', '--num-records', String(records)]
      const result = await apacheTool('org.apache.kafka.tools.ConsumerPerformance', [...args, '--timeout', '60000'])
      const last = result.trim().split('\n').at(-1) ?? ''
      return { seconds: Number(last.split(',')[7]) / 1000 }
    }
  }
}

/** `cold`: the broker is restarted after the load, so that nothing is in a cache of its own. */
function consume(client: Reader, size: number, partitions: number, cold: boolean): Scenario {
  return {
    name: `consume ${client.name} ${size} B ${cold ? 'cold segments' : 'tail'} ${partitions} partition${partitions === 1 ? '' : 's'}`,
    targets: consumeTargets,
    run: async (kind: BrokerKind, quick: boolean) => {
      const dataDir = mkdtempSync(join(tmpdir(), 'odradek-bench-'))
      // what a tail consumer reads has just been written: 150 MB at most
      const records = Math.floor(Math.min(recordCount(size, quick) * size, cold ? Number.POSITIVE_INFINITY : 150_000_000) / size)
      const load = { megabytes: (records * size) / 1e6, records, size, partitions }
      const passes = quick ? 1 : cold ? 3 : 12
      try {
        const read = async (broker: BrokerProcess): Promise<Figures> => {
          await client.read(broker, load) // warm: a compiler at work is not what a day of consuming costs
          const { result, cpu } = await measured(broker, async () => {
            const once: ReadOnce[] = []
            for (let pass = 0; pass < passes; pass++) once.push(await client.read(broker, load))
            return once
          })
          const seconds = result.reduce((sum, one) => sum + one.seconds, 0)
          const cores = result.flatMap(({ clientCores }) => clientCores ?? [])
          return { ...figures(load.megabytes * passes, seconds, cpu), ...(cores.length > 0 ? { clientCores: median(cores) } : {}) }
        }
        const first = await withBroker(kind, { dataDir }, async (broker) => {
          await createTopic(broker, 'load', partitions)
          await librdkafka('produce', broker, { topic: 'load', records, size, last: 'all' })
          return cold ? undefined : await read(broker)
        })
        return first ?? (await withBroker(kind, { dataDir }, read))
      } finally {
        rmSync(dataDir, { recursive: true, force: true })
      }
    }
  }
}

export const loadScenarios: Scenario[] = [
  ...[100, 1000].flatMap((size) => [1, 4].map((partitions) => librdkafkaProduce(size, partitions))),
  ...[100, 1000].flatMap((size) => [1, 4].map((partitions) => javaProduce(size, partitions))),
  consume(clients.librdkafka, 1000, 1, false),
  consume(clients.librdkafka, 100, 4, false),
  consume(clients.librdkafka, 1000, 1, true),
  consume(clients.librdkafka, 100, 4, true),
  consume(clients.rawFetch, 1000, 1, false),
  consume(clients.rawFetch, 1000, 1, true),
  consume(clients.rawFetch, 1000, 4, true),
  consume(clients.Java, 1000, 1, true)
]
