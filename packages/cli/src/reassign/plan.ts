// The files of kafka-reassign-partitions: which replicas each partition shall have, and in which log directories.
import type { TopicPartition, TopicPartitionReplica } from '@odradek/client'
import { JsonInput } from '../json-input.ts'
import { ToolError } from '../tool.ts'

const ANY_LOG_DIR = 'any'

export interface PlannedPartition extends TopicPartition {
  readonly replicas: readonly number[]
}

export interface ReplicaDirectory extends TopicPartitionReplica {
  readonly logDir: string
}

export interface Plan {
  readonly partitions: readonly PlannedPartition[]
  /** Where a directory is asked for. */
  readonly directories: readonly ReplicaDirectory[]
}

export const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`
export const replicaText = ({ topic, partition, brokerId }: TopicPartitionReplica): string => `${topic}-${partition}-${brokerId}`

export function byPartition(a: TopicPartition, b: TopicPartition): number {
  if (a.topic === b.topic) return a.partition - b.partition
  return a.topic < b.topic ? -1 : 1
}

export const byReplica = (a: TopicPartitionReplica, b: TopicPartitionReplica): number => a.brokerId - b.brokerId || byPartition(a, b)

export const failed = (message: string): ToolError => new ToolError(message, 'org.apache.kafka.tools.AdminCommandFailedException')
const refused = (message: string): ToolError => new ToolError(message, 'org.apache.kafka.server.common.AdminOperationException')

/** Each once. */
export function repeatedIn<T>(items: readonly T[]): T[] {
  return [...new Set(items.filter((item, index) => items.indexOf(item) !== index))]
}

function checkVersion(json: JsonInput): void {
  const version = json.optional('version')?.integer() ?? 1
  if (version !== 1) throw refused(`Not supported version field value ${version}`)
}

export function parsePlan(text: string): Plan {
  const json = JsonInput.parse(text)
  checkVersion(json)
  const directories = new Map<string, ReplicaDirectory>()
  const partitions = (json.optional('partitions')?.items() ?? []).map((one) => {
    const topic = one.field('topic').string()
    const partition = one.field('partition').integer()
    const replicas = one.field('replicas').list((replica) => replica.integer())
    const logDirs = one.optional('log_dirs')?.list((dir) => dir.string()) ?? replicas.map(() => ANY_LOG_DIR)
    if (replicas.length !== logDirs.length)
      throw failed(
        `Size of replicas list [${replicas.join(', ')}] is different from size of log dirs list [${logDirs.join(', ')}] for partition ${topic}-${partition}`
      )
    for (const [index, brokerId] of replicas.entries()) {
      const replica = { topic, partition, brokerId, logDir: logDirs[index] }
      if (replica.logDir !== ANY_LOG_DIR) directories.set(replicaText(replica), replica)
    }
    return { topic, partition, replicas }
  })
  return { partitions, directories: [...directories.values()] }
}

/** A plan that can be carried out. */
export function parseExecutablePlan(text: string): Plan {
  const plan = parsePlan(text)
  const { partitions } = plan
  if (partitions.length === 0) throw failed('Partition reassignment list cannot be empty')
  if (partitions.some(({ replicas }) => replicas.length === 0)) throw failed('Partition replica list cannot be empty')
  const doubles = repeatedIn(partitions.map(keyOf))
  if (doubles.length > 0) throw failed(`Partition reassignment contains duplicate topic partitions: ${doubles.join(',')}`)
  const texts = partitions.flatMap((one) => {
    const repeated = repeatedIn(one.replicas)
    return repeated.length === 0 ? [] : [`${keyOf(one)} contains multiple entries for ${repeated.join(',')}`]
  })
  if (texts.length > 0) throw failed(`Partition replica lists may not contain duplicate entries: ${texts.join('. ')}`)
  return plan
}

/** Topics to find new places for. */
export function parseTopics(text: string): string[] {
  const json = JsonInput.parse(text, 'The input string is not a valid JSON')
  checkVersion(json)
  const topics = (json.optional('topics')?.items() ?? []).map((one) => one.field('topic').string())
  const repeated = repeatedIn(topics)
  if (repeated.length > 0) throw failed(`List of topics to reassign contains duplicate entries: [${repeated.join(', ')}]`)
  return topics
}

/** The plan as a file. `logDirs` by `replicaText`. */
export function planJson(partitions: readonly PlannedPartition[], logDirs: ReadonlyMap<string, string>): string {
  return JSON.stringify({
    version: 1,
    partitions: partitions.toSorted(byPartition).map(({ topic, partition, replicas }) => ({
      topic,
      partition,
      replicas,
      log_dirs: replicas.map((brokerId) => logDirs.get(replicaText({ topic, partition, brokerId })) ?? ANY_LOG_DIR)
    }))
  })
}
