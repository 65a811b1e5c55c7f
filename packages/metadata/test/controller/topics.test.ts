import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '@odradek/base'
import { errorName, named, newTopic, TestController, testConfig } from './support.ts'

const types = (controller: TestController): string[] => controller.last.map((record) => record.type)

test('a topic is made with its configs and partitions in one batch, and answered with all its settings', () => {
  const controller = new TestController({ brokers: [1] })
  const result = controller.createTopic('t', { partitions: 2, configs: { 'retention.ms': '1000' } })
  assert.deepEqual(types(controller), ['TopicRecord', 'ConfigRecord', 'PartitionRecord', 'PartitionRecord'])
  const { configs, topicId, ...rest } = result
  assert.deepEqual(rest, { name: 't', errorCode: 0, errorMessage: null, topicConfigErrorCode: 0, numPartitions: 2, replicationFactor: 1 })
  assert.equal(controller.image.topic('t')?.id, topicId)
  const shown = new Map((configs ?? []).map((config) => [config.name, config]))
  assert.deepEqual([shown.get('retention.ms')?.value, shown.get('retention.ms')?.configSource], ['1000', 1])
  assert.deepEqual([shown.get('cleanup.policy')?.value, shown.get('cleanup.policy')?.configSource], ['delete', 5])
  assert.deepEqual(
    [...(configs ?? [])].map(({ name }) => name),
    [...shown.keys()].sort()
  )
  controller.checkLaw()
})

test('partitions and replication factor of -1 are the defaults of the cluster', () => {
  const controller = new TestController({
    brokers: [1, 2],
    config: testConfig({ 'num.partitions': '3', 'default.replication.factor': '2' })
  })
  const { numPartitions, replicationFactor } = controller.createTopic('t', { partitions: -1, replicationFactor: -1 })
  assert.deepEqual([numPartitions, replicationFactor], [3, 2])
})

test("a minimum of in-sync replicas that differs clears the topic's ELRs", () => {
  const controller = new TestController({ brokers: [1] })
  controller.createTopic('t', { configs: { 'min.insync.replicas': '1' } })
  assert.deepEqual(types(controller), ['TopicRecord', 'ConfigRecord', 'ClearElrRecord', 'PartitionRecord'])
})

