// The recorded runs of Apache Kafka's tools, run again here in their order, in this process, on one fresh node.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { randomUuid } from '@odradek/base'
import { BrokerServer } from '@odradek/broker'
import { Kafka } from '@odradek/client'
import { developmentProperties, loadBrokerConfig } from '@odradek/config'
import { formatStorage } from '@odradek/metadata'
import { requireGoldens } from '@odradek/testkit'
import { createMemoryDisk, createNodeWorld } from '@odradek/world/node'
import { masked, runCommand, type Transcript, terse } from './support/transcripts.ts'

const tools = ['kafka-topics', 'kafka-get-offsets', 'kafka-delete-records', 'kafka-cluster']

interface TestNode {
  readonly bootstrap: string
  readonly controller: string
}

/** The settings under which the transcripts were recorded. */
async function startNode(t: { after(hook: () => Promise<void>): void }, disk = createMemoryDisk()): Promise<TestNode> {
  const world = createNodeWorld({ disk, logger: { isEnabled: () => false, log: () => {} }, onHalt: (reason) => assert.fail(reason) })
  const properties = developmentProperties({ port: 0, host: 'localhost', dataDir: '/odradek' })
  const settings = {
    'log.retention.ms': '-1',
    'log.index.size.max.bytes': '131072',
    'offsets.topic.num.partitions': '4',
    'log.cleaner.enable': 'true'
  }
  const { config } = loadBrokerConfig({ properties, overrides: new Map(Object.entries(settings)) })
  await formatStorage(world, { config, clusterId: randomUuid((size) => world.random.bytes(size)), ignoreFormatted: true, standalone: true })
  const server = await BrokerServer.start({ world, config })
  t.after(() => server.shutdown())
  const port = (isController: boolean): number => server.listeners.find((one) => one.isController === isController)?.port ?? 0
  return { bootstrap: `localhost:${port(false)}`, controller: `localhost:${port(true)}` }
}

/** What the console tools between the recorded runs wrote. */
async function writeRecords(bootstrap: string): Promise<void> {
  await using kafka = new Kafka({ brokers: bootstrap })
  const admin = kafka.admin()
  await admin.createTopics(['nope-topic'])
  await using producer = kafka.producer()
  const counts: [string, number, number][] = [
    ['quickstart-events', 0, 6],
    ['kvh', 0, 3],
    ['three', 0, 1],
    ['three', 1, 2],
    ['three', 4, 4]
  ]
  const start = Date.now()
  for (const [topic, partition, count] of counts)
    for (let index = 0; index < count; index++) await producer.send(topic, { partition, value: Buffer.from('x'), timestamp: start + index })
}

/** Runs whose text is ours: why is in docs/guides/commands.md. */
const ownText = new Set([53, 243, 287])

test("the commands answer as Apache Kafka 4.3's do", { timeout: 120_000 }, async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'kafka-commands-'))
  t.after(() => rmSync(folder, { recursive: true }))
  let node = await startNode(t)
  const transcripts = goldens.lines<Transcript>('cli-transcripts.ndjson').filter(({ tool }) => tools.includes(tool))
  let stage = 'first'
  for (const transcript of transcripts) {
    const { n, tool, args, files = {}, exitCode, stdout, stderr, note = '' } = transcript
    if (n >= 221 && stage === 'first') {
      await writeRecords(node.bootstrap)
      stage = 'records'
    }
    if (note === 'broker without an authorizer' && stage !== 'empty') {
      node = await startNode(t)
      stage = 'empty'
    }
    // Topics of groups and of shared state, and a topic that a producer makes, are not made by these commands.
    if (n === 231 || n === 359) continue
    const bootstrap = note === 'no broker runs' ? 'localhost:1' : node.bootstrap
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    await t.test(`${n} ${tool} ${args.join(' ').slice(0, 100)}`, async () => {
      const actual = await runCommand(transcript, { bootstrap, controller: node.controller, cwd: folder })
      assert.equal(actual.exitCode, exitCode, actual.stdout + actual.stderr)
      if (ownText.has(n)) return
      assert.equal(masked(actual.stdout), masked(stdout))
      assert.equal(terse(masked(actual.stderr)), terse(masked(stderr)))
    })
  }
})
