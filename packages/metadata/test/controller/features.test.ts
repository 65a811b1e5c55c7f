import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latestProductionMetadataVersion, metadataVersionByName } from '@odradek/protocol'
import { bootstrapFeatureLevels, bootstrapFeatureRecords } from '../../src/bootstrap.ts'
import { activationRecords } from '../../src/controller/activation.ts'
import { errorName, named, TestController } from './support.ts'

const [UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE] = [1, 2, 3]

function update(
  controller: TestController,
  feature: string,
  maxVersionLevel: number,
  upgradeType = UPGRADE,
  validateOnly = false
): [string, string | null] {
  const response = controller.call('updateFeatures', {
    timeoutMs: 1000,
    featureUpdates: [{ feature, maxVersionLevel, allowDowngrade: false, upgradeType }],
    validateOnly
  })
  return named(response)
}

const FAILED = 'The update failed for all features since the following feature had an error: '

test('metadata.version goes up, and down where nothing is lost', () => {
  const controller = new TestController({ brokers: [1], metadataVersion: '4.0-IV3' })
  assert.deepEqual(update(controller, 'metadata.version', 29), ['NONE', null])
  assert.equal(controller.image.metadataVersion.name, '4.2-IV1')
  assert.deepEqual(update(controller, 'metadata.version', 28), [
    'INVALID_UPDATE_VERSION',
    `${FAILED}Invalid update version 28 for feature metadata.version. Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.`
  ])
  assert.deepEqual(update(controller, 'metadata.version', 28, SAFE_DOWNGRADE), ['NONE', null])
  assert.deepEqual(update(controller, 'metadata.version', 30, SAFE_DOWNGRADE), [
    'INVALID_UPDATE_VERSION',
    `${FAILED}Invalid update version 30 for feature metadata.version. Can't downgrade to a newer version.`
  ])
  assert.deepEqual(update(controller, 'metadata.version', 30), ['NONE', null])
  assert.deepEqual(update(controller, 'metadata.version', 29, SAFE_DOWNGRADE), [
    'INVALID_UPDATE_VERSION',
    `${FAILED}Unsupported metadata.version downgrade from 30 to 29. Refusing to perform the requested downgrade because it might delete metadata information.`
  ])
  assert.match(
    String(update(controller, 'metadata.version', 29, UNSAFE_DOWNGRADE)[1]),
    /Unsafe metadata downgrade is not supported in this version\.$/
  )
  controller.checkLaw()
})

test('what a node does not support is not finalized', () => {
  const controller = new TestController({ brokers: [1] })
  assert.deepEqual(update(controller, 'metadata.version', 31), [
    'INVALID_UPDATE_VERSION',
    `${FAILED}Invalid update version 31 for feature metadata.version. Local controller 1 only supports versions 7-30`
  ])
  assert.deepEqual(update(controller, 'nope', 1), [
    'INVALID_UPDATE_VERSION',
    `${FAILED}Invalid update version 1 for feature nope. Local controller 1 does not support this feature.`
  ])
  assert.deepEqual(update(controller, 'group.version', -1), [
    'INVALID_UPDATE_VERSION',
    `${FAILED}Invalid update version -1 for feature group.version. A feature version cannot be less than 0.`
  ])
  assert.match(String(update(controller, 'group.version', 0, 7)[1]), /The controller does not support the given upgrade type\.$/)
})

test('a level that depends on another feature waits for it', () => {
  const controller = new TestController({ brokers: [1], metadataVersion: '3.9-IV0' })
  assert.match(
    String(update(controller, 'eligible.leader.replicas.version', 1)[1]),
    /could not be set to 1 because it depends on metadata\.version level 23$/
  )
  const both = ['eligible.leader.replicas.version', 'metadata.version'].map((feature, index) => ({
    feature,
    maxVersionLevel: [1, 30][index],
    allowDowngrade: false,
    upgradeType: UPGRADE
  }))
  assert.equal(controller.call('updateFeatures', { timeoutMs: 1000, featureUpdates: both, validateOnly: false }).errorCode, 0)
  assert.equal(controller.image.featureLevels.get('eligible.leader.replicas.version'), 1)
})

