// The recorded runs of Apache Kafka's tools, all of them and in their order, run again with our commands against Apache Kafka: the
// same text, the same exit codes. TRANSCRIPT_TOOLS=kafka-configs,kafka-acls compares only those (all are run: each sees what the
// runs before it did).
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireGoldens } from '@odradek/testkit'
import {
  masked,
  type Outcome,
  runCommand,
  type Surroundings,
  sortedLines,
  type Transcript,
  terse,
  unordered
} from '../../packages/cli/test/support/transcripts.ts'
import { type BrokerProcess, startBroker } from './support/brokers.ts'
import { javaTool, type javaTools } from './support/java-tools.ts'
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
const compared = process.env.TRANSCRIPT_TOOLS?.split(',')

/** Not compared, and why. */
const left: ReadonlyMap<number, string> = new Map([[312, 'Java asks for a topic that does not exist until it is stopped']])

/** Runs whose exit code is compared and whose text is not: numbers of a machine, or text that is ours (docs/guides/commands.md). */
const ownText: ReadonlySet<number> = new Set([53, 243, 287])

async function startNode(t: { after(hook: () => Promise<void>): void }, more: Record<string, string>): Promise<BrokerProcess> {
  const node = await startBroker({ kind: 'apache', overrides: { ...settings, ...more } })
  t.after(async () => await node[Symbol.asyncDispose]())
  return node
}

/** Consumers that run while some of the transcripts are recorded. */
function startLiveConsumers(bootstrap: string): { stop(): void } {
  const consumer = (group: string, clientId: string, ...more: string[]) =>
    spawn(
      join(repositoryRoot, 'packages/cli/bin/kafka-console-consumer.mjs'),
      ['--bootstrap-server', bootstrap, '--topic', 'three', '--group', group, '--from-beginning'].concat(
        ['--command-property', `client.id=${clientId}`],
        more
      ),
      { stdio: 'ignore' }
    )
  const both = [consumer('live', 'live-client'), consumer('live848', 'live-848', '--command-property', 'group.protocol=consumer')]
  return {
    stop() {
      for (const child of both) child.kill()
    }
  }
}

/** Tools of Java that stand in, uncompared, for a command that is not built yet and on whose doings other runs depend. */
const standIns: Readonly<Record<string, keyof typeof javaTools>> = {
  'kafka-console-producer': 'consoleProducer',
  'kafka-console-consumer': 'consoleConsumer',
  'kafka-configs': 'configs',
  'kafka-consumer-groups': 'consumerGroups'
}

async function run(transcript: Transcript, around: Surroundings): Promise<Outcome | undefined> {
  if (isBuilt(transcript.tool)) return await runCommand(transcript, around)
  const standIn = standIns[transcript.tool]
  if (standIn === undefined || transcript.note === 'help text') return undefined
  const args = transcript.args.map((one) => one.replace('<BOOTSTRAP>', around.bootstrap).replace('<CONTROLLER>', around.controller))
  await javaTool(standIn, args, { stdin: transcript.stdin, timeoutMs: 60_000 })
  return undefined
}

interface Stage {
  readonly bootstrap: string
  readonly controller: string
  readonly cwd: string
}

test("our commands answer as Apache Kafka 4.3's do, against Apache Kafka", { timeout: 600_000 }, async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined || toolchain(t, 'Java and Apache Kafka', kafkaClassPath) === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'kafka-transcripts-'))
  t.after(() => rmSync(folder, { recursive: true }))
  spawnSync('tar', ['-xzf', join(goldens.folder, 'log-dir-clean.tar.gz'), '-C', folder])
  const stageOf = (node: BrokerProcess): Stage => ({
    bootstrap: node.bootstrapServers,
    controller: `localhost:${node.controllerPort}`,
    cwd: folder
  })
  let stage = stageOf(await startNode(t, authorizer))
  let live: { stop(): void } | undefined
  t.after(() => live?.stop())
  let open = false
  for (const transcript of goldens.lines<Transcript>('cli-transcripts.ndjson')) {
    const { n, tool, args, files = {}, note = '' } = transcript
    if (left.has(n)) continue
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    if (note === 'broker without an authorizer' && !open) {
      stage = stageOf(await startNode(t, {}))
      open = true
    }
    if (note.startsWith('a console consumer') && live === undefined) live = startLiveConsumers(stage.bootstrap)
    if (!note.startsWith('a console consumer')) live?.stop()
    const around = {
      ...stage,
      ...(note === 'no broker runs' ? { bootstrap: 'localhost:1' } : {}),
      ...(note.startsWith('run in data/') ? { cwd: join(folder, 'data/__cluster_metadata-0') } : {})
    }
    const isCompared = isBuilt(tool) && (compared === undefined || compared.includes(tool))
    if (!isCompared) {
      await run(transcript, around).catch(() => {})
      continue
    }
    await t.test(`${n} ${tool} ${args.join(' ').slice(0, 100)}`, async () => {
      const actual = await run(transcript, around)
      assert.ok(actual !== undefined)
      assert.equal(actual.exitCode, transcript.exitCode, actual.stdout + actual.stderr)
      if (ownText.has(n) || note.includes('volatile')) return
      const comparable = (text: string): string => (unordered.has(n) ? sortedLines(masked(text)) : masked(text))
      assert.equal(comparable(actual.stdout), comparable(transcript.stdout))
      assert.equal(terse(masked(actual.stderr)), terse(masked(transcript.stderr)))
    })
  }
})
