import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AlterOp, AlterOpType } from '../src/index.ts'
import {
  applyAlterOps,
  developmentProperties,
  loadBrokerConfig,
  topicConfigDefinitions,
  usableDynamicConfigs,
  validateClientMetricsConfigs,
  validateDynamicBrokerConfigs,
  validateGroupConfigs
} from '../src/index.ts'

type Texts = Record<string, string>
const map = (texts: Texts) => new Map(Object.entries(texts))
const node = () => loadBrokerConfig({ properties: developmentProperties({ port: 9092, dataDir: '/d' }) }).config

describe('incremental changes', () => {
  const alter = (current: Texts, ...ops: [string, string | null, AlterOpType][]) => {
    const result = applyAlterOps(
      topicConfigDefinitions,
      map(current),
      ops.map(([name, value, op]): AlterOp => ({ name, value, op }))
    )
    return result.ok ? Object.fromEntries(result.texts) : result.refusal
  }

  test('set and delete', () => {
    assert.deepEqual(alter({ a: '1', b: '2' }, ['a', '3', 'SET'], ['b', null, 'DELETE'], ['c', null, 'DELETE']), { a: '3' })
  })

  test('append to and subtract from a list, beginning with its default', () => {
    assert.deepEqual(alter({}, ['cleanup.policy', 'compact', 'APPEND']), { 'cleanup.policy': 'delete,compact' })
    assert.deepEqual(alter({ 'cleanup.policy': 'delete,compact' }, ['cleanup.policy', 'compact', 'APPEND']), {
      'cleanup.policy': 'delete,compact'
    })
    assert.deepEqual(alter({ 'cleanup.policy': 'delete,compact' }, ['cleanup.policy', 'delete', 'SUBTRACT']), {
      'cleanup.policy': 'compact'
    })
    assert.deepEqual(alter({ 'cleanup.policy': 'compact' }, ['cleanup.policy', 'compact,delete', 'SUBTRACT']), { 'cleanup.policy': '' })
    assert.deepEqual(
      alter({ 'leader.replication.throttled.replicas': '0:1' }, ['leader.replication.throttled.replicas', '1:1,2:1', 'APPEND']),
      {
        'leader.replication.throttled.replicas': '0:1,1:1,2:1'
      }
    )
  })

  test('are refused with the error and the words of Kafka', () => {
    assert.deepEqual(alter({}, ['retention.ms', '1', 'APPEND']), {
      error: 'INVALID_CONFIG',
      message: "Can't APPEND to key retention.ms because its type is not LIST."
    })
    assert.deepEqual(alter({}, ['a', '1', 'SET'], ['a', '2', 'SET']), {
      error: 'INVALID_REQUEST',
      message: 'Error due to duplicate config keys'
    })
    assert.deepEqual(alter({}, ['retention.ms', null, 'SET']), {
      error: 'INVALID_REQUEST',
      message: 'Null value not supported for : retention.ms'
    })
  })
})

