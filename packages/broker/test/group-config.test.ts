// Which setting a field of the coordinator's configuration comes from: each is set to a value of its own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { developmentProperties, loadBrokerConfig } from '@odradek/config'
import { groupConfigFrom } from '../src/groups/group-config.ts'

test('the settings of groups and of their offsets are those of the coordinator', () => {
  const overrides = {
    'group.min.session.timeout.ms': '20001',
    'group.max.session.timeout.ms': '20002',
    'group.initial.rebalance.delay.ms': '20003',
    'group.max.size': '20004',
    'offset.metadata.max.bytes': '20005',
    'offsets.retention.minutes': '20006',
    'offsets.retention.check.interval.ms': '20007',
    'group.coordinator.append.linger.ms': '8',
    'offsets.commit.timeout.ms': '20009',
    'offsets.topic.compression.codec': '3',
    'offsets.load.buffer.size': '20010'
  }
  const { config } = loadBrokerConfig({ properties: developmentProperties({ port: 0, dataDir: '/data' }), overrides })
  const { runtime, ...groups } = groupConfigFrom(config)
  assert.deepEqual(groups, {
    minSessionTimeoutMs: 20_001,
    maxSessionTimeoutMs: 20_002,
    initialRebalanceDelayMs: 20_003,
    groupMembersMax: 20_004,
    offsetMetadataMax: 20_005,
    offsetsRetentionMs: 20_006 * 60_000,
    offsetsRetentionCheckIntervalMs: 20_007
  })
  assert.deepEqual(runtime, {
    appendLingerMs: 8,
    writeTimeoutMs: 20_009,
    compression: 'lz4',
    loadBufferBytes: 20_010,
    maxPendingWrites: 100_000
  })
})
