// The metadata logs that Apache Kafka left (static and dynamic quorum, with and without snapshots, after kill -9), read
// here and compared with what Apache Kafka says of its cluster.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { iterateBatches } from '@odradek/protocol'
import { decodeSnapshot, SnapshotStore } from '@odradek/raft'
import { type Goldens, requireGoldens, writeTree } from '@odradek/testkit'
import { createMemoryDisk } from '@odradek/world/node'
import { imageToRecords } from '../src/image/image-writer.ts'
import { CONFIG_RESOURCE_TOPIC, formatStorage, imageHash, type MetadataImage } from '../src/index.ts'
import { imageFromSnapshot } from '../src/metadata-loader.ts'
import { decodeMetadataRecord, encodeMetadataRecord } from '../src/records.ts'
import { openNode, testConfig, testWorld } from './support.ts'

interface Expected {
  clusterId: string
  topics: Record<string, { topicId: string; configs: Record<string, string>; partitions: unknown[] }>
  clientQuotas: { entity: Record<string, string | null>; quotas: Record<string, number> }[]
  scramUsers: { user: string; credentials: { mechanism: string; iterations: number }[] }[]
  acls: string[]
  otherConfigs: Record<string, Record<string, string>>
  finalizedFeatures: Record<string, number>
}

const mechanisms = ['UNKNOWN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']
const resourceTypes: Record<string, number> = { BROKER: 4, CLIENT_METRICS: 16, GROUP: 32 }

async function openGolden(
  t: TestContext,
  name: string
): Promise<{ image: MetadataImage; expected: Expected; goldens: Goldens; kraftVersion: number } | undefined> {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return undefined
  const disk = createMemoryDisk()
  const entries = goldens.logDir(name).filter(({ path }) => !path.includes('/') || path.startsWith('__cluster_metadata-0'))
  await writeTree(
    entries.filter(({ path, isDirectory }) => !isDirectory || path.startsWith('__cluster_metadata-0')),
    disk,
    '/data'
  )
  const expected = goldens.json<Expected>(`expected-${name}.json.gz`)
  const isDynamic = name === 'clean-acl'
  const config = testConfig(isDynamic ? { 'controller.quorum.voters': '', 'controller.quorum.bootstrap.servers': 'localhost:19501' } : {})
  await using opened = await openNode(testWorld({ disk }), config, expected.clusterId)
  return { image: opened.node.image, expected, goldens, kraftVersion: opened.node.membership.kraftVersion }
}

for (const name of ['clean', 'clean-acl', 'unclean']) {
  test(`the metadata log of log-dir-${name} holds what Apache Kafka says`, async (t) => {
    const opened = await openGolden(t, name)
    if (opened === undefined) return
    const { image, expected } = opened
    const topics = [...image.topics()]
    assert.deepEqual(new Set(topics.map((topic) => topic.name)), new Set(Object.keys(expected.topics)))
    for (const [topic, { topicId, configs, partitions }] of Object.entries(expected.topics)) {
      assert.equal(image.topic(topic)?.id, topicId)
      assert.equal(image.topic(topic)?.partitions.size, partitions.length, topic)
      // What Apache tells of a topic's configuration is its own overrides, and the cluster's minimum under ELR.
      const told = Object.entries(configs).filter(([key]) => image.configs(CONFIG_RESOURCE_TOPIC, topic).has(key))
      assert.deepEqual(Object.fromEntries(image.configs(CONFIG_RESOURCE_TOPIC, topic)), Object.fromEntries(told), topic)
    }
    const quotas = Array.from(image.clientQuotas.values(), ({ entity, quotas }) => ({
      entity: Object.fromEntries(entity),
      quotas: Object.fromEntries(quotas)
    }))
    assert.deepEqual(sorted(quotas), sorted(expected.clientQuotas ?? []))
    const scram = Array.from(image.scramCredentials.values(), ({ user, mechanism, iterations }) => ({
      user,
      mechanism: mechanisms[mechanism],
      iterations
    }))
    assert.deepEqual(
      sorted(scram),
      sorted((expected.scramUsers ?? []).flatMap(({ user, credentials }) => credentials.map((credential) => ({ user, ...credential }))))
    )
    assert.equal(image.acls.size, expected.acls?.length ?? 0)
    for (const [key, values] of Object.entries(expected.otherConfigs ?? {})) {
      const [type, resource] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)]
      const own = image.configs(resourceTypes[type], resource)
      const inherited = type === 'BROKER' ? image.configs(resourceTypes[type], '') : new Map<string, string>()
      assert.deepEqual(Object.fromEntries(new Map([...inherited, ...own])), values, key)
    }
    for (const [feature, level] of Object.entries(expected.finalizedFeatures ?? {})) {
      assert.equal(feature === 'kraft.version' ? opened.kraftVersion : image.featureLevels.get(feature), level, feature)
    }
  })
}

