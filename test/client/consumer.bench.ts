// What the consumer can take: records of 100 bytes from a broker of this house in a process of its own, without deserialising and as
// strings. Run: node test/client/consumer.bench.ts [records]

import { Kafka, string } from '@odradek/client'
import { serverJavaFlags, startBroker } from '../interop/support/brokers.ts'

const total = Number(process.argv[2] ?? 2_000_000)
await using broker = await startBroker({ javaFlags: serverJavaFlags })
await using kafka = new Kafka({ brokers: broker.bootstrapServers })
const admin = kafka.admin()
const partitions = 4
await admin.createTopics([{ name: 'bench', numPartitions: partitions, replicationFactor: 1 }])
const producer = kafka.producer({ lingerMs: 5, batchSize: 256 * 1024, acks: 1, enableIdempotence: false })
const value = Buffer.alloc(100, 'x')
for (let sent = 0; sent < total; sent += 20_000)
  await producer.sendBatch(
    'bench',
    Array.from({ length: 20_000 }, (_, at) => ({ value, partition: at % partitions }))
  )
await producer.close()

type Read = (record: { rawValue: Buffer | null; value: unknown }) => number
async function measure(name: string, readsText: boolean, read: Read): Promise<void> {
  const consumer = kafka.consumer({
    autoOffsetReset: 'earliest',
    maxPollRecords: 10_000,
    ...(readsText ? { valueDeserializer: string() as never } : {})
  })
  consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ topic: 'bench', partition })))
  let count = 0
  let bytes = 0
  const start = performance.now()
  while (count < total) {
    const records = await consumer.poll(1000)
    for (const record of records) {
      bytes += read(record)
      count++
    }
  }
  const seconds = (performance.now() - start) / 1000
  console.log(JSON.stringify({ name, records: count, bytes, perSecond: Math.round(count / seconds) }))
  await consumer.close()
}

for (let round = 0; round < 2; round++) {
  await measure('records', false, () => 0)
  await measure('strings', true, (record) => (record.value as string).length)
}