describe('dynamic settings of brokers', () => {
  const check = (texts: Texts, scope: 'broker' | 'cluster' = 'broker', config = node()) =>
    validateDynamicBrokerConfigs(config, map(texts), scope)?.message

  test('are refused as Apache Kafka 4.3.1 refuses them', () => {
    assert.equal(check({ 'log.retention.hours': '5' }), 'Cannot update these configs dynamically: [log.retention.hours]')
    assert.equal(check({ 'node.id': '1' }, 'cluster'), 'Cannot update these configs dynamically: [node.id]')
    const perListener = 'These security configs can be dynamically updated only per-listener using the listener prefix'
    assert.equal(check({ 'ssl.keystore.password': 'x' }, 'cluster'), `${perListener}: [ssl.keystore.password]`)
    assert.equal(check({ 'ssl.keystore.location': 'x' }), `${perListener}: [ssl.keystore.location]`)
    const perBroker = 'Cannot update these configs at default cluster level, broker id must be specified'
    assert.equal(
      check({ 'listener.name.plaintext.log.retention.hours': 'x' }, 'cluster'),
      `${perBroker}: [listener.name.plaintext.log.retention.hours]`
    )
    assert.equal(check({ 'listener.name.plaintext.max.connections': '5' }, 'cluster'), undefined)
    assert.equal(check({ 'max.connections': '0' }), 'Invalid max.connections 0')
    assert.equal(check({ 'listener.name.plaintext.max.connection.creation.rate': '0' }), 'Invalid max.connection.creation.rate 0')
    assert.equal(check({ 'max.connections': '0', 'listener.name.plaintext.max.connections': '3' }), undefined)
    assert.equal(check({ 'ssl.protocol': 'TLSv1.2' }, 'cluster'), `${perBroker}: [ssl.protocol]`)
    assert.equal(
      check({ 'listener.name.plaintext.ssl.keystore.location': 'x' }, 'cluster'),
      `${perBroker}: [listener.name.plaintext.ssl.keystore.location]`
    )
    assert.equal(check({ 'log.retention.ms': 'abc' }), 'Invalid value abc for configuration log.retention.ms: Not a number of type LONG')
    assert.equal(
      check({ 'num.io.threads': '100' }),
      'Dynamic thread count update validation failed for num.io.threads=100, value should not be greater than double the current value 8'
    )
    assert.match(check({ 'num.io.threads': '1' }) ?? '', /should be at least half the current value 8/)
    assert.match(check({ 'log.cleaner.threads': '100' }) ?? '', /more than double the current value 1/)
    assert.match(
      check({ listeners: 'PLAINTEXT://:1' }) ?? '',
      /^requirement failed: controller\.listener\.names must contain at least one value/
    )
    assert.match(check({ 'cordoned.log.dirs': '/nope' }) ?? '', /^requirement failed: .*Missing entries : \/nope$/)
    assert.match(check({ 'cordoned.log.dirs': '*,/nope' }) ?? '', /^requirement failed: .*must not contain other values$/)
    assert.equal(check({ 'num.network.threads': '1' }), undefined, 'half of 3, rounded down')
    assert.match(check({ 'max.connections.per.ip.overrides': '127.0.0.1:5,foo' }, 'cluster') ?? '', /max\.connections\.per\.ip\.overrides/)
    assert.match(
      check({ 'log.local.retention.ms': '604800001' }, 'cluster') ?? '',
      /must not be more than log\.retention\.ms property value: 604800000/
    )
    assert.equal(
      check({ 'follower.replication.throttled.rate': '-1' }),
      'Invalid value -1 for configuration follower.replication.throttled.rate: Value must be at least 0'
    )
  })

  test('that would run code are refused', () => {
    assert.match(check({ 'config.providers': 'env' }) ?? '', /config\.providers/)
    assert.match(check({ 'metric.reporters': 'foo.Bar' }) ?? '', /metric\.reporters/)
    const message = check({ 'listener.name.plaintext.plain.sasl.jaas.config': 'Evil required password=hunter2;' })
    assert.match(message ?? '', /\[hidden\]/)
    assert.doesNotMatch(message ?? '', /hunter2|Evil/)
  })

  test('are taken where Apache Kafka takes them', () => {
    const taken: Texts[] = [
      { 'log.retention.ms': '-5' },
      { 'my.other.key': '3' },
      { 'background.threads': '12' },
      { 'listener.name.plaintext.max.connections': '88' },
      { 'leader.replication.throttled.rate': '100' },
      { 'log.message.timestamp.type': 'LogAppendTime' }
    ]
    for (const texts of taken) assert.equal(check(texts), undefined)
    assert.equal(check({ 'max.connections.per.ip.overrides': '127.0.0.1:500', 'message.max.bytes': '5' }, 'cluster'), undefined)
  })

  test('take effect at once, a broker before the cluster, and only changes are told', () => {
    const config = node()
    const told: string[][] = []
    const end = config.subscribe((changed) => told.push([...changed]))
    config.reconfigure({
      perBroker: map({ 'message.max.bytes': '5' }),
      clusterWide: map({ 'message.max.bytes': '6', 'num.io.threads': '9' })
    })
    assert.deepEqual([config.get('message.max.bytes'), config.get('num.io.threads')], [5, 9])
    config.reconfigure({ perBroker: map({ 'message.max.bytes': '5' }), clusterWide: map({ 'message.max.bytes': '7' }) })
    assert.deepEqual([config.get('message.max.bytes'), config.get('num.io.threads')], [5, 8])
    end()
    config.reconfigure({ perBroker: new Map(), clusterWide: new Map() })
    assert.equal(config.get('message.max.bytes'), 1048588)
    assert.deepEqual(told, [['message.max.bytes', 'num.io.threads'], ['num.io.threads']])
  })

  test('that are stored but cannot be used have no effect', () => {
    const config = node()
    const changed = config.reconfigure({
      perBroker: map({ 'message.max.bytes': 'x', 'log.retention.hours': '1' }),
      clusterWide: map({ 'message.max.bytes': '7' })
    })
    assert.deepEqual([[...changed], config.get('message.max.bytes'), config.get('log.retention.hours')], [['message.max.bytes'], 7, 168])
    assert.equal(config.dynamic.perBroker.get('message.max.bytes'), 'x')
  })

  test('that are stored but cannot be used are passed over by name', () => {
    const { texts, ignored } = usableDynamicConfigs(
      map({ 'message.max.bytes': 'x', 'log.retention.hours': '1', 'num.io.threads': '9', 'other.key': '1' })
    )
    assert.deepEqual(
      [Object.fromEntries(texts), ignored],
      [{ 'num.io.threads': '9', 'other.key': '1' }, ['message.max.bytes', 'log.retention.hours']]
    )
  })
})

test('group settings stay within the bounds of the broker', () => {
  const check = (texts: Texts) => validateGroupConfigs(node(), map(texts))?.message
  assert.equal(
    check({ 'consumer.session.timeout.ms': '1' }),
    'consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms'
  )
  assert.equal(
    check({ 'share.session.timeout.ms': '60001' }),
    'share.session.timeout.ms must be less than or equal to group.share.max.session.timeout.ms'
  )
  assert.equal(check({ foo: 'x' }), 'Unknown group config name: foo')
  assert.match(check({ 'share.auto.offset.reset': 'by_duration:foo' }) ?? '', /by_duration:<PnDTnHnMn\.nS>/)
  assert.equal(check({ 'consumer.session.timeout.ms': '50000', 'share.auto.offset.reset': 'by_duration:PT1H' }), undefined)
})

test('client metrics settings are checked, and patterns are never run', () => {
  const check = (texts: Texts) => validateClientMetricsConfigs(map(texts))
  assert.equal(check({ 'interval.ms': '1' })?.message, 'Invalid value 1 for interval.ms, interval must be between 100 and 3600000 (1 hour)')
  assert.deepEqual(check({ match: 'foo' }), { error: 'INVALID_CONFIG', message: 'Illegal client matching pattern: foo' })
  for (const match of ['client_id=(', 'zzz=a']) assert.equal(check({ match })?.message, `Illegal client matching pattern: ${match}`)
  assert.deepEqual(check({ foo: 'x' }), { error: 'INVALID_REQUEST', message: 'Unknown client metrics configuration: foo' })
  assert.equal(check({ 'interval.ms': '1000', metrics: 'a,b', match: 'client_id=(a+)+$' }), undefined)
})
