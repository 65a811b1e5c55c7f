// The recorded runs of Apache Kafka's tools, in their order, run again with our commands against Apache Kafka: the same text, the same
// exit codes. TRANSCRIPT_TOOLS=kafka-configs,kafka-acls compares only those; of the others only the runs that change something are
// made then.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { requireGoldens } from '@odradek/testkit'
import {
  assertSameText,
  type Outcome,
  runCommand,
  type Surroundings,
  type Transcript
} from '../../packages/cli/test/support/transcripts.ts'
import { startBroker } from './support/brokers.ts'
import { javaTool, type javaTools } from './support/java-tools.ts'
import { type LiveConsumers, startLiveConsumers } from './support/live-consumers.ts'
import { kafkaClassPath, repositoryRoot, toolchain } from './support/toolchains.ts'

/** The settings under which the transcripts were recorded. */
const settings = {
  'log.retention.ms': '-1',
  'log.index.size.max.bytes': '131072',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.num.partitions': '4',
  'share.coordinator.state.topic.num.partitions': '2',
  'log.cleaner.enable': 'true'
}
const authorizer = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS'
}

const isBuilt = (tool: string): boolean => existsSync(join(repositoryRoot, 'packages/cli/src/commands', `${tool}.ts`))
const asked = process.env.TRANSCRIPT_TOOLS?.split(',')
const isCompared = ({ tool }: Transcript): boolean => isBuilt(tool) && (asked === undefined || asked.includes(tool))

/** Not run, and why. */
const left: ReadonlyMap<number, string> = new Map([[312, 'Java asks for a topic that does not exist until it is stopped']])

/** Runs whose exit code is compared and whose text is not: numbers of a machine, or text that is ours (docs/guides/commands.md). */
const ownText: ReadonlySet<number> = new Set([53, 243, 287])

/** The first console consumer of a topic that does not exist makes it. */
const makesTopic = 89
const readers = ['kafka-get-offsets', 'kafka-log-dirs', 'kafka-broker-api-versions', 'kafka-metadata-shell', 'kafka-dump-log']
const readingWords = ['--list', '--describe', '--dry-run', '--version', '--verify', '--generate', 'describe', 'list']

/** What a run leaves behind may show in a later one. */
function changesSomething({ n, tool, args, exitCode, note }: Transcript): boolean {
  if (exitCode !== 0 || note === 'help text' || note === 'no broker runs' || readers.includes(tool)) return false
  if (tool === 'kafka-console-consumer') return args.includes('--group') || n === makesTopic
  return !args.some((one) => readingWords.includes(one))
}

/** Tools of Java that stand in, uncompared, for a command that is not built yet and on whose doings other runs depend. */
const standIns: Readonly<Record<string, keyof typeof javaTools>> = {
  'kafka-configs': 'configs',
  'kafka-consumer-groups': 'consumerGroups'
}

async function standIn({ tool, args, stdin }: Transcript, { bootstrap, controller }: Surroundings): Promise<void> {
  const name = standIns[tool]
  const filled = args.map((one) => one.replace('<BOOTSTRAP>', bootstrap).replace('<CONTROLLER>', controller))
  if (name !== undefined) await javaTool(name, filled, { stdin, timeoutMs: 60_000 })
}

/** Where each run is made. Nodes and live consumers are started when the first run needs them. */
class Stage {
  readonly #t: TestContext
  readonly #folder = mkdtempSync(join(tmpdir(), 'kafka-transcripts-'))
  readonly #started = new Date()
  #node: Promise<Pick<Surroundings, 'bootstrap' | 'controller'>> | undefined
  #hasAuthorizer = true
  #live: LiveConsumers | undefined

  constructor(t: TestContext, logDir: string) {
    this.#t = t
    t.after(() => rmSync(this.#folder, { recursive: true }))
    t.after(() => this.#live?.stop())
    spawnSync('tar', ['-xzf', logDir, '-C', this.#folder])
  }

  async prepare({ files = {}, note = '' }: Transcript): Promise<Surroundings> {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.#folder, name), text)
    if (note === 'broker without an authorizer' && this.#hasAuthorizer) {
      this.#hasAuthorizer = false
      this.#node = undefined
    }
    this.#node ??= this.#startNode()
    const node = await this.#node
    if (note.startsWith('a console consumer')) this.#live ??= await startLiveConsumers(node.bootstrap)
    else await this.#live?.stop()
    return {
      bootstrap: note === 'no broker runs' ? 'localhost:1' : node.bootstrap,
      controller: node.controller,
      cwd: note.startsWith('run in data/') ? join(this.#folder, 'data/__cluster_metadata-0') : this.#folder,
      startedAt: this.#started
    }
  }

  async #startNode(): Promise<Pick<Surroundings, 'bootstrap' | 'controller'>> {
    const node = await startBroker({ kind: 'apache', overrides: { ...settings, ...(this.#hasAuthorizer ? authorizer : {}) } })
    this.#t.after(async () => await node[Symbol.asyncDispose]())
    return { bootstrap: node.bootstrapServers, controller: `localhost:${node.controllerPort}` }
  }
}

test("our commands answer as Apache Kafka 4.3's do, against Apache Kafka", { timeout: 600_000 }, async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined || toolchain(t, 'Java and Apache Kafka', kafkaClassPath) === undefined) return
  const stage = new Stage(t, join(goldens.folder, 'log-dir-clean.tar.gz'))
  const transcripts = goldens.lines<Transcript>('cli-transcripts.ndjson').filter(({ n }) => !left.has(n))
  const last = transcripts.findLastIndex(isCompared)
  for (const transcript of transcripts.slice(0, last + 1)) {
    const { n, tool, args, note = '' } = transcript
    if (!isCompared(transcript)) {
      if (!changesSomething(transcript)) continue
      const around = await stage.prepare(transcript)
      await (isBuilt(tool) ? runCommand(transcript, around) : standIn(transcript, around)).catch(() => {})
      continue
    }
    const around = await stage.prepare(transcript)
    await t.test(`${n} ${tool} ${args.join(' ').slice(0, 100)}`, { timeout: 60_000 }, async () => {
      const actual: Outcome = await runCommand(transcript, around)
      assert.equal(actual.exitCode, transcript.exitCode, actual.stdout + actual.stderr)
      if (!ownText.has(n) && note !== 'the numbers are volatile') assertSameText(transcript, actual)
    })
  }
})
