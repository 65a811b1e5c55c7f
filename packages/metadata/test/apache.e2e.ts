// Apache Kafka as the judge of what is written here: its StorageTool formats the same bytes, its readers read our metadata
// log and snapshots, its broker starts on our directory, and we open what it leaves. Needs Java and the jars of Apache
// Kafka 4.3 in the folder named by KAFKA_LIBS; skipped without (a failure under CI=true). KAFKA_JAVA_FLAGS: flags of Java, a line each.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { iterateBatches } from '@odradek/protocol'
import { nodeDisk } from '@odradek/world/node'
import { formatStorage, imageHash, type MetadataImage } from '../src/index.ts'
import { CLUSTER_ID, joinBroker, newTopic, openNode, registration, testConfig, testWorld } from './support.ts'

const execute = promisify(execFile)
const FLAGS = process.env.KAFKA_JAVA_FLAGS?.split('\n') ?? ['-XX:TieredStopAtLevel=1']
const QUIET = [...FLAGS, '-Dorg.slf4j.simpleLogger.defaultLogLevel=off']

function requireLibs(t: TestContext): string | undefined {
  const libs = process.env.KAFKA_LIBS
  if (libs !== undefined && existsSync(libs)) return libs
  const message = 'no jars of Apache Kafka: set KAFKA_LIBS to the folder that holds them'
  if (process.env.CI === 'true') throw new Error(message)
  t.skip(message)
  return undefined
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'odradek-metadata-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function java(libs: string, mainClass: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await execute('java', [...QUIET, '-cp', `${libs}/*`, mainClass, ...args], { maxBuffer: 64 << 20 })
  return stdout + stderr
}

function properties(
  folder: string,
  quorum: 'static' | 'dynamic',
  ports: { broker: number; controller: number } = { broker: 19530, controller: 19531 }
): Record<string, string> {
  const { broker, controller } = ports
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: `PLAINTEXT://localhost:${broker},CONTROLLER://localhost:${controller}`,
    'controller.listener.names': 'CONTROLLER',
    ...(quorum === 'static'
      ? { 'controller.quorum.voters': `1@localhost:${controller}` }
      : { 'controller.quorum.bootstrap.servers': `localhost:${controller}` }),
    'log.dirs': `${folder}/data`,
    'offsets.topic.replication.factor': '1'
  }
}

function writeProperties(folder: string, texts: Record<string, string>): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'server.properties')
  writeFileSync(
    path,
    Object.entries(texts)
      .map(([key, value]) => `${key}=${value}\n`)
      .join('')
  )
  return path
}

const world = (): ReturnType<typeof testWorld> => testWorld({ disk: nodeDisk })

/** The bytes without what follows from the clock: timestamps of batches, the header's, and the checksums over them. */
function withoutTimes(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  for (const batch of iterateBatches(copy)) {
    copy.fill(0, batch.position + 17, batch.position + 21)
    copy.fill(0, batch.position + 27, batch.position + 43)
  }
  return copy
}

test('formatting writes the bytes that Apache Kafka writes', async (t) => {
  const libs = requireLibs(t)
  if (libs === undefined) return
  const folder = temporaryFolder(t)
  const initialControllers = '1@localhost:19531:MvDxzVmcRsaTz33bUuRU6A'
  for (const quorum of ['static', 'dynamic'] as const) {
    const [theirs, ours] = [`${folder}/theirs-${quorum}`, `${folder}/ours-${quorum}`]
    const file = writeProperties(theirs, properties(theirs, quorum))
    await java(
      libs,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      CLUSTER_ID,
      '-c',
      file,
      ...(quorum === 'dynamic' ? ['-I', initialControllers] : [])
    )
    const config = testConfig({ 'controller.quorum.voters': '', ...properties(ours, quorum) })
    await formatStorage(world(), { config, clusterId: CLUSTER_ID, ...(quorum === 'dynamic' ? { initialControllers } : {}) })
    const read = (path: string): Buffer[] => [`${theirs}/data/${path}`, `${ours}/data/${path}`].map((name) => readFileSync(name))
    const [theirBootstrap, ourBootstrap] = read('bootstrap.checkpoint').map(withoutTimes)
    assert.deepEqual(ourBootstrap, theirBootstrap)
    const identities = read('meta.properties').map(
      (bytes) =>
        new Set(
          bytes
            .toString()
            .split('\n')
            .filter((line) => !line.startsWith('#') && !line.startsWith('directory.id'))
        )
    )
    assert.deepEqual(identities[1], identities[0])
    if (quorum === 'static') continue
    // The header record holds the time too: 8 bytes behind its version.
    const [theirVoters, ourVoters] = read('__cluster_metadata-0/00000000000000000000-0000000000.checkpoint').map((bytes) =>
      withoutTimes(bytes).fill(0, 75, 83)
    )
    assert.deepEqual(ourVoters, theirVoters)
  }
})

