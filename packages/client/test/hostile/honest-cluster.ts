// Brokers that serve one topic and one group as they should, so that a test can let them lie about one thing at a time.
import {
  ApiKey,
  type ConsumerGroupHeartbeatRequest,
  type DescribeProducersRequest,
  encodeBatch,
  encodeConsumerAssignment,
  type FetchRequest,
  type FetchResponse,
  type Input,
  type ListOffsetsRequest,
  type OffsetCommitRequest,
  type OffsetFetchRequest,
  type ProduceRequest
} from '@odradek/protocol'
import type { Simulation } from '@odradek/world/sim'
import { type FakeAnswer, FakeCluster } from '../support/fake-cluster.ts'

export const TOPIC_ID = 'AAAAAAAAQACAAAAAAAAAAQ'
const RECORDS = 5

export function honestBatch(): Buffer {
  const records = Array.from({ length: RECORDS }, (_, at) => ({ key: `k${at}`, value: `v${at}`, timestamp: 1 }))
  return Buffer.concat([encodeBatch({ baseOffset: 0, records })].flat())
}

export async function honestCluster(sim: Simulation): Promise<FakeCluster> {
  const fake = await FakeCluster.start([1, 2], sim)
  fake.topics.set('t', { topicId: TOPIC_ID, partitions: [1, 2].map((leader) => ({ leader, epoch: 1 })) })
  const { handlers } = fake
  handlers.set(ApiKey.INIT_PRODUCER_ID, () => ({ producerId: 7, producerEpoch: 0 }))
  handlers.set(ApiKey.PRODUCE, ({ body }) => ({
    responses: (body as ProduceRequest).topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, baseOffset: 0 }))
    }))
  }))
  handlers.set(ApiKey.FETCH, ({ body }) => {
    const { topics } = body as FetchRequest
    const responses = topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition, fetchOffset }) => ({
        partitionIndex: partition,
        highWatermark: RECORDS,
        lastStableOffset: RECORDS,
        logStartOffset: 0,
        records: fetchOffset < RECORDS ? honestBatch() : Buffer.alloc(0)
      }))
    }))
    return { sessionId: 0, responses }
  })
  // A fetch that finds nothing waits, as it asked to.
  fake.delayMs = ({ apiKey, body }, answer) => (apiKey === ApiKey.FETCH && isEmpty(answer) ? (body as FetchRequest).maxWaitMs : 0)
  handlers.set(ApiKey.LIST_OFFSETS, ({ body }) => ({
    topics: (body as ListOffsetsRequest).topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, timestamp }) => ({
        partitionIndex,
        offset: timestamp === -1 ? RECORDS : 0,
        leaderEpoch: 1
      }))
    }))
  }))
  handlers.set(ApiKey.OFFSET_FOR_LEADER_EPOCH, () => ({ topics: [] }))
  handlers.set(ApiKey.JOIN_GROUP, () => ({
    generationId: 1,
    protocolType: 'consumer',
    protocolName: 'range',
    leader: 'another',
    memberId: 'member',
    members: []
  }))
  const assignment = encodeConsumerAssignment({ assignedPartitions: [{ topic: 't', partitions: [0, 1] }] })
  handlers.set(ApiKey.SYNC_GROUP, () => ({ protocolType: 'consumer', protocolName: 'range', assignment }))
  handlers.set(ApiKey.HEARTBEAT, () => ({}))
  handlers.set(ApiKey.LEAVE_GROUP, () => ({ members: [] }))
  handlers.set(ApiKey.CONSUMER_GROUP_HEARTBEAT, ({ body }) => {
    const isJoining = (body as ConsumerGroupHeartbeatRequest).memberEpoch === 0
    const assignment = isJoining ? { topicPartitions: [{ topicId: TOPIC_ID, partitions: [0, 1] }] } : null
    return { memberId: 'member', memberEpoch: 1, heartbeatIntervalMs: 1_000, assignment }
  })
  handlers.set(ApiKey.OFFSET_COMMIT, ({ body }) => ({
    topics: (body as OffsetCommitRequest).topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: 0 }))
    }))
  }))
  handlers.set(ApiKey.OFFSET_FETCH, ({ body }) => ({
    groups: (body as OffsetFetchRequest).groups.map(({ groupId, topics }) => ({
      groupId,
      topics: (topics ?? []).map(({ name, topicId, partitionIndexes }) => ({
        name,
        topicId,
        partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, committedOffset: -1, metadata: '' }))
      }))
    }))
  }))
  handlers.set(ApiKey.CREATE_TOPICS, () => ({ topics: [{ name: 'new', topicId: TOPIC_ID, numPartitions: 1, replicationFactor: 1 }] }))
  handlers.set(ApiKey.DELETE_TOPICS, () => ({ responses: [{ name: 't', topicId: TOPIC_ID }] }))
  handlers.set(ApiKey.DESCRIBE_CLUSTER, () => ({ clusterId: 'fake', controllerId: 1, brokers: [{ brokerId: 1, host: 'b1', port: 9092 }] }))
  handlers.set(ApiKey.DESCRIBE_TOPIC_PARTITIONS, () => ({ topics: [{ name: 't', topicId: TOPIC_ID, partitions: [] }] }))
  handlers.set(ApiKey.DESCRIBE_PRODUCERS, ({ body }) => ({
    topics: (body as DescribeProducersRequest).topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, activeProducers: [] }))
    }))
  }))
  handlers.set(ApiKey.LIST_GROUPS, () => ({ groups: [{ groupId: 'g', protocolType: 'consumer' }] }))
  return fake
}

function isEmpty(answer: FakeAnswer): boolean {
  const { errorCode = 0, responses = [] } = answer as Input<FetchResponse>
  const partitions = responses.flatMap((topic) => topic.partitions ?? [])
  return errorCode === 0 && partitions.every((each) => (each.errorCode ?? 0) === 0 && (each.records?.length ?? 0) === 0)
}
