import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ApiKey, type CreateTopicsRequest, type DeleteGroupsRequest, ErrorCode, type ListOffsetsRequest } from '@odradek/protocol'
import { Admin } from '../../src/admin/admin.ts'
import { PartialFailureError } from '../../src/errors.ts'
import { FakeCluster, settled } from '../support/fake-cluster.ts'

const idA = 'AAAAAAAAQACAAAAAAAAAAQ'

describe('a call about many items', () => {
  test('goes on with the items that may still succeed, and keeps what is done', async () => {
    const fake = await FakeCluster.start([1])
    const asked: string[][] = []
    fake.handlers.set(ApiKey.CREATE_TOPICS, ({ body }) => {
      const names = (body as CreateTopicsRequest).topics.map(({ name }) => name)
      asked.push(names)
      const codeOf = (name: string) => {
        if (name === 'there') return ErrorCode.TOPIC_ALREADY_EXISTS
        return name === 'busy' && asked.length < 3 ? ErrorCode.THROTTLING_QUOTA_EXCEEDED : 0
      }
      return { topics: names.map((name) => ({ name, errorCode: codeOf(name) })) }
    })
    const admin = new Admin(fake.connect())
    const { values, errors } = await fake.sim.complete(admin.createTopics(['fine', 'there', 'busy']).outcomes())
    assert.deepEqual(asked, [['fine', 'there', 'busy'], ['busy'], ['busy']])
    assert.deepEqual([...values.keys()], ['fine', 'busy'])
    assert.deepEqual(
      [...errors].map(([key, { code }]) => [key, code]),
      [['there', 'TOPIC_ALREADY_EXISTS']]
    )
    await admin.close()
    assert.equal(await fake.openSockets(), 0)
  })

  test('rejects with all that failed and all that is done', async () => {
    const fake = await FakeCluster.start([1])
    fake.handlers.set(ApiKey.CREATE_TOPICS, () => ({
      topics: [{ name: 'a' }, { name: 'b', errorCode: ErrorCode.POLICY_VIOLATION, errorMessage: 'too many' }]
    }))
    const admin = new Admin(fake.connect())
    const { error } = await fake.sim.complete(settled(admin.createTopics(['a', 'b']).then()))
    assert.ok(error instanceof PartialFailureError)
    assert.equal(error.message, 'b: too many (1 of 2 failed; see errors)')
    assert.deepEqual([[...error.errors.keys()], [...error.values.keys()], error.code], [['b'], ['a'], 'POLICY_VIOLATION'])
    await admin.close()
  })

  test('tells items that the broker leaves out of its answer', async () => {
    const fake = await FakeCluster.start([1])
    fake.handlers.set(ApiKey.CREATE_TOPICS, () => ({ topics: [] }))
    const admin = new Admin(fake.connect())
    const { errors } = await fake.sim.complete(admin.createTopics(['a']).outcomes())
    assert.equal(errors.get('a')?.message, "The broker's answer does not mention a")
    await admin.close()
  })

  test('asks each coordinator for its own groups, and the new one of a group that moved', async () => {
    const fake = await FakeCluster.start([1, 2])
    let movedTo = 1
    fake.handlers.set(ApiKey.FIND_COORDINATOR, ({ body }) => ({
      coordinators: (body as { coordinatorKeys: string[] }).coordinatorKeys.map((key) => {
        const nodeId = key === 'far' ? 2 : key === 'moving' ? movedTo : 1
        return { key, nodeId, host: `b${nodeId}`, port: 9092 }
      })
    }))
    fake.handlers.set(ApiKey.DELETE_GROUPS, ({ body }, broker) => {
      const moved = (groupId: string) => groupId === 'moving' && broker.id === 1
      const results = (body as DeleteGroupsRequest).groupsNames.map((groupId) => ({
        groupId,
        errorCode: moved(groupId) ? ErrorCode.NOT_COORDINATOR : 0
      }))
      movedTo = 2
      return { results }
    })
    const admin = new Admin(fake.connect())
    const deleted = await fake.sim.complete(admin.deleteConsumerGroups(['near', 'far', 'moving']).then())
    assert.deepEqual([...deleted.keys()], ['near', 'far', 'moving'])
    const bodies = (id: number) =>
      fake
        .broker(id)
        .asked.filter(({ apiKey }) => apiKey === ApiKey.DELETE_GROUPS)
        .map(({ body }) => (body as DeleteGroupsRequest).groupsNames)
    assert.deepEqual(bodies(1), [['near', 'moving']])
    assert.deepEqual(bodies(2), [['far'], ['moving']])
    await admin.close()
  })

  test('ends in a typed error by its deadline when brokers send it round in circles', async () => {
    const fake = await FakeCluster.start([1, 2])
    const topic = { topicId: idA, partitions: [{ leader: 1, epoch: 1 }] }
    fake.topics.set('a', topic)
    fake.handlers.set(ApiKey.LIST_OFFSETS, ({ body }, broker) => {
      // Each says that the other one leads.
      topic.partitions[0] = { leader: broker.id === 1 ? 2 : 1, epoch: topic.partitions[0].epoch + 1 }
      const { topics } = body as ListOffsetsRequest
      return {
        topics: topics.map(({ name }) => ({ name, partitions: [{ partitionIndex: 0, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }] }))
      }
    })
    const admin = new Admin(fake.connect())
    const { errors } = await fake.sim.complete(
      admin.listOffsets([{ topic: 'a', partition: 0, spec: 'latest' }], { timeoutMs: 5_000 }).outcomes()
    )
    assert.equal(errors.get('a-0')?.code, 'REQUEST_TIMED_OUT')
    assert.match(errors.get('a-0')?.message ?? '', /listOffsets did not succeed within 5000 ms; the last failure was: .*leader/)
    assert.ok(fake.count(ApiKey.LIST_OFFSETS) < 15)
    await admin.close()
  })

  test('keeps what one broker answered when another one stalls', async () => {
    const fake = await FakeCluster.start([1, 2])
    fake.topics.set('a', {
      topicId: idA,
      partitions: [
        { leader: 1, epoch: 0 },
        { leader: 2, epoch: 0 }
      ]
    })
    fake.handlers.set(ApiKey.LIST_OFFSETS, (_, broker) =>
      broker.id === 2 ? 'silence' : { topics: [{ name: 'a', partitions: [{ partitionIndex: 0, offset: 5 }] }] }
    )
    const admin = new Admin(fake.connect())
    const queries = [0, 1].map((partition) => ({ topic: 'a', partition, spec: 'latest' as const }))
    const { values, errors } = await fake.sim.complete(admin.listOffsets(queries, { timeoutMs: 5_000 }).outcomes())
    assert.equal(values.get('a-0')?.offset, 5)
    assert.equal(errors.get('a-1')?.code, 'REQUEST_TIMED_OUT')
    await admin.close()
  })

  test('says within seconds that a topic does not exist', async () => {
    const fake = await FakeCluster.start([1])
    const admin = new Admin(fake.connect({ apiTimeoutMs: 60_000 }))
    const { errors } = await fake.sim.complete(admin.listOffsets([{ topic: 'nowhere', partition: 0, spec: 'latest' }]).outcomes())
    assert.equal(errors.get('nowhere-0')?.code, 'UNKNOWN_TOPIC_OR_PARTITION')
    assert.ok(fake.sim.nowMs < 7_000)
    await admin.close()
  })

  test('says of each item which word of it does not exist', async () => {
    const fake = await FakeCluster.start([1])
    fake.topics.set('a', { topicId: idA, partitions: [{ leader: 1, epoch: 0 }] })
    const admin = new Admin(fake.connect())
    const outcome = async (spec: unknown) =>
      (await fake.sim.complete(admin.listOffsets([{ topic: 'a', partition: 0, spec: spec as 'latest' }]).outcomes())).errors.get('a-0')
    const first = await outcome('earlist')
    assert.deepEqual([first?.code, first?.message], ['INVALID_CONFIG', 'earlist is no place in a log: did you mean earliest?'])
    assert.match((await outcome({}))?.message ?? '', /in ms, not undefined/)
    const altered = admin.incrementalAlterConfigs([{ type: 'topic' as 'TOPIC', name: 'a', ops: [] }])
    const { errors } = await fake.sim.complete(altered.outcomes())
    assert.equal(errors.get('topic:a')?.message, 'topic is no type of a resource: did you mean TOPIC?')
    await admin.close()
  })

  test('ends with the reason of its signal', async () => {
    const fake = await FakeCluster.start([1])
    fake.handlers.set(ApiKey.CREATE_TOPICS, () => 'silence')
    const admin = new Admin(fake.connect())
    const controller = new AbortController()
    const outcome = settled(admin.createTopics(['a'], { signal: controller.signal }).then())
    await fake.sim.run({ until: () => fake.count(ApiKey.CREATE_TOPICS) > 0 })
    controller.abort(new Error('enough'))
    assert.equal((await fake.sim.complete(outcome)).message, 'enough')
    await admin.close()
    assert.equal(await fake.openSockets(), 0)
  })

  test('asks apart for places that an older broker does not know', async () => {
    const fake = await FakeCluster.start([1])
    fake.topics.set('a', {
      topicId: idA,
      partitions: [
        { leader: 1, epoch: 0 },
        { leader: 1, epoch: 0 }
      ]
    })
    fake.handlers.set(ApiKey.API_VERSIONS, () => ({
      apiKeys: [ApiKey.METADATA, ApiKey.LIST_OFFSETS].map((apiKey) => ({
        apiKey,
        minVersion: 1,
        maxVersion: apiKey === ApiKey.METADATA ? 12 : 6
      }))
    }))
    fake.handlers.set(ApiKey.LIST_OFFSETS, () => ({ topics: [{ name: 'a', partitions: [{ partitionIndex: 0, offset: 5 }] }] }))
    const admin = new Admin(fake.connect())
    const queries = [
      { topic: 'a', partition: 0, spec: 'latest' },
      { topic: 'a', partition: 1, spec: 'maxTimestamp' }
    ] as const
    const { values, errors } = await fake.sim.complete(admin.listOffsets(queries).outcomes())
    assert.equal(values.get('a-0')?.offset, 5)
    assert.equal(errors.get('a-1')?.code, 'UNSUPPORTED_VERSION')
    await admin.close()
  })

  test('of no items is done at once', async () => {
    const fake = await FakeCluster.start([1])
    const admin = new Admin(fake.connect())
    assert.equal((await fake.sim.complete(admin.createTopics([]).then())).size, 0)
    assert.equal(fake.broker(1).accepted, 0)
    await admin.close()
  })

  test('is not held for ever by a page that never ends', async () => {
    const fake = await FakeCluster.start([1])
    fake.handlers.set(ApiKey.DESCRIBE_TOPIC_PARTITIONS, () => ({
      topics: [{ name: 'a', topicId: idA, partitions: [] }],
      nextCursor: { topicName: 'a', partitionIndex: 1 }
    }))
    const admin = new Admin(fake.connect())
    const { errors } = await fake.sim.complete(admin.describeTopics(['a']).outcomes())
    assert.equal(errors.get('a')?.code, 'PROTOCOL_VIOLATION')
    assert.equal(fake.count(ApiKey.DESCRIBE_TOPIC_PARTITIONS), 2)
    await admin.close()
  })
})
