// Throttles of reassignments: settings of brokers and topics, set while replicas move and cleared afterwards.
import type { Admin, AlterConfigs, PartitionReassignment } from '@odradek/client'
import { executionException, wrapped } from '../java.ts'
import { call, type ToolIo } from '../tool.ts'
import { keyOf, type PlannedPartition } from './plan.ts'

const LEADER_RATE = 'leader.replication.throttled.rate'
const FOLLOWER_RATE = 'follower.replication.throttled.rate'
const LOG_DIR_RATE = 'replica.alter.log.dirs.io.max.bytes.per.second'
const LEADER_REPLICAS = 'leader.replication.throttled.replicas'
const FOLLOWER_REPLICAS = 'follower.replication.throttled.replicas'

async function alter(admin: Admin, changes: readonly AlterConfigs[]): Promise<void> {
  await wrapped(call('incrementalAlterConfigs', admin.incrementalAlterConfigs(changes)), executionException)
}

export async function clearBrokerThrottles(admin: Admin, brokers: readonly number[]): Promise<void> {
  const ops = [LEADER_RATE, FOLLOWER_RATE, LOG_DIR_RATE].map((name) => ({ name, op: 'DELETE' as const }))
  await alter(
    admin,
    brokers.map((id) => ({ type: 'BROKER', name: String(id), ops }))
  )
}

export async function clearTopicThrottles(admin: Admin, topics: readonly string[]): Promise<void> {
  const ops = [LEADER_REPLICAS, FOLLOWER_REPLICAS].map((name) => ({ name, op: 'DELETE' as const }))
  await alter(
    admin,
    topics.map((name) => ({ type: 'TOPIC', name, ops }))
  )
}

export async function throttleLogDirs(admin: Admin, brokers: ReadonlySet<number>, rate: number, io: ToolIo): Promise<void> {
  const ops = [{ name: LOG_DIR_RATE, value: rate }]
  await alter(
    admin,
    [...brokers].map((id) => ({ type: 'BROKER', name: String(id), ops }))
  )
  io.out(`The replica-alter-dir throttle limit was set to ${rate} B/s\n`)
}

/** From which brokers to which the data of a partition goes. */
interface Move {
  readonly topic: string
  readonly partition: number
  readonly sources: readonly number[]
  readonly destinations: readonly number[]
}

export interface Moving {
  /** What moves already. */
  readonly reassignments: ReadonlyMap<string, PartitionReassignment>
  readonly current: readonly PlannedPartition[]
  readonly proposed: readonly PlannedPartition[]
}

export async function throttleReplication(admin: Admin, moving: Moving, rate: number, io: ToolIo): Promise<void> {
  const moves = movesOf(moving)
  const topics = [...Map.groupBy(moves, ({ topic }) => topic)].map(([name, own]) => ({
    type: 'TOPIC' as const,
    name,
    ops: [
      { name: LEADER_REPLICAS, value: replicaList(own, ({ sources }) => sources) },
      { name: FOLLOWER_REPLICAS, value: replicaList(own, ({ destinations }) => destinations) }
    ]
  }))
  await alter(admin, topics)
  const brokers = new Set(moves.flatMap(({ sources, destinations }) => [...sources, ...destinations]))
  const ops = [LEADER_RATE, FOLLOWER_RATE].map((name) => ({ name, value: rate }))
  await alter(
    admin,
    [...brokers].map((id) => ({ type: 'BROKER', name: String(id), ops }))
  )
  io.out(`The inter-broker throttle limit was set to ${rate} B/s\n`)
}

/** What moves already, and what shall; a partition that moves keeps the brokers that it comes from. */
function movesOf({ reassignments, current, proposed }: Moving): Move[] {
  const moves = new Map<string, Move>()
  for (const [key, { topic, partition, replicas, addingReplicas }] of reassignments) {
    const sources = replicas.filter((id) => !addingReplicas.includes(id))
    moves.set(key, { topic, partition, sources, destinations: addingReplicas })
  }
  const now = new Map(current.map((one) => [keyOf(one), one.replicas]))
  for (const one of proposed) {
    const sources = moves.get(keyOf(one))?.sources ?? now.get(keyOf(one)) ?? []
    const destinations = one.replicas.filter((id) => !sources.includes(id))
    moves.set(keyOf(one), { topic: one.topic, partition: one.partition, sources, destinations })
  }
  return [...moves.values()]
}

/** `0:1,1:2`: partition and broker, sorted as text. */
function replicaList(moves: readonly Move[], brokersOf: (move: Move) => readonly number[]): string {
  const texts = moves.flatMap((move) => brokersOf(move).map((id) => `${move.partition}:${id}`))
  return [...new Set(texts)].sort().join(',')
}
