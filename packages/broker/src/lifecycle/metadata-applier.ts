// Brings this broker to where the metadata says it should be: logs are opened and given up, leader epochs begin, settings
// change, groups move. One image after the other, in order; `image` is the one that requests are answered from. Its logs may
// still be on their way: until then their partitions answer NOT_LEADER_OR_FOLLOWER, and clients try again.
//
// A log that cannot be opened answers KAFKA_STORAGE_ERROR; the rest of the broker goes on.
import { OdradekError, type Uuid } from '@odradek/base'
import { type BrokerConfig, resolveTopicConfig, type TopicConfig, usableDynamicConfigs } from '@odradek/config'
import type { GroupCoordinator } from '@odradek/coordinator'
import {
  CONFIG_RESOURCE_BROKER,
  CONFIG_RESOURCE_TOPIC,
  directoryOf,
  type MetadataDelta,
  MetadataImage,
  type PartitionRegistration,
  type TopicImage
} from '@odradek/metadata'
import { ErrorCode } from '@odradek/protocol'
import { type LogManager, logConfigFrom, type PartitionLog } from '@odradek/storage'
import type { World } from '@odradek/world'
import { GROUP_METADATA_TOPIC } from '../internal-topics.ts'
import { Partition } from '../replica/partition.ts'
import type { ReplicaManager } from '../replica/replica-manager.ts'

export interface MetadataApplierOptions {
  readonly world: World
  readonly config: BrokerConfig
  readonly nodeId: number
  readonly logs: LogManager
  readonly replicas: ReplicaManager
  readonly groups: GroupCoordinator
  /** Deleted by the metadata log that the node began with. */
  readonly topicsDeletedBefore: ReadonlySet<Uuid>
  /** The log of the partition lies in another directory than the metadata has it in. */
  readonly onMisplaced: (partition: Partition) => void
}

const LOGGER = 'kafka.server.metadata.BrokerMetadataPublisher'
/** Logs opened at a time. */
const OPENING_MAX = 64

export class MetadataApplier {
  readonly #options: MetadataApplierOptions
  #image = MetadataImage.EMPTY
  #appliedOffset = MetadataImage.EMPTY.provenance.offset
  /** False until what the cluster already has is in force. */
  #isLoaded = false
  /** Partitions to lead whose log could not be opened, by topic id. */
  readonly #unopened = new Map<Uuid, Set<number>>()
  /** The newest image, until it is applied. */
  #last: { readonly partitions: number; readonly inForce: Promise<void>; readonly done: Promise<void> } | undefined

  constructor(options: MetadataApplierOptions) {
    this.#options = options
  }

  get image(): MetadataImage {
    return this.#image
  }

  /** Up to this offset of the metadata log all is done: the logs are open too. */
  get appliedOffset(): number {
    return this.#appliedOffset
  }

  /**
   * Resolves when all images so far are applied. With `logsAwaitedMax` an image that brings more partitions than that is not
   * waited for to its end: only until requests are answered from it.
   */
  async whenApplied(logsAwaitedMax = Number.POSITIVE_INFINITY): Promise<void> {
    const last = this.#last
    await (last !== undefined && last.partitions > logsAwaitedMax ? last.inForce : last?.done)
  }