for (const [name, topic, error] of [
  ['an empty name', newTopic(''), ['INVALID_TOPIC_EXCEPTION', 'Topic name is invalid: the empty string is not allowed']],
  ['the name ..', newTopic('..'), ['INVALID_TOPIC_EXCEPTION', "Topic name is invalid: '..' is not allowed"]],
  [
    'a name with a slash',
    newTopic('a/b'),
    [
      'INVALID_TOPIC_EXCEPTION',
      "Topic name is invalid: 'a/b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    ]
  ],
  [
    'a name of 250 characters',
    newTopic('x'.repeat(250)),
    ['INVALID_TOPIC_EXCEPTION', `Topic name is invalid: the length of '${'x'.repeat(250)}' is longer than the max allowed length 249`]
  ],
  ['a name that exists', newTopic('exists'), ['TOPIC_ALREADY_EXISTS', "Topic 'exists' already exists."]],
  [
    'a name that differs in . and _ only',
    newTopic('with_dot'),
    ['INVALID_TOPIC_EXCEPTION', "Topic 'with_dot' collides with existing topic: with.dot"]
  ],
  [
    'no partitions',
    newTopic('t', { partitions: 0 }),
    ['INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.']
  ],
  [
    'a replication factor of 0',
    newTopic('t', { replicationFactor: 0 }),
    ['INVALID_REPLICATION_FACTOR', 'Replication factor must be larger than 0, or -1 to use the default value.']
  ],
  [
    'more replicas than brokers',
    newTopic('t', { replicationFactor: 3 }),
    [
      'INVALID_REPLICATION_FACTOR',
      'Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 2 broker(s) are registered or some brokers have all their log directories cordoned.'
    ]
  ],
  ['an unknown setting', newTopic('t', { configs: { nope: '1' } }), ['INVALID_CONFIG', 'Unknown topic config name: nope']],
  [
    'a null setting',
    newTopic('t', { configs: { 'retention.ms': null } }),
    ['INVALID_CONFIG', 'Null value not supported for topic configs: retention.ms']
  ],
  [
    'a setting of the wrong type',
    newTopic('t', { configs: { 'retention.ms': 'x' } }),
    ['INVALID_CONFIG', 'Invalid value x for configuration retention.ms: Not a number of type LONG']
  ],
  [
    'an unknown broker',
    newTopic('t', { assignments: [[9]] }),
    ['INVALID_REPLICA_ASSIGNMENT', 'The manual partition assignment includes broker 9, but no such broker is registered.']
  ],
  [
    'a broker twice',
    newTopic('t', { assignments: [[1, 1]] }),
    ['INVALID_REPLICA_ASSIGNMENT', 'The manual partition assignment includes the broker 1 more than once.']
  ],
  [
    'no replicas',
    newTopic('t', { assignments: [[]] }),
    ['INVALID_REPLICA_ASSIGNMENT', 'The manual partition assignment includes an empty replica list.']
  ],
  [
    'assignments of different lengths',
    newTopic('t', { assignments: [[1], [1, 2]] }),
    [
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes a partition with 2 replica(s), but this is not consistent with previous partitions, which have 1 replica(s).'
    ]
  ],
  [
    'partitions with a gap',
    { ...newTopic('t', { assignments: [[1]] }), assignments: [{ partitionIndex: 1, brokerIds: [1] }] },
    ['INVALID_REPLICA_ASSIGNMENT', 'partitions should be a consecutive 0-based integer sequence']
  ],
  [
    'a partition assigned twice',
    {
      ...newTopic('t', { assignments: [[1]] }),
      assignments: [
        { partitionIndex: 0, brokerIds: [1] },
        { partitionIndex: 0, brokerIds: [1] }
      ]
    },
    ['INVALID_REPLICA_ASSIGNMENT', 'Found multiple manual partition assignments for partition 0']
  ],
  [
    'assignments beside a number of partitions',
    { ...newTopic('t', { assignments: [[1]] }), numPartitions: 1 },
    ['INVALID_REQUEST', 'A manual partition assignment was specified, but numPartitions was not set to -1.']
  ],
  [
    'the name of the metadata log',
    newTopic('__cluster_metadata'),
    ['INVALID_REQUEST', 'Creation of internal topic __cluster_metadata is prohibited.']
  ]
] as [string, ReturnType<typeof newTopic>, [string, string]][]) {
  test(`a topic with ${name} is refused, and those beside it are made`, () => {
    const controller = new TestController({ brokers: [1, 2] })
    controller.createTopic('exists')
    controller.createTopic('with.dot')
    const { topics } = controller.call('createTopics', { topics: [topic, newTopic('good')], timeoutMs: 1000, validateOnly: false })
    const byName = new Map(topics.map((result) => [result.name, result]))
    assert.deepEqual(named(byName.get(topic.name) ?? topics[0]), error)
    assert.equal(byName.get('good')?.errorCode, 0)
    assert.equal(controller.image.topic('good')?.partitions.size, 1)
    controller.checkLaw()
  })
}

test('a name given twice in a request is made by neither', () => {
  const controller = new TestController({ brokers: [1] })
  const { topics } = controller.call('createTopics', {
    topics: [newTopic('a'), newTopic('a'), newTopic('b')],
    timeoutMs: 1000,
    validateOnly: false
  })
  assert.deepEqual(
    topics.map((topic) => [topic.name, ...named(topic)]),
    [
      ['b', 'NONE', null],
      ['a', 'INVALID_REQUEST', 'Duplicate topic name.']
    ]
  )
})

test('validateOnly answers and makes nothing', () => {
  const controller = new TestController({ brokers: [1] })
  const { topics } = controller.call('createTopics', { topics: [newTopic('a')], timeoutMs: 1000, validateOnly: true })
  assert.equal(topics[0].errorCode, 0)
  assert.equal(controller.image.topic('a'), undefined)
})

test('without a live broker no topic is made', () => {
  const controller = new TestController({ brokers: [1] })
  controller.beat(1, { fence: true })
  assert.deepEqual(named(controller.createTopic('a')), [
    'INVALID_REPLICATION_FACTOR',
    'Unable to replicate the partition 1 time(s): All brokers are currently fenced, or have all their log directories cordoned.'
  ])
  assert.deepEqual(named(controller.createTopic('b', { assignments: [[1]] })), [
    'INVALID_REPLICA_ASSIGNMENT',
    'All brokers specified in the manual partition assignment for partition 0 are fenced or in controlled shutdown.'
  ])
})

test('a request for more than 10,000 partitions is refused whole', () => {
  const controller = new TestController({ brokers: [1] })
  const { topics } = controller.call('createTopics', {
    topics: [newTopic('a', { partitions: 10_000 }), newTopic('b')],
    timeoutMs: 1000,
    validateOnly: false
  })
  assert.deepEqual(topics.map(named), Array(2).fill(['POLICY_VIOLATION', 'Excessively large number of partitions per request.']))
})

test('1,000 partitions are made in one batch, quickly', () => {
  const controller = new TestController({ brokers: [1] })
  const started = process.cpuUsage()
  const { records } = {
    records: controller.call('createTopics', { topics: [newTopic('big', { partitions: 1000 })], timeoutMs: 1000, validateOnly: false })
  }
  const { user, system } = process.cpuUsage(started)
  assert.equal(records.topics[0].numPartitions, 1000)
  assert.equal(controller.last.length, 1001)
  assert.ok(user + system < 300_000, `took ${(user + system) / 1000} ms of CPU`)
})

test('deleting a topic takes its configuration with it, by name or by id', () => {
  const controller = new TestController({ brokers: [1] })
  controller.createTopic('by-name', { configs: { 'retention.ms': '1' } })
  controller.createTopic('by.id')
  const id = controller.image.topic('by.id')?.id ?? ''
  const { responses } = controller.call('deleteTopics', {
    topics: [
      { name: 'by-name', topicId: ZERO_UUID },
      { name: null, topicId: id }
    ],
    topicNames: [],
    timeoutMs: 1000
  })
  assert.deepEqual(responses.map(({ name, errorCode }) => [name, errorCode]).sort(), [
    ['by-name', 0],
    ['by.id', 0]
  ])
  assert.deepEqual(types(controller), ['RemoveTopicRecord', 'RemoveTopicRecord'])
  assert.equal(controller.image.topicIds.size, 0)
  assert.equal(controller.image.configs(2, 'by-name').size, 0)
  assert.equal(controller.createTopic('by_id').errorCode, 0)
  controller.checkLaw()
})

test('deletions that cannot be are answered one by one', () => {
  const controller = new TestController({ brokers: [1] })
  for (const name of ['a', 'b', 'c']) controller.createTopic(name)
  const idOf = (name: string): string => controller.image.topic(name)?.id ?? ''
  const unknown = 'AAAAAAAAAAAAAAAAAAAA_w'
  const { responses } = controller.call('deleteTopics', {
    topics: [
      { name: null, topicId: ZERO_UUID },
      { name: 'a', topicId: idOf('a') },
      { name: null, topicId: unknown },
      { name: null, topicId: idOf('b') },
      { name: 'b', topicId: ZERO_UUID },
      { name: null, topicId: idOf('c') },
      { name: null, topicId: idOf('c') }
    ],
    topicNames: ['nope', 'twice', 'twice'],
    timeoutMs: 1000
  })
  assert.deepEqual(
    responses.map((response) => [response.name, ...named(response)]),
    [
      [null, 'INVALID_REQUEST', 'Neither topic name nor id were specified.'],
      ['a', 'INVALID_REQUEST', 'You may not specify both topic name and topic id.'],
      [null, 'UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.'],
      [null, 'INVALID_REQUEST', 'Duplicate topic id.'],
      ['nope', 'UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.'],
      ['twice', 'INVALID_REQUEST', 'Duplicate topic name.'],
      ['b', 'INVALID_REQUEST', 'The provided topic name maps to an ID that was already supplied.']
    ]
  )
  assert.deepEqual(controller.last, [])
  assert.equal(controller.image.topicIds.size, 3)
})

test('deletion can be switched off', () => {
  const controller = new TestController({ brokers: [1], config: testConfig({ 'delete.topic.enable': 'false' }) })
  controller.createTopic('a')
  const { responses } = controller.call('deleteTopics', { topics: [], topicNames: ['a'], timeoutMs: 1000 })
  assert.deepEqual([responses[0].name, errorName(responses[0].errorCode)], ['a', 'TOPIC_DELETION_DISABLED'])
})

test('partitions are added behind the ones there are', () => {
  const controller = new TestController({ brokers: [1, 2] })
  controller.createTopic('t', { assignments: [[1, 2]] })
  const add = (count: number, assignments: number[][] | null = null): [string, string | null] =>
    named(
      controller.call('createPartitions', {
        topics: [{ name: 't', count, assignments: assignments?.map((brokerIds) => ({ brokerIds })) ?? null }],
        timeoutMs: 1000,
        validateOnly: false
      }).results[0]
    )
  assert.deepEqual(add(3), ['NONE', null])
  assert.deepEqual(add(4, [[2, 1]]), ['NONE', null])
  assert.equal(controller.image.topic('t')?.partitions.size, 4)
  assert.equal(controller.partition('t', 2).replicas.length, 2)
  assert.deepEqual(controller.partition('t', 3).replicas, [2, 1])
  assert.deepEqual(add(4), ['INVALID_PARTITIONS', 'Topic already has 4 partition(s).'])
  assert.deepEqual(add(2), ['INVALID_PARTITIONS', 'The topic t currently has 4 partition(s); 2 would not be an increase.'])
  assert.deepEqual(add(6, [[1, 2]]), [
    'INVALID_REPLICA_ASSIGNMENT',
    'Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.'
  ])
  assert.deepEqual(add(5, [[1]]), [
    'INVALID_REPLICA_ASSIGNMENT',
    'The manual partition assignment includes a partition with 1 replica(s), but this is not consistent with previous partitions, which have 2 replica(s).'
  ])
  const unknown = controller.call('createPartitions', {
    topics: [{ name: 'nope', count: 2, assignments: null }],
    timeoutMs: 1000,
    validateOnly: false
  })
  assert.deepEqual(named(unknown.results[0]), ['UNKNOWN_TOPIC_OR_PARTITION', null])
  const twice = { name: 't', count: 9, assignments: null }
  const duplicate = controller.call('createPartitions', { topics: [twice, twice], timeoutMs: 1000, validateOnly: false })
  assert.deepEqual(duplicate.results.map(named), [['INVALID_REQUEST', 'Duplicate topic name.']])
  controller.checkLaw()
})