/** A cluster with something of most kinds, left by a clean stop. */
async function writeCluster(
  folder: string,
  quorum: 'static' | 'dynamic',
  ports?: { broker: number; controller: number }
): Promise<{ image: MetadataImage; data: string }> {
  const config = testConfig({ 'controller.quorum.voters': '', ...properties(folder, quorum, ports) })
  await formatStorage(world(), {
    config,
    clusterId: CLUSTER_ID,
    standalone: quorum === 'dynamic',
    scram: ['SCRAM-SHA-256=[name=alice,password=alice-secret]']
  })
  await using opened = await openNode(world(), config)
  const { node, directoryId } = opened
  const request = {
    ...registration({ directories: [directoryId] }),
    listeners: [{ name: 'PLAINTEXT', host: 'localhost', port: ports?.broker ?? 19530, securityProtocol: 0 }]
  }
  const { brokerEpoch } = await node.call('registerBroker', request)
  await joinBroker(node, { directories: [directoryId] })
  await node.call('createTopics', {
    topics: [
      newTopic('plain', { partitions: 3 }),
      newTopic('configured', { configs: { 'retention.ms': '1000', 'min.insync.replicas': '1' } }),
      newTopic('gone')
    ],
    timeoutMs: 5000,
    validateOnly: false
  })
  await node.writeSnapshot()
  await node.call('deleteTopics', { topics: [], topicNames: ['gone'], timeoutMs: 5000 })
  await node.call('incrementalAlterConfigs', {
    resources: [{ resourceType: 4, resourceName: '', configs: [{ name: 'log.retention.ms', configOperation: 0, value: '86400000' }] }],
    validateOnly: false
  })
  await node.call('allocateProducerIds', { brokerId: 1, brokerEpoch })
  const heartbeat = {
    brokerId: 1,
    brokerEpoch,
    currentMetadataOffset: node.image.provenance.offset,
    wantFence: false,
    wantShutDown: true,
    offlineLogDirs: [],
    cordonedLogDirs: null
  }
  for (;;) if ((await node.call('brokerHeartbeat', heartbeat)).shouldShutDown) break
  return { image: node.image, data: `${folder}/data` }
}

for (const quorum of ['static', 'dynamic'] as const) {
  test(`kafka-dump-log and kafka-metadata-shell read our metadata log and snapshot (${quorum} quorum)`, async (t) => {
    const libs = requireLibs(t)
    if (libs === undefined) return
    const { data } = await writeCluster(temporaryFolder(t), quorum)
    const log = `${data}/__cluster_metadata-0/00000000000000000000.log`
    const dump = await java(libs, 'org.apache.kafka.tools.DumpLogSegments', '--cluster-metadata-decoder', '--files', log)
    assert.doesNotMatch(dump, /isvalid: false|Could not deserialize|unreadable|Exception|mismatch/i)
    const types = [...dump.matchAll(/"type":"(\w+)"/g)].map(([, type]) => type)
    for (const type of [
      'BEGIN_TRANSACTION_RECORD',
      'FEATURE_LEVEL_RECORD',
      'REGISTER_CONTROLLER_RECORD',
      'REGISTER_BROKER_RECORD',
      'TOPIC_RECORD',
      'PARTITION_RECORD',
      'CONFIG_RECORD',
      'CLEAR_ELR_RECORD',
      'REMOVE_TOPIC_RECORD',
      'PRODUCER_IDS_RECORD',
      'PARTITION_CHANGE_RECORD',
      'USER_SCRAM_CREDENTIAL_RECORD',
      'END_TRANSACTION_RECORD'
    ]) {
      assert.ok(types.includes(type), type)
    }
    assert.match(dump, /LeaderChange: \{"version":0,"leaderId":1,"voters":\[\{"voterId":1\}\],"grantingVoters":\[\{"voterId":1\}\]\}/)
    if (quorum === 'dynamic')
      assert.match(dump, /KRaftVersion \{"version":0,"kRaftVersion":1\}[\s\S]*KRaftVoters \{"version":0,"voters":\[\{"voterId":1,/)
    const snapshots = (await nodeDisk.readdir(`${data}/__cluster_metadata-0`)).filter((name) => name.endsWith('.checkpoint'))
    const snapshot = `${data}/__cluster_metadata-0/${snapshots.at(-1)}`
    const snapshotDump = await java(libs, 'org.apache.kafka.tools.DumpLogSegments', '--cluster-metadata-decoder', '--files', snapshot)
    assert.match(snapshotDump, /SnapshotHeader[\s\S]*"type":"TOPIC_RECORD"[\s\S]*SnapshotFooter/)
    assert.doesNotMatch(snapshotDump, /isvalid: false|Exception/)
    const shell = (...command: string[]): Promise<string> =>
      java(libs, 'org.apache.kafka.shell.MetadataShell', '--snapshot', snapshot, ...command)
    assert.deepEqual((await shell('ls', '/image/topics/byName')).trim().split(/\s+/).sort(), ['configured', 'gone', 'plain'])
    // The shell hands its reader's batches to another thread and may run the command before it has them all: seen once on a loaded machine.
    const shellShows = async (path: string, pattern: RegExp): Promise<void> => {
      let text = ''
      for (let attempt = 0; attempt < 5 && !pattern.test(text); attempt++) text = await shell('cat', path)
      assert.match(text, pattern)
    }
    await shellShows('/image/configs/TOPIC:configured/retention.ms', /1000/)
    await shellShows('/image/topics/byName/plain/2', /replicas=\[1\].*isr=\[1\].*leader=1/)
  })
}

async function freePorts(): Promise<{ broker: number; controller: number }> {
  const free = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const server = createServer().once('error', reject)
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number }
        server.close(() => resolve(port))
      })
    })
  return { broker: await free(), controller: await free() }
}

