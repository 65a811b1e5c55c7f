// Latency, start-up, memory and many partitions.
import { spawn } from 'node:child_process'
import { freePort, serverJavaFlags, startBroker } from '../../test/interop/support/brokers.ts'
import {
  answersApiVersions,
  apacheTool,
  createTopic,
  librdkafka,
  librdkafkaLatency,
  measured,
  median,
  residentMegabytes,
  type Scenario,
  withBroker
} from '../support.ts'

const settle = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const latency: Scenario = {
  name: 'end-to-end latency, acks=all, one record at a time (Java)',
  // its p50 is told in whole ms, which is 0 of both: librdkafka's row tells it in µs
  targets: { p99Ms: { atMost: 0.5 } },
  run: (kind, quick) =>
    withBroker(kind, {}, async (broker) => {
      await createTopic(broker, 'latency', 1)
      const output = await apacheTool('org.apache.kafka.tools.EndToEndLatency', [
        '--bootstrap-server',
        broker.bootstrapServers,
        '--topic',
        'latency',
        '--num-records',
        quick ? '2000' : '10000',
        '--producer-acks',
        'all',
        '--record-size',
        '100'
      ])
      const percentiles = /50th = ([\d.]+), 99th = ([\d.]+)/.exec(output)
      const average = /Avg latency: ([\d.]+) ms/.exec(output)
      if (percentiles === null || average === null) throw new Error(`no percentiles in:\n${output}`)
      // the tool prints percentiles in whole ms: the average is the finer figure
      return { p50Ms: Number(percentiles[1]), p99Ms: Number(percentiles[2]), averageMs: Number(average[1]) }
    })
}

const latencyLibrdkafka: Scenario = {
  name: 'end-to-end latency, acks=all, one record at a time (librdkafka)',
  targets: { p50Us: { atMost: 0.5 }, p99Us: { atMost: 0.5 } },
  run: (kind, quick) =>
    withBroker(kind, {}, async (broker) => {
      await createTopic(broker, 'latency', 1)
      const { p50Us, p99Us } = await librdkafkaLatency(broker, {
        topic: 'latency',
        records: quick ? 2000 : 20_000,
        size: 100,
        warmup: 2000
      })
      return { p50Us, p99Us }
    })
}

const start: Scenario = {
  name: 'start, formatted folder, to the first answered ApiVersions',
  targets: { seconds: { absoluteAtMost: 0.4 } },
  run: async (kind) => {
    const { mkdtempSync, rmSync } = await import('node:fs')
    const { tmpdir } = await import('node:os')
    const dataDir = mkdtempSync(`${tmpdir()}/odradek-bench-`)
    try {
      const port = await freePort()
      await (await startBroker({ kind, dataDir, port })).stop() // formats, and is then a restart as users see it
      const samples: number[] = []
      for (let i = 0; i < 3; i++) {
        const began = performance.now()
        let spawned = began
        const broker = await startBroker({
          kind,
          dataDir,
          port,
          javaFlags: serverJavaFlags,
          onSpawn: () => {
            spawned = performance.now()
          }
        })
        while (!(await answersApiVersions(port))) if (performance.now() - began > 60_000) throw new Error('no answer for 60 s')
        samples.push((performance.now() - spawned) / 1000)
        await broker.stop()
      }
      return { seconds: median(samples) }
    } finally {
      rmSync(dataDir, { recursive: true, force: true })
    }
  }
}

const memory: Scenario = {
  name: 'resident memory, idle and after a load',
  targets: { idleMegabytes: { absoluteAtMost: 90 }, afterLoadMegabytes: { absoluteAtMost: 250 } },
  run: (kind, quick) =>
    withBroker(kind, {}, async (broker) => {
      await settle(5000)
      const idleMegabytes = residentMegabytes(broker.pid)
      const records = quick ? 100_000 : 1_000_000
      await createTopic(broker, 'load', 4)
      await librdkafka('produce', broker, { topic: 'load', records, size: 1000, last: 'all' })
      await librdkafka('consume', broker, { topic: 'load', records, size: 1000, last: '4' })
      await settle(2000)
      return { idleMegabytes, afterLoadMegabytes: residentMegabytes(broker.pid) }
    })
}

const partitions: Scenario = {
  name: 'create a topic with 1,000 partitions (Java tool, JVM start included)',
  targets: { seconds: { atMost: 1 } },
  run: (kind) =>
    withBroker(kind, {}, async (broker) => {
      const began = performance.now()
      await createTopic(broker, 'many', 1000)
      return { seconds: (performance.now() - began) / 1000 }
    })
}

const flatProduce: Scenario = {
  name: 'produce to 10 partitions while the broker holds 10 and then 10,000',
  targets: { cpuRatio10000To10: { absoluteAtMost: 1.2 } },
  run: (kind, quick) =>
    withBroker(kind, { overrides: { 'max.request.partition.size.limit': '10000' } }, async (broker) => {
      const records = quick ? 200_000 : 1_000_000
      await createTopic(broker, 'load', 10)
      const load = () => measured(broker, () => librdkafka('produce', broker, { topic: 'load', records, size: 200, last: 'all' }))
      await load()
      const few = await load()
      for (let i = 0; i < 10; i++) await createTopic(broker, `idle-${i}`, 999)
      await load()
      const many = await load()
      return { cpuRatio10000To10: many.cpu / few.cpu, secondsRatio10000To10: many.result.seconds / few.result.seconds }
    })
}

/** The floor below every figure of start: how long an empty Node process takes. */
export async function emptyNodeSeconds(): Promise<number> {
  const samples: number[] = []
  for (let i = 0; i < 5; i++) {
    const began = performance.now()
    await new Promise((resolve) => spawn(process.execPath, ['-e', '0']).once('exit', resolve))
    samples.push((performance.now() - began) / 1000)
  }
  return median(samples)
}

export const nodeScenarios: Scenario[] = [latency, latencyLibrdkafka, start, memory, partitions, flatProduce]
