// Throughput and CPU of produce and consume, librdkafka in C and the Java performance tools.
import type { BrokerKind } from '../../test/interop/support/brokers.ts'
import { apacheTool, createTopic, type Figures, librdkafka, measured, type Scenario, withBroker } from '../support.ts'

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
        await librdkafka('produce', broker, { topic: 'load', records: recordCount(size, true) / 10, size, last: 'all' }) // warm
        const records = recordCount(size, quick)
        const { result, cpu } = await measured(broker, () => librdkafka('produce', broker, { topic: 'load', records, size, last: 'all' }))
        return figures((records * size) / 1e6, result.seconds, cpu)
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

/** `cold`: the broker is restarted after the load, so that nothing is in a cache of its own. */
function consume(client: 'librdkafka' | 'Java', size: number, partitions: number, cold: boolean): Scenario {
  return {
    name: `consume ${client} ${size} B ${cold ? 'cold segments' : 'tail'} ${partitions} partition${partitions === 1 ? '' : 's'}`,
    targets: consumeTargets,
    run: async (kind: BrokerKind, quick: boolean) => {
      const { mkdtempSync, rmSync } = await import('node:fs')
      const { tmpdir } = await import('node:os')
      const dataDir = mkdtempSync(`${tmpdir()}/odradek-bench-`)
      // what a tail consumer reads has just been written: 150 MB at most
      const records = Math.floor(Math.min(recordCount(size, quick) * size, cold ? Number.POSITIVE_INFINITY : 150_000_000) / size)
      try {
        const read = async (broker: Parameters<Parameters<typeof withBroker>[2]>[0]): Promise<Figures> => {
          if (client === 'librdkafka') {
            const { result, cpu } = await measured(broker, () =>
              librdkafka('consume', broker, { topic: 'load', records, size, last: String(partitions) })
            )
            return figures((records * size) / 1e6, result.seconds, cpu)
          }
          const { result, cpu } = await measured(broker, () =>
            apacheTool('org.apache.kafka.tools.ConsumerPerformance', [
              '--bootstrap-server',
              broker.bootstrapServers,
              '--topic',
              'load',
              '--num-records',
              String(records),
              '--timeout',
              '60000'
            ])
          )
          const columns = result
            .trim()
            .split('\n')
            .slice(-1)[0]
            .split(',')
            .map((column) => column.trim())
          return figures((records * size) / 1e6, Number(columns[7]) / 1000, cpu)
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
  ...[100, 1000].map((size) => javaProduce(size, 1)),
  consume('librdkafka', 1000, 1, false),
  consume('librdkafka', 1000, 1, true),
  consume('librdkafka', 100, 4, true),
  consume('Java', 1000, 1, true)
]
