import assert from 'node:assert/strict'
import { test } from 'node:test'
import { balanceLeaders, electUncleanLeaders } from '../../src/controller/elections.ts'
import { errorName, incarnation, named, TestController } from './support.ts'

type Alter = { isr?: number[]; leaderEpoch?: number; partitionEpoch?: number; recovery?: number; epochs?: number[]; from?: number }

function alterPartition(
  controller: TestController,
  topic: string,
  change: Alter
): { error: string; isr: number[]; leader: number; partitionEpoch: number } {
  const partition = controller.partition(topic)
  const {
    isr = [...partition.isr],
    from = partition.leader,
    leaderEpoch = partition.leaderEpoch,
    partitionEpoch = partition.partitionEpoch,
    recovery = 0
  } = change
  const newIsrWithEpochs = isr.map((brokerId, index) => ({
    brokerId,
    brokerEpoch: change.epochs?.[index] ?? controller.image.brokers.get(brokerId)?.epoch ?? -1
  }))
  const altered = { partitionIndex: 0, leaderEpoch, newIsr: [], newIsrWithEpochs, leaderRecoveryState: recovery, partitionEpoch }
  const response = controller.call('alterPartition', {
    brokerId: from,
    brokerEpoch: controller.image.brokers.get(from)?.epoch ?? -1,
    topics: [{ topicId: controller.image.topic(topic)?.id ?? '', partitions: [altered] }]
  })
  assert.equal(response.errorCode, 0)
  const result = response.topics[0].partitions[0]
  return { error: errorName(result.errorCode), isr: result.isr, leader: result.leaderId, partitionEpoch: result.partitionEpoch }
}

function threeReplicas(): TestController {
  const controller = new TestController({ brokers: [1, 2, 3] })
  controller.createTopic('t', { assignments: [[1, 2, 3]] })
  return controller
}

test('the leader shrinks and grows its ISR', () => {
  const controller = threeReplicas()
  assert.deepEqual(alterPartition(controller, 't', { isr: [1, 2] }), { error: 'NONE', isr: [1, 2], leader: 1, partitionEpoch: 1 })
  assert.deepEqual(alterPartition(controller, 't', { isr: [1, 2, 3] }), { error: 'NONE', isr: [1, 2, 3], leader: 1, partitionEpoch: 2 })
  // Shrinking does not need a new leader epoch since 3.6.
  assert.equal(controller.partition('t').leaderEpoch, 0)
  assert.deepEqual(alterPartition(controller, 't', {}), { error: 'NONE', isr: [1, 2, 3], leader: 1, partitionEpoch: 2 })
  assert.deepEqual(controller.last, [])
  controller.checkLaw()
})

test('alterations that are late, early, foreign or unfit are refused', () => {
  const controller = threeReplicas()
  alterPartition(controller, 't', { isr: [1, 2] })
  const error = (change: Alter): string => alterPartition(controller, 't', change).error
  assert.equal(error({ leaderEpoch: -1 }), 'FENCED_LEADER_EPOCH')
  assert.equal(error({ leaderEpoch: 1 }), 'NOT_CONTROLLER')
  assert.equal(error({ partitionEpoch: 0 }), 'INVALID_UPDATE_VERSION')
  assert.equal(error({ partitionEpoch: 2 }), 'NOT_CONTROLLER')
  assert.equal(error({ from: 2 }), 'INVALID_REQUEST')
  assert.equal(error({ isr: [1, 4] }), 'INVALID_REQUEST')
  assert.equal(error({ isr: [2, 3] }), 'INVALID_REQUEST')
  assert.equal(error({ isr: [1, 1] }), 'INVALID_REQUEST')
  assert.equal(error({ isr: [1, 2], recovery: 1 }), 'INVALID_REQUEST')
  assert.equal(error({ isr: [1, 2, 3], epochs: [-1, -1, 0] }), 'INELIGIBLE_REPLICA')
  controller.beat(3, { fence: true })
  assert.equal(error({ isr: [1, 2, 3] }), 'INELIGIBLE_REPLICA')
  const stale = controller.call('alterPartition', { brokerId: 1, brokerEpoch: 0, topics: [] })
  assert.equal(errorName(stale.errorCode), 'STALE_BROKER_EPOCH')
  assert.deepEqual(controller.partition('t').isr, [1, 2])
})

