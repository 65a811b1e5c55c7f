// Replicas that move from one log directory of a broker to another: where they are, and how they are sent off.
import { setTimeout } from 'node:timers/promises'
import type { Admin, ReplicaLogDirInfo, TopicPartitionReplica } from '@odradek/client'
import { executionException, wrapped } from '../java.ts'
import { call, ToolError, type ToolIo } from '../tool.ts'
import { byReplica, failed, keyOf, type PlannedPartition, type ReplicaDirectory, replicaText } from './plan.ts'

const RETRY_MS = 100

async function describe(admin: Admin, replicas: readonly TopicPartitionReplica[]): Promise<ReadonlyMap<string, ReplicaLogDirInfo>> {
  if (replicas.length === 0) return new Map()
  return await wrapped(call('describeReplicaLogDirs', admin.describeReplicaLogDirs(replicas)), executionException)
}

/** By `replicaText`. */
export async function logDirsOf(
  admin: Admin,
  partitions: readonly PlannedPartition[],
  isAvailable: (brokerId: number) => boolean
): Promise<ReadonlyMap<string, string>> {
  const replicas = partitions.flatMap(({ topic, partition, replicas: ids }) =>
    ids.filter(isAvailable).map((brokerId) => ({ topic, partition, brokerId }))
  )
  const described = [...(await describe(admin, replicas)).values()]
  return new Map(described.flatMap((one) => (one.currentReplicaLogDir === undefined ? [] : [[replicaText(one), one.currentReplicaLogDir]])))
}

export interface LogDirMove {
  readonly target: ReplicaDirectory
  /** undefined: in no live directory. */
  readonly current: string | undefined
  readonly future: string | undefined
}

/** Sorted by broker. */
export async function logDirMoves(admin: Admin, targets: readonly ReplicaDirectory[]): Promise<LogDirMove[]> {
  const { replicaKey } = await import('@odradek/client/admin')
  const described = await describe(admin, targets)
  return targets.toSorted(byReplica).map((target) => {
    const found = described.get(replicaKey(target))
    return { target, current: found?.currentReplicaLogDir, future: found?.futureReplicaLogDir }
  })
}

export const isOngoing = ({ current, future }: LogDirMove): boolean => current === undefined || future !== undefined

export function moveText({ target, current, future }: LogDirMove): string {
  const [partition, { brokerId, logDir }] = [keyOf(target), target]
  if (current === undefined)
    return `Partition ${partition} is not found in any live log dir on broker ${brokerId}. There is likely an offline log directory on the broker.`
  if (future === undefined) {
    if (current === logDir) return `Reassignment of replica ${replicaText(target)} completed successfully.`
    return `Partition ${partition} on broker ${brokerId} is not being moved from log dir ${current} to ${logDir}.`
  }
  if (future === logDir) return `Reassignment of replica ${replicaText(target)} is still in progress.`
  return `Partition ${partition} on broker ${brokerId} is being moved to log dir ${future} instead of ${logDir}.`
}

/** A replica that is on its way to another broker cannot be sent to a directory before it is there: tried again until `timeoutMs`. */
export async function executeMoves(admin: Admin, moves: readonly ReplicaDirectory[], timeoutMs: number, io: ToolIo): Promise<void> {
  const { replicaKey } = await import('@odradek/client/admin')
  const deadline = Date.now() + timeoutMs
  for (let pending = moves.toSorted(byReplica); pending.length > 0; ) {
    const { values, errors } = await admin.alterReplicaLogDirs(pending).outcomes()
    for (const move of pending) {
      const error = errors.get(replicaKey(move))
      if (error !== undefined && error.code !== 'REPLICA_NOT_AVAILABLE') throw failed(`Failed to alter dir for ${replicaText(move)}`)
    }
    for (const move of pending.filter((one) => values.has(replicaKey(one))))
      io.out(`Successfully started moving log directory to ${move.logDir} for replica ${keyOf(move)} with broker ${move.brokerId} \n`)
    pending = pending.filter((one) => !values.has(replicaKey(one)))
    if (pending.length === 0) return
    if (Date.now() >= deadline) {
      const plural = pending.length === 1 ? '' : 's'
      throw new ToolError(`Timed out before log directory move${plural} could be started for: ${pending.map(replicaText).join(',')}`, TERSE)
    }
    await setTimeout(RETRY_MS)
  }
}

/** Failures that Kafka's tool tells without `Error:`. */
export const TERSE = 'org.apache.kafka.tools.TerseException'
