import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryDisk } from '@odradek/world/node'
import { formatStorage, imageHash, type MetadataDelta, type MetadataImage, type MetadataNode } from '../src/index.ts'
import { CLUSTER_ID, DIRECTORY, joinBroker, newTopic, openNode, testConfig, testWorld } from './support.ts'

const create = (...names: string[]) => ({ topics: names.map((name) => newTopic(name)), timeoutMs: 5000, validateOnly: false })
const LOG = `${DIRECTORY}/__cluster_metadata-0`

/** Waits for a condition that the node's own timers bring about. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('nothing is seen before it is committed, and everything when it is answered', async () => {
  await using opened = await openNode(testWorld())
  const { node } = opened
  await joinBroker(node)
  const first = node.call('createTopics', create('a'))
  const second = node.call('createTopics', create('a', 'b'))
  await Promise.resolve()
  assert.equal(node.image.topicIds.size, 0)
  assert.equal((await first).topics[0].errorCode, 0)
  assert.ok(node.image.topic('a') !== undefined)
  // The second call saw the uncommitted topic of the first.
  assert.deepEqual(
    (await second).topics.map(({ name, errorCode }) => [name, errorCode]),
    [
      ['a', 36],
      ['b', 0]
    ]
  )
  assert.ok(node.image.topic('b') !== undefined)
})

test('publishers get every change in order, each from the image before; one that comes late gets all there is first', async () => {
  await using opened = await openNode(testWorld())
  const { node } = opened
  const seen: [MetadataDelta, MetadataImage][] = []
  node.addPublisher({ name: 'early', onImage: (delta, image) => seen.push([delta, image]) })
  await joinBroker(node)
  await node.call('createTopics', create('a'))
  await node.call('deleteTopics', { topics: [], topicNames: ['a'], timeoutMs: 5000 })
  for (const [index, [delta]] of seen.slice(1).entries()) if (index > 0) assert.equal(delta.base, seen[index][1])
  const changed = seen.filter(([delta]) => delta.isTopicsChanged)
  assert.deepEqual(
    changed.map(([delta]) => [delta.changedTopics.size, delta.deletedTopics.size]),
    [
      [1, 0],
      [0, 1]
    ]
  )
  await node.call('createTopics', create('b'))
  let late: [MetadataDelta, MetadataImage] | undefined
  node.addPublisher({ name: 'late', onImage: (delta, image) => (late ??= [delta, image]) })
  assert.deepEqual(
    [...(late?.[0].changedTopics.values() ?? [])].map(({ name }) => name),
    ['b']
  )
  assert.deepEqual([...(late?.[0].changedBrokers ?? [])], [1])
  assert.equal(late?.[1], node.image)
})

test('a restart finds everything, under a new epoch', async () => {
  const disk = createMemoryDisk()
  let before: MetadataImage
  {
    await using opened = await openNode(testWorld({ disk }))
    await joinBroker(opened.node)
    await opened.node.call('createTopics', create('a', 'b'))
    assert.equal(opened.node.leaderEpoch, 1)
    before = opened.node.image
  }
  await using opened = await openNode(testWorld({ disk }))
  assert.equal(opened.node.leaderEpoch, 2)
  assert.deepEqual([...opened.node.image.topicIds], [...before.topicIds])
  // The only difference is the controller's own registration.
  await until(() => opened.node.image.controllers.get(1)?.incarnationId !== before.controllers.get(1)?.incarnationId)
})

test('snapshots are written by size, old ones and the log before them go, and a restart begins from the newest', async () => {
  const disk = createMemoryDisk()
  const config = testConfig({
    'metadata.log.max.record.bytes.between.snapshots': '2000',
    'metadata.max.retention.bytes': '1',
    'metadata.max.idle.interval.ms': '0'
  })
  let hash: string
  {
    await using opened = await openNode(testWorld({ disk }), config)
    const { node } = opened
    await joinBroker(node)
    for (let n = 0; n < 30; n++) await node.call('createTopics', create(`topic-${n}`))
    await node.writeSnapshot()
    hash = imageHash(node.image)
  }
  const names = await disk.readdir(LOG)
  assert.equal(names.filter((name) => name.endsWith('.checkpoint')).length, 1, String(names))
  await using opened = await openNode(testWorld({ disk }), testConfig({ 'metadata.max.idle.interval.ms': '0' }))
  assert.equal(opened.node.image.topicIds.size, 30)
  assert.notEqual(hash, '')
})

test('a no-op record is written when nothing else was for a while', async () => {
  await using opened = await openNode(testWorld(), testConfig({ 'metadata.max.idle.interval.ms': '5' }))
  const { highWatermark } = opened.node
  await until(() => opened.node.highWatermark >= highWatermark + 3)
})

test('a dynamic quorum keeps its voters in the log from the first epoch on', async () => {
  const disk = createMemoryDisk()
  const config = testConfig({ 'controller.quorum.voters': '', 'controller.quorum.bootstrap.servers': 'localhost:9093' })
  await formatStorage(testWorld({ disk }), { config, clusterId: CLUSTER_ID, standalone: true })
  for (let start = 1; start <= 3; start++) {
    await using opened = await openNode(testWorld({ disk }), config)
    const { kraftVersion, voters } = opened.node.membership
    assert.deepEqual([kraftVersion, voters.map(({ id, directoryId }) => [id, directoryId])], [1, [[1, opened.directoryId]]])
    assert.equal(opened.node.leaderEpoch, start)
    if (start === 2) await opened.node.writeSnapshot()
  }
  assert.match((await disk.readFile(`${LOG}/quorum-state`)).toString(), /"leaderEpoch":3,.*"data_version":1/)
})

test('a static quorum becomes a dynamic one for good when kraft.version goes up', async () => {
  const disk = createMemoryDisk()
  const config = testConfig()
  await formatStorage(testWorld({ disk }), { config, clusterId: CLUSTER_ID })
  const update = (node: MetadataNode, maxVersionLevel: number, upgradeType: number, validateOnly = false) =>
    node.call('updateFeatures', {
      timeoutMs: 5_000,
      featureUpdates: [{ feature: 'kraft.version', maxVersionLevel, upgradeType, allowDowngrade: false }],
      validateOnly
    })
  {
    await using opened = await openNode(testWorld({ disk }), config)
    const { node } = opened
    assert.equal((await update(node, 0, 1)).errorCode, 0)
    assert.equal((await update(node, 1, 1, true)).errorCode, 0)
    assert.equal(node.membership.kraftVersion, 0)
    const before = node.logEndOffset
    assert.equal((await update(node, 1, 1)).errorCode, 0)
    assert.deepEqual([node.highWatermark, node.logEndOffset], [before + 2, before + 2])
    assert.match((await update(node, 0, 2)).errorMessage ?? '', /Can't downgrade the version of this feature\.$/)
  }
  for (let start = 0; start < 2; start++) {
    await using opened = await openNode(testWorld({ disk }), config)
    const { kraftVersion, voters } = opened.node.membership
    assert.deepEqual([kraftVersion, voters.map(({ id, directoryId }) => [id, directoryId])], [1, [[1, opened.directoryId]]])
    if (start === 0) await opened.node.writeSnapshot()
  }
  assert.match((await disk.readFile(`${LOG}/quorum-state`)).toString(), /"data_version":1/)
})

test('quorums that cannot run here are refused before anything is written', async () => {
  const dynamic = { 'controller.quorum.voters': '', 'controller.quorum.bootstrap.servers': 'localhost:9093' }
  await assert.rejects(openNode(testWorld(), testConfig({ 'controller.quorum.voters': '1@localhost:9093,2@localhost:9193' })), {
    code: 'QUORUM_UNSUPPORTED'
  })
  const disk = createMemoryDisk()
  await assert.rejects(openNode(testWorld({ disk }), testConfig(dynamic)), { code: 'QUORUM_UNSUPPORTED', message: /--standalone/ })
  assert.equal(await disk.exists(`${LOG}/quorum-state`), false)
})

test('a log whose beginning is gone without a snapshot is not taken for an empty cluster', async () => {
  const disk = createMemoryDisk()
  {
    await using opened = await openNode(testWorld({ disk }))
    await joinBroker(opened.node)
  }
  const log = (await disk.readdir(LOG)).find((name) => name.endsWith('.log')) ?? ''
  for (const name of await disk.readdir(LOG))
    if (name.startsWith('00000000000000000000.'))
      await disk.rename(`${LOG}/${name}`, `${LOG}/${name.replace(/^0{20}/, '00000000000000000005')}`)
  assert.notEqual(log, '')
  await assert.rejects(openNode(testWorld({ disk })))
})

test('a damaged quorum-state stops the start with a clear error', async () => {
  const disk = createMemoryDisk()
  {
    await using opened = await openNode(testWorld({ disk }))
    await joinBroker(opened.node)
  }
  const path = `${LOG}/quorum-state`
  const bytes = await disk.readFile(path)
  await disk.writeFileAtomic(path, bytes.subarray(0, bytes.length - 3))
  await assert.rejects(openNode(testWorld({ disk })), { code: 'QUORUM_STATE_INVALID', message: /Where it is the only voter, delete/ })
})

test('an operation too large for one batch is refused, and the node lives on', async () => {
  await using opened = await openNode(testWorld())
  const { node } = opened
  await joinBroker(node)
  const resources = Array.from({ length: 300 }, (_, index) => ({
    resourceType: 16,
    resourceName: `metrics-${index}`,
    configs: [{ name: 'match', configOperation: 0, value: `client_id=${'x'.repeat(32_000)}` }]
  }))
  const { responses } = await node.call('incrementalAlterConfigs', { resources, validateOnly: false })
  assert.deepEqual(
    new Set(responses.map(({ errorCode, errorMessage }) => `${errorCode} ${errorMessage}`)),
    new Set(['44 Unable to perform excessively large batch operation.'])
  )
  assert.equal((await node.call('createTopics', create('still-here'))).topics[0].errorCode, 0)
})

test('a closed node answers that it is no controller', async () => {
  const opened = await openNode(testWorld())
  await joinBroker(opened.node)
  await opened[Symbol.asyncDispose]()
  assert.equal((await opened.node.call('createTopics', create('a'))).topics[0].errorCode, 41)
})

test('a publisher that throws stops the node', async () => {
  const halts: string[] = []
  const opened = await openNode(testWorld({ onHalt: (reason) => halts.push(reason) }))
  opened.node.addPublisher({
    name: 'broken',
    onImage: (_, image) => {
      if (image.topicIds.size > 0) throw new Error('broken')
    }
  })
  await joinBroker(opened.node)
  await opened.node.call('createTopics', create('a'))
  assert.match(halts[0], /^The publisher broken failed/)
})

test('a change to one of 10,000 partitions costs about the same as one of ten', async () => {
  await using opened = await openNode(testWorld(), testConfig({ 'metadata.max.idle.interval.ms': '0' }))
  const { node } = opened
  const brokerEpoch = await joinBroker(node)
  for (let n = 0; n < 10; n++)
    await node.call('createTopics', { topics: [newTopic(`big-${n}`, { partitions: 1000 })], timeoutMs: 5000, validateOnly: false })
  const topic = node.image.topic('big-5')
  assert.ok(topic !== undefined)
  const before = node.image
  const directory = Buffer.from('another-director').toString('base64url')
  const started = process.cpuUsage()
  for (let partitionIndex = 0; partitionIndex < 100; partitionIndex++) {
    const directories = [{ id: directory, topics: [{ topicId: topic.id, partitions: [{ partitionIndex }] }] }]
    await node.call('assignReplicasToDirs', { brokerId: 1, brokerEpoch, directories })
  }
  const { user, system } = process.cpuUsage(started)
  assert.ok(user + system < 300_000, `100 changes took ${(user + system) / 1000} ms of CPU`)
  assert.equal(before.topic('big-5'), topic)
  assert.equal(node.image.topic('big-4'), before.topic('big-4'))
  assert.notEqual(node.image.topic('big-5'), topic)
})

test('a node of which only the snapshot is left goes on from it, under an epoch that was never used', async () => {
  const disk = createMemoryDisk()
  let epoch = 0
  for (const name of ['a', 'b', 'c']) {
    await using opened = await openNode(testWorld({ disk }))
    if (name === 'a') await joinBroker(opened.node)
    await opened.node.call('createTopics', create(name))
    await opened.node.writeSnapshot()
    epoch = opened.node.leaderEpoch
  }
  for (const name of await disk.readdir(LOG)) if (!name.endsWith('.checkpoint')) await disk.unlink(`${LOG}/${name}`)
  await using opened = await openNode(testWorld({ disk }))
  assert.deepEqual([...opened.node.image.topicIds.keys()].sort(), ['a', 'b', 'c'])
  assert.ok(opened.node.leaderEpoch > epoch, `${opened.node.leaderEpoch} > ${epoch}`)
})

test('a directory that cannot be formatted is named', async () => {
  const disk = createMemoryDisk({ maxBytes: 10 })
  await assert.rejects(formatStorage(testWorld({ disk }), { config: testConfig(), clusterId: CLUSTER_ID }), {
    code: 'FORMAT_FAILED',
    message: /^Log directory \/\S+ cannot be formatted: ENOSPC/
  })
})