test('a snapshot of Apache Kafka, read and written again, has the same records', async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const snapshots = goldens.logDir('clean').filter(({ path }) => path.endsWith('.checkpoint') && path.startsWith('__cluster'))
  assert.equal(snapshots.length, 2)
  for (const { path, data } of snapshots) {
    const { records } = decodeSnapshot(data, path)
    const image = imageFromSnapshot(records, { offset: 1, epoch: 1 }, 0)
    const normal = (values: readonly Buffer[]): string[] => values.map((value) => normalised(value)).sort()
    assert.deepEqual(normal(Array.from(imageToRecords(image), encodeMetadataRecord)), normal(records))
  }
})

/** Order within a record where it means nothing: features and entities come out of hash maps in Apache Kafka. */
function normalised(value: Buffer): string {
  const record = decodeMetadataRecord(value)
  if (record.type === 'RegisterBrokerRecord' || record.type === 'RegisterControllerRecord')
    record.data.features.sort((a, b) => (a.name < b.name ? -1 : 1))
  if (record.type === 'ClientQuotaRecord') record.data.entity.sort((a, b) => (a.entityType < b.entityType ? -1 : 1))
  return JSON.stringify(record, (_, field) => (typeof field === 'bigint' ? String(field) : field))
}

test('the newest snapshot and the log behind it give the image that the whole log gives (K2)', async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const images = await Promise.all(
    [true, false].map(async (hasSnapshots) => {
      const disk = createMemoryDisk()
      const entries = goldens
        .logDir('clean')
        .filter(({ path, isDirectory }) => !isDirectory && (!path.includes('/') || path.startsWith('__cluster_metadata-0')))
      await writeTree(
        entries.filter(({ path }) => hasSnapshots || !path.endsWith('.checkpoint') || !path.includes('/')),
        disk,
        '/data'
      )
      assert.equal((await SnapshotStore.open(disk, '/data/__cluster_metadata-0')).ids.length, hasSnapshots ? 2 : 0)
      await using opened = await openNode(testWorld({ disk }))
      return opened.node.image
    })
  )
  const [fromSnapshot, fromLog] = images.map((image) => imageHash(withoutController(image)))
  assert.equal(fromSnapshot, fromLog)
})

/** The controller registers with a fresh incarnation at each start. */
function withoutController(image: MetadataImage): MetadataImage {
  return Object.assign(Object.create(Object.getPrototypeOf(image)), image, { controllers: image.controllers.delete(1) })
}

test('a new cluster begins with the bytes that Apache Kafka begins with', async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  for (const [name, initialControllers] of [
    ['clean', undefined],
    ['clean-acl', '1@localhost:19501:6k6UQV5wTMebtpRWBbZa5Q']
  ] as const) {
    const golden: Map<string, Buffer> = new Map(goldens.logDir(name).map(({ path, data }) => [path, data]))
    const world = testWorld()
    const quorum: Record<string, string> =
      initialControllers === undefined ? {} : { 'controller.quorum.voters': '', 'controller.quorum.bootstrap.servers': 'localhost:19501' }
    const config = testConfig(quorum)
    await formatStorage(world, { config, clusterId: 'cluster', initialControllers })
    if (name === 'clean')
      assert.deepEqual(
        withoutTimes(await world.disk.readFile('/data/bootstrap.checkpoint')),
        withoutTimes(golden.get('bootstrap.checkpoint'))
      )
    {
      await using _opened = await openNode(world, config, 'cluster')
    }
    const log = '__cluster_metadata-0/00000000000000000000.log'
    const [ours, theirs] = [await world.disk.readFile(`/data/${log}`), golden.get(log) ?? Buffer.alloc(0)].map((bytes) =>
      iterateBatches(bytes)
    )
    // The LeaderChange (with kraft.version and voters where they are dynamic), then the bootstrap transaction.
    assert.deepEqual(withoutTimes(ours[0].bytes()), withoutTimes(theirs[0].bytes()))
    if (name === 'clean') assert.deepEqual(withoutTimes(ours[1].bytes()), withoutTimes(theirs[1].bytes()))
    assert.deepEqual(await world.disk.readFile('/data/__cluster_metadata-0/quorum-state'), golden.get('__cluster_metadata-0/quorum-state'))
    assert.deepEqual(
      String(await world.disk.readFile('/data/__cluster_metadata-0/partition.metadata')),
      String(golden.get('__cluster_metadata-0/partition.metadata'))
    )
  }
})

/** Without what follows from the clock: timestamps of batches, and the checksums over them. */
function withoutTimes(bytes: Buffer = Buffer.alloc(0)): Buffer {
  const copy = Buffer.from(bytes)
  for (const batch of iterateBatches(copy)) {
    copy.fill(0, batch.position + 17, batch.position + 21)
    copy.fill(0, batch.position + 27, batch.position + 43)
  }
  return copy
}

function sorted(values: unknown[]): string[] {
  return values.map((value) => JSON.stringify(sortKeys(value))).sort()
}

function sortKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)])
  )
}
