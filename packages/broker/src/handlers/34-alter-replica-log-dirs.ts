// AlterReplicaLogDirs: a log goes on in another of this broker's directories. The answer comes when its copy has begun to
// grow; DescribeLogDirs shows the copy until the log has moved.
import { OdradekError } from '@odradek/base'
import { AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, ErrorCode, type Input } from '@odradek/protocol'
import { METADATA_TOPIC } from '@odradek/storage'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler } from '../handler.ts'
import { missingTopicCode } from '../topic-lookup.ts'

type Response = Input<AlterReplicaLogDirsResponse>
interface Move {
  readonly topic: string
  readonly partition: number
  readonly path: string
}

export const alterReplicaLogDirsHandler = defineHandler<BrokerContext, AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse>(
  AlterReplicaLogDirsRequest,
  AlterReplicaLogDirsResponse,
  handleAlterReplicaLogDirs,
  { failure: (request, errorCode) => respond(movesOf(request).map((move) => ({ move, errorCode }))) }
)

async function handleAlterReplicaLogDirs(broker: BrokerContext, request: AlterReplicaLogDirsRequest): Promise<Response> {
  const outcomes = movesOf(request).map(async (move) => ({ move, errorCode: await startMove(broker, move) }))
  return respond(await Promise.all(outcomes))
}

function movesOf(request: AlterReplicaLogDirsRequest): Move[] {
  return request.dirs.flatMap(({ path, topics }) =>
    topics.flatMap(({ name, partitions }) => partitions.map((partition) => ({ topic: name, partition, path })))
  )
}

async function startMove(broker: BrokerContext, { topic, partition, path }: Move): Promise<number> {
  if (topic === METADATA_TOPIC) return ErrorCode.INVALID_TOPIC_EXCEPTION
  const directory = broker.logs.directories().find((info) => info.path === path)
  if (directory === undefined) return ErrorCode.LOG_DIR_NOT_FOUND
  if (directory.isOffline) return ErrorCode.KAFKA_STORAGE_ERROR
  const local = broker.replicas.get(topic, partition)
  if (local === undefined) return missingTopicCode(broker, topic, partition)
  if (local.errorCode !== ErrorCode.NONE) return local.errorCode
  try {
    await broker.logs.move({ topic, partition }, path)
    broker.onLogMoving(local)
    return ErrorCode.NONE
  } catch (error) {
    broker.world.logger.log('ERROR', 'kafka.server.ReplicaManager', `The log of ${topic}-${partition} could not be moved to ${path}`, error)
    return error instanceof OdradekError && error.code === 'STORAGE_NO_LOG'
      ? ErrorCode.NOT_LEADER_OR_FOLLOWER
      : ErrorCode.KAFKA_STORAGE_ERROR
  }
}

function respond(outcomes: readonly { move: Move; errorCode: number }[]): Response {
  const byTopic = Map.groupBy(outcomes, ({ move }) => move.topic)
  return {
    results: Array.from(byTopic, ([topicName, moves]) => ({
      topicName,
      partitions: moves.map(({ move, errorCode }) => ({ partitionIndex: move.partition, errorCode }))
    }))
  }
}
