// Apache's tools about groups and settings, and ours, with the same command lines on the same Apache Kafka: the same text and exit
// codes. All of Java's runs share one JVM.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Admin, Kafka } from '@odradek/client'
import { StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse } from '@odradek/protocol'
import { masked, type Outcome, runCommand, type Surroundings } from '../../packages/cli/test/support/transcripts.ts'
import { startBroker } from './support/brokers.ts'
import { javaTools, type ToolResult } from './support/java-tools.ts'
import { RawClient } from './support/raw-client.ts'
import { caseFiles, toolCases } from './support/tool-cases.ts'
import { ToolRunner } from './support/tool-runner.ts'
import { kafkaClassPath, toolchain } from './support/toolchains.ts'

/** Members of Streams that are here once need not say so again; others get their partitions with a second heartbeat, which is soon. */
const settings = {
  'log.retention.ms': '-1',
  'group.consumer.min.heartbeat.interval.ms': '500',
  'group.consumer.heartbeat.interval.ms': '500',
  'group.share.min.heartbeat.interval.ms': '500',
  'group.share.heartbeat.interval.ms': '500',
  'group.streams.initial.rebalance.delay.ms': '0',
  'group.streams.session.timeout.ms': '600000',
  'group.streams.max.session.timeout.ms': '600000'
}
const DAY_MS = 86_400_000

const topics: Readonly<Record<string, number>> = {
  'quickstart-events': 1,
  three: 5,
  'a-topic-with-a-rather-long-name': 3,
  empty: 2,
  other: 4,
  'cfg-topic': 2,
  'app-store-changelog': 1,
  'app-x-repartition': 1
}
const records: readonly (readonly [topic: string, partition: number, count: number])[] = [
  ['quickstart-events', 0, 6],
  ['three', 0, 1],
  ['three', 1, 2],
  ['three', 4, 4],
  ['a-topic-with-a-rather-long-name', 0, 3],
  ['a-topic-with-a-rather-long-name', 1, 8],
  ['other', 2, 7]
]

/** Topics with records of 2026, and groups that only have offsets. */
async function prepare(kafka: Kafka, admin: Admin): Promise<void> {
  await admin.createTopics(Object.entries(topics).map(([name, numPartitions]) => ({ name, numPartitions, replicationFactor: 1 })))
  await using producer = kafka.producer()
  const sent = records.flatMap(([topic, partition, count]) =>
    Array.from({ length: count }, (_, day) =>
      producer.send(topic, { partition, value: Buffer.from('x'), timestamp: Date.UTC(2026, 0, 1) + day * DAY_MS })
    )
  )
  await producer.flush()
  await Promise.all(sent)
  await admin.deleteRecords([{ topic: 'a-topic-with-a-rather-long-name', partition: 1, beforeOffset: 3 }])
  await admin.alterConsumerGroupOffsets('g1', [
    { topic: 'quickstart-events', partition: 0, offset: 5 },
    { topic: 'three', partition: 1, offset: 1, leaderEpoch: 0 },
    { topic: 'three', partition: 3, offset: 0 },
    { topic: 'a-topic-with-a-rather-long-name', partition: 1, offset: 4 }
  ])
  await admin.alterConsumerGroupOffsets('another-group-of-a-long-name-for-it', [{ topic: 'three', partition: 0, offset: 1 }])
  const offsets = [0, 1, 2, 3, 4].map((partition) => ({ topic: 'three', partition, offset: 0 }))
  await admin.alterShareGroupOffsets('sg', offsets)
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.fail('It did not come to hold within a minute')
}

/** Members of groups of both protocols and of a share group, at the end of their topic. */
async function startMembers(admin: Admin, around: Surroundings): Promise<AsyncDisposable> {
  const stop = new AbortController()
  const start = (tool: string, group: string, ...properties: string[]): Promise<unknown> => {
    const settings = properties.flatMap((property) => ['--command-property', property])
    const args = ['--bootstrap-server', '<BOOTSTRAP>', '--topic', 'three', '--group', group, ...settings]
    return runCommand({ tool, args }, { ...around, signal: stop.signal })
  }
  const commits = ['auto.offset.reset=earliest', 'auto.commit.interval.ms=100']
  const ends = [
    start('kafka-console-consumer', 'live', 'client.id=live-client', ...commits),
    start('kafka-console-consumer', 'live848', 'client.id=live-848', 'group.protocol=consumer', ...commits),
    start('kafka-console-consumer', 'static', 'group.instance.id=instance-1', ...commits),
    start('kafka-console-share-consumer', 'shlive')
  ]
  const groups = ['live', 'live848', 'static']
  await until(async () => {
    const { values } = await admin.listConsumerGroupOffsets(groups).outcomes()
    const share = (await admin.describeShareGroups(['shlive']).outcomes()).values.get('shlive')
    return groups.every((group) => values.get(group)?.offsets.get('three-4')?.offset === 4) && share?.members[0]?.assignment.length === 5
  })
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.all(ends)
    }
  }
}

const subtopologies = (application: string) => {
  const [repartition, changelog] = [`${application}-agg-repartition`, `${application}-store-changelog`]
  return [
    { subtopologyId: '0', sourceTopics: ['three'], repartitionSinkTopics: [repartition] },
    {
      subtopologyId: '1',
      stateChangelogTopics: [{ name: changelog, partitions: 0, replicationFactor: 1 }],
      repartitionSourceTopics: [{ name: repartition, partitions: 2, replicationFactor: 1 }]
    }
  ]
}

