// The controller without quorum and disk: calls are handled, their records replayed and committed at once. Every record is
// kept, so that a test can hold the controller to its law: its state is the fold of its records.
import assert from 'node:assert/strict'
import { createPrng, type Uuid } from '@odradek/base'
import type { BrokerConfig } from '@odradek/config'
import { ErrorCode, latestProductionMetadataVersion, metadataVersionByName } from '@odradek/protocol'
import { bootstrapFeatureLevels, bootstrapFeatureRecords } from '../../src/bootstrap.ts'
import { BrokerSessions } from '../../src/controller/broker-sessions.ts'
import { ConfigRules } from '../../src/controller/config-rules.ts'
import {
  type ControllerApi,
  type ControllerRequest,
  type ControllerResponse,
  handleControllerRequest
} from '../../src/controller/controller-api.ts'
import { type ControllerOptions, type ControllerOutcome, type ControllerState, isRefused } from '../../src/controller/controller-state.ts'
import { supportedFeatures } from '../../src/features.ts'
import { ImageChain, type MetadataBatch } from '../../src/image/image-chain.ts'
import { imageHash, imageToRecords } from '../../src/image/image-writer.ts'
import { MetadataDelta } from '../../src/image/metadata-delta.ts'
import { MetadataImage } from '../../src/image/metadata-image.ts'
import type { PartitionRegistration } from '../../src/image/partition-registration.ts'
import { decodeMetadataRecord, encodeMetadataRecord, type MetadataRecord } from '../../src/records.ts'
import { CLUSTER_ID, directoryIdOf, incarnation, newTopic, type RegistrationOptions, registration, testConfig } from '../support.ts'

export { newTopic } from '../support.ts'

export interface TestControllerOptions {
  /** Broker ids that are registered and unfenced. */
  brokers?: readonly number[]
  config?: BrokerConfig
  /** As 4.3-IV0. */
  metadataVersion?: string
  featureLevels?: ReadonlyMap<string, number>
  seed?: number
}

export class TestController {
  readonly sessions = new BrokerSessions(9000)
  readonly options: ControllerOptions
  readonly batches: MetadataBatch[] = []
  readonly #prng: ReturnType<typeof createPrng>
  #chain = new ImageChain(MetadataImage.EMPTY)
  #nextOffset = 0
  now = 1_000_000
  /** Records of the last call. */
  last: readonly MetadataRecord[] = []

  constructor({ brokers = [], config = testConfig(), metadataVersion, featureLevels, seed = 1 }: TestControllerOptions = {}) {
    this.#prng = createPrng(seed)
    this.options = {
      nodeId: 1,
      clusterId: CLUSTER_ID,
      brokerSessionTimeoutMs: 9000,
      defaultPartitions: config.get('num.partitions'),
      defaultReplicationFactor: config.get('default.replication.factor'),
      isTopicDeletionEnabled: config.get('delete.topic.enable'),
      supportedFeatures: supportedFeatures(),
      configRules: new ConfigRules(config)
    }
    const version = metadataVersion === undefined ? latestProductionMetadataVersion : metadataVersionByName(metadataVersion)
    assert.ok(version !== undefined)
    this.append(bootstrapFeatureRecords(bootstrapFeatureLevels(version, featureLevels)))
    for (const brokerId of brokers) this.join({ brokerId })
  }

  get image(): MetadataImage {
    return this.#chain.newest
  }

  get nextOffset(): number {
    return this.#nextOffset
  }

