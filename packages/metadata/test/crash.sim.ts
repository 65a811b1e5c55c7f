// A one-voter quorum whose machine is killed or loses power at any effect, also while it is formatted, elected, snapshotted
// or cleaned: after every crash it opens to an image that holds everything answered (K1), the same at every offset as
// before (K2), under an epoch never used before.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { METADATA_TOPIC_ID, type Prng, randomUuid, type Uuid } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'
import { defaultLogConfig, LogManager, readMetaProperties } from '@odradek/storage'
import { simulate, sweepSeeds } from '@odradek/testkit'
import type { World } from '@odradek/world'
import type { SimNode, Simulation } from '@odradek/world/sim'
import { formatStorage, imageHash, MetadataNode, metadataLogConfig } from '../src/index.ts'
import { beat, CLUSTER_ID, DIRECTORY, joinBroker, newTopic, registration, testConfig } from './support.ts'

interface Model {
  /** Topics whose creation was answered and whose deletion was not asked. */
  readonly created: Set<string>
  /** Topics whose deletion was answered. */
  readonly deleted: Set<string>
  /** Topics whose creation or deletion was asked and not answered: either way is right. */
  readonly undecided: Set<string>
  readonly retention: Map<string, string>
  nextProducerId: number
  leaderEpoch: number
  /** By offset, the hash of the image that was published there. */
  readonly hashes: Map<number, string>
}

interface Run {
  readonly sim: Simulation
  readonly node: SimNode
  readonly random: Prng
  readonly overrides: Record<string, string>
  readonly isDynamic: boolean
  readonly segmentBytes: number
  readonly model: Model
}

sweepSeeds('a quorum of one keeps everything it answered through any crash', { seeds: 40 }, async (sim, seed) => {
  const run = newRun(sim, seed)
  const { random } = run
  for (let life = 0; life < 6; life++) {
    const kind = random.pick(['kill', 'power-loss'] as const)
    const world = life === 0 ? run.node.world : run.node.restart()
    run.node.crashAtEffect(random.between(1, 160), kind)
    void live(run, world).catch((error: unknown) => {
      if (run.node.isAlive) sim.fail(error)
    })
    await sim.run({ until: () => !run.node.isAlive, maxVirtualMs: 600_000 })
  }
  await openAndCheck(run)
})

sweepSeeds(
  'a quorum of one stops when its disk fails, and keeps everything it answered',
  { seeds: 40, simulation: { onHalt: () => undefined } },
  async (sim, seed) => {
    const run = newRun(sim, seed)
    const { random, node } = run
    for (let life = 0; life < 6; life++) {
      const world = life === 0 ? node.world : node.restart()
      const { conditions } = node.storage
      conditions.syncErrorChance = random.pick([0, 0.01, 0.05])
      conditions.writeErrorChance = random.pick([0, 0.01, 0.05])
      node.crashAtEffect(random.between(1, 300), 'power-loss')
      // A node that cannot open its disk tells its owner; one that runs stops itself.
      void live(run, world).catch((error: unknown) => {
        if (!node.isAlive) return
        if (isDiskFault(error)) node.kill()
        else sim.fail(error)
      })
      await sim.run({ until: () => !node.isAlive, maxVirtualMs: 600_000 })
      conditions.syncErrorChance = 0
      conditions.writeErrorChance = 0
    }
    await openAndCheck(run)
  }
)

test('a call times out while the disk hangs, answers nothing of what is not on disk, and what it did shows afterwards', async () => {
  await simulate({ seed: 'hanging' }, async (sim) => {
    const run = newRun(sim, 'hanging')
    const node = await sim.complete(open(run, run.node.world))
    await sim.complete(joinBroker(node))
    run.node.storage.stall(20_000)
    const creation = { topics: [newTopic('late')], timeoutMs: 5000, validateOnly: false }
    const [timedOut, repeated] = await sim.complete(Promise.all([node.call('createTopics', creation), node.call('createTopics', creation)]))
    // The second one would say that the topic exists, and nobody may know that yet.
    assert.deepEqual(
      [timedOut.topics[0].errorCode, repeated.topics[0].errorCode],
      [ErrorCode.REQUEST_TIMED_OUT, ErrorCode.REQUEST_TIMED_OUT]
    )
    assert.equal(node.image.topic('late'), undefined)
    await sim.run({ until: () => node.image.topic('late') !== undefined, maxVirtualMs: 60_000 })
    const again = await sim.complete(node.call('createTopics', creation))
    assert.equal(again.topics[0].errorCode, ErrorCode.TOPIC_ALREADY_EXISTS)
  })
})

function isDiskFault(error: unknown): boolean {
  const { code, cause } = error as { code?: string; cause?: unknown }
  return code === 'EIO' || (cause !== undefined && isDiskFault(cause))
}

function newRun(sim: Simulation, seed: number | string): Run {
  const random = sim.prng.fork('workload')
  const isDynamic = random.below(2) === 0
  return {
    sim,
    random,
    isDynamic,
    node: sim.node(`controller-${seed}`),
    segmentBytes: random.pick([30_000, 60_000, 1 << 20]),
    overrides: {
      ...(isDynamic ? { 'controller.quorum.voters': '', 'controller.quorum.bootstrap.servers': 'localhost:9093' } : {}),
      'metadata.log.max.record.bytes.between.snapshots': String(random.pick([600, 4000, 1 << 20])),
      'metadata.max.retention.bytes': String(random.pick([1, 4000, 1 << 20])),
      'metadata.max.idle.interval.ms': '50'
    },
    model: {
      created: new Set(),
      deleted: new Set(),
      undecided: new Set(),
      retention: new Map(),
      nextProducerId: 0,
      leaderEpoch: 0,
      hashes: new Map()
    }
  }
}

