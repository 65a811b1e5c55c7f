export { type EmbeddedKafka, type StartKafkaOptions, startKafka, type TopicOptions } from './start-kafka.ts'