/** Groups of Streams: a member of `st-live` stays, that of `st-empty` leaves. What they say is what Streams says. */
async function startStreams(admin: Admin, client: RawClient): Promise<void> {
  const join = {
    endpointInformationEpoch: 0,
    rebalanceTimeoutMs: 300_000,
    activeTasks: [],
    standbyTasks: [],
    warmupTasks: [],
    clientTags: []
  }
  for (const groupId of ['st-live', 'st-empty']) {
    const member = { groupId, memberId: `member-of-${groupId}` }
    const topology = { epoch: 0, subtopologies: subtopologies(groupId) }
    let memberEpoch = 0
    await until(async () => {
      const first = memberEpoch === 0 ? { ...join, topology, processId: `process-of-${groupId}` } : {}
      const body = { ...member, memberEpoch, ...first }
      const answer = await client.call(StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse, 0, body)
      assert.equal(answer.errorCode, 0, answer.errorMessage ?? '')
      memberEpoch = answer.memberEpoch
      const group = (await admin.describeStreamsGroups([groupId])).get(groupId)
      return group?.members[0]?.assignment.activeTasks.length === 2 || group?.members[0]?.targetAssignment.activeTasks.length === 2
    })
    if (groupId === 'st-empty')
      await client.call(StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse, 0, { ...member, memberEpoch: -1 })
  }
  const offsets = [0, 1, 2, 3, 4].map((partition) => ({ topic: 'three', partition, offset: partition === 4 ? 3 : 0 }))
  await admin.alterStreamsGroupOffsets('st-empty', offsets)
}

/** Without the frames and causes of Java, what is logged, and the order of sets and of maps made of several others. */
function comparable(outcome: { exitCode: unknown; stdout: string; stderr: string }, { bootstrap, controller }: Surroundings): string {
  const { exitCode, stdout, stderr } = outcome
  const plain = (text: string): string =>
    masked(text.replaceAll(bootstrap, '<BOOTSTRAP>').replaceAll(controller, '<CONTROLLER>'))
      .replace(/^\[<TIME>\] (WARN|ERROR) .*\n( \([\w.]+\)\n)?/gm, '')
      .replace(/^(\tat |\t\.\.\. |Caused by: |com\.fasterxml| at \[Source).*\n/gm, '')
      .replace(/^ERROR: (.*)\n\1\n/gm, 'ERROR: $1\n')
      .replace(/^(.*)\n[\w.$]+: \1\n/gm, '$1\n')
      .replace(/(?:\[[\w-]+\], )+\[[\w-]+\]/g, (names) => names.split(', ').sort().join(', '))
      .replace(/(?<=Valid (?:states|types) are: ).*/g, (names) => names.split(', ').sort().join(', '))
      .replace(/(?<=topicPartitions=)[\w,-]+/g, (names) => names.split(',').sort().join(','))
      .replace(/(?:^st-live {5,}three .*\n|^st-live {5,}st-live-agg.*\n)+/gm, (rows) => rows.split('\n').sort().join('\n'))
      .replace(/\n+$/, '\n')
  return `exit code ${exitCode}\n--- stdout\n${plain(stdout)}--- stderr\n${plain(stderr)}`
}

const words = (line: string): string[] => [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c)

test("commands about groups and settings say what Apache's say", { timeout: 300_000 }, async (t) => {
  if (toolchain(t, 'Java and Apache Kafka', kafkaClassPath) === undefined) return
  await using node = await startBroker({ kind: 'apache', overrides: settings })
  const folder = mkdtempSync(join(tmpdir(), 'kafka-tools-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(caseFiles)) writeFileSync(join(folder, name), text)
  const around = { bootstrap: node.bootstrapServers, controller: `localhost:${node.controllerPort}`, cwd: folder }
  await using kafka = new Kafka({ brokers: around.bootstrap })
  const admin = kafka.admin()
  await prepare(kafka, admin)
  await using _members = await startMembers(admin, around)
  const client = await RawClient.connect(node.port)
  t.after(() => client.close())
  await startStreams(admin, client)
  await using java = new ToolRunner(folder)
  for (const { tool, java: javaTool, lines } of toolCases) {
    for (const line of lines
      .split('\n')
      .map((one) => one.trim())
      .filter((one) => one !== '')) {
      await t.test(`${tool} ${line}`, async () => {
        const filled = line
          .replaceAll('$', `--bootstrap-server ${around.bootstrap}`)
          .replace('%', `--bootstrap-controller ${around.controller}`)
        const args = line === '(nothing)' ? [] : words(filled)
        const asOurs = (): Promise<Outcome> => runCommand({ tool, args }, around)
        const asTheirs = (): Promise<ToolResult> => java.run(javaTools[javaTool], args)
        // Those that wait for nobody change nothing, and can wait together.
        const [ours, theirs] = line.includes('localhost:1 ')
          ? await Promise.all([asOurs(), asTheirs()])
          : [await asOurs(), await asTheirs()]
        assert.equal(comparable(ours, around), comparable(theirs, around))
      })
    }
  }
})