async function openAndCheck(run: Run): Promise<void> {
  const { sim } = run
  const node = await sim.complete(open(run, run.node.restart()))
  checkImage(run, node)
}

async function open(run: Run, world: World): Promise<MetadataNode> {
  const config = testConfig(run.overrides)
  // A crash while formatting leaves a directory that is not formatted yet, or is.
  const meta = await readMetaProperties(world.disk, DIRECTORY)
  if (meta === undefined) await formatStorage(world, { config, clusterId: CLUSTER_ID, standalone: run.isDynamic })
  const logs = await LogManager.open({ world, logDirs: [DIRECTORY], nodeId: 1, clusterId: CLUSTER_ID, configFor: () => defaultLogConfig })
  const directoryId = logs.directories()[0].directoryId as Uuid
  const log = await logs.openMetadataLog(DIRECTORY, { ...metadataLogConfig(config), segmentBytes: run.segmentBytes }, METADATA_TOPIC_ID)
  return MetadataNode.open({ world, config, clusterId: CLUSTER_ID, directoryId, log, controllerEndpoints: [] })
}

async function live(run: Run, world: World): Promise<void> {
  const { model, random, node: machine } = run
  const node = await open(run, world)
  checkImage(run, node)
  assert.ok(node.leaderEpoch > model.leaderEpoch, `epoch ${node.leaderEpoch} after ${model.leaderEpoch}`)
  model.leaderEpoch = node.leaderEpoch
  node.addPublisher({ name: 'hashes', onImage: (_, image) => checkHash(run, image.provenance.offset, imageHash(image)) })
  const { errorCode, brokerEpoch } = await node.call(
    'registerBroker',
    registration({ incarnationId: randomUuid((size) => world.random.bytes(size)) })
  )
  assert.equal(errorCode, 0)
  const heartbeat = await beat(node, 1, brokerEpoch)
  assert.deepEqual([heartbeat.errorCode, heartbeat.isCaughtUp, heartbeat.isFenced], [0, true, false])
  const working: Promise<void>[] = []
  while (machine.isAlive) {
    // Several calls at once share a sync, and see each other's uncommitted records.
    for (let count = random.between(1, 4); count > 0; count--) working.push(workOnce(run, node, brokerEpoch))
    await Promise.all(working.splice(0))
    await new Promise<void>((resolve) => world.timers.schedule(random.float() * 20, resolve))
  }
}

async function workOnce(run: Run, node: MetadataNode, brokerEpoch: number): Promise<void> {
  const { model, random } = run
  const action = random.below(10)
  const existing = [...model.created].filter((name) => !model.undecided.has(name))
  if (action < 4 || existing.length === 0) return createOne(run, node)
  const name = random.pick(existing)
  if (action < 6) {
    model.undecided.add(name)
    const { responses } = await node.call('deleteTopics', { topics: [], topicNames: [name], timeoutMs: 30_000 })
    if (responses[0].errorCode !== 0) return
    model.undecided.delete(name)
    model.created.delete(name)
    model.deleted.add(name)
  } else if (action < 8) {
    const value = String(random.between(1, 1_000_000))
    model.retention.delete(name)
    const configs = [{ name: 'retention.ms', configOperation: 0, value }]
    const { responses } = await node.call('incrementalAlterConfigs', {
      resources: [{ resourceType: 2, resourceName: name, configs }],
      validateOnly: false
    })
    if (responses[0].errorCode === 0) model.retention.set(name, value)
  } else if (action === 8) {
    const { errorCode, producerIdStart, producerIdLen } = await node.call('allocateProducerIds', { brokerId: 1, brokerEpoch })
    if (errorCode !== 0) return
    assert.ok(producerIdStart >= model.nextProducerId, `producer ids from ${producerIdStart} after ${model.nextProducerId}`)
    model.nextProducerId = producerIdStart + producerIdLen
  } else await node.writeSnapshot()
}

async function createOne({ model, random }: Run, node: MetadataNode): Promise<void> {
  const name = `topic-${random.below(1 << 30)}`
  model.undecided.add(name)
  const { topics } = await node.call('createTopics', {
    topics: [newTopic(name, { partitions: random.between(1, 8) })],
    timeoutMs: 30_000,
    validateOnly: false
  })
  if (topics[0].errorCode !== 0) return
  model.undecided.delete(name)
  model.created.add(name)
}

function checkImage(run: Run, node: MetadataNode): void {
  const { model, sim } = run
  const { image } = node
  for (const name of model.created) {
    if (model.undecided.has(name)) continue
    assert.ok(image.topic(name) !== undefined, `seed ${sim.seed}: topic ${name} was answered and is lost`)
  }
  for (const name of model.deleted) assert.equal(image.topic(name), undefined, `seed ${sim.seed}: topic ${name} was deleted and is back`)
  for (const name of image.topicIds.keys()) assert.ok(model.created.has(name) || model.undecided.has(name), `${name} was never made`)
  assert.ok(image.nextProducerId >= model.nextProducerId)
  // What was undecided is decided now.
  for (const name of model.undecided) {
    if (image.topic(name) === undefined) model.created.delete(name)
    else model.created.add(name)
  }
  model.undecided.clear()
  checkHash(run, image.provenance.offset, imageHash(image))
}

function checkHash({ model }: Run, offset: number, hash: string): void {
  const before = model.hashes.get(offset)
  if (before !== undefined) assert.equal(hash, before, `the image at offset ${offset} is not what it was`)
  model.hashes.set(offset, hash)
}
