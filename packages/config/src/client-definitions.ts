// The settings of Kafka's clients, as the Java clients define them. They have no doc lines: nothing describes them over the wire.
import { type ConfigDefinition, toDefinitions } from './definition.ts'
import { adminRows } from './generated/admin-rows.ts'
import { consumerRows } from './generated/consumer-rows.ts'
import { producerRows } from './generated/producer-rows.ts'
import { shareConsumerRows } from './generated/share-consumer-rows.ts'

export const producerConfigDefinitions: ReadonlyMap<string, ConfigDefinition> = toDefinitions(producerRows, {})
export const consumerConfigDefinitions: ReadonlyMap<string, ConfigDefinition> = toDefinitions(consumerRows, {})
export const shareConsumerConfigDefinitions: ReadonlyMap<string, ConfigDefinition> = toDefinitions(shareConsumerRows, {})
export const adminConfigDefinitions: ReadonlyMap<string, ConfigDefinition> = toDefinitions(adminRows, {})
