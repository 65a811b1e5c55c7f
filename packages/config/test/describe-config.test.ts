import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { ConfigEntry } from '../src/index.ts'
import {
  ConfigSource,
  describeBrokerConfig,
  describeClientMetricsConfig,
  describeClusterConfig,
  describeGroupConfig,
  describeTopicConfig,
  loadBrokerConfig
} from '../src/index.ts'

type Row = [
  name: string,
  value: string | null,
  source: string,
  type: string,
  readOnly: boolean,
  sensitive: boolean,
  synonyms: [string, string | null, string][]
]
type Texts = Record<string, string>
interface State {
  name: string
  perBroker: Texts
  clusterWide: Texts
  topicOverrides: Texts
  groupOverrides: Texts
  clientMetricsOverrides: Texts
  topic: Row[]
  broker: Row[]
  cluster: Row[]
  group: Row[]
  clientMetrics: Row[]
}

// What DescribeConfigs of Apache Kafka 4.3.1 answered through the Java admin client; the state "altered" lists of the broker's settings
// only those that differ from the state "plain".
const facts: { static: Texts; states: State[] } = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/describe-configs.json'), 'utf8')
)

const typeNames = ['UNKNOWN', 'BOOLEAN', 'STRING', 'INT', 'SHORT', 'LONG', 'DOUBLE', 'LIST', 'CLASS', 'PASSWORD']
const sourceNames = new Map<number, string>([
  ...Object.entries(ConfigSource).map(([name, id]): [number, string] => [id, name]),
  [ConfigSource.GROUP_CONFIG, 'DYNAMIC_GROUP_CONFIG'],
  [ConfigSource.CLIENT_METRICS_CONFIG, 'DYNAMIC_CLIENT_METRICS_CONFIG']
])
const map = (texts: Texts) => new Map(Object.entries(texts))

function toRows(entries: ConfigEntry[]): Row[] {
  const source = (id: number) => sourceNames.get(id) as string
  return entries
    .map((entry): Row => {
      const synonyms = entry.synonyms.map((synonym): [string, string | null, string] => [
        synonym.name,
        synonym.value,
        source(synonym.source)
      ])
      return [entry.name, entry.value, source(entry.source), typeNames[entry.type], entry.readOnly, entry.isSensitive, synonyms]
    })
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

for (const state of facts.states) {
  describe(`DescribeConfigs answers as Apache Kafka 4.3.1 does, state ${state.name}`, () => {
    const { config } = loadBrokerConfig({ properties: facts.static })
    config.reconfigure({ perBroker: map(state.perBroker), clusterWide: map(state.clusterWide) })

    test('for a topic', () => assert.deepEqual(toRows(describeTopicConfig(config, map(state.topicOverrides))), state.topic))
    test('for a broker', () => {
      const expected = new Map([...facts.states[0].broker, ...state.broker].map((row) => [row[0], row]))
      assert.deepEqual(
        toRows(describeBrokerConfig(config)),
        [...expected.values()].sort(([a], [b]) => (a < b ? -1 : 1))
      )
    })
    test('for all brokers', () => assert.deepEqual(toRows(describeClusterConfig(config)), state.cluster))
    test('for a group', () => assert.deepEqual(toRows(describeGroupConfig(config, map(state.groupOverrides))), state.group))
    test('for client metrics', () =>
      assert.deepEqual(toRows(describeClientMetricsConfig(map(state.clientMetricsOverrides))), state.clientMetrics))
  })
}

test('only the asked names are described', () => {
  const { config } = loadBrokerConfig({ properties: facts.static })
  assert.deepEqual(
    describeTopicConfig(config, new Map(), new Set(['retention.ms', 'nonsense'])).map((entry) => entry.name),
    ['retention.ms']
  )
})

test('the value of a topic override is shown without the blanks and signs it was written with, and exactly', () => {
  const { config } = loadBrokerConfig({ properties: facts.static })
  const overrides = map({
    preallocate: ' TRUE ',
    'flush.messages': '+5',
    'retention.bytes': '9007199254740993',
    'cleanup.policy': 'compact , delete'
  })
  const values = describeTopicConfig(config, overrides, new Set(overrides.keys())).map(({ name, value }) => [name, value])
  assert.deepEqual(Object.fromEntries(values), {
    preallocate: 'true',
    'flush.messages': '5',
    'retention.bytes': '9007199254740993',
    'cleanup.policy': 'compact,delete'
  })
})

test('no sensitive value leaves, neither as value nor as synonym', () => {
  const secret = 'hunter2'
  const { config } = loadBrokerConfig({
    properties: {
      ...facts.static,
      'ssl.key.password': secret,
      'listener.name.plaintext.ssl.key.password': secret,
      'some.plugin.password': secret
    }
  })
  assert.ok(!JSON.stringify(describeBrokerConfig(config)).includes(secret))
})
