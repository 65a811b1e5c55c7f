// Members of groups without a consumer: their requests by hand, once, for tests of what the admin sees of them.
import {
  encodeConsumerAssignment,
  encodeConsumerSubscription,
  JoinGroupRequest,
  JoinGroupResponse,
  ShareGroupHeartbeatRequest,
  ShareGroupHeartbeatResponse,
  StreamsGroupHeartbeatRequest,
  StreamsGroupHeartbeatResponse,
  SyncGroupRequest,
  SyncGroupResponse
} from '@odradek/protocol'
import { errorOf, type KafkaError } from '../../packages/client/src/errors.ts'
import type { Cluster } from '../../packages/client/src/network/cluster.ts'
import { eventually } from './eventually.ts'

const check = ({ errorCode, errorMessage }: { errorCode: number; errorMessage?: string | null }): KafkaError | undefined =>
  errorOf(errorCode, errorMessage)

/** A group of the classic protocol with one member that has partition 0 of the topic. */
export async function joinClassic(cluster: Cluster, groupId: string, topic: string): Promise<string> {
  const target = { coordinator: groupId, type: 'group' } as const
  const metadata = encodeConsumerSubscription({ topics: [topic] })
  const body = {
    groupId,
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 30_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata }]
  }
  const { memberId } = await cluster.call(target, JoinGroupRequest, JoinGroupResponse, { ...body, memberId: '' })
  const joined = await cluster.call(target, JoinGroupRequest, JoinGroupResponse, { ...body, memberId }, { errorOf: check })
  const assignment = encodeConsumerAssignment({ assignedPartitions: [{ topic, partitions: [0] }] })
  const sync = {
    groupId,
    generationId: joined.generationId,
    memberId,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId, assignment }]
  }
  await cluster.call(target, SyncGroupRequest, SyncGroupResponse, sync, { errorOf: check })
  return memberId
}

/** Heartbeats until it has partitions: the share partitions must be initialised first. */
export async function joinShare(cluster: Cluster, groupId: string, topic: string, memberId: string): Promise<void> {
  let memberEpoch = 0
  await eventually(async () => {
    const body = { groupId, memberId, memberEpoch, subscribedTopicNames: memberEpoch === 0 ? [topic] : null }
    const target = { coordinator: groupId, type: 'group' } as const
    const response = await cluster.call(target, ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, body, { errorOf: check })
    memberEpoch = response.memberEpoch
    if (response.assignment === null || response.assignment.topicPartitions.length === 0) throw new Error('no partitions yet')
  })
}

export async function joinStreams(cluster: Cluster, groupId: string, topic: string, memberId: string): Promise<void> {
  const body = {
    groupId,
    memberId,
    memberEpoch: 0,
    rebalanceTimeoutMs: 30_000,
    topology: { epoch: 1, subtopologies: [{ subtopologyId: '0', sourceTopics: [topic] }] },
    activeTasks: [],
    standbyTasks: [],
    warmupTasks: [],
    processId: 'process-1',
    clientTags: [{ key: 'zone', value: 'a' }]
  }
  await cluster.call({ coordinator: groupId, type: 'group' }, StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse, body, {
    errorOf: check
  })
}
