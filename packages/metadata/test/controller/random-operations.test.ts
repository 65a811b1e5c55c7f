// Every manager at once: random requests, right and wrong, to a controller of several brokers that come, go and fall
// silent. After each one the rules that no sequence may break, and now and then the law: the state is the fold of its records.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrng, type Prng } from '@odradek/base'
import { fenceStaleBroker } from '../../src/controller/cluster-control.ts'
import { balanceLeaders, electUncleanLeaders } from '../../src/controller/elections.ts'
import { isActive } from '../../src/image/cluster.ts'
import type { MetadataImage } from '../../src/image/metadata-image.ts'
import { NO_LEADER, type PartitionRegistration, RECOVERED } from '../../src/image/partition-registration.ts'
import { directoryIdOf, incarnation, TestController } from './support.ts'

const BROKERS = [1, 2, 3, 4, 5]
const TOPICS = ['a', 'b', 'c.d', 'c_d', 'e', 'not a topic']

interface Run {
  readonly controller: TestController
  readonly random: Prng
  /** Unclean elections are off. */
  readonly isClean: boolean
  incarnations: number
  /** The ISR that a leader has just reported. */
  reported: readonly number[]
  nextProducerId: number
}

const SEEDS = 60
const STEPS = 150

test(`no sequence of requests breaks a rule of partitions, or the law of replay (${SEEDS} × ${STEPS} requests)`, () => {
  const reached = new Set<string>()
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      runSeed(seed, reached)
    } catch (error) {
      throw new Error(`seed ${seed} failed`, { cause: error })
    }
  }
  assert.deepEqual([...reached].sort(), ['eligible', 'growing', 'in recovery', 'last known', 'leaderless', 'shrinking'])
})

function runSeed(seed: number, reached: Set<string>): void {
  const random = createPrng(seed)
  const featureLevels = new Map([['eligible.leader.replicas.version', random.below(2)]])
  const controller = new TestController({ brokers: [1, 2, 3], featureLevels, seed })
  const run: Run = { controller, random, isClean: random.below(2) === 0, incarnations: 0, reported: [], nextProducerId: 0 }
  for (let step = 0; step < STEPS; step++) {
    const before = controller.image
    act(run)
    controller.now += random.below(4) === 0 ? random.below(6000) : 0
    checkPartitions(run, before, controller.image)
    for (const { partitions } of controller.image.topics()) for (const partition of partitions) note(partition, reached)
    if (step % 50 === 49) controller.checkLaw()
  }
}

/** What the random requests must lead to, or the rules were not tried. */
function note(
  { elr, addingReplicas, removingReplicas, leaderRecoveryState, lastKnownElr, leader }: PartitionRegistration,
  reached: Set<string>
): void {
  if (elr.length > 0) reached.add('eligible')
  if (addingReplicas.length > 0) reached.add('growing')
  if (removingReplicas.length > 0) reached.add('shrinking')
  if (leaderRecoveryState !== RECOVERED) reached.add('in recovery')
  if (lastKnownElr.length > 0) reached.add('last known')
  if (leader === NO_LEADER) reached.add('leaderless')
}

function act(run: Run): void {
  const { random } = run
  run.reported = []
  const actions = [topics, topics, brokers, brokers, brokers, isrs, isrs, isrs, isrs, reassignments, elections, configs, rest, clock]
  random.pick(actions)(run)
}

// ---- requests

function topics({ controller, random }: Run): void {
  const name = random.pick(TOPICS)
  const kind = random.below(8)
  if (kind < 5) {
    const assignments = Array.from({ length: random.between(1, 3) }, () => brokerIds(random))
    const options = random.below(2) === 0 ? { assignments } : { partitions: random.below(4), replicationFactor: random.below(5) }
    controller.createTopic(name, options)
    return
  }
  if (kind === 5) {
    const assignments = random.below(2) === 0 ? [{ brokerIds: brokerIds(random) }] : null
    controller.call('createPartitions', {
      topics: [{ name, count: random.below(6), assignments }],
      timeoutMs: 1000,
      validateOnly: random.below(4) === 0
    })
    return
  }
  const byId = { name: null, topicId: controller.image.topic(name)?.id ?? directoryIdOf(9) }
  controller.call('deleteTopics', { topics: [byId, { ...byId }].slice(random.below(2)), topicNames: [], timeoutMs: 1000 })
}

