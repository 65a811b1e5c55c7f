import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listConfigResources } from '../../src/index.ts'
import { named, TestController } from './support.ts'

const [TOPIC, BROKER, CLIENT_METRICS, GROUP] = [2, 4, 16, 32]
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3]

type Op = [operation: number, name: string, value: string | null]

function alter(controller: TestController, resourceType: number, resourceName: string, ...ops: Op[]): [string, string | null] {
  const configs = ops.map(([configOperation, name, value]) => ({ configOperation, name, value }))
  return named(
    controller.call('incrementalAlterConfigs', { resources: [{ resourceType, resourceName, configs }], validateOnly: false }).responses[0]
  )
}

const texts = (controller: TestController, type: number, name: string): object => Object.fromEntries(controller.image.configs(type, name))

test('settings of a topic are set, deleted, and lists appended to and subtracted from', () => {
  const controller = new TestController({ brokers: [1] })
  controller.createTopic('t')
  assert.deepEqual(alter(controller, TOPIC, 't', [SET, 'retention.ms', '1'], [APPEND, 'cleanup.policy', 'compact']), ['NONE', null])
  assert.deepEqual(texts(controller, TOPIC, 't'), { 'retention.ms': '1', 'cleanup.policy': 'delete,compact' })
  assert.deepEqual(alter(controller, TOPIC, 't', [DELETE, 'retention.ms', null], [SUBTRACT, 'cleanup.policy', 'delete']), ['NONE', null])
  assert.deepEqual(texts(controller, TOPIC, 't'), { 'cleanup.policy': 'compact' })
  assert.deepEqual(alter(controller, TOPIC, 't', [SET, 'cleanup.policy', 'compact']), ['NONE', null])
  assert.deepEqual(controller.last, [])
  controller.checkLaw()
})

test('AlterConfigs deletes what it leaves out', () => {
  const controller = new TestController({ brokers: [1] })
  controller.createTopic('t', { configs: { 'retention.ms': '1', 'segment.ms': '2' } })
  const resources = [{ resourceType: TOPIC, resourceName: 't', configs: [{ name: 'segment.ms', value: '3' }] }]
  assert.deepEqual(named(controller.call('alterConfigs', { resources, validateOnly: false }).responses[0]), ['NONE', null])
  assert.deepEqual(texts(controller, TOPIC, 't'), { 'segment.ms': '3' })
  controller.checkLaw()
})

test('what is wrong with a change is told, and nothing of its resource is changed', () => {
  const controller = new TestController({ brokers: [1] })
  controller.createTopic('t')
  assert.deepEqual(alter(controller, TOPIC, 'nope', [SET, 'retention.ms', '1']), [
    'UNKNOWN_TOPIC_OR_PARTITION',
    "The topic 'nope' does not exist."
  ])
  assert.deepEqual(alter(controller, TOPIC, '', [SET, 'retention.ms', '1']), [
    'INVALID_REQUEST',
    'Default topic resources are not allowed.'
  ])
  assert.deepEqual(alter(controller, TOPIC, 't', [SET, 'segment.ms', '9'], [SET, 'retention.ms', 'x']), [
    'INVALID_CONFIG',
    'Invalid value x for configuration retention.ms: Not a number of type LONG'
  ])
  assert.deepEqual(alter(controller, TOPIC, 't', [APPEND, 'retention.ms', '1']), [
    'INVALID_CONFIG',
    "Can't APPEND to key retention.ms because its type is not LIST."
  ])
  assert.deepEqual(alter(controller, TOPIC, 't', [SET, 'compression.type', 'x'.repeat(32768)]), [
    'INVALID_CONFIG',
    'The configuration value cannot be added because it exceeds the maximum value size of 32767 bytes.'
  ])
  assert.deepEqual(alter(controller, BROKER, '9', [SET, 'log.retention.ms', '1']), ['BROKER_ID_NOT_REGISTERED', 'No node with id 9 found.'])
  assert.deepEqual(alter(controller, BROKER, 'x', [SET, 'log.retention.ms', '1']), [
    'INVALID_REQUEST',
    'Unable to parse broker name as a base 10 number.'
  ])
  assert.deepEqual(alter(controller, BROKER, '-1', [SET, 'log.retention.ms', '1']), ['INVALID_REQUEST', 'Invalid negative broker ID.'])
  assert.deepEqual(alter(controller, GROUP, '', [SET, 'consumer.session.timeout.ms', '50000']), [
    'INVALID_REQUEST',
    'Default group resources are not allowed.'
  ])
  assert.deepEqual(alter(controller, 99, 'x', [SET, 'a', 'b']), ['UNSUPPORTED_VERSION', 'Unknown resource type 99.'])
  assert.deepEqual(texts(controller, TOPIC, 't'), {})
})

