// Topics that come to life because somebody asked for them: auto.create.topics.enable, and internal topics on first use.
// Who asks for a topic that is being made waits for the same creation, or asks again later.
import type { BrokerConfig } from '@odradek/config'
import { type CreateTopicsRequest, type CreateTopicsResponse, ErrorCode, errorByCode, type Input } from '@odradek/protocol'
import { RateLimitedLog } from '@odradek/transport'
import type { World } from '@odradek/world'
import { GROUP_METADATA_TOPIC, SHARE_GROUP_STATE_TOPIC, TRANSACTION_STATE_TOPIC } from './internal-topics.ts'

type NewTopic = NonNullable<Input<CreateTopicsRequest>['topics']>[number]

const LOGGER = 'kafka.server.DefaultAutoTopicCreationManager'
const CONTROLLER_DEFAULT = -1
const TIMEOUT_MS = 30_000
/** Topics that nobody waits for, made at one time: who asked for more asks again. */
const BEGUN_MAX = 1_000

export interface TopicCreationOptions {
  readonly config: BrokerConfig
  readonly createTopics: (request: Input<CreateTopicsRequest>) => Promise<CreateTopicsResponse>
  readonly world: World
}

export class TopicCreation {
  readonly #options: TopicCreationOptions
  readonly #log: RateLimitedLog
  readonly #inFlight = new Map<string, Promise<number>>()

  constructor(options: TopicCreationOptions) {
    this.#options = options
    this.#log = new RateLimitedLog(options.world, LOGGER)
  }

  /** Resolves when the topics are usable, with an error code for each that is not. */
  async create(names: readonly string[]): Promise<Map<string, number>> {
    this.#start(names.filter((name) => !this.#inFlight.has(name)))
    // taken together: an outcome is forgotten as soon as it is known
    const outcomes = await Promise.all(names.map((name) => this.#inFlight.get(name) ?? ErrorCode.NONE))
    const errors = new Map<string, number>()
    for (const [index, name] of names.entries()) {
      const errorCode = outcomes[index]
      if (errorCode !== ErrorCode.NONE) errors.set(name, errorCode)
    }
    return errors
  }

  /** Has the topics made while the one who asked goes on. */
  begin(names: readonly string[]): void {
    const fresh = names.filter((name) => !this.#inFlight.has(name))
    this.#start(fresh.slice(0, Math.max(0, BEGUN_MAX - this.#inFlight.size)))
  }

  #start(names: readonly string[]): void {
    if (names.length === 0) return
    const created = this.#options.createTopics({
      topics: names.map((name) => newTopic(name, this.#options.config)),
      timeoutMs: TIMEOUT_MS,
      validateOnly: false
    })
    for (const name of names) {
      const outcome = created.then(
        (response) => this.#outcomeOf(response, name),
        () => ErrorCode.UNKNOWN_TOPIC_OR_PARTITION as number
      )
      this.#inFlight.set(name, outcome)
      void outcome.then(() => this.#inFlight.delete(name))
    }
  }

  #outcomeOf(response: CreateTopicsResponse, name: string): number {
    const made = response.topics.find((topic) => topic.name === name)
    const errorCode = made?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
    // another one was faster: the topic is there
    if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.TOPIC_ALREADY_EXISTS) return ErrorCode.NONE
    // who asked is told to come back, and comes back for ever where a setting is at fault
    const error = errorByCode(errorCode).name
    const reason = made?.errorMessage == null ? '' : `: ${made.errorMessage}`
    this.#log.log('WARN', error, `Auto topic creation failed for ${name} with error '${error}'${reason}`)
    return errorCode
  }
}

function newTopic(name: string, config: BrokerConfig): NewTopic {
  switch (name) {
    case GROUP_METADATA_TOPIC:
      return internalTopic(name, {
        numPartitions: config.get('offsets.topic.num.partitions'),
        replicationFactor: config.get('offsets.topic.replication.factor'),
        configs: {
          'cleanup.policy': 'compact',
          'compression.type': 'producer',
          'segment.bytes': String(config.get('offsets.topic.segment.bytes'))
        }
      })
    case TRANSACTION_STATE_TOPIC:
      return internalTopic(name, {
        numPartitions: config.get('transaction.state.log.num.partitions'),
        replicationFactor: config.get('transaction.state.log.replication.factor'),
        configs: {
          'cleanup.policy': 'compact',
          'compression.type': 'uncompressed',
          'unclean.leader.election.enable': 'false',
          'min.insync.replicas': String(config.get('transaction.state.log.min.isr')),
          'segment.bytes': String(config.get('transaction.state.log.segment.bytes'))
        }
      })
    case SHARE_GROUP_STATE_TOPIC:
      return internalTopic(name, {
        numPartitions: config.get('share.coordinator.state.topic.num.partitions'),
        replicationFactor: config.get('share.coordinator.state.topic.replication.factor'),
        configs: {
          'cleanup.policy': 'delete',
          'compression.type': 'producer',
          'min.insync.replicas': String(config.get('share.coordinator.state.topic.min.isr')),
          'segment.bytes': String(config.get('share.coordinator.state.topic.segment.bytes')),
          'retention.ms': '-1'
        }
      })
    default:
      return { name, numPartitions: CONTROLLER_DEFAULT, replicationFactor: CONTROLLER_DEFAULT, assignments: [], configs: [] }
  }
}

function internalTopic(
  name: string,
  options: { numPartitions: number; replicationFactor: number; configs: Record<string, string> }
): NewTopic {
  const configs = Object.entries(options.configs).map(([key, value]) => ({ name: key, value }))
  return { name, numPartitions: options.numPartitions, replicationFactor: options.replicationFactor, assignments: [], configs }
}
