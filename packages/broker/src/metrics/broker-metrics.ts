// What /metrics tells, under the names that the JMX exporter with its usual rules for Kafka gives (a rate is told as its count),
// so that dashboards made for Apache Kafka go on; consumer lag as kafka_exporter names it. What is not built is not there.
import type { GroupCoordinator } from '@odradek/coordinator'
import type { MetadataImage, MetadataNode } from '@odradek/metadata'
import { apiKeys } from '@odradek/protocol'
import type { LogManager } from '@odradek/storage'
import type { World } from '@odradek/world'
import type { FetchSessionCache } from '../fetch/fetch-session.ts'
import type { Listeners } from '../listeners.ts'
import type { Partition } from '../replica/partition.ts'
import type { ReplicaManager } from '../replica/replica-manager.ts'
import type { Histogram } from './histogram.ts'
import { counter, type Family, gauge, type Labels, type Sample } from './prometheus-text.ts'
import type { RequestMetrics } from './request-metrics.ts'
import type { Traffic } from './traffic.ts'

export interface MetricSources {
  readonly world: World
  readonly requests: RequestMetrics
  readonly replicas: ReplicaManager
  readonly groups: GroupCoordinator
  readonly fetchSessions: FetchSessionCache
  readonly logs: LogManager
  readonly listeners: Listeners
  readonly metadata: MetadataNode
  readonly image: MetadataImage
  /** Of the process, under their full names. */
  readonly runtime: () => Readonly<Record<string, number>>
}

const RUNNING = 3
const FETCH = 'Fetch'
const QUANTILES = [0.5, 0.75, 0.95, 0.98, 0.99, 0.999]
const QUANTILE_LABELS = ['0.50', '0.75', '0.95', '0.98', '0.99', '0.999']

export function* brokerMetrics(sources: MetricSources): Generator<Family> {
  yield gauge('kafka_server_kafkaserver_brokerstate', RUNNING)
  yield* trafficFamilies(sources)
  yield* requestFamilies(sources)
  yield* replicaFamilies(sources)
  yield* controllerFamilies(sources)
  yield* groupFamilies(sources)
  yield* networkFamilies(sources)
  yield* logFamilies(sources)
  yield* lagFamilies(sources)
  for (const [name, value] of Object.entries(sources.runtime())) yield name.endsWith('_total') ? counter(name, value) : gauge(name, value)
}

// ---- traffic

const TRAFFIC: readonly (readonly [name: string, key: keyof Traffic])[] = [
  ['messagesin', 'messagesIn'],
  ['bytesin', 'bytesIn'],
  ['bytesout', 'bytesOut'],
  ['bytesrejected', 'bytesRejected'],
  ['totalproducerequests', 'produceRequests'],
  ['totalfetchrequests', 'fetchRequests']
]

function* trafficFamilies({ replicas }: MetricSources): Generator<Family> {
  for (const [name, key] of TRAFFIC) {
    yield { name: `kafka_server_brokertopicmetrics_${name}_total`, type: 'counter', samples: trafficSamples(replicas, key) }
  }
}

/** One of all topics, then each topic that had traffic. */
function* trafficSamples(replicas: ReplicaManager, key: keyof Traffic): Generator<Sample> {
  yield { value: replicas.traffic[key] }
  for (const { name, traffic } of replicas.topics()) if (traffic[key] > 0) yield { labels: { topic: name }, value: traffic[key] }
}

// ---- requests

function* requestFamilies({ world, requests }: MetricSources): Generator<Family> {
  yield { name: 'kafka_network_requestmetrics_requests_total', type: 'counter', samples: requestCounts(requests) }
  const nowMs = world.clock.monotonicMs()
  for (const [name, key] of [
    ['totaltimems', 'totalTimeMs'],
    ['localtimems', 'localTimeMs']
  ] as const) {
    const histograms = apiNames(requests).map(([apiKey, request]) => ({ request, histogram: requests.apis[apiKey]?.[key] as Histogram }))
    const family = `kafka_network_requestmetrics_${name}`
    yield {
      name: family,
      type: 'gauge',
      samples: histograms.flatMap(({ request, histogram }) => quantileSamples({ request }, histogram, nowMs))
    }
    const counts = histograms.map(({ request, histogram }) => ({ labels: { request }, value: histogram.count }))
    yield { name: `${family}_count`, type: 'counter', samples: counts }
  }
}

