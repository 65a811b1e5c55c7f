import { DescribeLogDirsRequest, DescribeLogDirsResponse, ErrorCode, type Input } from '@odradek/protocol'
import type { DirectoryInfo, PartitionLog } from '@odradek/storage'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler } from '../handler.ts'

type Result = Input<DescribeLogDirsResponse['results'][number]>

export const describeLogDirsHandler = defineHandler<BrokerContext, DescribeLogDirsRequest, DescribeLogDirsResponse>(
  DescribeLogDirsRequest,
  DescribeLogDirsResponse,
  async (broker, request) => {
    const isAsked = filterOf(request)
    const logs = Map.groupBy([...broker.logs.logs()].filter(isAsked), (log) => log.directory.path)
    const directories = broker.logs.directories()
    return {
      errorCode: ErrorCode.NONE,
      results: await Promise.all(directories.map((info) => describe(broker, info, logs.get(info.path) ?? [])))
    }
  }
)

function filterOf({ topics }: DescribeLogDirsRequest): (log: PartitionLog) => boolean {
  if (topics === null) return () => true
  const asked = new Set(topics.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`)))
  return ({ topicPartition: { topic, partition } }) => asked.has(`${topic}-${partition}`)
}

async function describe(broker: BrokerContext, info: DirectoryInfo, logs: readonly PartitionLog[]): Promise<Result> {
  const logDir = info.path
  if (info.isOffline) return { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir, topics: [] }
  const byTopic = Map.groupBy(logs, (log) => log.topicPartition.topic)
  const topics = Array.from(byTopic, ([name, partitions]) => ({
    name,
    partitions: partitions.map((log) => ({
      partitionIndex: log.topicPartition.partition,
      partitionSize: log.sizeInBytes,
      offsetLag: 0,
      isFutureKey: false
    }))
  }))
  const isCordoned = broker.config.get('cordoned.log.dirs').some((path) => path === '*' || path === logDir)
  try {
    const { freeBytes, totalBytes } = await broker.logs.space(logDir)
    return { errorCode: ErrorCode.NONE, logDir, topics, totalBytes, usableBytes: freeBytes, isCordoned }
  } catch (error) {
    broker.world.logger.log('ERROR', 'kafka.server.ReplicaManager', `The space of ${logDir} could not be read`, error)
    return { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir, topics: [] }
  }
}