test('a resource named twice is changed by neither', () => {
  const controller = new TestController({ brokers: [1] })
  controller.createTopic('t')
  const resource = { resourceType: TOPIC, resourceName: 't', configs: [{ name: 'retention.ms', configOperation: SET, value: '1' }] }
  const { responses } = controller.call('incrementalAlterConfigs', { resources: [resource, resource], validateOnly: false })
  assert.deepEqual(responses.map(named), [['INVALID_REQUEST', 'Duplicate resource.']])
  assert.deepEqual(texts(controller, TOPIC, 't'), {})
})

test("setting a broker's setting again is written again: the broker reads files anew", () => {
  const controller = new TestController({ brokers: [1] })
  assert.deepEqual(alter(controller, BROKER, '1', [SET, 'log.cleaner.threads', '2']), ['NONE', null])
  assert.deepEqual(alter(controller, BROKER, '1', [SET, 'log.cleaner.threads', '2']), ['NONE', null])
  assert.equal(controller.last.length, 1)
})

test("while ELR is on, the cluster's minimum of in-sync replicas stays, and brokers have none of their own", () => {
  const controller = new TestController({ brokers: [1] })
  assert.deepEqual(alter(controller, BROKER, '', [SET, 'min.insync.replicas', '2']), ['NONE', null])
  assert.deepEqual(
    controller.last.map(({ type }) => type),
    ['ConfigRecord', 'ClearElrRecord']
  )
  assert.deepEqual(alter(controller, BROKER, '', [DELETE, 'min.insync.replicas', null]), [
    'INVALID_CONFIG',
    'Cluster-level min.insync.replicas cannot be removed while ELR is enabled.'
  ])
  assert.deepEqual(alter(controller, BROKER, '1', [SET, 'min.insync.replicas', '2']), [
    'INVALID_CONFIG',
    'Broker-level min.insync.replicas cannot be altered while ELR is enabled.'
  ])
})

test('groups and client metrics have settings too', () => {
  const controller = new TestController({ brokers: [1] })
  assert.deepEqual(alter(controller, GROUP, 'g', [SET, 'consumer.session.timeout.ms', '50000']), ['NONE', null])
  assert.deepEqual(alter(controller, CLIENT_METRICS, 'm', [SET, 'interval.ms', '1000']), ['NONE', null])
  assert.equal(alter(controller, CLIENT_METRICS, 'm', [SET, 'interval.ms', '1'])[0], 'INVALID_REQUEST')
  controller.createTopic('t')
  assert.deepEqual(listConfigResources(controller.image, new Set([TOPIC, BROKER, CLIENT_METRICS, GROUP])), [
    { resourceName: 'g', resourceType: GROUP },
    { resourceName: 'm', resourceType: CLIENT_METRICS },
    { resourceName: '1', resourceType: BROKER },
    { resourceName: 't', resourceType: TOPIC }
  ])
  controller.checkLaw()
})

test('a topic follows the dynamic settings of the cluster at once', () => {
  const controller = new TestController({ brokers: [1, 2] })
  controller.createTopic('t', { assignments: [[1, 2]] })
  assert.deepEqual(alter(controller, BROKER, '', [SET, 'min.insync.replicas', '2']), ['NONE', null])
  controller.beat(2, { fence: true })
  assert.deepEqual([controller.partition('t').isr, controller.partition('t').elr], [[1], [2]])
})

test('settings of brokers that no broker could take are refused and not stored', () => {
  const controller = new TestController({ brokers: [1] })
  const refused = (name: string, ...ops: Op[]) => {
    assert.equal(alter(controller, BROKER, name, ...ops)[0], 'INVALID_REQUEST', JSON.stringify(ops))
    assert.deepEqual(texts(controller, BROKER, name), {})
  }
  for (const name of ['', '1']) {
    refused(name, [SET, 'log.retention.ms', 'soon'])
    refused(name, [SET, 'log.segment.bytes', '1'])
    refused(name, [SET, 'log.dirs', '/elsewhere'])
    refused(name, [SET, 'ssl.keystore.location', '/etc/passwd'])
    refused(name, [SET, 'listener.name.plaintext.sasl.jaas.config', 'com.sun.security.auth.module.JndiLoginModule required;'])
  }
  refused('', [SET, 'advertised.listeners', 'PLAINTEXT://elsewhere:9092'])
  assert.deepEqual(alter(controller, BROKER, '', [SET, 'log.retention.ms', '1000']), ['NONE', null])
  assert.deepEqual(alter(controller, BROKER, '1', [SET, 'log.retention.ms', '2000']), ['NONE', null])
})
