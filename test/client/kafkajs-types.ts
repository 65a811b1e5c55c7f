// An application as it was written for kafkajs, typed by its package. kafkajs-types.test.ts compiles it a second time with the one import
// changed.
import {
  AssignerProtocol,
  CompressionTypes,
  ConfigResourceTypes,
  type Consumer,
  type ConsumerConfig,
  type EachBatchPayload,
  type EachMessagePayload,
  type ICustomPartitioner,
  type ITopicConfig,
  Kafka,
  type KafkaConfig,
  KafkaJSError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
  type KafkaMessage,
  type LogEntry,
  logLevel,
  type Message,
  PartitionAssigners,
  Partitioners,
  type Producer,
  type ProducerRecord,
  type RecordMetadata,
  type Transaction
} from 'kafkajs'

const config: KafkaConfig = {
  clientId: 'app',
  brokers: async () => ['localhost:9092'],
  ssl: { rejectUnauthorized: true, ca: ['pem'] },
  sasl: { mechanism: 'scram-sha-256', username: 'u', password: 'p' },
  retry: { retries: 3, restartOnFailure: async (error) => error instanceof KafkaJSNumberOfRetriesExceeded },
  logLevel: logLevel.WARN,
  logCreator:
    (level) =>
    ({ namespace, log, label }: LogEntry) => {
      if (level > logLevel.ERROR) console.log(namespace, label, log.message)
    }
}

const byLength: ICustomPartitioner =
  () =>
  ({ partitionMetadata, message }) =>
    (message.key?.length ?? 0) % partitionMetadata.length

export class Application {
  readonly #kafka = new Kafka(config)
  readonly #producer: Producer = this.#kafka.producer({ createPartitioner: byLength, idempotent: true })
  readonly #legacy: Producer = this.#kafka.producer({ createPartitioner: Partitioners.LegacyPartitioner })

  async produce(messages: Message[]): Promise<RecordMetadata[]> {
    const record: ProducerRecord = { topic: 'orders', messages, acks: -1, compression: CompressionTypes.GZIP }
    await this.#legacy.sendBatch({ topicMessages: [{ topic: 'orders', messages }] })
    return this.#producer.send(record)
  }

  async exactlyOnce(): Promise<void> {
    const transaction: Transaction = await this.#producer.transaction()
    await transaction.send({ topic: 'orders', messages: [{ key: null, value: Buffer.of(1), headers: { a: ['1', Buffer.of(2)] } }] })
    await transaction.sendOffsets({ consumerGroupId: 'g', topics: [{ topic: 'orders', partitions: [{ partition: 0, offset: '1' }] }] })
    await (transaction.isActive() ? transaction.commit() : transaction.abort())
  }

  async consume(onMessage: (message: KafkaMessage) => void): Promise<() => Promise<void>> {
    const settings: ConsumerConfig = { groupId: 'g', sessionTimeout: 30_000, partitionAssigners: [PartitionAssigners.roundRobin] }
    const consumer: Consumer = this.#kafka.consumer(settings)
    const { GROUP_JOIN, CRASH, HEARTBEAT, COMMIT_OFFSETS, END_BATCH_PROCESS } = consumer.events
    const remove = consumer.on(GROUP_JOIN, ({ payload }) => console.log(payload.memberAssignment.orders.length, payload.isLeader))
    consumer.on(CRASH, (event) => console.log(event.payload.error.message, event.payload.restart, event.timestamp))
    consumer.on(HEARTBEAT, ({ payload: { groupGenerationId } }) => console.log(groupGenerationId))
    consumer.on(COMMIT_OFFSETS, ({ payload }) => console.log(payload.topics[0].partitions[0].offset))
    consumer.on(END_BATCH_PROCESS, ({ payload }) => console.log(payload.duration, payload.offsetLag))
    await consumer.subscribe({ topics: ['orders', /^audit/], fromBeginning: true })
    const eachMessage = async ({ topic, partition, message, heartbeat, pause }: EachMessagePayload): Promise<void> => {
      onMessage(message)
      await heartbeat()
      const resume = pause()
      setTimeout(resume, 10)
      console.log(topic, partition, message.key?.toString(), message.value?.toString(), message.headers?.a, message.offset)
    }
    await consumer.run({ autoCommitInterval: 1000, autoCommitThreshold: null, partitionsConsumedConcurrently: 2, eachMessage })
    consumer.seek({ topic: 'orders', partition: 0, offset: '0' })
    consumer.pause([{ topic: 'orders', partitions: [0] }])
    consumer.resume(consumer.paused())
    const { members } = await consumer.describeGroup()
    for (const member of members) console.log(AssignerProtocol.MemberAssignment.decode(member.memberAssignment)?.assignment.orders)
    remove()
    return () => consumer.disconnect()
  }

  async eachBatch({
    batch,
    resolveOffset,
    commitOffsetsIfNecessary,
    uncommittedOffsets,
    isRunning,
    isStale
  }: EachBatchPayload): Promise<void> {
    for (const { offset } of batch.messages) {
      if (!isRunning() || isStale()) break
      resolveOffset(offset)
    }
    await commitOffsetsIfNecessary(uncommittedOffsets())
  }

  async administer(): Promise<string> {
    const admin = this.#kafka.admin({ retry: { retries: 1 } })
    const topics: ITopicConfig[] = [{ topic: 'orders', numPartitions: 3, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }]
    try {
      const isNew: boolean = await admin.createTopics({ topics, waitForLeaders: true })
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: 'orders', configNames: ['cleanup.policy'] }]
      })
      const [{ high, low }] = await admin.fetchTopicOffsets('orders')
      const [{ partitions }] = await admin.fetchOffsets({ groupId: 'g', topics: ['orders'] })
      return `${isNew} ${resources[0].configEntries[0].configValue} ${high} ${low} ${partitions[0].metadata}`
    } catch (error) {
      if (error instanceof KafkaJSProtocolError) return `${error.type} ${error.code} ${error.retriable}`
      if (error instanceof KafkaJSError) return error.name
      throw error
    }
  }
}
