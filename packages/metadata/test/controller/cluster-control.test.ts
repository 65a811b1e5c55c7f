import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fenceStaleBroker } from '../../src/controller/cluster-control.ts'
import { directoryIdOf, errorName, incarnation, named, registration, TestController } from './support.ts'

const types = (controller: TestController): string[] => controller.last.map((record) => record.type)

test('a broker registers fenced, under an epoch that is the offset of its record, and is unfenced by a heartbeat that has read it', () => {
  const controller = new TestController()
  const offset = controller.nextOffset
  assert.deepEqual(controller.register(), { throttleTimeMs: 0, errorCode: 0, brokerEpoch: offset })
  assert.equal(controller.image.brokers.get(1)?.fenced, true)
  assert.deepEqual(controller.beat(1, { offset: offset - 1, cordoned: null }), {
    throttleTimeMs: 0,
    errorCode: 0,
    isCaughtUp: false,
    isFenced: true,
    shouldShutDown: false
  })
  assert.deepEqual(controller.beat(1), { throttleTimeMs: 0, errorCode: 0, isCaughtUp: true, isFenced: false, shouldShutDown: false })
  // The second record is the broker's first word on cordoned directories.
  assert.deepEqual(
    controller.last.map(({ type, version }) => [type, version]),
    [
      ['BrokerRegistrationChangeRecord', 0],
      ['BrokerRegistrationChangeRecord', 3]
    ]
  )
  controller.beat(1)
  assert.deepEqual(controller.last, [])
  controller.checkLaw()
})

test('a registration that does not fit is refused', () => {
  const controller = new TestController({ brokers: [2] })
  const refused = (change: object): string => errorName(controller.call('registerBroker', { ...registration(), ...change }).errorCode)
  assert.equal(refused({ clusterId: 'another' }), 'INCONSISTENT_CLUSTER_ID')
  assert.equal(refused({ logDirs: [] }), 'INVALID_REGISTRATION')
  assert.equal(refused({ logDirs: ['AAAAAAAAAAAAAAAAAAAAAQ'] }), 'INVALID_REGISTRATION')
  assert.equal(refused({ logDirs: [directoryIdOf(1), directoryIdOf(1)] }), 'INVALID_REGISTRATION')
  assert.equal(refused({ logDirs: [directoryIdOf(2)] }), 'INVALID_REGISTRATION')
  assert.equal(refused({ isMigratingZkBroker: true }), 'BROKER_ID_NOT_REGISTERED')
  assert.equal(refused({ features: [] }), 'INVALID_REGISTRATION')
  assert.equal(
    refused({ features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 29 }] }),
    'UNSUPPORTED_VERSION'
  )
  const withoutGroups = registration().features.filter(({ name }) => name !== 'group.version')
  assert.equal(refused({ features: withoutGroups }), 'UNSUPPORTED_VERSION')
  assert.equal(controller.image.brokers.has(1), false)
})

test('another incarnation of a live broker waits for its session to run out; a fenced one may register at once', () => {
  const controller = new TestController({ brokers: [1] })
  const other = { incarnationId: incarnation(99) }
  assert.equal(errorName(controller.register(other).errorCode), 'DUPLICATE_BROKER_REGISTRATION')
  controller.now += 9000
  assert.equal(controller.register(other).errorCode, 0)
  assert.equal(controller.register({ incarnationId: incarnation(100) }).errorCode, 0)
})

test('the same incarnation amends its registration and keeps its epoch', () => {
  const controller = new TestController({ brokers: [1] })
  const { epoch } = controller.image.brokers.get(1) ?? { epoch: -1 }
  assert.equal(controller.register({ rack: 'a' }).brokerEpoch, epoch)
  assert.equal(controller.image.brokers.get(1)?.rack, 'a')
  assert.equal(controller.image.brokers.get(1)?.fenced, false)
})

test('a heartbeat of an old epoch or an unknown broker is refused', () => {
  const controller = new TestController({ brokers: [1] })
  assert.equal(errorName(controller.beat(1, { epoch: 0 }).errorCode), 'STALE_BROKER_EPOCH')
  assert.equal(errorName(controller.beat(7, { epoch: 0 }).errorCode), 'STALE_BROKER_EPOCH')
})

test('a silent broker is fenced when its session runs out, and its partitions get other leaders', () => {
  const controller = new TestController({ brokers: [1, 2] })
  controller.createTopic('t', { assignments: [[1, 2]] })
  controller.now += 5000
  controller.beat(2)
  controller.now += 4000
  controller.propose(fenceStaleBroker)
  assert.deepEqual(types(controller), ['PartitionChangeRecord', 'BrokerRegistrationChangeRecord'])
  assert.equal(controller.image.brokers.get(1)?.fenced, true)
  const { leader, isr, leaderEpoch, partitionEpoch } = controller.partition('t')
  assert.deepEqual({ leader, isr, leaderEpoch, partitionEpoch }, { leader: 2, isr: [2], leaderEpoch: 1, partitionEpoch: 1 })
  controller.propose(fenceStaleBroker)
  assert.deepEqual(controller.last, [])
  controller.checkLaw()
})

