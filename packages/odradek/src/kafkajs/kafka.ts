// kafkajs's door.
import { createAdmin } from './admin.ts'
import { type ClientBase, checkConfig, retriesOf } from './config.ts'
import { createConsumer } from './consumer.ts'
import { createLogger } from './logger.ts'
import { createProducer } from './producer.ts'
import type { Admin, AdminConfig, Consumer, ConsumerConfig, KafkaConfig, Logger, Producer, ProducerConfig, RetryOptions } from './types.ts'

export class Kafka {
  readonly #config: KafkaConfig
  readonly #logger: Logger

  /** Throws KafkaJSNotImplemented for what cannot be had. */
  constructor(config: KafkaConfig) {
    checkConfig(config)
    this.#config = config
    this.#logger = createLogger(config.logLevel, config.logCreator)
  }

  producer(config: ProducerConfig = {}): Producer {
    return createProducer(this.#base(config.retry), config)
  }

  consumer(config: ConsumerConfig): Consumer {
    return createConsumer(this.#base(config?.retry), config ?? {})
  }

  admin(config: AdminConfig = {}): Admin {
    return createAdmin(this.#base(config.retry))
  }

  logger(): Logger {
    return this.#logger
  }

  #base(retry: RetryOptions | undefined): ClientBase {
    return { config: this.#config, logger: this.#logger, retries: retriesOf(this.#config.retry, retry) }
  }
}