  state(): ControllerState {
    return {
      image: this.#chain.newest,
      committedImage: this.#chain.published,
      sessions: this.sessions,
      kraftVersion: 0,
      options: this.options,
      nextOffset: this.#nextOffset,
      now: this.now,
      randomBytes: (size) => Buffer.from(Array.from({ length: size }, () => this.#prng.below(256))),
      randomBelow: (bound) => this.#prng.below(bound)
    }
  }

  call<K extends ControllerApi>(api: K, request: ControllerRequest<K>): ControllerResponse<K> {
    const before = imageHash(this.image)
    const { records, response } = handleControllerRequest(this.state(), api, request)
    assert.equal(imageHash(this.image), before, 'a handler changed the image')
    this.append(records)
    return response
  }

  propose<T>(handle: (state: ControllerState) => ControllerOutcome<T>): T {
    const outcome = handle(this.state())
    if (isRefused(outcome)) throw new Error(outcome.errorMessage ?? String(outcome.errorCode))
    this.append(outcome.records)
    return outcome.response
  }

  /** Records go through their bytes, as they do in a log. */
  append(records: readonly MetadataRecord[]): void {
    this.last = records
    if (records.length === 0) return
    const decoded = records.map((record) => decodeMetadataRecord(encodeMetadataRecord(record)))
    const baseOffset = this.#nextOffset
    const batch = { baseOffset, lastOffset: baseOffset + decoded.length - 1, epoch: 1, timestampMs: this.now, records: decoded }
    this.batches.push(batch)
    this.#chain.append(batch)
    this.#nextOffset += decoded.length
    this.#chain.commit(this.#nextOffset)
  }

  /** state === fold(replay, records), and a snapshot of it is it again. */
  checkLaw(): void {
    const folded = new ImageChain(MetadataImage.EMPTY)
    for (const batch of this.batches) folded.append(batch)
    assert.equal(imageHash(folded.newest), imageHash(this.image), 'the state is not the fold of the records')
    const snapshot = new MetadataDelta(MetadataImage.EMPTY)
    for (const record of imageToRecords(this.image)) snapshot.replay(decodeMetadataRecord(encodeMetadataRecord(record)))
    assert.equal(imageHash(snapshot.apply(this.image.provenance)), imageHash(this.image), 'the snapshot is not the state')
  }

  // ---- what many tests do first

  register(options: RegistrationOptions = {}): { errorCode: number; brokerEpoch: number } {
    return this.call('registerBroker', registration(options))
  }

  beat(
    brokerId: number,
    want: { fence?: boolean; shutDown?: boolean; epoch?: number; offset?: number; offline?: Uuid[]; cordoned?: Uuid[] | null } = {}
  ): ControllerResponse<'brokerHeartbeat'> {
    return this.call('brokerHeartbeat', {
      brokerId,
      brokerEpoch: want.epoch ?? this.image.brokers.get(brokerId)?.epoch ?? -1,
      currentMetadataOffset: want.offset ?? this.#nextOffset - 1,
      wantFence: want.fence ?? false,
      wantShutDown: want.shutDown ?? false,
      offlineLogDirs: want.offline ?? [],
      cordonedLogDirs: want.cordoned === undefined ? [] : want.cordoned
    })
  }

  join(options: RegistrationOptions = {}): number {
    const { errorCode, brokerEpoch } = this.register(options)
    assert.equal(errorCode, 0)
    assert.equal(this.beat(options.brokerId ?? 1).isFenced, false)
    return brokerEpoch
  }

  createTopic(name: string, options: Parameters<typeof newTopic>[1] = {}): ControllerResponse<'createTopics'>['topics'][number] {
    const { topics } = this.call('createTopics', { topics: [newTopic(name, options)], timeoutMs: 1000, validateOnly: false })
    return topics[0]
  }

  partition(topic: string, partition = 0): PartitionRegistration {
    const registration = this.image.partition(topic, partition)
    assert.ok(registration !== undefined, `${topic}-${partition} does not exist`)
    return registration
  }
}

/** The name of an error code, for messages that read well. */
export function errorName(code: number): string {
  return Object.entries(ErrorCode).find(([, value]) => value === code)?.[0] ?? String(code)
}

export function named<T extends { errorCode: number; errorMessage: string | null }>({
  errorCode,
  errorMessage
}: T): [string, string | null] {
  return [errorName(errorCode), errorMessage]
}

export { directoryIdOf, incarnation, registration, testConfig }
