// What settings mean to the controller: which it takes, and what a topic's come to over the broker's. The dynamic
// settings of brokers are read from the image that is decided on, not from the broker's own copy, which lags behind it.
import {
  BrokerConfig,
  describeTopicConfig,
  resolveTopicConfig,
  type TopicConfig,
  usableDynamicConfigs,
  validateClientMetricsConfigs,
  validateDynamicBrokerConfigs,
  validateGroupConfigs,
  validateTopicConfigs
} from '@odradek/config'
import type { CreateTopicsResponse } from '@odradek/protocol'
import {
  CONFIG_RESOURCE_BROKER,
  CONFIG_RESOURCE_CLIENT_METRICS,
  CONFIG_RESOURCE_GROUP,
  CONFIG_RESOURCE_TOPIC,
  type ConfigResource,
  type MetadataImage
} from '../image/metadata-image.ts'
import { topicNameProblem } from '../topic-name.ts'
import { type ApiError, apiError } from './api-error.ts'

type Texts = ReadonlyMap<string, string>
type DescribedConfigs = NonNullable<CreateTopicsResponse['topics'][number]['configs']>

export class ConfigRules {
  readonly #static: BrokerConfig
  readonly #nodeId: string
  #current: { perBroker: Texts; clusterWide: Texts; config: BrokerConfig } | undefined

  constructor(config: BrokerConfig) {
    this.#static = config
    this.#nodeId = String(config.nodeId)
  }

  topicConfig(overrides: Texts, image: MetadataImage): TopicConfig {
    return resolveTopicConfig(this.#brokerConfig(image), overrides)
  }

  /** min.insync.replicas of a topic without an override, as the static settings of this node have it. */
  get staticMinInSyncReplicas(): number {
    return this.#static.get('min.insync.replicas')
  }

  /** All settings of a topic with these overrides, by name, as CreateTopics answers them. */
  describeTopic(overrides: Texts, image: MetadataImage): DescribedConfigs {
    return describeTopicConfig(this.#brokerConfig(image), overrides)
      .map(({ name, value, readOnly, source, isSensitive }) => ({
        name,
        value: isSensitive ? null : value,
        readOnly,
        configSource: source,
        isSensitive
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** What is wrong with the settings of a resource after a change, or undefined. Settings of one other broker are for that broker to check. */
  problem(resource: ConfigResource, texts: Texts, existing: Texts, image: MetadataImage): ApiError | undefined {
    const { type, name } = resource
    if (type === CONFIG_RESOURCE_TOPIC) return this.#topicProblem(name, texts, existing, image)
    if (type === CONFIG_RESOURCE_BROKER) return brokerNameProblem(name) ?? this.#brokerProblem(name, texts, image)
    if (type === CONFIG_RESOURCE_CLIENT_METRICS) return refusal(validateClientMetricsConfigs(texts))
    if (type !== CONFIG_RESOURCE_GROUP) return apiError('INVALID_REQUEST', `Unknown resource type ${type}`)
    if (name === '') return apiError('INVALID_REQUEST', 'Default group resources are not allowed.')
    return refusal(validateGroupConfigs(this.#brokerConfig(image), texts))
  }

  #topicProblem(name: string, texts: Texts, existing: Texts, image: MetadataImage): ApiError | undefined {
    if (name === '') return apiError('INVALID_REQUEST', 'Default topic resources are not allowed.')
    const nameProblem = topicNameProblem(name)
    if (nameProblem !== undefined) return apiError('INVALID_TOPIC_EXCEPTION', nameProblem)
    const problem = validateTopicConfigs(this.#brokerConfig(image), texts, existing)
    return problem === undefined ? undefined : apiError('INVALID_CONFIG', problem)
  }

  #brokerProblem(name: string, texts: Texts, image: MetadataImage): ApiError | undefined {
    if (name !== '' && Number(name) !== Number(this.#nodeId)) return undefined
    return refusal(validateDynamicBrokerConfigs(this.#brokerConfig(image), texts, name === '' ? 'cluster' : 'broker'))
  }

  /** The broker's settings with the dynamic ones of the image; made again when those change. */
  #brokerConfig(image: MetadataImage): BrokerConfig {
    const perBroker = image.configs(CONFIG_RESOURCE_BROKER, this.#nodeId)
    const clusterWide = image.configs(CONFIG_RESOURCE_BROKER, '')
    if (this.#current === undefined || this.#current.perBroker !== perBroker || this.#current.clusterWide !== clusterWide) {
      const dynamic = { perBroker: usableDynamicConfigs(perBroker).texts, clusterWide: usableDynamicConfigs(clusterWide).texts }
      this.#current = { perBroker, clusterWide, config: new BrokerConfig(this.#static.staticTexts, dynamic) }
    }
    return this.#current.config
  }
}

function brokerNameProblem(name: string): ApiError | undefined {
  if (name === '') return undefined
  if (!/^[+-]?\d{1,10}$/.test(name)) return apiError('INVALID_REQUEST', 'Unable to parse broker name as a base 10 number.')
  return Number(name) < 0 ? apiError('INVALID_REQUEST', 'Invalid negative broker ID.') : undefined
}

function refusal(
  problem: { readonly error: 'INVALID_CONFIG' | 'INVALID_REQUEST'; readonly message: string } | undefined
): ApiError | undefined {
  return problem === undefined ? undefined : apiError(problem.error, problem.message)
}
