// The proxy does to connections what it says, and nothing when nothing is asked of it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  ApiKey,
  CreateTopicsRequest,
  CreateTopicsResponse,
  ErrorCode,
  encodeBatch,
  FetchRequest,
  FetchResponse,
  FindCoordinatorRequest,
  FindCoordinatorResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  MetadataRequest,
  MetadataResponse,
  ProduceRequest,
  ProduceResponse
} from '@odradek/protocol'
import { simulate } from '@odradek/testkit'
import { SimBroker } from '@odradek/testkit/broker'
import { readLog } from '@odradek/testkit/delivery'
import { FaultProxy } from '@odradek/testkit/proxy'
import { ClientConnection } from '@odradek/transport'
import type { Simulation } from '@odradek/world/sim'

interface Stage {
  readonly sim: Simulation
  readonly proxy: FaultProxy
  readonly broker: SimBroker
  connect(nodeId?: number): Promise<ClientConnection>
  produce(connection: ClientConnection, partition: number, value: string): Promise<number>
  values(): Promise<string[]>
}

async function onStage(nodes: number, play: (stage: Stage) => Promise<void>): Promise<void> {
  await simulate({ seed: 1 }, async (sim) => {
    const broker = await SimBroker.start(sim)
    const { world } = sim.node('proxy')
    const proxy = await sim.complete(FaultProxy.start({ world, broker, host: 'proxy', nodes }))
    const connect = (nodeId = 1): Promise<ClientConnection> => {
      const { host, port } = proxy.cluster.node(nodeId)
      return sim.complete(ClientConnection.connect({ world: sim.node('client').world, host, port }))
    }
    const first = await connect()
    const topics = [{ name: 't', numPartitions: 2, replicationFactor: 1 }]
    await sim.complete(first.send(CreateTopicsRequest, CreateTopicsResponse, { topics, timeoutMs: 10_000 }))
    const produce = async (connection: ClientConnection, partition: number, value: string): Promise<number> => {
      const records = encodeBatch({ baseOffset: 0, records: [{ value, timestamp: 1 }] })
      const topicData = [{ name: 't', partitionData: [{ index: partition, records }] }]
      const body = { acks: -1, timeoutMs: 1_000, topicData }
      const { responses } = await connection.send(ProduceRequest, ProduceResponse, body, { version: 9, timeoutMs: 5_000 })
      return responses[0].partitionResponses[0].errorCode
    }
    const values = async (): Promise<string[]> => {
      const { host, port } = broker
      const records = await sim.complete(readLog({ world: sim.node('reader').world, host, port, topic: 't', partitions: 2 }))
      return records.map(({ value }) => String(value))
    }
    await play({ sim, proxy, broker, connect, produce, values })
    await sim.complete(proxy.close())
    assert.equal(proxy.openConnections, 0)
  })
}

const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error) => error.code)

