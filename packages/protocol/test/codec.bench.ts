// What compiling codecs buys: decode and encode of the hot messages, against an interpreter of the same plans.
//   node packages/protocol/test/codec.bench.ts
import { codec, type MessageCodec } from '../src/codec.ts'
import { FetchRequest, FetchResponse, MetadataResponse, ProduceRequest, ProduceResponse } from '../src/generated/codecs.ts'
import { interpret } from './support/interpreter.ts'

const ROUND_MS = 150
const ROUNDS = 5

function nanoseconds(work: () => unknown): number {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    let count = 0
    while (performance.now() - start < ROUND_MS) {
      for (let i = 0; i < 50; i++) work()
      count += 50
    }
    rounds.push(((performance.now() - start) * 1e6) / count)
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1]
}

const topicId = 'kTPABv1ILIrAhjXPD0kYMQ'
const records = Buffer.alloc(16_384, 1)
const partitions = (count: number) => Array.from({ length: count }, (_, index) => index)

const cases: { name: string; codec: MessageCodec<never>; version: number; value: object }[] = [
  {
    name: 'Produce request v13, 1 partition of 16 KiB',
    codec: ProduceRequest as MessageCodec<never>,
    version: 13,
    value: { acks: -1, timeoutMs: 30_000, topicData: [{ topicId, partitionData: [{ index: 0, records }] }] }
  },
  {
    name: 'Produce response v13, 1 partition',
    codec: ProduceResponse as MessageCodec<never>,
    version: 13,
    value: { responses: [{ topicId, partitionResponses: [{ index: 0, baseOffset: 123_456_789, logStartOffset: 0 }] }] }
  },
  {
    name: 'Fetch request v18, 4 partitions',
    codec: FetchRequest as MessageCodec<never>,
    version: 18,
    value: {
      topics: [
        { topicId, partitions: partitions(4).map((partition) => ({ partition, fetchOffset: 99_999, partitionMaxBytes: 1_048_576 })) }
      ]
    }
  },
  {
    name: 'Fetch response v18, 4 partitions of 16 KiB',
    codec: FetchResponse as MessageCodec<never>,
    version: 18,
    value: {
      responses: [
        {
          topicId,
          partitions: partitions(4).map((partitionIndex) => ({
            partitionIndex,
            highWatermark: 100_000,
            lastStableOffset: 100_000,
            abortedTransactions: null,
            records
          }))
        }
      ]
    }
  },
  {
    name: 'Metadata response v13, 10 topics of 100 partitions',
    codec: MetadataResponse as MessageCodec<never>,
    version: 13,
    value: {
      brokers: [{ nodeId: 1, host: 'localhost', port: 9092 }],
      topics: partitions(10).map((index) => ({
        name: `topic-${index}`,
        topicId,
        partitions: partitions(100).map((partitionIndex) => ({
          partitionIndex,
          leaderId: 1,
          leaderEpoch: 3,
          replicaNodes: [1],
          isrNodes: [1]
        }))
      }))
    }
  }
]

const row = (cells: (string | number)[]) => console.log(`| ${cells.join(' | ')} |`)
row(['message', 'decode ns', 'interpreted', 'encode ns', 'interpreted'])
row(['---', '---:', '---:', '---:', '---:'])
for (const { name, codec: compiled, version, value } of cases) {
  const bytes = compiled.encode(value as never, version)
  const naive = interpret(compiled.name, version)
  const times = [
    nanoseconds(() => compiled.decode(bytes, version)),
    nanoseconds(() => naive.decode(bytes)),
    nanoseconds(() => compiled.encodeChunks(value as never, version)),
    nanoseconds(() => naive.encode(value))
  ]
  row([name, ...times.map((time) => Math.round(time))])
}

const start = performance.now()
for (const { codec: known, version, value } of cases) {
  const fresh = codec<unknown>(known.name)
  fresh.decode(fresh.encode(value, version), version)
}
console.log(`\nplan, compile, encode and decode these five for the first time: ${(performance.now() - start).toFixed(1)} ms`)
