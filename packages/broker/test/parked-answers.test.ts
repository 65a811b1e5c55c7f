// Requests that wait in the group coordinator when their connection goes away.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  DescribeGroupsRequest,
  DescribeGroupsResponse,
  ErrorCode,
  FindCoordinatorRequest,
  FindCoordinatorResponse,
  JoinGroupRequest,
  JoinGroupResponse,
  SyncGroupRequest,
  SyncGroupResponse
} from '@odradek/protocol'
import type { RawClient } from './support/raw-client.ts'
import { startBroker, type TestBroker } from './support/test-broker.ts'

const MEMBERS = 9
const SYNC_BYTES = 8 * 1024 * 1024

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    if (await isSo()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.fail(`it never came that ${what}`)
}

async function bytesHeld(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  return process.memoryUsage().arrayBuffers
}

async function joinAll(clients: readonly RawClient[]): Promise<{ memberId: string; leader: string; generationId: number }[]> {
  return Promise.all(
    clients.map((client) =>
      client.call(JoinGroupRequest, JoinGroupResponse, 3, {
        groupId: 'g',
        sessionTimeoutMs: 6_000,
        rebalanceTimeoutMs: 60_000,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.from('x') }]
      })
    )
  )
}

const stateOf = async (broker: TestBroker, client: RawClient) => {
  const { groups } = await client.call(DescribeGroupsRequest, DescribeGroupsResponse, 5, { groups: ['g'] })
  assert.equal(broker.halted.length, 0)
  return { state: groups[0].groupState, members: groups[0].members.length }
}

test('a parked SyncGroup lets go of its request when its connection goes, and its member stays until its session ends', async () => {
  await using broker = await startBroker({
    overrides: { 'group.initial.rebalance.delay.ms': '300', 'queued.max.request.bytes': '200000000' }
  })
  const admin = await broker.connect()
  await admin.call(FindCoordinatorRequest, FindCoordinatorResponse, 4, { keyType: 0, coordinatorKeys: ['g'] })
  const clients = await Promise.all(Array.from({ length: MEMBERS }, () => broker.connect()))
  const joined = await joinAll(clients)
  const followers = clients.filter((_, index) => joined[index].memberId !== joined[index].leader)
  assert.equal(followers.length, MEMBERS - 1)
  const before = await bytesHeld()
  followers.forEach((client, index) => {
    const { memberId, generationId } = joined[clients.indexOf(client)]
    const assignments = [{ memberId: `nobody-${index}`, assignment: Buffer.alloc(SYNC_BYTES) }]
    client.request(SyncGroupRequest, 5, {
      groupId: 'g',
      generationId,
      memberId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments
    })
  })
  await until('all requests are parked', () => broker.server.requestCount === MEMBERS - 1)
  for (const client of followers) client.close()
  await until('their connections are gone', () => broker.server.connectionCount === 2)
  assert.deepEqual(await stateOf(broker, admin), { state: 'CompletingRebalance', members: MEMBERS })
  await until('nothing refers to the requests', async () => (await bytesHeld()) - before < 3 * SYNC_BYTES)
  // The leader goes on, the others are still members: that they are gone shows when their sessions end.
  const leader = clients.find((client) => !followers.includes(client)) as RawClient
  const { memberId, generationId } = joined[clients.indexOf(leader)]
  const synced = await leader.call(SyncGroupRequest, SyncGroupResponse, 5, {
    groupId: 'g',
    generationId,
    memberId,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: []
  })
  assert.equal(synced.errorCode, ErrorCode.NONE)
  assert.deepEqual(await stateOf(broker, admin), { state: 'Stable', members: MEMBERS })
})
