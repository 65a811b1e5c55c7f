// The admin against a real broker: Odradek's by default, Apache Kafka's with ODRADEK_INTEROP_BROKER=apache. What the broker does not
// have yet is skipped by name, never passed over in silence.
import assert from 'node:assert/strict'
import { before, describe, type TestContext, test } from 'node:test'
import { type Admin, KafkaError, PartialFailureError } from '@odradek/client'
import {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
  InitProducerIdRequest,
  InitProducerIdResponse
} from '@odradek/protocol'
import { createNodeWorld } from '@odradek/world/node'
import { Cluster } from '../../packages/client/src/network/cluster.ts'
import { defaultKind } from '../interop/support/brokers.ts'
import { brokerOfSuite, withoutKafka } from './broker-of-suite.ts'
import { eventually } from './eventually.ts'
import { joinClassic, joinShare, joinStreams } from './members.ts'
import { produceText } from './produce.ts'

const world = createNodeWorld({ logLevel: 'OFF' })

describe(`the admin against ${defaultKind}`, { skip: withoutKafka(), timeout: 300_000 }, () => {
  const overrides: Record<string, string> = {}
  if (defaultKind === 'apache') {
    overrides['authorizer.class.name'] = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'
    overrides['super.users'] = 'User:ANONYMOUS'
  }
  const own = brokerOfSuite({ overrides }, { clientId: 'admin-e2e' })
  let admin: Admin

  before(() => {
    admin = own.kafka.admin({ defaultApiTimeoutMs: 30_000 })
  })

  /** A test that is skipped when the broker does not have the request. */
  function scenario(name: string, run: () => Promise<void>): void {
    test(name, async (t: TestContext) => {
      try {
        await run()
      } catch (error) {
        if (defaultKind === 'odradek' && error instanceof KafkaError && error.code === 'UNSUPPORTED_VERSION')
          return t.skip(`the broker does not have it yet: ${error.message}`)
        throw error
      }
    })
  }

  const failsWith = (code: string) => (error: unknown) => {
    // What the broker lacks is for the scenario to tell.
    if (error instanceof KafkaError && error.code === 'UNSUPPORTED_VERSION' && code !== 'UNSUPPORTED_VERSION') throw error
    assert.ok(error instanceof KafkaError, String(error))
    assert.equal(error.code, code, error.message)
    return true
  }

  scenario('makes, lists, describes, widens and deletes topics', async () => {
    const created = await admin.createTopics([{ name: 'orders', numPartitions: 2, configs: { 'retention.ms': 86_400_000 } }, 'events'])
    assert.equal(created.get('orders')?.numPartitions, 2)
    assert.equal(created.get('orders')?.configs.find(({ name }) => name === 'retention.ms')?.value, '86400000')
    const listed = await eventually(async () => {
      const topics = await admin.listTopics()
      assert.deepEqual([...topics.keys()], ['events', 'orders'])
      return topics
    })
    assert.equal(listed.get('orders')?.topicId, created.get('orders')?.topicId)
    await admin.createPartitions({ orders: 3 })
    await eventually(async () => {
      const described = (await admin.describeTopics(['orders'])).get('orders')
      assert.deepEqual(
        described?.partitions.map(({ partition, leader, isr }) => [partition, leader?.id, isr.length]),
        [
          [0, 1, 1],
          [1, 1, 1],
          [2, 1, 1]
        ]
      )
    })
    const topicId = listed.get('events')?.topicId as string
    assert.equal((await admin.describeTopics({ topicIds: [topicId] })).get(topicId)?.name, 'events')
    await admin.deleteTopics({ topicIds: [topicId] })
    await eventually(async () => assert.deepEqual([...(await admin.listTopics()).keys()], ['orders']))
    const operations = (await admin.describeTopics(['orders'], { includeAuthorizedOperations: true })).get('orders')?.authorizedOperations
    assert.ok(operations?.includes('ALTER_CONFIGS'))
  })

  scenario('tells which items of a call failed and which are done', async () => {
    const result = admin.createTopics(['orders', 'fresh', 'not a name'])
    await assert.rejects(result, (error: unknown) => {
      assert.ok(error instanceof PartialFailureError)
      assert.deepEqual(
        [...error.errors].map(([key, { code }]) => [key, code]),
        [
          ['orders', 'TOPIC_ALREADY_EXISTS'],
          ['not a name', 'INVALID_TOPIC_EXCEPTION']
        ]
      )
      assert.deepEqual([...error.values.keys()], ['fresh'])
      return true
    })
    await eventually(async () => {
      const { values, errors } = await admin.describeTopics(['fresh', 'nowhere']).outcomes()
      assert.deepEqual([...values.keys()], ['fresh'])
      assert.equal(errors.get('nowhere')?.code, 'UNKNOWN_TOPIC_OR_PARTITION')
    })
    await admin.deleteTopics(['fresh'])
  })

  scenario('reads a topic of many partitions page by page', async () => {
    await admin.createTopics([{ name: 'wide', numPartitions: 7 }])
    await eventually(async () => {
      const described = await admin.describeTopics(['wide', 'orders'], { partitionSizeLimitPerResponse: 3 })
      assert.deepEqual(
        described.get('wide')?.partitions.map(({ partition }) => partition),
        [0, 1, 2, 3, 4, 5, 6]
      )
      assert.equal(described.get('orders')?.partitions.length, 3)
    })
  })

  scenario('checks without doing with validateOnly', async () => {
    await admin.createTopics(['dry'], { validateOnly: true })
    assert.ok(!(await admin.listTopics()).has('dry'))
  })

  scenario('alters and describes configurations', async () => {
    const topic = { type: 'TOPIC', name: 'orders' } as const
    await admin.incrementalAlterConfigs([
      {
        ...topic,
        ops: [
          { name: 'max.message.bytes', value: 2_000_000 },
          { name: 'retention.ms', value: null }
        ]
      }
    ])
    await eventually(async () => {
      const configs = await admin.describeConfigs([topic, { type: 'BROKER', name: '1' }], {
        includeSynonyms: true,
        includeDocumentation: true
      })
      const entries = configs.get('TOPIC:orders')?.entries
      assert.equal(entries?.get('max.message.bytes')?.value, '2000000')
      assert.equal(entries?.get('max.message.bytes')?.source, 'DYNAMIC_TOPIC_CONFIG')
      assert.equal(entries?.get('retention.ms')?.isDefault, true)
      assert.equal(entries?.get('max.message.bytes')?.type, 'INT')
      assert.equal(configs.get('BROKER:1')?.entries.get('node.id')?.source, 'STATIC_BROKER_CONFIG')
      assert.ok((configs.get('BROKER:1')?.entries.get('log.retention.ms')?.synonyms.length ?? 0) >= 0)
    })
    await assert.rejects(
      admin.incrementalAlterConfigs([{ ...topic, ops: [{ name: 'retention.ms', value: 'soon' }] }]).then(),
      failsWith('INVALID_CONFIG')
    )
  })

  scenario('lists offsets by place and by time, and deletes records', async () => {
    await produceText(world, own.broker.bootstrapServers, 'orders', 0, ['a', 'b', 'c'])
    const at = (spec: Parameters<Admin['listOffsets']>[0][number]['spec']) => admin.listOffsets([{ topic: 'orders', partition: 0, spec }])
    assert.equal((await at('earliest')).get('orders-0')?.offset, 0)
    assert.equal((await at('latest')).get('orders-0')?.offset, 3)
    assert.equal((await at({ timestamp: 0 })).get('orders-0')?.offset, 0)
    assert.equal((await at({ timestamp: Date.now() + 86_400_000 })).get('orders-0')?.offset, -1)
    const newest = (await at('maxTimestamp')).get('orders-0')
    assert.ok(newest !== undefined && newest.timestamp > 0 && newest.leaderEpoch === 0)
    const deleted = await admin.deleteRecords([{ topic: 'orders', partition: 0, beforeOffset: 2 }])
    assert.equal(deleted.get('orders-0')?.lowWatermark, 2)
    assert.equal((await at('earliest')).get('orders-0')?.offset, 2)
  })

  scenario('gives up on a partition that does not exist, with its name, and answers for the others', async () => {
    const queries = [0, 99].map((partition) => ({ topic: 'orders', partition, spec: 'latest' as const }))
    const { values, errors } = await admin.listOffsets(queries).outcomes()
    assert.equal(values.get('orders-0')?.offset, 3)
    assert.equal(errors.get('orders-99')?.code, 'UNKNOWN_TOPIC_OR_PARTITION')
  })

  scenario('alters, lists and deletes the offsets of a group, and the group', async () => {
    const offsets = [
      { topic: 'orders', partition: 0, offset: 2, metadata: 'from the admin' },
      { topic: 'orders', partition: 1, offset: 0 }
    ]
    await admin.alterConsumerGroupOffsets('billing', offsets)
    const listed = (await admin.listConsumerGroupOffsets(['billing'])).get('billing')?.offsets
    assert.equal(listed?.get('orders-0')?.offset, 2)
    assert.equal(listed?.get('orders-0')?.metadata, 'from the admin')
    const some = await admin.listConsumerGroupOffsets([{ groupId: 'billing', topicPartitions: [{ topic: 'orders', partition: 2 }] }])
    assert.equal(some.get('billing')?.offsets.get('orders-2'), null)
    const [group] = (await admin.listGroups()).filter(({ groupId }) => groupId === 'billing')
    assert.equal(group.isSimpleConsumerGroup, true)
    assert.ok((await admin.listConsumerGroups({ states: ['Empty'] })).some(({ groupId }) => groupId === 'billing'))
    await admin.deleteConsumerGroupOffsets('billing', [{ topic: 'orders', partition: 1 }])
    assert.deepEqual([...((await admin.listConsumerGroupOffsets(['billing'])).get('billing')?.offsets.keys() ?? [])], ['orders-0'])
    const described = (await admin.describeConsumerGroups(['billing'])).get('billing')
    assert.equal(described?.groupState, 'Empty')
    assert.equal(described?.coordinator?.id, 1)
    assert.equal((await admin.describeClassicGroups(['billing'])).get('billing')?.members.length, 0)
    const { errors } = await admin.deleteConsumerGroups(['billing', 'no-such-group']).outcomes()
    assert.deepEqual(
      [...errors].map(([key, { code }]) => [key, code]),
      [['no-such-group', 'GROUP_ID_NOT_FOUND']]
    )
  })

  scenario('describes a KIP-848 group with its members and removes them', async () => {
    const cluster = new Cluster({ world, brokers: own.broker.bootstrapServers })
    try {
      const target = { coordinator: 'modern', type: 'group' } as const
      const body = {
        groupId: 'modern',
        memberId: 'AAAAAAAAQACAAAAAAAAAAQ',
        memberEpoch: 0,
        rebalanceTimeoutMs: 30_000,
        subscribedTopicNames: ['orders'],
        topicPartitions: []
      }
      const joined = await cluster.call(target, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, body, {
        errorOf: ({ errorCode, errorMessage }) => (errorCode === 0 ? undefined : new KafkaError(errorCode, { message: errorMessage }))
      })
      assert.ok(joined.memberEpoch > 0)
      const described = (await admin.describeConsumerGroups(['modern'])).get('modern')
      assert.equal(described?.type, 'consumer')
      assert.deepEqual(
        described?.members[0].targetAssignment?.map(({ partition }) => partition),
        [0, 1, 2]
      )
      assert.equal(described?.members[0].memberEpoch, joined.memberEpoch)
      await assert.rejects(admin.deleteConsumerGroups(['modern']).then(), failsWith('NON_EMPTY_GROUP'))
      await admin.removeMembersFromConsumerGroup('modern')
      assert.equal((await admin.describeConsumerGroups(['modern'])).get('modern')?.members.length, 0)
    } finally {
      cluster.close()
    }
  })

  /** With a client of its own beside the admin. */
  async function withCluster(run: (cluster: Cluster) => Promise<void>): Promise<void> {
    const cluster = new Cluster({ world, brokers: own.broker.bootstrapServers })
    try {
      await run(cluster)
    } finally {
      cluster.close()
    }
  }

  scenario('describes a classic group with its member and removes it', () =>
    withCluster(async (cluster) => {
      const memberId = await joinClassic(cluster, 'classic', 'orders')
      const group = (await admin.describeConsumerGroups(['classic'])).get('classic')
      assert.deepEqual([group?.type, group?.groupState, group?.partitionAssignor], ['classic', 'Stable', 'range'])
      assert.deepEqual(group?.members[0].assignment, [{ topic: 'orders', partition: 0 }])
      assert.equal(group?.members[0].consumerId, memberId)
      assert.equal((await admin.describeClassicGroups(['classic'])).get('classic')?.protocol, 'consumer')
      assert.equal((await admin.listGroups({ types: ['classic'] })).find(({ groupId }) => groupId === 'classic')?.groupState, 'Stable')
      assert.deepEqual([...(await admin.removeMembersFromConsumerGroup('classic', { reason: 'a test' })).keys()], [memberId])
      assert.equal((await admin.describeConsumerGroups(['classic'])).get('classic')?.groupState, 'Empty')
    })
  )

  scenario('describes a share group with its member', () =>
    withCluster(async (cluster) => {
      const memberId = 'AAAAAAAAQACAAAAAAAAABA'
      await joinShare(cluster, 'sharing', 'orders', memberId)
      await eventually(async () => {
        const group = (await admin.describeShareGroups(['sharing'])).get('sharing')
        assert.equal(group?.groupState, 'Stable')
        assert.deepEqual(
          group?.members.map(({ consumerId, assignment }) => [consumerId, assignment.length]),
          [[memberId, 3]]
        )
      })
      assert.ok((await admin.listGroups({ types: ['share'] })).some(({ groupId }) => groupId === 'sharing'))
    })
  )

  scenario('describes a streams group with its topology and its member', () =>
    withCluster(async (cluster) => {
      const memberId = 'AAAAAAAAQACAAAAAAAAACA'
      await joinStreams(cluster, 'streaming', 'orders', memberId)
      const group = (await admin.describeStreamsGroups(['streaming'])).get('streaming')
      assert.deepEqual(
        group?.subtopologies.map(({ subtopologyId, sourceTopics }) => [subtopologyId, sourceTopics]),
        [['0', ['orders']]]
      )
      assert.deepEqual(
        group?.members.map((member) => [member.memberId, member.processId, member.clientTags]),
        [[memberId, 'process-1', { zone: 'a' }]]
      )
      await admin.alterStreamsGroupOffsets('streamed', [{ topic: 'orders', partition: 0, offset: 1 }])
      assert.equal((await admin.listStreamsGroupOffsets(['streamed'])).get('streamed')?.offsets.get('orders-0')?.offset, 1)
    })
  )

  scenario('describes the cluster, its quorum and its features', async () => {
    const cluster = await admin.describeCluster({ includeAuthorizedOperations: true })
    assert.equal(cluster.clusterId, '4L6g3nShT-eMCtK--X86sw')
    assert.deepEqual(
      cluster.nodes.map(({ id, host, port }) => [id, host, port]),
      [[1, 'localhost', own.broker.port]]
    )
    assert.ok(cluster.authorizedOperations?.includes('CREATE'))
    const quorum = await admin.describeMetadataQuorum()
    assert.equal(quorum.leaderId, 1)
    assert.deepEqual(
      quorum.voters.map(({ replicaId }) => replicaId),
      [1]
    )
    assert.ok(quorum.highWatermark > 0)
    const features = await admin.describeFeatures()
    assert.ok((features.finalizedFeatures.get('metadata.version')?.maxVersionLevel ?? 0) >= 1)
    assert.ok(features.supportedFeatures.has('metadata.version'))
    const versions = await admin.describeApiVersions([1])
    assert.ok(versions.get('1')?.some(({ apiKey, maxVersion }) => apiKey === 3 && maxVersion >= 12))
    await assert.rejects(
      admin.updateFeatures({ 'no.such.feature': { maxVersionLevel: 1 } }).then(),
      (error: unknown) => error instanceof KafkaError
    )
    await assert.rejects(admin.unregisterBroker(99), failsWith('BROKER_ID_NOT_REGISTERED'))
  })

  scenario('describes log directories and where replicas are', async () => {
    const dirs = (await admin.describeLogDirs([1])).get('1')
    assert.equal(dirs?.length, 1)
    assert.ok((dirs?.[0].replicas.get('orders-0')?.size ?? 0) > 0)
    assert.ok((dirs?.[0].totalBytes ?? 0) > 0)
    const replica = { topic: 'orders', partition: 0, brokerId: 1 }
    const place = (await admin.describeReplicaLogDirs([replica])).get('orders-0@1')
    assert.equal(place?.currentReplicaLogDir, dirs?.[0].path)
    assert.equal(place?.futureReplicaLogDir, undefined)
  })

  scenario('refuses a log directory that is not there', async () => {
    await assert.rejects(
      admin.alterReplicaLogDirs([{ topic: 'orders', partition: 0, brokerId: 1, logDir: '/no/such/dir' }]).then(),
      failsWith('LOG_DIR_NOT_FOUND')
    )
  })

  scenario('elects leaders and lists reassignments', async () => {
    await assert.rejects(admin.electLeaders('PREFERRED', [{ topic: 'orders', partition: 0 }]).then(), failsWith('ELECTION_NOT_NEEDED'))
    assert.equal((await admin.listPartitionReassignments()).size, 0)
    await assert.rejects(
      admin.alterPartitionReassignments([{ topic: 'orders', partition: 0, targetReplicas: null }]).then(),
      failsWith('NO_REASSIGNMENT_IN_PROGRESS')
    )
    await admin.alterPartitionReassignments([{ topic: 'orders', partition: 0, targetReplicas: [1] }])
  })

  scenario('makes, finds and deletes ACLs', async () => {
    const acl = { resourceType: 'TOPIC', resourceName: 'orders', principal: 'User:alice', operation: 'READ' } as const
    await admin.createAcls([acl, { ...acl, operation: 'WRITE', permission: 'DENY' }])
    await eventually(async () => {
      const found = await admin.describeAcls({ principal: 'User:alice' })
      assert.deepEqual(found.map(({ operation, permission, patternType }) => [operation, permission, patternType]).sort(), [
        ['READ', 'ALLOW', 'LITERAL'],
        ['WRITE', 'DENY', 'LITERAL']
      ])
    })
    const [deleted] = (await admin.deleteAcls([{ principal: 'User:alice' }])).values()
    assert.equal(deleted.deleted.length, 2)
    await eventually(async () => assert.equal((await admin.describeAcls({ principal: 'User:alice' })).length, 0))
  })

  scenario('sets, finds and removes quotas', async () => {
    const entity = { user: 'alice', 'client-id': null }
    await admin.alterClientQuotas([{ entity, ops: { producer_byte_rate: 1_048_576 } }])
    await eventually(async () => {
      const found = await admin.describeClientQuotas({ components: { user: 'alice', 'client-id': { any: true } } })
      assert.deepEqual(found, [{ entity, quotas: { producer_byte_rate: 1_048_576 } }])
    })
    await admin.alterClientQuotas([{ entity, ops: { producer_byte_rate: null } }])
    await eventually(async () => assert.deepEqual(await admin.describeClientQuotas({ components: { user: 'alice' } }), []))
  })

  scenario('upserts, describes and deletes SCRAM credentials', async () => {
    await admin.alterUserScramCredentials([{ user: 'alice', mechanism: 'SCRAM-SHA-512', upsert: { password: 'secret', iterations: 8192 } }])
    await eventually(async () => {
      assert.deepEqual((await admin.describeUserScramCredentials(['alice'])).get('alice'), [
        { mechanism: 'SCRAM-SHA-512', iterations: 8192 }
      ])
    })
    await admin.alterUserScramCredentials([{ user: 'alice', mechanism: 'SCRAM-SHA-512' }])
    await eventually(() => assert.rejects(admin.describeUserScramCredentials(['alice']).then(), failsWith('RESOURCE_NOT_FOUND')))
  })

  scenario('is told that tokens need an authenticated connection', async () => {
    await assert.rejects(admin.createDelegationToken(), failsWith('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED'))
    await assert.rejects(admin.describeDelegationToken(), failsWith('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED'))
    const hmac = Buffer.alloc(64)
    await assert.rejects(admin.renewDelegationToken(hmac), failsWith('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED'))
    await assert.rejects(admin.expireDelegationToken(hmac), failsWith('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED'))
  })

  scenario('lists, describes and fences transactions', async () => {
    assert.deepEqual(await admin.listTransactions({ states: ['Ongoing'] }), [])
    const cluster = new Cluster({ world, brokers: own.broker.bootstrapServers })
    try {
      const target = { coordinator: 'tx-1', type: 'transaction' } as const
      const errorOf = ({ errorCode }: { errorCode: number }) => (errorCode === 0 ? undefined : new KafkaError(errorCode))
      const first = await cluster.call(
        target,
        InitProducerIdRequest,
        InitProducerIdResponse,
        { transactionalId: 'tx-1', transactionTimeoutMs: 60_000 },
        { errorOf }
      )
      const listed = await admin.listTransactions()
      assert.deepEqual(listed, [{ transactionalId: 'tx-1', producerId: first.producerId, state: 'Empty', coordinatorId: 1 }])
      const described = (await admin.describeTransactions(['tx-1'])).get('tx-1')
      assert.equal(described?.state, 'Empty')
      assert.equal(described?.coordinatorId, 1)
      const fenced = (await admin.fenceProducers(['tx-1'])).get('tx-1')
      assert.equal(fenced?.producerEpoch, first.producerEpoch + 1)
      await admin.forceTerminateTransaction('tx-1')
      await assert.rejects(admin.describeTransactions(['nobody']).then(), failsWith('TRANSACTIONAL_ID_NOT_FOUND'))
    } finally {
      cluster.close()
    }
  })

  scenario('describes the producers of a partition and ends a transaction that hangs', async () => {
    assert.deepEqual((await admin.describeProducers([{ topic: 'orders', partition: 0 }])).get('orders-0'), [])
    await admin.abortTransaction({ topic: 'orders', partition: 1, producerId: 1, producerEpoch: 0, coordinatorEpoch: 0 })
  })

  scenario('lists resources with configurations of their own', async () => {
    await admin.incrementalAlterConfigs([{ type: 'CLIENT_METRICS', name: 'basic', ops: [{ name: 'interval.ms', value: 60_000 }] }])
    await eventually(async () => assert.deepEqual(await admin.listClientMetricsResources(), ['basic']))
    assert.ok((await admin.listConfigResources(['TOPIC'])).some(({ name }) => name === 'orders'))
    // Neither broker has a receiver of client metrics here.
    await assert.rejects(admin.clientInstanceId(), failsWith('UNSUPPORTED_VERSION'))
  })

  scenario('alters, lists and deletes the offsets of a share group', async () => {
    await admin.alterShareGroupOffsets('shared', [{ topic: 'orders', partition: 0, offset: 2 }])
    assert.equal((await admin.listShareGroupOffsets(['shared'])).get('shared')?.get('orders-0')?.startOffset, 2)
    assert.equal((await admin.describeShareGroups(['shared'])).get('shared')?.groupState, 'Empty')
    await admin.deleteShareGroupOffsets('shared', ['orders'])
    await admin.deleteShareGroups(['shared'])
    await assert.rejects(admin.describeShareGroups(['shared']).then(), failsWith('GROUP_ID_NOT_FOUND'))
  })

  scenario('is told that a streams group does not exist', async () => {
    await assert.rejects(admin.describeStreamsGroups(['streams-app']).then(), failsWith('GROUP_ID_NOT_FOUND'))
    await assert.rejects(admin.deleteStreamsGroups(['streams-app']).then(), failsWith('GROUP_ID_NOT_FOUND'))
  })

  scenario('is told that the quorum is not one whose voters change', async () => {
    const directory = 'AAAAAAAAQACAAAAAAAAAAQ'
    await assert.rejects(
      admin.addRaftVoter(2, directory, [{ listener: 'CONTROLLER', host: 'localhost', port: 1 }]),
      failsWith('UNSUPPORTED_VERSION')
    )
    await assert.rejects(admin.removeRaftVoter(2, directory), failsWith('UNSUPPORTED_VERSION'))
  })
})
