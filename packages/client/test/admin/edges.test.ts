// What an admin refuses by itself, so that one wrong item neither waits for a broker that cannot be nor spoils the others.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiKey, type DescribeTopicPartitionsRequest, ErrorCode } from '@odradek/protocol'
import { describeConfigs } from '../../src/admin/configs.ts'
import { alterConsumerGroupOffsets } from '../../src/admin/group-offsets.ts'
import { describeTopics } from '../../src/admin/topics.ts'
import { FakeCluster } from '../support/fake-cluster.ts'

test('a topic without a name is refused by itself, and the others are described', async () => {
  const fake = await FakeCluster.start([1])
  // As Apache's broker, which fails all of such a request.
  fake.handlers.set(ApiKey.DESCRIBE_TOPIC_PARTITIONS, ({ body }) => {
    const { topics } = body as DescribeTopicPartitionsRequest
    if (topics.some(({ name }) => name === ''))
      return { topics: topics.map(({ name }) => ({ name, errorCode: ErrorCode.UNKNOWN_SERVER_ERROR })) }
    return { topics: topics.map(({ name }) => ({ name, topicId: 'AAAAAAAAQACAAAAAAAAAAQ', partitions: [] })) }
  })
  const cluster = fake.connect()
  const { values, errors } = await fake.sim.complete(describeTopics(cluster, ['a', '']).outcomes())
  assert.deepEqual([...values.keys()], ['a'])
  assert.equal(errors.get('')?.code, 'INVALID_TOPIC_EXCEPTION')
  const none = await fake.sim.complete(describeTopics(cluster, ['']).outcomes())
  assert.equal(none.errors.get('')?.code, 'INVALID_TOPIC_EXCEPTION')
  cluster.close()
})

test('a broker that is not named by its id is an error at once', async () => {
  const fake = await FakeCluster.start([1])
  const cluster = fake.connect()
  const { errors } = await fake.sim.complete(describeConfigs(cluster, [{ type: 'BROKER', name: 'one' }]).outcomes())
  assert.equal(errors.get('BROKER:one')?.code, 'INVALID_REQUEST')
  assert.ok(fake.sim.nowMs < 1000)
  cluster.close()
})

test('offsets below 0 are not written to a group', async () => {
  const fake = await FakeCluster.start([1])
  const cluster = fake.connect()
  assert.throws(() => alterConsumerGroupOffsets(cluster, 'g', [{ topic: 'a', partition: 0, offset: -1 }]), { code: 'INVALID_CONFIG' })
  cluster.close()
})
