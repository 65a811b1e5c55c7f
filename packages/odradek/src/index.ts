export { TestClock } from '@odradek/world/node'
export type { ActiveFault, ApiName, RequestFault } from './request-faults.ts'
export { type EmbeddedKafka, type StartKafkaOptions, startKafka, type TopicOptions } from './start-kafka.ts'