function* requestCounts(requests: RequestMetrics): Generator<Sample> {
  for (const [apiKey, request] of apiNames(requests)) {
    for (const [version, value] of requests.apis[apiKey]?.requests.entries() ?? []) {
      if (value !== undefined) yield { labels: { request, version: String(version) }, value }
    }
  }
}

/** Kafka counts a consumer's fetch under two names. */
function apiNames(requests: RequestMetrics): [apiKey: number, request: string][] {
  const names: [number, string][] = []
  requests.apis.forEach((_, apiKey) => {
    const name = apiKeys.get(apiKey)?.name ?? String(apiKey)
    names.push([apiKey, name])
    if (name === FETCH) names.push([apiKey, 'FetchConsumer'])
  })
  return names
}

function quantileSamples(labels: Labels, histogram: Histogram, nowMs: number): Sample[] {
  return histogram.quantiles(QUANTILES, nowMs).map((value, index) => ({ labels: { ...labels, quantile: QUANTILE_LABELS[index] }, value }))
}

// ---- replicas and controller

function* replicaFamilies({ replicas, fetchSessions }: MetricSources): Generator<Family> {
  let [partitions, underReplicated, underMinIsr, atMinIsr, waitingFetches] = [0, 0, 0, 0, 0]
  for (const partition of replicas.partitions()) {
    partitions++
    const { isr, replicas: assigned, effectiveMinIsr } = partition
    if (isr.length < assigned.length) underReplicated++
    if (isr.length < effectiveMinIsr) underMinIsr++
    if (isr.length === effectiveMinIsr) atMinIsr++
    waitingFetches += partition.fetchWaiters.size
  }
  const prefix = 'kafka_server_replicamanager'
  yield gauge(`${prefix}_partitioncount`, partitions + replicas.offlineCount)
  yield gauge(`${prefix}_leadercount`, partitions)
  yield gauge(`${prefix}_offlinereplicacount`, replicas.offlineCount)
  yield gauge(`${prefix}_underreplicatedpartitions`, underReplicated)
  yield gauge(`${prefix}_underminisrpartitioncount`, underMinIsr)
  yield gauge(`${prefix}_atminisrpartitioncount`, atMinIsr)
  yield {
    name: 'kafka_server_delayedoperationpurgatory_purgatorysize',
    type: 'gauge',
    samples: [
      { labels: { delayedOperation: 'Produce' }, value: replicas.waitingCommits },
      { labels: { delayedOperation: 'Fetch' }, value: waitingFetches }
    ]
  }
  yield gauge('kafka_server_fetchsessioncache_numincrementalfetchsessions', fetchSessions.size)
  yield gauge('kafka_server_fetchsessioncache_numincrementalfetchpartitionscached', fetchSessions.partitionCount)
}

function* controllerFamilies({ image, metadata }: MetricSources): Generator<Family> {
  let [topics, partitions, offline, imbalanced] = [0, 0, 0, 0]
  for (const topic of image.topicsById.values()) {
    topics++
    for (const [, registration] of topic.partitions.entries()) {
      partitions++
      if (registration.leader < 0) offline++
      if (registration.leader !== registration.replicas[0]) imbalanced++
    }
  }
  const fenced = [...image.brokers.values()].filter((broker) => broker.fenced).length
  const prefix = 'kafka_controller_kafkacontroller'
  yield gauge(`${prefix}_activecontrollercount`, metadata.isLeader ? 1 : 0)
  yield gauge(`${prefix}_globaltopiccount`, topics)
  yield gauge(`${prefix}_globalpartitioncount`, partitions)
  yield gauge(`${prefix}_offlinepartitionscount`, offline)
  yield gauge(`${prefix}_preferredreplicaimbalancecount`, imbalanced)
  yield gauge(`${prefix}_activebrokercount`, image.brokers.size - fenced)
  yield gauge(`${prefix}_fencedbrokercount`, fenced)
  const { leaderId, leaderEpoch, highWatermark, logEndOffset } = metadata
  yield gauge('kafka_server_raftmetrics_current_leader', leaderId)
  yield gauge('kafka_server_raftmetrics_current_epoch', leaderEpoch)
  yield gauge('kafka_server_raftmetrics_high_watermark', highWatermark)
  yield gauge('kafka_server_raftmetrics_log_end_offset', logEndOffset)
}

