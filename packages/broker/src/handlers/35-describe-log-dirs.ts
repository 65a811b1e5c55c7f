import { DescribeLogDirsRequest, DescribeLogDirsResponse, ErrorCode, type Input } from '@odradek/protocol'
import type { DirectoryInfo, PartitionLog } from '@odradek/storage'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler } from '../handler.ts'
import { isCordoned } from '../lifecycle/cordoned.ts'

type Result = Input<DescribeLogDirsResponse['results'][number]>

export const describeLogDirsHandler = defineHandler<BrokerContext, DescribeLogDirsRequest, DescribeLogDirsResponse>(
  DescribeLogDirsRequest,
  DescribeLogDirsResponse,
  async (broker, request) => {
    const isAsked = filterOf(request)
    const futures = new Set(broker.logs.futures())
    const logs = Map.groupBy([...broker.logs.logs(), ...futures].filter(isAsked), (log) => log.directory.path)
    const directories = broker.logs.directories()
    return {
      errorCode: ErrorCode.NONE,
      results: await Promise.all(directories.map((info) => describe(broker, info, { logs: logs.get(info.path) ?? [], futures })))
    }
  }
)

function filterOf({ topics }: DescribeLogDirsRequest): (log: PartitionLog) => boolean {
  if (topics === null) return () => true
  const asked = new Set(topics.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`)))
  return ({ topicPartition: { topic, partition } }) => asked.has(`${topic}-${partition}`)
}

interface Found {
  readonly logs: readonly PartitionLog[]
  /** Copies of logs that move. */
  readonly futures: ReadonlySet<PartitionLog>
}

async function describe(broker: BrokerContext, info: DirectoryInfo, { logs, futures }: Found): Promise<Result> {
  const logDir = info.path
  if (info.isOffline) return { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir, topics: [] }
  const byTopic = Map.groupBy(logs, (log) => log.topicPartition.topic)
  const topics = Array.from(byTopic, ([name, partitions]) => ({
    name,
    partitions: partitions.map((log) => describeLog(broker, log, futures.has(log)))
  }))
  try {
    const { freeBytes, totalBytes } = await broker.logs.space(logDir)
    return { errorCode: ErrorCode.NONE, logDir, topics, totalBytes, usableBytes: freeBytes, isCordoned: isCordoned(broker.config, logDir) }
  } catch (error) {
    broker.world.logger.log('ERROR', 'kafka.server.ReplicaManager', `The space of ${logDir} could not be read`, error)
    return { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir, topics: [] }
  }
}

/** A copy lags behind its log. */
function describeLog(broker: BrokerContext, log: PartitionLog, isFutureKey: boolean) {
  const { topic, partition } = log.topicPartition
  const end = isFutureKey ? (broker.logs.get({ topic, partition })?.logEndOffset ?? log.logEndOffset) : log.logEndOffset
  return { partitionIndex: partition, partitionSize: log.sizeInBytes, offsetLag: Math.max(0, end - log.logEndOffset), isFutureKey }
}
