// npm run bench -- --part clients [--quick] [--rounds N] [--only TEXT] [--broker apache]
//
// Five clients in turn against one broker, the same payloads: Odradek's, @platformatic/kafka, kafkajs, librdkafka by Python, Java's. And the
// commands from shell to exit, ours and Java's. Results go to bench/results/<date>-clients.{md,json}.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type BrokerKind, type BrokerProcess, serverJavaFlags, startBroker } from '../test/interop/support/brokers.ts'
import { runProcess } from '../test/interop/support/java-tools.ts'
import { compiledJava, kafkaClassPath, pythonWithClients, repositoryRoot } from '../test/interop/support/toolchains.ts'
import { createTopic, type Figures, median } from './support.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    broker: { type: 'string', default: 'odradek' }
  }
})
const rounds = Number(values.rounds)
const clients = ['odradek', 'platformatic', 'kafkajs', 'librdkafka (Python)', 'Java'] as const
type ClientName = (typeof clients)[number]
type Mode = 'produce' | 'single' | 'consume' | 'strings'

const SIZE = 100
const scenarios: readonly { name: string; mode: Mode; records: number; target: string }[] = [
  { name: 'produce 100 B, batched, acks=1', mode: 'produce', records: 2_000_000, target: '≥ 1.0 M/s, ≥ 3× platformatic' },
  { name: 'one awaited send, linger 0, acks=1', mode: 'single', records: 10_000, target: 'p50 ≤ Java' },
  { name: 'consume 100 B as bytes', mode: 'consume', records: 2_000_000, target: '≥ 2 M/s' },
  { name: 'consume 100 B as strings', mode: 'strings', records: 2_000_000, target: '≥ 1 M/s' }
]

function command(client: ClientName, args: string[]): [string, string[]] {
  if (client === 'Java') return ['java', ['-Xmx1g', '-cp', compiledJava('ClientLoad'), 'ClientLoad', ...args]]
  if (client === 'librdkafka (Python)') return [pythonWithClients(), [join(import.meta.dirname, 'clients/confluent.py'), ...args]]
  return [process.execPath, [join(import.meta.dirname, 'clients/load.ts'), client, ...args]]
}

async function measure(broker: BrokerProcess, client: ClientName, mode: Mode, topic: string, records: number): Promise<Figures> {
  const [program, args] = command(client, [mode, broker.bootstrapServers, topic, String(records), String(SIZE)])
  const result = await runProcess(program, args, { timeoutMs: 300_000 })
  if (result.exitCode !== 0) throw new Error(`${client} ${mode}: exit ${result.exitCode}\n${result.stdout}${result.stderr}`)
  return JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '') as Figures
}

type Row = { name: string; target: string; figures: Partial<Record<ClientName, Figures>> }

function medians(all: readonly Figures[]): Figures {
  return Object.fromEntries(Object.keys(all[0]).map((figure) => [figure, median(all.map((one) => one[figure]))]))
}

async function compareClients(broker: BrokerProcess): Promise<Row[]> {
  const rows: Row[] = []
  for (const { name, mode, records, target } of scenarios.filter((one) => one.name.includes(values.only))) {
    const count = values.quick ? records / 10 : records
    const all: Partial<Record<ClientName, Figures[]>> = {}
    const isReading = mode === 'consume' || mode === 'strings'
    if (isReading) {
      await createTopic(broker, mode, 4)
      await measure(broker, 'odradek', 'produce', mode, count)
    }
    for (let round = 0; round < rounds; round++)
      for (const client of round % 2 === 0 ? clients : [...clients].reverse()) {
        const topic = isReading ? mode : `${mode}-${clients.indexOf(client)}-${round}`
        if (!isReading) await createTopic(broker, topic, 4)
        const figures = await measure(broker, client, mode, topic, count)
        all[client] = [...(all[client] ?? []), figures]
        console.error(`${name} · ${client} · ${JSON.stringify(figures)}`)
      }
    rows.push({ name, target, figures: Object.fromEntries(clients.map((client) => [client, medians(all[client] ?? [])])) })
  }
  return rows
}

/** Seconds from the shell to the exit of `kafka-topics --list`. */
function listTopics(broker: BrokerProcess): Row {
  const args = ['--bootstrap-server', broker.bootstrapServers, '--list']
  const seconds = (program: string, all: string[]): number => {
    const start = performance.now()
    const { status, stderr } = spawnSync(program, all, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${program}: exit ${status}\n${stderr}`)
    return (performance.now() - start) / 1000
  }
  const java = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', kafkaClassPath(), 'org.apache.kafka.tools.TopicCommand']
  const ours: number[] = []
  const theirs: number[] = []
  for (let run = 0; run < 7; run++) {
    ours.push(seconds(join(repositoryRoot, 'node_modules/.bin/kafka-topics'), args))
    if (run < 3) theirs.push(seconds('java', [...java, ...args]))
  }
  return {
    name: 'kafka-topics --list, shell to exit',
    target: '≤ 0.2 s',
    figures: { odradek: { seconds: median(ours) }, Java: { seconds: median(theirs) } }
  }
}

const broker = await startBroker({
  kind: values.broker as BrokerKind,
  javaFlags: serverJavaFlags,
  overrides: { 'log.retention.bytes': '2000000000' }
})
const rows = await compareClients(broker)
if ('kafka-topics --list'.includes(values.only)) rows.push(listTopics(broker))
await broker[Symbol.asyncDispose]()

const show = (row: Row, client: ClientName): string =>
  Object.entries(row.figures[client] ?? {})
    .map(([figure, value]) => `${figure === 'recordsPerCpuSecond' ? 'CPU: ' : ''}${value.toPrecision(4)}`)
    .join(' / ')
const date = new Date().toISOString().slice(0, 10)
const markdown = [
  `# Clients, ${date}`,
  '',
  `${cpus().length} cores (${cpus()[0].model.trim()}), Node ${process.versions.node}, broker: ${values.broker}; ${rounds} interleaved rounds, medians${values.quick ? '; QUICK run, not for claims' : ''}.`,
  'Throughput: records a second of wall-clock time / of CPU time of the client. One awaited send: p50 / p99 in µs.',
  '',
  `| scenario | ${clients.join(' | ')} | target |`,
  `|---|${clients.map(() => '---|').join('')}---|`,
  ...rows.map((row) => `| ${row.name} | ${clients.map((client) => show(row, client)).join(' | ')} | ${row.target} |`),
  ''
].join('\n')
const folder = join(import.meta.dirname, 'results')
mkdirSync(folder, { recursive: true })
if (!values.quick && values.only === '') {
  writeFileSync(join(folder, `${date}-clients.md`), markdown)
  writeFileSync(join(folder, `${date}-clients.json`), `${JSON.stringify({ rounds, broker: values.broker, rows }, null, 1)}\n`)
}
console.log(markdown)