test('a controlled shutdown moves leaders first, and ends when the others have read so', () => {
  const controller = new TestController({ brokers: [1, 2] })
  controller.createTopic('t', { assignments: [[1, 2]] })
  assert.equal(controller.beat(1, { shutDown: true }).shouldShutDown, false)
  assert.deepEqual(types(controller), ['BrokerRegistrationChangeRecord', 'PartitionChangeRecord'])
  assert.deepEqual([controller.partition('t').leader, controller.partition('t').isr], [2, [2]])
  const moved = controller.nextOffset - 1
  controller.beat(2, { offset: moved - 1 })
  assert.equal(controller.beat(1, { shutDown: true }).shouldShutDown, false)
  controller.beat(2, { offset: moved })
  const answer = controller.beat(1, { shutDown: true })
  assert.deepEqual([answer.shouldShutDown, answer.isFenced], [true, true])
  assert.equal(controller.image.brokers.get(1)?.fenced, true)
})

test('the last broker leaves its partitions without a leader, but eligible (as Apache Kafka writes it)', () => {
  const controller = new TestController({ brokers: [1] })
  controller.createTopic('t', { partitions: 2 })
  controller.beat(1, { shutDown: true })
  assert.deepEqual(types(controller), ['BrokerRegistrationChangeRecord', 'PartitionChangeRecord', 'PartitionChangeRecord'])
  const { isr, leader, elr, lastKnownElr } = controller.partition('t', 1)
  assert.deepEqual({ isr, leader, elr, lastKnownElr }, { isr: [], leader: -1, elr: [1], lastKnownElr: [1] })
  assert.equal(controller.beat(1, { shutDown: true }).shouldShutDown, true)
  // It comes back from a clean stop: its ELR makes it the leader again.
  controller.join({ incarnationId: incarnation(2), previousBrokerEpoch: controller.image.brokers.get(1)?.epoch })
  const after = controller.partition('t', 1)
  assert.deepEqual([after.leader, after.isr, after.elr, after.lastKnownElr, after.leaderRecoveryState], [1, [1], [], [], 0])
  controller.checkLaw()
})

test('a broker that comes back from an unclean stop is not eligible, but leads again as the last that did, in recovery', () => {
  const controller = new TestController({ brokers: [1] })
  controller.createTopic('t')
  controller.now += 9000
  controller.propose(fenceStaleBroker)
  assert.deepEqual(controller.partition('t').elr, [1])
  controller.register({ incarnationId: incarnation(2) })
  assert.deepEqual([controller.partition('t').elr, controller.partition('t').lastKnownElr], [[], [1]])
  controller.beat(1)
  const { leader, isr, lastKnownElr, leaderRecoveryState } = controller.partition('t')
  assert.deepEqual({ leader, isr, lastKnownElr, leaderRecoveryState }, { leader: 1, isr: [1], lastKnownElr: [], leaderRecoveryState: 1 })
  controller.checkLaw()
})

test('a failed log directory takes its replicas out of the ISR, and is no home of leaders any more', () => {
  const controller = new TestController()
  const directories = ['directory-a-----', 'directory-b-----'].map((text) => Buffer.from(text).toString('base64url'))
  controller.join({ brokerId: 1, directories })
  controller.join({ brokerId: 2 })
  controller.createTopic('t', { assignments: [[1, 2]] })
  const assign = {
    id: directories[1],
    topics: [{ topicId: controller.partition('t') && (controller.image.topic('t')?.id ?? ''), partitions: [{ partitionIndex: 0 }] }]
  }
  controller.call('assignReplicasToDirs', { brokerId: 1, brokerEpoch: controller.image.brokers.get(1)?.epoch ?? -1, directories: [assign] })
  assert.deepEqual(controller.partition('t').directories, [directories[1], directoryIdOf(2)])
  controller.beat(1, { offline: [directories[0]] })
  assert.deepEqual(controller.partition('t').leader, 1)
  controller.beat(1, { offline: directories })
  assert.deepEqual([controller.partition('t').leader, controller.partition('t').isr], [2, [2]])
  assert.deepEqual(controller.image.brokers.get(1)?.directories, [directories[1]])
  controller.checkLaw()
})

test('a broker that is unfenced by the heartbeat that tells of a failed directory leads nothing in it', () => {
  const controller = new TestController({ brokers: [] })
  const directories = [directoryIdOf(1), directoryIdOf(101)]
  const brokerEpoch = controller.join({ directories })
  controller.createTopic('t', { partitions: 2 })
  const topicId = controller.image.topic('t')?.id ?? ''
  const assign = directories.map((id, partitionIndex) => ({ id, topics: [{ topicId, partitions: [{ partitionIndex }] }] }))
  controller.call('assignReplicasToDirs', { brokerId: 1, brokerEpoch, directories: assign })
  controller.beat(1, { fence: true })
  assert.deepEqual([controller.partition('t', 0).leader, controller.partition('t', 1).leader], [-1, -1])
  assert.equal(controller.beat(1, { offline: [directories[0]] }).isFenced, false)
  assert.deepEqual([controller.partition('t', 0).leader, controller.partition('t', 1).leader], [-1, 1])
  controller.checkLaw()
})

test('a broker is unregistered with its places in ISR and ELR', () => {
  const controller = new TestController({ brokers: [1, 2] })
  controller.createTopic('t', { assignments: [[1, 2]] })
  assert.deepEqual(named(controller.call('unregisterBroker', { brokerId: 1 })), ['NONE', null])
  assert.equal(controller.image.brokers.has(1), false)
  assert.deepEqual([controller.partition('t').leader, controller.partition('t').isr], [2, [2]])
  assert.deepEqual(named(controller.call('unregisterBroker', { brokerId: 1 })), [
    'BROKER_ID_NOT_REGISTERED',
    'Broker ID 1 is not currently registered'
  ])
  controller.checkLaw()
})