describe('the fault proxy', () => {
  test('passes everything on, and keeps clients behind it', () =>
    onStage(1, async ({ sim, proxy, connect, produce, values }) => {
      const connection = await connect()
      const metadata = await sim.complete(connection.send(MetadataRequest, MetadataResponse, { topics: null }))
      assert.deepEqual(
        metadata.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]),
        [[1, proxy.bootstrapServers]]
      )
      assert.equal(await sim.complete(produce(connection, 0, 'a')), 0)
      assert.deepEqual(await values(), ['a'])
    }))

  const faults = [
    ['cut before', 'CONNECTION_CLOSED', []],
    ['cut after', 'CONNECTION_CLOSED', ['a']],
    ['cut inside', 'CONNECTION_CLOSED', ['a']],
    ['swallow', 'REQUEST_TIMEOUT', ['a']]
  ] as const
  for (const [fault, code, written] of faults) {
    test(`${fault}: the client sees ${code}, the broker has ${written.length} record(s)`, () =>
      onStage(1, async ({ sim, proxy, connect, produce, values }) => {
        const connection = await connect()
        proxy.fault = ({ apiKey }) => (apiKey === ApiKey.PRODUCE ? fault : undefined)
        assert.equal(await sim.complete(outcome(produce(connection, 0, 'a'))), code)
        assert.deepEqual(await values(), written)
      }))
  }

  test('late, stalled and split bytes arrive all the same, in their order', () =>
    onStage(1, async ({ sim, proxy, connect, produce, values }) => {
      const connection = await connect()
      proxy.fault = () => ({ lateMs: 300 })
      const before = sim.nowMs
      await sim.complete(produce(connection, 0, 'late'))
      assert.ok(sim.nowMs - before >= 300)
      proxy.fault = undefined
      proxy.up.pieceBytes = 3
      proxy.down.pieceBytes = 1
      proxy.up.lateMs = 50
      await sim.complete(Promise.all([produce(connection, 0, 'split 1'), produce(connection, 0, 'split 2')]))
      proxy.stall()
      const stalled = produce(connection, 0, 'stalled')
      await sim.advance(2_000)
      assert.equal((await values()).includes('stalled'), false)
      proxy.heal()
      await sim.complete(stalled)
      assert.deepEqual(await values(), ['late', 'split 1', 'split 2', 'stalled'])
    }))

  test('its answers keep their place among those of the broker', () =>
    onStage(1, async ({ sim, proxy, connect, produce }) => {
      const connection = await connect()
      proxy.fault = ({ apiKey }) => (apiKey === ApiKey.HEARTBEAT ? { answer: HeartbeatResponse.create({ errorCode: 99 }) } : undefined)
      const all = Promise.all([
        produce(connection, 0, 'a'),
        connection.send(HeartbeatRequest, HeartbeatResponse, { groupId: 'g', memberId: 'm', generationId: 1 }),
        produce(connection, 0, 'b')
      ])
      const [a, heartbeat, b] = await sim.complete(all)
      assert.deepEqual([a, heartbeat.errorCode, b], [0, 99, 0])
    }))

  test('looks like several brokers, whose leaders and coordinators move and whose nodes stop', () =>
    onStage(3, async ({ sim, proxy, connect, produce }) => {
      const [one, two] = [await connect(1), await connect(2)]
      const leaders = async (): Promise<number[]> => {
        const { topics } = await sim.complete(one.send(MetadataRequest, MetadataResponse, { topics: [{ name: 't' }] }))
        return topics[0].partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map(({ leaderId }) => leaderId)
      }
      assert.deepEqual(await leaders(), [1, 2])
      assert.equal(await sim.complete(produce(one, 0, 'a')), 0)
      assert.equal(await sim.complete(produce(two, 0, 'a')), ErrorCode.NOT_LEADER_OR_FOLLOWER)
      proxy.cluster.moveLeader('t', 0, 2)
      assert.deepEqual(await leaders(), [2, 2])
      assert.equal(await sim.complete(produce(one, 0, 'b')), ErrorCode.NOT_LEADER_OR_FOLLOWER)
      const topics = [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }]
      const fetch = { replicaId: -1, maxWaitMs: 0, minBytes: 0, maxBytes: 1000, topics }
      const fetched = await sim.complete(one.send(FetchRequest, FetchResponse, fetch, { version: 11 }))
      assert.equal(fetched.responses[0].partitions[0].errorCode, ErrorCode.NOT_LEADER_OR_FOLLOWER)
      const coordinator = async (): Promise<number> => {
        const body = { keyType: 0, coordinatorKeys: ['g'] }
        const { coordinators } = await sim.complete(one.send(FindCoordinatorRequest, FindCoordinatorResponse, body, { version: 4 }))
        return coordinators[0].errorCode === 0 ? coordinators[0].nodeId : -coordinators[0].errorCode
      }
      for (let tries = 0; tries < 50 && (await coordinator()) < 0; tries++) await sim.advance(100)
      assert.equal(await coordinator(), 1)
      proxy.cluster.moveCoordinator(2)
      assert.equal(await coordinator(), 2)
      await sim.complete(proxy.stopNode(2))
      assert.equal(await coordinator(), 3)
      assert.deepEqual(await leaders(), [3, 3])
      assert.ok(two.isClosed)
      await assert.rejects(connect(2), { code: 'CONNECTION_FAILED' })
      await sim.complete(proxy.startNode(2))
      await connect(2)
    }))
})