test('replicas that leave an ISR below the minimum stay eligible, and lead when no one else can', () => {
  const controller = new TestController({ brokers: [1, 2, 3] })
  controller.createTopic('t', { assignments: [[1, 2, 3]], configs: { 'min.insync.replicas': '2' } })
  alterPartition(controller, 't', { isr: [1, 2] })
  assert.deepEqual(controller.partition('t').elr, [])
  alterPartition(controller, 't', { isr: [1] })
  assert.deepEqual(controller.partition('t').elr, [2])
  controller.beat(1, { fence: true })
  const { leader, isr, elr, leaderRecoveryState } = controller.partition('t')
  assert.deepEqual({ leader, isr, elr, leaderRecoveryState }, { leader: 2, isr: [2], elr: [1], leaderRecoveryState: 0 })
  controller.join({ brokerId: 1, incarnationId: incarnation(10), previousBrokerEpoch: controller.image.brokers.get(1)?.epoch })
  alterPartition(controller, 't', { isr: [2, 1] })
  assert.deepEqual([controller.partition('t').isr, controller.partition('t').elr], [[2, 1], []])
  controller.checkLaw()
})

test('elections by request: preferred, unclean, not needed, not possible', () => {
  const controller = threeReplicas()
  const elect = (electionType: number, topic = 't', partitions = [0]): [string, string | null] =>
    named(
      controller.call('electLeaders', { electionType, topicPartitions: [{ topic, partitions }], timeoutMs: 1000 }).replicaElectionResults[0]
        .partitionResult[0]
    )
  assert.equal(elect(0)[0], 'ELECTION_NOT_NEEDED')
  assert.equal(elect(1)[0], 'ELECTION_NOT_NEEDED')
  assert.deepEqual(elect(0, 'nope'), ['UNKNOWN_TOPIC_OR_PARTITION', 'No such topic as nope'])
  assert.deepEqual(elect(0, 't', [5]), ['UNKNOWN_TOPIC_OR_PARTITION', 'No such partition as t-5'])
  controller.beat(1, { fence: true })
  assert.equal(controller.partition('t').leader, 2)
  assert.equal(elect(0)[0], 'PREFERRED_LEADER_NOT_AVAILABLE')
  controller.beat(1)
  assert.equal(elect(0)[0], 'PREFERRED_LEADER_NOT_AVAILABLE')
  alterPartition(controller, 't', { isr: [2, 3, 1] })
  assert.equal(elect(0)[0], 'NONE')
  assert.equal(controller.partition('t').leader, 1)
  // All partitions at once: only those that need an election are told of.
  const all = controller.call('electLeaders', { electionType: 0, topicPartitions: null, timeoutMs: 1000 })
  assert.deepEqual(all.replicaElectionResults, [{ topic: 't', partitionResult: [] }])
  const unknown = controller.call('electLeaders', { electionType: 7, topicPartitions: [], timeoutMs: 1000 })
  assert.equal(errorName(unknown.errorCode), 'INVALID_REQUEST')
  controller.checkLaw()
})

test('an unclean election takes any live replica, which then is in recovery', () => {
  const controller = new TestController({ brokers: [1, 2], featureLevels: new Map([['eligible.leader.replicas.version', 0]]) })
  controller.createTopic('t', { assignments: [[1, 2]] })
  controller.createTopic('available', { assignments: [[1, 2]], configs: { 'unclean.leader.election.enable': 'true' } })
  for (const topic of ['t', 'available']) alterPartition(controller, topic, { isr: [1] })
  controller.beat(1, { fence: true })
  // Without ELR the last in-sync replica stays in the ISR although it is gone.
  assert.deepEqual([controller.partition('t').leader, controller.partition('t').isr], [-1, [1]])
  assert.deepEqual([controller.partition('available').leader, controller.partition('available').leaderRecoveryState], [2, 1])
  controller.propose(electUncleanLeaders)
  assert.equal(controller.partition('t').leader, -1)
  const { replicaElectionResults } = controller.call('electLeaders', {
    electionType: 1,
    topicPartitions: [{ topic: 't', partitions: [0] }],
    timeoutMs: 1000
  })
  assert.equal(replicaElectionResults[0].partitionResult[0].errorCode, 0)
  assert.deepEqual([controller.partition('t').leader, controller.partition('t').isr], [2, [2]])
  assert.equal(alterPartition(controller, 't', { recovery: 0 }).error, 'NONE')
  assert.equal(controller.partition('t').leaderRecoveryState, 0)
  controller.checkLaw()
})

test('the controller moves leadership back to preferred replicas by itself', () => {
  const controller = threeReplicas()
  controller.beat(1, { fence: true })
  controller.beat(1)
  alterPartition(controller, 't', { isr: [2, 3, 1] })
  controller.propose(balanceLeaders)
  assert.equal(controller.partition('t').leader, 1)
  controller.propose(balanceLeaders)
  assert.deepEqual(controller.last, [])
})

function reassign(controller: TestController, replicas: number[] | null, allowReplicationFactorChange = true): [string, string | null] {
  const { responses } = controller.call('alterPartitionReassignments', {
    timeoutMs: 1000,
    allowReplicationFactorChange,
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, replicas }] }]
  })
  return named(responses[0].partitions[0])
}

