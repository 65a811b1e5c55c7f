// A classic group of 200 members, spoken in raw protocol so that no client library is the limit.
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  ErrorCode,
  FindCoordinatorRequest,
  FindCoordinatorResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  JoinGroupRequest,
  JoinGroupResponse,
  SyncGroupRequest,
  SyncGroupResponse
} from '@odradek/protocol'
import { RawClient } from '../../test/interop/support/raw-client.ts'
import { createTopic, type Scenario, withBroker } from '../support.ts'

const subscription = (topic: string) => Buffer.concat([Buffer.from([0, 1]), ConsumerProtocolSubscription.encode({ topics: [topic] }, 1)])
const assignment = (topic: string, partition: number) =>
  Buffer.concat([Buffer.from([0, 1]), ConsumerProtocolAssignment.encode({ assignedPartitions: [{ topic, partitions: [partition] }] }, 1)])

class Member {
  readonly client: RawClient
  memberId = ''
  generation = -1

  private constructor(client: RawClient) {
    this.client = client
  }

  static async connect(port: number): Promise<Member> {
    return new Member(await RawClient.connect(port, { answerTimeoutMs: 60_000 }))
  }

  async joinAndSync(groupId: string, topic: string): Promise<void> {
    for (let attempt = 0; attempt < 50; attempt++) {
      const joined = await this.client.call(JoinGroupRequest, JoinGroupResponse, 9, {
        groupId,
        sessionTimeoutMs: 45_000,
        rebalanceTimeoutMs: 60_000,
        memberId: this.memberId,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: subscription(topic) }]
      })
      if (joined.memberId !== '') this.memberId = joined.memberId
      if (joined.errorCode === ErrorCode.MEMBER_ID_REQUIRED) continue
      if (joined.errorCode !== ErrorCode.NONE) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        continue
      }
      this.generation = joined.generationId
      const assignments =
        joined.leader === this.memberId
          ? joined.members.map((member, index) => ({ memberId: member.memberId, assignment: assignment(topic, index) }))
          : []
      const synced = await this.client.call(SyncGroupRequest, SyncGroupResponse, 5, {
        groupId,
        generationId: this.generation,
        memberId: this.memberId,
        protocolType: 'consumer',
        protocolName: 'range',
        assignments
      })
      if (synced.errorCode === ErrorCode.NONE) return
    }
    throw new Error('not in the group after 50 attempts')
  }

  async heartbeat(groupId: string): Promise<number> {
    return (
      await this.client.call(HeartbeatRequest, HeartbeatResponse, 4, { groupId, generationId: this.generation, memberId: this.memberId })
    ).errorCode
  }
}

async function coordinatorReady(member: Member, groupId: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const found = await member.client.call(FindCoordinatorRequest, FindCoordinatorResponse, 4, { keyType: 0, coordinatorKeys: [groupId] })
    if (found.coordinators[0]?.errorCode === ErrorCode.NONE) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('no coordinator')
}

const group: Scenario = {
  name: 'a classic group of 200 members, raw protocol',
  targets: { formSeconds: { absoluteAtMost: 3 }, rebalanceSeconds: { absoluteAtMost: 3 } },
  run: (kind) =>
    withBroker(kind, {}, async (broker) => {
      await createTopic(broker, 'grouped', 201)
      const members = await Promise.all(Array.from({ length: 200 }, () => Member.connect(broker.port)))
      await coordinatorReady(members[0], 'two-hundred')
      const began = performance.now()
      await Promise.all(members.map((member) => member.joinAndSync('two-hundred', 'grouped')))
      // joins that came in after the first round make generations of their own: settled when all hold the newest
      const settle = async (all: Member[]) => {
        for (;;) {
          const newest = Math.max(...all.map((member) => member.generation))
          const behind = []
          for (const member of all)
            if (member.generation < newest || (await member.heartbeat('two-hundred')) !== ErrorCode.NONE) behind.push(member)
          if (behind.length === 0) return
          await Promise.all(behind.map((member) => member.joinAndSync('two-hundred', 'grouped')))
        }
      }
      await settle(members)
      const formSeconds = (performance.now() - began) / 1000
      const again = performance.now()
      const newcomer = await Member.connect(broker.port)
      const joining = newcomer.joinAndSync('two-hundred', 'grouped')
      const rejoin = members.map(async (member) => {
        while ((await member.heartbeat('two-hundred')) === ErrorCode.NONE) await new Promise((resolve) => setTimeout(resolve, 100))
        await member.joinAndSync('two-hundred', 'grouped')
      })
      await Promise.all([joining, ...rejoin])
      await settle([...members, newcomer])
      const rebalanceSeconds = (performance.now() - again) / 1000
      for (const member of [...members, newcomer]) member.client.close()
      return { formSeconds, rebalanceSeconds }
    })
}

export const groupScenarios: Scenario[] = [group]