test('turning ELR on pins the minimum of in-sync replicas for the cluster', () => {
  const controller = new TestController({ brokers: [1], featureLevels: new Map([['eligible.leader.replicas.version', 0]]) })
  const configs = [{ name: 'min.insync.replicas', configOperation: 0, value: '1' }]
  controller.call('incrementalAlterConfigs', { resources: [{ resourceType: 4, resourceName: '1', configs }], validateOnly: false })
  assert.deepEqual(update(controller, 'eligible.leader.replicas.version', 1), ['NONE', null])
  assert.equal(controller.image.configs(4, '').get('min.insync.replicas'), '1')
  assert.equal(controller.image.configs(4, '1').size, 0)
  controller.checkLaw()
})

test('validateOnly changes nothing', () => {
  const controller = new TestController({ brokers: [1] })
  assert.deepEqual(update(controller, 'group.version', 0, SAFE_DOWNGRADE, true), ['NONE', null])
  assert.equal(controller.image.featureLevels.get('group.version'), 1)
  assert.deepEqual(update(controller, 'group.version', 0, SAFE_DOWNGRADE), ['NONE', null])
  assert.equal(controller.image.featureLevels.has('group.version'), false)
})

test('producer ids come in blocks of a thousand that never meet', () => {
  const controller = new TestController({ brokers: [1, 2] })
  const allocate = (brokerId: number, brokerEpoch = controller.image.brokers.get(brokerId)?.epoch ?? -1) =>
    controller.call('allocateProducerIds', { brokerId, brokerEpoch })
  assert.deepEqual(allocate(1), { throttleTimeMs: 0, errorCode: 0, producerIdStart: 0, producerIdLen: 1000 })
  assert.equal(allocate(2).producerIdStart, 1000)
  assert.equal(allocate(1).producerIdStart, 2000)
  assert.equal(errorName(allocate(1, 0).errorCode), 'STALE_BROKER_EPOCH')
  assert.equal(controller.image.nextProducerId, 3000)
  controller.checkLaw()
})

test('an empty log begins with the bootstrap records in a transaction', () => {
  const bootstrapRecords = bootstrapFeatureRecords(bootstrapFeatureLevels(latestProductionMetadataVersion))
  const input = {
    isLogEmpty: true,
    isInTransaction: false,
    metadataVersion: latestProductionMetadataVersion,
    bootstrapRecords,
    minInSyncReplicas: 1
  }
  const types = (records: ReturnType<typeof activationRecords>): string[] => records.map(({ type }) => type)
  assert.deepEqual(types(activationRecords(input)), [
    'BeginTransactionRecord',
    ...Array(6).fill('FeatureLevelRecord'),
    'ConfigRecord',
    'EndTransactionRecord'
  ])
  assert.deepEqual(types(activationRecords({ ...input, isInTransaction: true })).slice(0, 2), [
    'AbortTransactionRecord',
    'BeginTransactionRecord'
  ])
  assert.deepEqual(activationRecords({ ...input, isLogEmpty: false }), [])
  assert.deepEqual(types(activationRecords({ ...input, isLogEmpty: false, isInTransaction: true })), ['AbortTransactionRecord'])
})

test('a metadata.version without transactions begins without one', () => {
  const version = metadataVersionByName('3.5-IV2')
  assert.ok(version !== undefined)
  const bootstrapRecords = bootstrapFeatureRecords(bootstrapFeatureLevels(version))
  const input = { isLogEmpty: true, isInTransaction: false, metadataVersion: version, bootstrapRecords, minInSyncReplicas: 1 }
  assert.deepEqual(
    activationRecords(input).map(({ type }) => type),
    ['FeatureLevelRecord']
  )
  assert.throws(() => activationRecords({ ...input, isInTransaction: true }), { code: 'METADATA_LOG_INVALID' })
})