interface ApacheBroker extends AsyncDisposable {
  output(): string
}

/** Starts Apache Kafka; resolves when it has unfenced. Disposing stops it cleanly. */
async function startApache(libs: string, file: string): Promise<ApacheBroker> {
  const child = spawn('java', ['-Xmx512m', ...FLAGS, '-cp', `${libs}/*`, 'kafka.Kafka', file], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  let wake: (() => void) | undefined
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const onData = (chunk: Buffer): void => {
    output += chunk.toString()
    wake?.()
  }
  child.stdout.on('data', onData)
  child.stderr.on('data', onData)
  void exited.then(() => wake?.())
  while (!/Kafka Server started|Transition(ing|ed)? from STARTING to STARTED/.test(output)) {
    if (child.exitCode !== null) throw new Error(`Apache Kafka stopped:\n${output.slice(-4000)}`)
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  return {
    output: () => output,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    }
  }
}

for (const quorum of ['static', 'dynamic'] as const) {
  test(`an Apache broker starts on our directory and we open what it leaves (${quorum} quorum)`, { timeout: 120_000 }, async (t) => {
    const libs = requireLibs(t)
    if (libs === undefined) return
    const folder = temporaryFolder(t)
    const ports = await freePorts()
    const { image } = await writeCluster(folder, quorum, ports)
    const file = writeProperties(folder, properties(folder, quorum, ports))
    const bootstrap = `localhost:${ports.broker}`
    {
      await using _broker = await startApache(libs, file)
      const described = await java(libs, 'org.apache.kafka.tools.TopicCommand', '--bootstrap-server', bootstrap, '--describe')
      assert.match(described, new RegExp(`Topic: plain\\s+TopicId: ${image.topic('plain')?.id}\\s+PartitionCount: 3`))
      assert.match(described, /Topic: configured.*Configs: .*retention\.ms=1000/)
      assert.doesNotMatch(described, /Leader: none/)
      await java(
        libs,
        'org.apache.kafka.tools.TopicCommand',
        '--bootstrap-server',
        bootstrap,
        '--create',
        '--topic',
        'theirs',
        '--partitions',
        '2'
      )
    }
    await using opened = await openNode(world(), testConfig({ 'controller.quorum.voters': '', ...properties(folder, quorum, ports) }))
    const after = opened.node.image
    assert.deepEqual([...after.topicIds.keys()].sort(), ['configured', 'plain', 'theirs'])
    assert.equal(after.topic('plain')?.id, image.topic('plain')?.id)
    assert.equal(after.nextProducerId, image.nextProducerId)
    assert.equal(opened.node.membership.kraftVersion, quorum === 'dynamic' ? 1 : 0)
    assert.equal(imageHash(after).length, 64)
  })
}