function brokers(run: Run): void {
  const { controller, random } = run
  const brokerId = random.pick(BROKERS)
  const kind = random.below(8)
  const directories = [directoryIdOf(brokerId), directoryIdOf(brokerId + 100)].slice(random.below(2))
  if (kind === 0) {
    const previousBrokerEpoch = random.below(2) === 0 ? (controller.image.brokers.get(brokerId)?.epoch ?? -1) : -1
    controller.register({ brokerId, incarnationId: incarnation(brokerId * 1000 + run.incarnations++), previousBrokerEpoch, directories })
  } else if (kind === 1 && random.below(3) === 0) controller.call('unregisterBroker', { brokerId })
  else {
    const offline = kind === 2 ? directories.slice(0, random.between(1, 2)) : []
    const want = { fence: kind === 3, shutDown: kind === 4, offline, offset: controller.nextOffset - random.below(2) }
    controller.beat(brokerId, kind === 5 ? { ...want, epoch: 7 } : want)
  }
}

function isrs(run: Run): void {
  const { controller, random } = run
  const topic = controller.image.topic(random.pick(TOPICS))
  const partitionIndex = random.below(4)
  const partition = topic?.partitions.get(partitionIndex)
  if (topic === undefined || partition === undefined) return
  if (random.below(6) === 0) {
    const brokerId = random.pick(partition.replicas)
    const id = random.pick(controller.image.brokers.get(brokerId)?.directories ?? [directoryIdOf(77)])
    const directories = [{ id, topics: [{ topicId: topic.id, partitions: [{ partitionIndex }] }] }]
    controller.call('assignReplicasToDirs', { brokerId, brokerEpoch: epochOf(controller.image, brokerId), directories })
    return
  }
  const isr =
    random.below(8) === 0 ? brokerIds(random) : random.shuffle([...partition.replicas]).slice(random.below(partition.replicas.length))
  if (partition.leader !== NO_LEADER && !isr.includes(partition.leader) && random.below(8) > 0) isr.push(partition.leader)
  run.reported = isr
  const stale = random.below(12) === 0 ? 1 : 0
  const altered = {
    partitionIndex,
    leaderEpoch: partition.leaderEpoch - stale,
    partitionEpoch: partition.partitionEpoch,
    newIsr: [],
    newIsrWithEpochs: isr.map((brokerId) => ({ brokerId, brokerEpoch: epochOf(controller.image, brokerId) })),
    leaderRecoveryState: random.below(10) === 0 ? 1 : RECOVERED
  }
  const brokerId = partition.leader
  const topics = [{ topicId: topic.id, partitions: [altered] }]
  controller.call('alterPartition', { brokerId, brokerEpoch: epochOf(controller.image, brokerId), topics })
}

function reassignments({ controller, random }: Run): void {
  const replicas = random.below(4) === 0 ? null : brokerIds(random)
  controller.call('alterPartitionReassignments', {
    timeoutMs: 1000,
    allowReplicationFactorChange: random.below(2) === 0,
    topics: [{ name: random.pick(TOPICS), partitions: [{ partitionIndex: random.below(3), replicas }] }]
  })
  controller.call('listPartitionReassignments', { timeoutMs: 1000, topics: null })
}

function elections({ controller, random, isClean }: Run): void {
  const topicPartitions = random.below(3) === 0 ? null : [{ topic: random.pick(TOPICS), partitions: [random.below(3), 0, 0] }]
  controller.call('electLeaders', { electionType: isClean ? 0 : random.below(3), topicPartitions, timeoutMs: 1000 })
}

function configs({ controller, random, isClean }: Run): void {
  const isTopic = random.below(2) === 0
  const resourceName = isTopic ? random.pick(TOPICS) : random.pick(['', '1', '9'])
  const [name, values] = random.pick([
    ['min.insync.replicas', ['1', '2', '3', 'many']],
    ['unclean.leader.election.enable', isClean ? ['false'] : ['true', 'false']],
    ['cleanup.policy', ['compact', 'delete']]
  ] as const)
  const config = { name, configOperation: random.below(4), value: random.pick(values) }
  controller.call('incrementalAlterConfigs', {
    resources: [{ resourceType: isTopic ? 2 : 4, resourceName, configs: [config] }],
    validateOnly: random.below(5) === 0
  })
}

