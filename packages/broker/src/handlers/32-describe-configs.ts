// DescribeConfigs: what a setting is, where it comes from and what it falls back to. The words are the config package's.
import {
  type ConfigEntry,
  type ConfigNames,
  describeBrokerConfig,
  describeClientMetricsConfig,
  describeClusterConfig,
  describeGroupConfig,
  describeTopicConfig
} from '@odradek/config'
import {
  CONFIG_RESOURCE_BROKER,
  CONFIG_RESOURCE_BROKER_LOGGER,
  CONFIG_RESOURCE_CLIENT_METRICS,
  CONFIG_RESOURCE_GROUP,
  CONFIG_RESOURCE_TOPIC,
  topicNameProblem
} from '@odradek/metadata'
import { DescribeConfigsRequest, DescribeConfigsResponse, ErrorCode, errorByCode, type Input } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { describeLoggers } from '../broker-loggers.ts'
import { defineHandler } from '../handler.ts'

type Resource = DescribeConfigsRequest['resources'][number]
type Result = Input<DescribeConfigsResponse['results'][number]>
type Found = readonly ConfigEntry[] | { readonly errorCode: number; readonly errorMessage?: string }

export const describeConfigsHandler = defineHandler<BrokerContext, DescribeConfigsRequest, DescribeConfigsResponse>(
  DescribeConfigsRequest,
  DescribeConfigsResponse,
  (broker, request) => ({ results: request.resources.map((resource) => describe(broker, request, resource)) }),
  { failure: (request, errorCode) => ({ results: request.resources.map((resource) => failed(resource, { errorCode })) }) }
)

function describe(broker: BrokerContext, request: DescribeConfigsRequest, resource: Resource): Result {
  const { resourceType, resourceName, configurationKeys } = resource
  const names = configurationKeys === null || configurationKeys.length === 0 ? null : new Set(configurationKeys)
  const found = entriesOf(broker, resource, names)
  if ('errorCode' in found) return failed(resource, found)
  const configs = found.map((entry) => ({
    name: entry.name,
    value: entry.value,
    readOnly: entry.readOnly,
    configSource: entry.source,
    isSensitive: entry.isSensitive,
    synonyms: request.includeSynonyms ? [...entry.synonyms] : [],
    configType: entry.type,
    documentation: request.includeDocumentation || resourceType === CONFIG_RESOURCE_BROKER_LOGGER ? entry.documentation : null
  }))
  return { errorCode: ErrorCode.NONE, errorMessage: '', resourceType, resourceName, configs }
}

function entriesOf(broker: BrokerContext, { resourceType, resourceName }: Resource, names: ConfigNames): Found {
  const { config, image } = broker
  const overrides = image.configs(resourceType, resourceName)
  switch (resourceType) {
    case CONFIG_RESOURCE_TOPIC: {
      const problem = topicNameProblem(resourceName)
      if (problem !== undefined) return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, errorMessage: problem }
      if (image.topic(resourceName) === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: '' }
      return describeTopicConfig(config, overrides, names)
    }
    case CONFIG_RESOURCE_BROKER:
      if (resourceName === '') return describeClusterConfig(config, names)
      return resourceName === String(broker.nodeId)
        ? describeBrokerConfig(config, names)
        : wrongBroker(resourceName, `Unexpected broker id, expected ${broker.nodeId} or empty string, but received`)
    case CONFIG_RESOURCE_CLIENT_METRICS:
      if (resourceName === '')
        return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: 'Client metrics subscription name must not be empty' }
      return describeClientMetricsConfig(overrides, names)
    case CONFIG_RESOURCE_GROUP:
      if (resourceName === '') return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: 'Group name must not be empty' }
      return describeGroupConfig(config, overrides, names)
    case CONFIG_RESOURCE_BROKER_LOGGER:
      if (resourceName === '') return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: 'Broker id must not be empty' }
      return resourceName === String(broker.nodeId)
        ? describeLoggers(broker.loggers, names)
        : wrongBroker(resourceName, `Unexpected broker id, expected ${broker.nodeId} but received`)
    default:
      return { errorCode: ErrorCode.INVALID_REQUEST }
  }
}

function wrongBroker(resourceName: string, unexpected: string): Found {
  const isNumber = /^\d{1,9}$/.test(resourceName)
  const errorMessage = isNumber ? `${unexpected} ${resourceName}` : `Broker id must be an integer, but it is: ${resourceName}`
  return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage }
}

function failed({ resourceType, resourceName }: Resource, error: { errorCode: number; errorMessage?: string }): Result {
  return {
    errorCode: error.errorCode,
    errorMessage: error.errorMessage ?? errorByCode(error.errorCode).message,
    resourceType,
    resourceName,
    configs: []
  }
}
