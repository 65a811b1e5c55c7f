export { checkAllowed } from './allow-list.ts'
export type { BrokerConfigName, ConfigListener, ConfigTexts, DynamicConfigs } from './broker-config.ts'
export { BrokerConfig } from './broker-config.ts'
export {
  adminConfigDefinitions,
  consumerConfigDefinitions,
  producerConfigDefinitions,
  shareConsumerConfigDefinitions
} from './client-definitions.ts'
export type { ProviderSources, ResolvedProviders } from './config-providers.ts'
export { isProviderSetting, resolveConfigProviders } from './config-providers.ts'
export type { ConfigDefinition, ConfigType, ConfigValue, DynamicMode, Importance } from './definition.ts'
export { LONG_MAX } from './definition.ts'
export type { BrokerSettings } from './definitions.ts'
export {
  brokerConfigDefinitions,
  clientMetricsConfigDefinitions,
  groupConfigDefinitions,
  quotaConfigDefinitions,
  topicConfigDefinitions
} from './definitions.ts'
export type { ConfigEntry, ConfigNames, ConfigSynonym } from './describe-config.ts'
export {
  ConfigSource,
  describeBrokerConfig,
  describeClientMetricsConfig,
  describeClusterConfig,
  describeGroupConfig,
  describeTopicConfig
} from './describe-config.ts'
export { developmentProperties } from './development.ts'
export type { AlterOp, AlterOpType, AlterResult, ConfigRefusal } from './dynamic-config.ts'
export { applyAlterOps, isDynamicBrokerConfig, validateDynamicBrokerConfigs } from './dynamic-config.ts'
export { brokerEffects, groupEffects, topicEffects } from './effects.ts'
export type { Endpoint, HostPort, QuorumVoter, SecurityProtocol } from './endpoints.ts'
export { settingsFromEnvironment } from './environment.ts'
export { formatValue } from './format-value.ts'
export type {
  AdminSettings,
  ConsumerSettings,
  GroupSettings,
  ProducerSettings,
  ShareConsumerSettings,
  TopicSettings
} from './generated/settings.ts'
export type { BrokerConfigSources } from './load-broker-config.ts'
export { loadBrokerConfig } from './load-broker-config.ts'
export { parseProperties } from './properties.ts'
export { resolveGroupConfig, validateClientMetricsConfigs, validateGroupConfigs } from './resource-configs.ts'
export type { TopicConfigName, TopicOverrides } from './topic-config.ts'
export { resolveTopicConfig, TopicConfig, validateTopicConfig, validateTopicConfigs } from './topic-config.ts'
export { usableDynamicConfigs } from './usable-configs.ts'
export { parseValue } from './value.ts'