test('a reassignment adds replicas, and ends when the new ones are in sync', () => {
  const controller = new TestController({ brokers: [1, 2, 3, 4] })
  controller.createTopic('t', { assignments: [[1, 2]] })
  assert.deepEqual(reassign(controller, [3, 4]), ['NONE', null])
  const { replicas, addingReplicas, removingReplicas } = controller.partition('t')
  assert.deepEqual(
    { replicas, addingReplicas, removingReplicas },
    { replicas: [3, 4, 1, 2], addingReplicas: [3, 4], removingReplicas: [1, 2] }
  )
  const ongoing = [
    { name: 't', partitions: [{ partitionIndex: 0, replicas: [3, 4, 1, 2], addingReplicas: [3, 4], removingReplicas: [1, 2] }] }
  ]
  assert.deepEqual(controller.call('listPartitionReassignments', { timeoutMs: 1000, topics: null }).topics, ongoing)
  assert.deepEqual(
    controller.call('listPartitionReassignments', { timeoutMs: 1000, topics: [{ name: 't', partitionIndexes: [0, 9] }] }).topics,
    ongoing
  )
  assert.deepEqual(
    controller.call('listPartitionReassignments', { timeoutMs: 1000, topics: [{ name: 'nope', partitionIndexes: [0] }] }).topics,
    []
  )
  assert.equal(alterPartition(controller, 't', { isr: [1, 2, 3] }).error, 'NONE')
  // The last one in sync ends it; the leader is no replica any more and learns so.
  assert.equal(alterPartition(controller, 't', { isr: [1, 2, 3, 4] }).error, 'NEW_LEADER_ELECTED')
  const after = controller.partition('t')
  assert.deepEqual([after.replicas, after.isr, after.addingReplicas, after.removingReplicas, after.leader], [[3, 4], [3, 4], [], [], 3])
  assert.equal(after.directories.length, 2)
  assert.deepEqual(controller.call('listPartitionReassignments', { timeoutMs: 1000, topics: null }).topics, [])
  controller.checkLaw()
})

test('a reassignment can be cancelled, but only while it goes on', () => {
  const controller = new TestController({ brokers: [1, 2, 3] })
  controller.createTopic('t', { assignments: [[1, 2]] })
  assert.deepEqual(reassign(controller, null), ['NO_REASSIGNMENT_IN_PROGRESS', 'No partition reassignment is in progress.'])
  reassign(controller, [1, 3])
  assert.deepEqual(reassign(controller, null), ['NONE', null])
  const { replicas, addingReplicas, removingReplicas, isr } = controller.partition('t')
  assert.deepEqual(
    { replicas, addingReplicas, removingReplicas, isr },
    { replicas: [1, 2], addingReplicas: [], removingReplicas: [], isr: [1, 2] }
  )
  controller.checkLaw()
})

test('reassignments that cannot be are refused', () => {
  const controller = new TestController({ brokers: [1, 2, 3] })
  controller.createTopic('t', { assignments: [[1, 2]] })
  assert.deepEqual(reassign(controller, [9]), [
    'INVALID_REPLICA_ASSIGNMENT',
    'The manual partition assignment includes broker 9, but no such broker is registered.'
  ])
  assert.deepEqual(reassign(controller, []), [
    'INVALID_REPLICA_ASSIGNMENT',
    'The manual partition assignment includes an empty replica list.'
  ])
  assert.deepEqual(reassign(controller, [1, 2, 3], false), ['INVALID_REPLICATION_FACTOR', 'The replication factor is changed from 2 to 3'])
  assert.deepEqual(reassign(controller, [1, 3], false), ['NONE', null])
  const unknown = controller.call('alterPartitionReassignments', {
    timeoutMs: 1000,
    allowReplicationFactorChange: true,
    topics: [{ name: 'nope', partitions: [{ partitionIndex: 0, replicas: [1] }] }]
  })
  assert.deepEqual(named(unknown.responses[0].partitions[0]), ['UNKNOWN_TOPIC_OR_PARTITION', 'Unable to find a topic named nope.'])
})

test('a broker says where its replicas lie, one answer each', () => {
  const controller = new TestController({ brokers: [1, 2] })
  controller.createTopic('t', { assignments: [[1], [2]] })
  const topicId = controller.image.topic('t')?.id ?? ''
  const directory = controller.image.brokers.get(1)?.directories[0] ?? ''
  const { directories } = controller.call('assignReplicasToDirs', {
    brokerId: 1,
    brokerEpoch: controller.image.brokers.get(1)?.epoch ?? -1,
    directories: [
      {
        id: directory,
        topics: [
          { topicId, partitions: [0, 1, 9].map((partitionIndex) => ({ partitionIndex })) },
          { topicId: 'AAAAAAAAAAAAAAAAAAAA_w', partitions: [{ partitionIndex: 0 }] }
        ]
      }
    ]
  })
  assert.deepEqual(
    directories[0].topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorName(errorCode))),
    ['NONE', 'NOT_LEADER_OR_FOLLOWER', 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID']
  )
})
