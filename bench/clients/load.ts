// A client of JavaScript as a load: load.ts CLIENT MODE BOOTSTRAP TOPIC RECORDS SIZE prints one JSON line.
//   produce   100,000 records at a time as the client likes it best (acks=1); nothing is lost silently: the end waits for all
//   single    one `await send()` after the other
//   consume   values as bytes;  strings  values as text
// Each mode warms up with a tenth of the records before it measures.
import { Kafka, string } from '@odradek/client'

interface Client {
  /** Sends `count` records and waits until all are acknowledged. */
  produce(count: number): Promise<void>
  single(): Promise<void>
  /** Reads `count` records from the start of the topic; gives the bytes or characters of their values. */
  consume(count: number, asStrings: boolean): Promise<number>
  close(): Promise<void>
}

const [name, mode, bootstrap, topic, recordsText, sizeText] = process.argv.slice(2)
const records = Number(recordsText)
const value = Buffer.alloc(Number(sizeText), 'x')
const CHUNK = 10_000
const partitions = [0, 1, 2, 3]

function odradek(): Client {
  const kafka = new Kafka({ brokers: bootstrap })
  const producer = kafka.producer({ acks: 1, lingerMs: mode === 'single' ? 0 : 5, batchSize: 131_072, maxRequestSize: 4_194_304 })
  return {
    async produce(count) {
      for (let sent = 0; sent < count; sent++) {
        void producer.send(topic, { value })
        if (producer.isFull) await producer.ready()
      }
      await producer.flush()
    },
    async single() {
      await producer.send(topic, { value })
    },
    async consume(count, asStrings) {
      const settings = { autoOffsetReset: 'earliest', maxPollRecords: CHUNK } as const
      const consumer = kafka.consumer(asStrings ? { ...settings, valueDeserializer: string() } : settings)
      consumer.assign(partitions.map((partition) => ({ topic, partition })))
      let total = 0
      for (let seen = 0; seen < count; )
        for (const record of await consumer.poll(1000)) {
          total += record.value?.length ?? 0
          seen++
        }
      await consumer.close()
      return total
    },
    close: async () => await kafka.close()
  }
}

async function platformatic(): Promise<Client> {
  const { Consumer, Producer, stringDeserializer } = await import('@platformatic/kafka')
  const base = { clientId: 'bench', bootstrapBrokers: [bootstrap], autocreateTopics: false }
  const producer = new Producer({ ...base })
  return {
    async produce(count) {
      const messages = Array.from({ length: CHUNK }, () => ({ topic, value }))
      const inFlight = new Set<Promise<unknown>>()
      for (let sent = 0; sent < count; sent += CHUNK) {
        const one = producer.send({ messages, acks: 1 })
        inFlight.add(one)
        one.finally(() => inFlight.delete(one))
        if (inFlight.size >= 5) await Promise.race(inFlight)
      }
      await Promise.all(inFlight)
    },
    async single() {
      await producer.send({ messages: [{ topic, value }], acks: 1 })
    },
    async consume(count, asStrings) {
      const deserializers = asStrings ? { value: stringDeserializer as never } : {}
      const group = { ...base, groupId: `bench-${process.pid}-${performance.now()}`, deserializers, maxBytes: 10_485_760 }
      const consumer = new Consumer<Buffer, Buffer | string>(group as never)
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false, maxFetches: 0 } as never)
      let total = 0
      let seen = 0
      await new Promise<void>((resolve, reject) => {
        stream.on('error', reject)
        stream.on('data', (message: { value: Buffer | string }) => {
          total += message.value.length
          seen++
          if (seen === count) resolve()
        })
      })
      await consumer.close(true)
      return total
    },
    close: async () => await producer.close()
  }
}

async function kafkajs(): Promise<Client> {
  const { Kafka: KafkaJS, logLevel } = (await import('kafkajs')).default
  process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
  const kafka = new KafkaJS({ clientId: 'bench', brokers: [bootstrap], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ maxInFlightRequests: 5 })
  await producer.connect()
  return {
    async produce(count) {
      const messages = Array.from({ length: CHUNK }, () => ({ value }))
      const inFlight = new Set<Promise<unknown>>()
      for (let sent = 0; sent < count; sent += CHUNK) {
        const one = producer.send({ topic, messages, acks: 1 })
        inFlight.add(one)
        one.finally(() => inFlight.delete(one))
        if (inFlight.size >= 5) await Promise.race(inFlight)
      }
      await Promise.all(inFlight)
    },
    async single() {
      await producer.send({ topic, messages: [{ value }], acks: 1 })
    },
    async consume(count, asStrings) {
      const consumer = kafka.consumer({ groupId: `bench-${process.pid}-${performance.now()}`, maxBytesPerPartition: 1_048_576 })
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      let total = 0
      let seen = 0
      await new Promise<void>((resolve, reject) => {
        consumer.on('consumer.crash', (event) => reject(event.payload.error))
        void consumer.run({
          autoCommit: false,
          partitionsConsumedConcurrently: 4,
          eachBatchAutoResolve: true,
          eachBatch: async ({ batch }) => {
            for (const message of batch.messages) {
              total += asStrings ? (message.value as Buffer).toString().length : (message.value as Buffer).length
              seen++
            }
            if (seen >= count) resolve()
          }
        })
      })
      await consumer.disconnect()
      return total
    },
    close: async () => await producer.disconnect()
  }
}

async function run(client: Client): Promise<Record<string, number>> {
  if (mode === 'single') {
    const times: number[] = []
    for (let sent = 0; sent < records; sent++) {
      const start = performance.now()
      await client.single()
      times.push((performance.now() - start) * 1000)
    }
    const measured = times.slice(records / 10).sort((a, b) => a - b)
    return { p50Us: measured[measured.length >> 1], p99Us: measured[Math.floor(measured.length * 0.99)] }
  }
  const load = async (count: number): Promise<number> => {
    if (mode === 'produce') await client.produce(count)
    else {
      const total = await client.consume(count, mode === 'strings')
      if (total < count * value.length) throw new Error(`${count} records of ${value.length} had ${total} bytes`)
    }
    return count
  }
  await load(records / 10)
  const cpu = process.cpuUsage()
  const start = performance.now()
  await load(records)
  const seconds = (performance.now() - start) / 1000
  const used = process.cpuUsage(cpu)
  return { recordsPerSecond: records / seconds, recordsPerCpuSecond: records / ((used.user + used.system) / 1e6) }
}

const made = { odradek, platformatic, kafkajs }[name]
if (made === undefined) throw new Error(`no client ${name}: odradek, platformatic or kafkajs`)
const client = await made()
console.log(JSON.stringify(await run(client)))
await client.close()
process.exit(0)
