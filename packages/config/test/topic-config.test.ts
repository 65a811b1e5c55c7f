import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { developmentProperties, loadBrokerConfig, resolveTopicConfig, validateTopicConfig, validateTopicConfigs } from '../src/index.ts'

type Texts = Record<string, string>
const map = (texts: Texts) => new Map(Object.entries(texts))
const node = (changes: Texts = {}) =>
  loadBrokerConfig({ properties: { ...developmentProperties({ port: 9092, dataDir: '/d' }), ...changes } }).config
const tiered = node({ 'remote.log.storage.system.enable': 'true' })
const wrong = (overrides: Texts, broker = node(), existing: Texts = {}) => validateTopicConfigs(broker, map(overrides), map(existing))

describe('the settings of a topic', () => {
  test('are its overrides over the settings of the broker', () => {
    const config = resolveTopicConfig(
      node({ 'log.retention.hours': '2', 'log.segment.bytes': '2000000' }),
      map({ 'segment.bytes': '3000000', 'cleanup.policy': 'compact' })
    )
    assert.deepEqual(
      [config.get('segment.bytes'), config.get('retention.ms'), config.get('max.message.bytes'), config.isCompacted],
      [3_000_000, 7_200_000, 1048588, true]
    )
    assert.equal(config.get('internal.segment.bytes'), null)
    assert.deepEqual(config.get('leader.replication.throttled.replicas'), [])
  })

  test('follow a dynamic change of the broker when they are made again', () => {
    const broker = node()
    assert.equal(resolveTopicConfig(broker, new Map()).get('retention.ms'), 604_800_000)
    broker.reconfigure({ perBroker: map({ 'log.retention.ms': '5' }), clusterWide: map({ 'log.retention.ms': '6', 'log.roll.ms': '7' }) })
    const config = resolveTopicConfig(broker, new Map())
    assert.deepEqual([config.get('retention.ms'), config.get('segment.ms')], [5, 7])
  })

  test('pass over stored overrides that cannot be used', () => {
    const config = resolveTopicConfig(node(), map({ 'segment.bytes': 'x', nonsense: '1', 'flush.messages': '5' }))
    assert.deepEqual([config.get('segment.bytes'), config.get('flush.messages')], [1073741824, 5])
  })
})

test('one override is checked by its definition', () => {
  assert.equal(validateTopicConfig('retention.ms', '-2'), 'Invalid value -2 for configuration retention.ms: Value must be at least -1')
  assert.equal(validateTopicConfig('nonsense', '1'), 'Unknown topic config name: nonsense')
  assert.equal(validateTopicConfig('__proto__', '1'), 'Unknown topic config name: __proto__')
  assert.equal(validateTopicConfig('message.timestamp.type', 'LogAppendTime'), undefined)
})

describe('overrides are checked together', () => {
  test('an unknown name is reported before a bad value', () => {
    assert.equal(wrong({ 'segment.bytes': '0', 'a.b': '1' }), 'Unknown topic config name: a.b')
  })

  test('compaction lags must not cross', () => {
    assert.equal(
      wrong({ 'min.compaction.lag.ms': '1000', 'max.compaction.lag.ms': '999' }),
      'conflict topic config setting min.compaction.lag.ms (1000) > max.compaction.lag.ms (999)'
    )
    assert.equal(wrong({ 'min.compaction.lag.ms': '1000' }), undefined)
  })

  test('tiered storage needs the broker to have it', () => {
    assert.match(wrong({ 'remote.storage.enable': 'true' }) ?? '', /^Tiered Storage functionality is disabled in the broker/)
    assert.equal(wrong({ 'remote.storage.enable': 'true' }, tiered), undefined)
    assert.equal(wrong({ 'remote.log.copy.disable': 'true', 'local.retention.ms': '999999999999' }), undefined)
  })

  test('tiered storage and compaction exclude each other', () => {
    for (const policy of ['compact', 'compact,delete'])
      assert.match(wrong({ 'remote.storage.enable': 'true', 'cleanup.policy': policy }, tiered) ?? '', /cleanup\.policy=delete/)
    assert.equal(wrong({ 'remote.storage.enable': 'true', 'cleanup.policy': '' }, tiered), undefined)
  })

  test('local retention stays within the whole retention', () => {
    const on = { 'remote.storage.enable': 'true' }
    assert.equal(
      wrong({ ...on, 'retention.ms': '5', 'local.retention.ms': '6' }, tiered),
      'Invalid value 6 for configuration local.retention.ms: Value must not be more than retention.ms property value: 5'
    )
    assert.match(wrong({ ...on, 'local.retention.ms': '-1' }, tiered) ?? '', /must not be -1 as retention\.ms value is set as 604800000/)
    assert.equal(wrong({ ...on, 'retention.ms': '-1', 'local.retention.ms': '-1' }, tiered), undefined)
    assert.match(wrong({ ...on, 'retention.bytes': '5', 'local.retention.bytes': '6' }, tiered) ?? '', /local\.retention\.bytes/)
    assert.match(wrong({ ...on, 'remote.log.copy.disable': 'true', 'local.retention.ms': '5' }, tiered) ?? '', /identical value/)
  })

  test('tiered storage is switched off only together with deleting the remote data', () => {
    const on = { 'remote.storage.enable': 'true' }
    assert.match(wrong({ 'remote.storage.enable': 'false' }, tiered, on) ?? '', /remote\.log\.delete\.on\.disable/)
    assert.equal(wrong({ 'remote.storage.enable': 'false', 'remote.log.delete.on.disable': 'true' }, tiered, on), undefined)
  })
})