  onImage(delta: MetadataDelta, image: MetadataImage): void {
    let tellInForce!: () => void
    const inForce = new Promise<void>((resolve) => {
      tellInForce = resolve
    })
    let partitions = 0
    for (const { changedPartitions } of delta.changedTopics.values()) partitions += changedPartitions.size
    const done = (this.#last?.done ?? Promise.resolve())
      .then(() => this.#apply(delta, image, tellInForce))
      .catch((error) => this.#options.world.halt('an image of the metadata could not be applied', error))
      .finally(() => {
        tellInForce()
        if (this.#last === change) this.#last = undefined
      })
    const change = { partitions, inForce, done }
    this.#last = change
  }

  /** Logs that could not be opened are tried again: a directory that was full has room. */
  openAgain(): void {
    if (this.#unopened.size === 0) return
    const done = (this.#last?.done ?? Promise.resolve())
      .then(() => this.#openAgain())
      .catch((error) => this.#options.world.halt('logs could not be opened again', error))
      .finally(() => {
        if (this.#last === change) this.#last = undefined
      })
    const change = { partitions: 0, inForce: Promise.resolve(), done }
    this.#last = change
  }

  async #openAgain(): Promise<void> {
    const image = this.#image
    const unopened = [...this.#unopened]
    this.#unopened.clear()
    const opening: (() => Promise<void>)[] = []
    for (const [id, indexes] of unopened) this.#applyPartitions({ image, previous: image, id, indexes }, opening)
    await inParallel(opening)
    for (const [id, indexes] of unopened) this.#electGroupsOf(image, id, indexes)
  }

  async #apply(delta: MetadataDelta, image: MetadataImage, tellInForce: () => void): Promise<void> {
    this.#applyConfigs(delta, image)
    // a topic goes when clients no longer see it, but before one of its name is made
    const deleted = [...delta.deletedTopics.values()]
    for (const topic of deleted) if (image.topic(topic.name) !== undefined) this.#deleteTopic(topic)
    const previous = this.#image
    const opening: (() => Promise<void>)[] = []
    for (const { id, changedPartitions: indexes } of delta.changedTopics.values())
      this.#applyPartitions({ image, previous, id, indexes }, opening)
    this.#image = image
    tellInForce()
    await inParallel(opening)
    this.#appliedOffset = image.provenance.offset
    this.#isLoaded = true
    for (const topic of deleted) if (image.topic(topic.name) === undefined) this.#deleteTopic(topic)
    this.#electGroups(delta, image)
    this.#forgetOffsets(delta)
  }

  // ---- settings

  #applyConfigs(delta: MetadataDelta, image: MetadataImage): void {
    const { config, nodeId, replicas } = this.#options
    let isBrokerChanged = false
    const topics = new Set<string>()
    for (const { type, name } of delta.changedConfigs.values()) {
      if (type === CONFIG_RESOURCE_BROKER && (name === '' || name === String(nodeId))) isBrokerChanged = true
      if (type === CONFIG_RESOURCE_TOPIC) topics.add(name)
    }
    if (isBrokerChanged) {
      const usable = (name: string) => usableDynamicConfigs(image.configs(CONFIG_RESOURCE_BROKER, name)).texts
      config.reconfigure({ perBroker: usable(String(nodeId)), clusterWide: usable('') })
      for (const { topic } of replicas.partitions()) topics.add(topic)
    }
    for (const name of topics) this.#reconfigureTopic(image, name)
  }

  #reconfigureTopic(image: MetadataImage, name: string): void {
    const topic = this.#options.replicas.topic(name)
    if (topic === undefined) return
    const config = this.#topicConfig(image, name)
    const logConfig = logConfigFrom(config, this.#options.config)
    for (const partition of topic.partitions) {
      if (partition === undefined) continue
      partition.log.updateConfig(logConfig)
      partition.minInsyncReplicas = config.get('min.insync.replicas')
    }
  }

  #topicConfig(image: MetadataImage, name: string): TopicConfig {
    return resolveTopicConfig(this.#options.config, image.configs(CONFIG_RESOURCE_TOPIC, name))
  }

  // ---- partitions

  #applyPartitions(
    { image, previous, id, indexes }: { image: MetadataImage; previous: MetadataImage; id: Uuid; indexes: Iterable<number> },
    opening: (() => Promise<void>)[]
  ): void {
    const topic = image.topicById(id)
    if (topic === undefined) return
    const config = this.#topicConfig(image, topic.name)
    for (const index of indexes) {
      const registration = topic.partitions.get(index)
      if (registration !== undefined) this.#applyPartition({ topic, index, registration, config, previous }, opening)
    }
  }

  #applyPartition(change: PartitionChange, opening: (() => Promise<void>)[]): void {
    const { topic, index, registration } = change
    const { nodeId, replicas } = this.#options
    const existing = replicas.get(topic.name, index)
    const isReplica = registration.replicas.includes(nodeId)
    if (isReplica && registration.leader === nodeId) {
      if (existing !== undefined) existing.setState(registration)
      else opening.push(() => this.#open(change))
      return
    }
    if (existing !== undefined) replicas.remove(existing, ErrorCode.NOT_LEADER_OR_FOLLOWER)
    if (isReplica) return
    replicas.forgetOffline(topic.name, index)
    this.#deleteLog(topic.name, index)
  }

  async #open(change: PartitionChange): Promise<void> {
    const { topic, index, registration, config } = change
    const { replicas, world } = this.#options
    try {
      const log = await this.#openLog(change)
      const minInsyncReplicas = config.get('min.insync.replicas')
      const partition = new Partition({
        topic: topic.name,
        partition: index,
        topicId: topic.id,
        log,
        state: registration,
        minInsyncReplicas
      })
      replicas.add(partition)
      if (directoryOf(registration, this.#options.nodeId) !== log.directory.directoryId) this.#options.onMisplaced(partition)
    } catch (error) {
      world.logger.log('ERROR', LOGGER, `The log of ${topic.name}-${index} could not be opened`, error)
      replicas.setOffline(topic.name, index, ErrorCode.KAFKA_STORAGE_ERROR)
      const indexes = this.#unopened.get(topic.id)
      if (indexes === undefined) this.#unopened.set(topic.id, new Set([index]))
      else indexes.add(index)
    }
  }

  async #openLog({ topic, index, registration, config, previous }: PartitionChange): Promise<PartitionLog> {
    const { logs, nodeId } = this.#options
    const topicPartition = { topic: topic.name, partition: index }
    const logConfig = logConfigFrom(config, this.#options.config)
    const existing = logs.get(topicPartition)
    if (existing !== undefined && (existing.topicId === undefined || existing.topicId === topic.id)) {
      existing.updateConfig(logConfig)
      return existing
    }
    // the log of a topic of the same name that was deleted while this broker was away
    if (existing !== undefined) await this.#setAside(existing)
    const directories = logs.directories()
    const wasHere = previous.topicById(topic.id)?.partitions.get(index)?.replicas.includes(nodeId) === true
    // made anew it would be empty, and beside the one that comes back with its directory
    if ((wasHere || !this.#isLoaded) && directories.some(({ isOffline }) => isOffline))
      throw new OdradekError('STORAGE_NO_DIRECTORY', 'its log may lie in a directory of log.dirs that is offline')
    const directoryId = directoryOf(registration, nodeId)
    const directory = directories.find((info) => info.directoryId === directoryId && !info.isOffline)?.path
    return logs.create(topicPartition, { topicId: topic.id, config: logConfig, directory })
  }

  #deleteTopic(topic: TopicImage): void {
    const { replicas } = this.#options
    this.#unopened.delete(topic.id)
    for (const [index] of topic.partitions.entries()) {
      const partition = replicas.get(topic.name, index)
      if (partition !== undefined) replicas.remove(partition)
      replicas.forgetOffline(topic.name, index)
      this.#deleteLog(topic.name, index)
    }
  }

  /** Files go in the background; a new log of the same name waits for them. */
  #deleteLog(topic: string, partition: number): void {
    const { logs, world } = this.#options
    logs
      .delete({ topic, partition })
      .catch((error) => world.logger.log('ERROR', LOGGER, `The log of ${topic}-${partition} could not be deleted`, error))
  }

  /** Logs in the directories that no topic of the cluster owns are set aside, once all topics are known. */
  async setStraysAside(): Promise<void> {
    const { logs, nodeId } = this.#options
    for (const log of [...logs.logs()]) {
      const { topic, partition } = log.topicPartition
      const image = this.#image.topic(topic)
      const isOurs = image?.partitions.get(partition)?.replicas.includes(nodeId) === true
      if (isOurs && (log.topicId === undefined || log.topicId === image?.id)) continue
      await this.#setAside(log)
    }
  }

  /** A log of a topic that is known to be deleted goes like any other of it: a stop came between. What nobody knows is kept. */
  async #setAside({ topicPartition, topicId }: PartitionLog): Promise<void> {
    const { logs, topicsDeletedBefore, world } = this.#options
    const { topic, partition } = topicPartition
    if (topicId !== undefined && topicsDeletedBefore.has(topicId)) {
      world.logger.log('INFO', LOGGER, `The topic of the log of ${topic}-${partition} was deleted before the node stopped; its files go`)
      await logs.delete(topicPartition)
      return
    }
    world.logger.log(
      'WARN',
      LOGGER,
      `The log of ${topic}-${partition} belongs to no topic of this cluster; its folder is renamed to -stray and kept`
    )
    await logs.setAsideStray(topicPartition)
  }

  // ---- groups

  #electGroups(delta: MetadataDelta, image: MetadataImage): void {
    const { groups } = this.#options
    for (const { name, partitions } of delta.deletedTopics.values()) {
      if (name === GROUP_METADATA_TOPIC) for (const [index] of partitions.entries()) groups.onResignation(index)
    }
    for (const { id, changedPartitions } of delta.changedTopics.values()) this.#electGroupsOf(image, id, changedPartitions)
  }

  #electGroupsOf(image: MetadataImage, topicId: Uuid, indexes: Iterable<number>): void {
    const { groups, nodeId, replicas } = this.#options
    const topic = image.topicById(topicId)
    if (topic?.name !== GROUP_METADATA_TOPIC) return
    for (const index of indexes) {
      const registration = topic.partitions.get(index)
      if (registration === undefined) continue
      const isLed = registration.leader === nodeId && replicas.get(topic.name, index) !== undefined
      if (isLed) groups.onElection(index, registration.leaderEpoch)
      else groups.onResignation(index, registration.leaderEpoch)
    }
  }

  #forgetOffsets(delta: MetadataDelta): void {
    const deleted = Array.from(delta.deletedTopics.values(), ({ id, name }) => ({ topicId: id, name }))
    if (deleted.length === 0) return
    const { groups, world } = this.#options
    groups
      .onTopicsDeleted(deleted)
      .catch((error) => world.logger.log('ERROR', LOGGER, 'Offsets of deleted topics could not be deleted', error))
  }
}

interface PartitionChange {
  readonly topic: TopicImage
  readonly index: number
  readonly registration: PartitionRegistration
  readonly config: TopicConfig
  /** The image before the one that brings the change. */
  readonly previous: MetadataImage
}

async function inParallel(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  let next = 0
  const run = async (): Promise<void> => {
    while (next < tasks.length) await tasks[next++]()
  }
  await Promise.all(Array.from({ length: Math.min(OPENING_MAX, tasks.length) }, run))
}