// ---- groups

function* groupFamilies({ groups }: MetricSources): Generator<Family> {
  const gauges = groups.gauges()
  const manager = 'kafka_coordinator_group_groupmetadatamanager'
  yield gauge(`${manager}_numgroups`, gauges.groups)
  yield gauge(`${manager}_numoffsets`, gauges.offsets)
  for (const [state, count] of Object.entries(gauges.classicGroups)) yield gauge(`${manager}_numgroups${state.toLowerCase()}`, count)
  const { offsetCommits, offsetDeletions, offsetExpirations, completedRebalances } = groups.metrics
  const prefix = 'kafka_server_group_coordinator_metrics'
  yield counter(`${prefix}_offset_commit_count`, offsetCommits)
  yield counter(`${prefix}_offset_deletion_count`, offsetDeletions)
  yield counter(`${prefix}_offset_expiration_count`, offsetExpirations)
  yield counter(`${prefix}_group_completed_rebalance_count`, completedRebalances)
  yield gauge(`${prefix}_partition_load_time_max`, groups.runtimeMetrics.partitionLoadTimeMsMax)
}

function* lagFamilies({ groups, replicas }: MetricSources): Generator<Family> {
  const name = (what: string) => `kafka_consumergroup_${what}`
  yield { name: name('current_offset'), type: 'gauge', samples: offsetSamples(groups, (_, __, offset) => offset) }
  // A group that has read what a shorter log no longer has is not behind.
  const lag = (topic: string, partition: number, offset: number) => {
    const replica = replicas.get(topic, partition)
    return replica === undefined ? undefined : Math.max(0, replica.highWatermark - offset)
  }
  yield { name: name('lag'), type: 'gauge', samples: offsetSamples(groups, lag) }
}

function* offsetSamples(
  groups: GroupCoordinator,
  read: (topic: string, partition: number, offset: number) => number | undefined
): Generator<Sample> {
  for (const committed of groups.committedOffsets()) {
    for (const { groupId, topic, partition, offset } of committed) {
      const value = read(topic, partition, offset)
      if (value !== undefined) yield { labels: { consumergroup: groupId, topic, partition: String(partition) }, value }
    }
  }
}

// ---- network and logs

function* networkFamilies({ listeners }: MetricSources): Generator<Family> {
  const { usedBytes, limitBytes } = listeners.requestMemory
  yield gauge('kafka_network_socketserver_memorypoolused', usedBytes)
  yield gauge('kafka_network_socketserver_memorypoolavailable', Math.max(0, limitBytes - usedBytes))
  const counts = listeners.connectionCounts().map(({ name, connections }) => ({
    labels: { listener: name, networkProcessor: '0' },
    value: connections
  }))
  yield { name: 'kafka_server_socket_server_metrics_connection_count', type: 'gauge', samples: counts }
}

const LOG: readonly (readonly [name: string, read: (partition: Partition) => number])[] = [
  ['size', ({ log }) => log.sizeInBytes],
  ['numlogsegments', ({ log }) => log.segments.length],
  ['logstartoffset', ({ log }) => log.logStartOffset],
  ['logendoffset', ({ log }) => log.logEndOffset]
]

function* logFamilies({ replicas, logs }: MetricSources): Generator<Family> {
  const offline = logs.directories().filter(({ isOffline }) => isOffline).length
  yield gauge('kafka_log_logmanager_offlinelogdirectorycount', offline)
  for (const [name, read] of LOG) yield { name: `kafka_log_log_${name}`, type: 'gauge', samples: logSamples(replicas, read) }
}

function* logSamples(replicas: ReplicaManager, read: (partition: Partition) => number): Generator<Sample> {
  for (const partition of replicas.partitions()) {
    yield { labels: { topic: partition.topic, partition: String(partition.partition) }, value: read(partition) }
  }
}