function rest(run: Run): void {
  const { controller, random } = run
  const brokerId = random.pick(BROKERS)
  const { errorCode, producerIdStart, producerIdLen } = controller.call('allocateProducerIds', {
    brokerId,
    brokerEpoch: epochOf(controller.image, brokerId)
  })
  if (errorCode === 0) {
    assert.ok(producerIdStart >= run.nextProducerId, 'a producer id is given twice')
    run.nextProducerId = producerIdStart + producerIdLen
  }
  const feature = random.pick(['eligible.leader.replicas.version', 'group.version', 'metadata.version', 'nope'])
  const maxVersionLevel = feature === 'metadata.version' ? random.between(20, 40) : random.below(3)
  controller.call('updateFeatures', {
    timeoutMs: 1000,
    featureUpdates: [{ feature, maxVersionLevel, allowDowngrade: false, upgradeType: random.between(1, 2) }],
    validateOnly: random.below(2) === 0
  })
}

function clock({ controller, isClean, random }: Run): void {
  controller.now += random.below(3000)
  controller.propose(fenceStaleBroker)
  controller.propose(balanceLeaders)
  if (!isClean) controller.propose(electUncleanLeaders)
}

function brokerIds(random: Prng): number[] {
  const ids = random.shuffle([...BROKERS]).slice(0, random.between(1, 4))
  return random.below(12) === 0 ? [...ids, ids[0]] : ids
}

const epochOf = (image: MetadataImage, brokerId: number): number => image.brokers.get(brokerId)?.epoch ?? -1

// ---- rules

function checkPartitions(run: Run, before: MetadataImage, after: MetadataImage): void {
  for (const topic of after.topics()) {
    assert.equal(after.topic(topic.name), topic)
    for (const [partitionId, partition] of topic.partitions.entries()) {
      try {
        checkPartition(after, partition)
        const previous = before.topicsById.get(topic.id)?.partitions.get(partitionId)
        if (previous !== undefined) checkChange(run, previous, partition)
      } catch (error) {
        const records = run.controller.last.map((record) => `${record.type} ${JSON.stringify(record.data)}`)
        throw new Error(`${topic.name}-${partitionId} ${JSON.stringify(partition)} after ${records.join('\n')}`, { cause: error })
      }
    }
  }
}

function checkPartition(image: MetadataImage, partition: PartitionRegistration): void {
  const { replicas, isr, elr, lastKnownElr, leader, directories, addingReplicas, removingReplicas } = partition
  for (const list of [replicas, isr, elr, addingReplicas, removingReplicas])
    assert.equal(new Set(list).size, list.length, 'a replica is twice there')
  assert.ok(replicas.length > 0)
  assert.equal(directories.length, replicas.length)
  for (const id of [...isr, ...elr, ...lastKnownElr, ...addingReplicas, ...removingReplicas])
    assert.ok(replicas.includes(id), `${id} is no replica`)
  assert.ok(!elr.some((id) => isr.includes(id)), 'a replica is in sync and eligible')
  if (leader !== NO_LEADER) {
    assert.ok(isr.includes(leader), 'the leader is not in sync')
    assert.ok(isActive(image.brokers.get(leader)), 'the leader is fenced or gone')
  }
  if (isr.length === 0) assert.equal(leader, NO_LEADER)
  // One that is not live may stay in sync only as the last, which alone has everything.
  if (isr.length > 1) for (const id of isr) assert.ok(isActive(image.brokers.get(id)), `${id} is in sync and not live`)
}

function checkChange({ isClean, reported }: Run, before: PartitionRegistration, after: PartitionRegistration): void {
  if (before === after) return
  assert.ok(after.partitionEpoch >= before.partitionEpoch && after.leaderEpoch >= before.leaderEpoch, 'an epoch went back')
  assert.ok(after.partitionEpoch > before.partitionEpoch, 'a change without a partition epoch')
  if (after.leader !== before.leader) {
    assert.ok(after.leaderEpoch > before.leaderEpoch, 'another leader in the same epoch')
    const mayLead = [...before.isr, ...before.elr, ...reported, ...(before.isr.length === 0 ? before.lastKnownElr.slice(0, 1) : [])]
    if (isClean && after.leader !== NO_LEADER) assert.ok(mayLead.includes(after.leader), 'the new leader may lack records')
  }
}
