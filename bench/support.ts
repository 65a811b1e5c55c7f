// What the scenarios share: brokers of both kinds in turn, CPU and memory of a process tree, medians, the result file.
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { type BrokerKind, type BrokerOptions, type BrokerProcess, serverJavaFlags, startBroker } from '../test/interop/support/brokers.ts'
import { runProcess } from '../test/interop/support/java-tools.ts'
import { builtGo, kafkaClassPath } from '../test/interop/support/toolchains.ts'

export type Figures = Record<string, number>

export interface Scenario {
  name: string
  /** What a figure's ratio (Odradek / Apache) has to be, `≥ 1.3` or `≤ 0.8`. */
  targets: Record<string, { atLeast?: number; atMost?: number; absoluteAtMost?: number }>
  run(kind: BrokerKind, quick: boolean): Promise<Figures>
}

const ticksPerSecond = 100 // USER_HZ of Linux on every architecture that it runs on

function processTree(root: number): number[] {
  const parents = new Map<number, number>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {} // the process ended while we looked
  }
  const tree = [root]
  for (let i = 0; i < tree.length; i++) for (const [pid, parent] of parents) if (parent === tree[i]) tree.push(pid)
  return tree
}

/** User and system CPU seconds of the process and its children so far. */
export function cpuSeconds(pid: number): number {
  let ticks = 0
  for (const member of processTree(pid)) {
    const stat = readFileSync(`/proc/${member}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / ticksPerSecond
}

/** Resident megabytes (10^6 bytes) of the process and its children. */
export function residentMegabytes(pid: number): number {
  let kilobytes = 0
  for (const member of processTree(pid)) {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${member}/status`, 'utf8'))
    kilobytes += match === null ? 0 : Number(match[1])
  }
  return (kilobytes * 1024) / 1e6
}

export async function withBroker<T>(
  kind: BrokerKind,
  options: Omit<BrokerOptions, 'kind'>,
  body: (broker: BrokerProcess) => Promise<T>
): Promise<T> {
  await using broker = await startBroker({ kind, javaFlags: serverJavaFlags, ...options })
  return await body(broker)
}

export async function apacheTool(mainClass: string, args: string[], timeoutMs = 300_000): Promise<string> {
  const result = await runProcess('java', ['-Xmx1g', '-cp', kafkaClassPath(), mainClass, ...args], { timeoutMs })
  if (result.exitCode !== 0) throw new Error(`${mainClass} ${args.join(' ')}: exit ${result.exitCode}\n${result.stdout}${result.stderr}`)
  return result.stdout
}

export async function createTopic(broker: BrokerProcess, topic: string, partitions: number, config: string[] = []): Promise<void> {
  await apacheTool('org.apache.kafka.tools.TopicCommand', [
    '--bootstrap-server',
    broker.bootstrapServers,
    '--create',
    '--topic',
    topic,
    '--partitions',
    String(partitions),
    ...config.flatMap((entry) => ['--config', entry])
  ])
}

export interface LoadResult {
  seconds: number
  recordsPerSecond: number
  megabytesPerSecond: number
  /** CPU seconds a second of the client. */
  clientCores: number
}

export async function librdkafka(
  mode: 'produce' | 'consume',
  broker: BrokerProcess,
  options: { topic: string; records: number; size: number; last: string }
): Promise<LoadResult> {
  const result = await runProcess(
    builtGo('rdbench'),
    [mode, broker.bootstrapServers, options.topic, String(options.records), String(options.size), options.last],
    { timeoutMs: 400_000 }
  )
  if (result.exitCode !== 0) throw new Error(`rdbench ${mode}: ${result.stdout}${result.stderr}`)
  return JSON.parse(result.stdout) as LoadResult
}

/** Reads partitions as fast as the broker gives them, doing nothing with the records. Gives the seconds. */
export async function rawFetch(broker: BrokerProcess, options: { topic: string; partitions: number; megabytes: number }): Promise<number> {
  const { topic, partitions, megabytes } = options
  const args = [broker.bootstrapServers, topic, String(partitions), String(Math.floor(megabytes)), String(1 << 20)]
  const result = await runProcess(builtGo('rawfetch'), args, { timeoutMs: 400_000 })
  if (result.exitCode !== 0) throw new Error(`rawfetch: ${result.stdout}${result.stderr}`)
  return (JSON.parse(result.stdout) as LoadResult).seconds
}

/** Percentiles in µs of one record at a time, produced with acks=all and consumed, after `warmup` records. */
export async function librdkafkaLatency(
  broker: BrokerProcess,
  options: { topic: string; records: number; size: number; warmup: number }
): Promise<{ p50Us: number; p99Us: number }> {
  const result = await runProcess(
    builtGo('rdbench'),
    ['latency', broker.bootstrapServers, options.topic, String(options.records), String(options.size), String(options.warmup)],
    { timeoutMs: 400_000 }
  )
  if (result.exitCode !== 0) throw new Error(`rdbench latency: ${result.stdout}${result.stderr}`)
  return JSON.parse(result.stdout) as { p50Us: number; p99Us: number }
}

/** Runs `body` and gives the broker's CPU seconds over it beside its result. */
export async function measured<T>(broker: BrokerProcess, body: () => Promise<T>): Promise<{ result: T; cpu: number }> {
  const before = cpuSeconds(broker.pid)
  const result = await body()
  return { result, cpu: cpuSeconds(broker.pid) - before }
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Sends ApiVersions v0 and resolves to true once a whole answer with correlation id 7 is there. */
export async function answersApiVersions(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const finish = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    let received: Buffer = Buffer.alloc(0)
    socket.once('connect', () => socket.write(Buffer.from('0000000a0012000000000007ffff', 'hex')))
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length >= 8 && received.length >= received.readInt32BE(0) + 4) finish(received.readInt32BE(4) === 7)
    })
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
  })
}
