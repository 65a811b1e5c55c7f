// The performance tests and the verifiable clients, in this process, on a node of Odradek.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { main as consumerPerf } from '../src/commands/kafka-consumer-perf-test.ts'
import { main as e2eLatency } from '../src/commands/kafka-e2e-latency.ts'
import { main as producerPerf } from '../src/commands/kafka-producer-perf-test.ts'
import { main as replicaVerification } from '../src/commands/kafka-replica-verification.ts'
import { main as verifiableConsumer } from '../src/commands/kafka-verifiable-consumer.ts'
import { main as verifiableProducer } from '../src/commands/kafka-verifiable-producer.ts'
import { type MemoryIo, memoryIo } from './support/memory-io.ts'
import { startNode } from './support/node.ts'

type Main = typeof producerPerf

describe('the performance tests and the verifiable clients', { timeout: 60_000 }, () => {
  let bootstrap = ''
  const cleanups: (() => Promise<void>)[] = []
  before(async () => {
    bootstrap = (await startNode({ after: (hook) => void cleanups.push(hook) })).bootstrap
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })

  async function run(main: Main, args: readonly string[], io: MemoryIo = memoryIo()): Promise<MemoryIo & { code: number }> {
    return { ...io, code: await main(['--bootstrap-server', bootstrap, ...args], io) }
  }

  /** Interrupted once it has printed `text`. */
  async function interrupted(main: Main, args: readonly string[], text: string): Promise<MemoryIo & { code: number }> {
    const interruption = new AbortController()
    const io = memoryIo({ signal: interruption.signal })
    const watching = {
      ...io,
      out: (data: string | Uint8Array) => {
        io.out(data)
        if (io.stdout().includes(text)) interruption.abort('SIGINT')
      }
    }
    return { ...io, code: await main(args, watching) }
  }

  const events = (io: MemoryIo) =>
    io
      .stdout()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)

  test('what the producer sends the consumer counts', async () => {
    const sent = await run(producerPerf, ['--topic', 'load', '--num-records', '5000', '--record-size', '100', '--throughput', '-1'])
    assert.equal(sent.code, 0, sent.stderr())
    assert.match(sent.stdout(), /^5000 records sent, .* ms 99\.9th\.\n$/)
    const read = await run(consumerPerf, ['--topic', 'load', '--num-records', '5000', '--hide-header'])
    assert.equal(read.code, 0, read.stderr())
    // 500 000 bytes.
    assert.match(read.stdout(), /^\S+ \S+, \S+ \S+, 0\.4768, [\d.]+, 5000, /)
  })

  test('a warm-up is left out of the second line, and throughput is held', async () => {
    const args = ['--topic', 'warm', '--num-records', '300', '--payload-monotonic', '--throughput', '1000', '--warmup-records', '100']
    const { code, stdout } = await run(producerPerf, args)
    assert.equal(code, 0)
    const [, total, steady] = stdout().trimEnd().split('\n')
    assert.match(total, /^300 records sent, /)
    assert.match(steady, /^200 steady state records sent, /)
    assert.ok(Number(/sent, ([\d.]+) records/.exec(total)?.[1]) < 1500, total)
  })

  test('a topic that cannot be is an error a record, and none is counted', async () => {
    const { code, stdout, stderr } = await run(producerPerf, [
      '--topic',
      'no/topic',
      '--num-records',
      '2',
      '--record-size',
      '1',
      '--throughput',
      '-1'
    ])
    assert.equal(code, 0)
    assert.match(stdout(), /^0 records sent, /)
    assert.equal(stderr().match(/InvalidTopicException/g)?.length, 2)
  })

  test('a consumer that misses records says so after its timeout', async () => {
    const { code, stdout } = await run(consumerPerf, ['--topic', 'warm', '--num-records', '301', '--timeout', '500', '--hide-header'])
    assert.equal(code, 0)
    assert.match(stdout(), /^WARNING: Exiting before consuming the expected number of records: timeout \(500 ms\) exceeded\./)
    assert.match(stdout(), /, 300, [\d.]+, /)
  })

  test('every number of the verifiable producer is acknowledged, read and committed once', async () => {
    const produced = events(await run(verifiableProducer, ['--topic', 'numbers', '--max-messages', '50', '--repeating-keys', '3']))
    const acked = produced.filter(({ name }) => name === 'producer_send_success')
    assert.deepEqual(
      acked.map(({ key, value, offset }) => [key, value, offset]),
      Array.from({ length: 50 }, (_, index) => [String(index % 3), String(index), index])
    )
    assert.deepEqual(
      produced.slice(-2).map(({ name, sent, acked: count }) => [name, sent, count]),
      [
        ['shutdown_complete', undefined, undefined],
        ['tool_data', 50, 50]
      ]
    )
    const consumed = events(
      await run(verifiableConsumer, ['--topic', 'numbers', '--group-id', 'verify', '--max-messages', '50', '--verbose'])
    )
    assert.deepEqual(
      consumed.filter(({ name }) => name === 'record_data').map(({ value }) => value),
      acked.map(({ value }) => value)
    )
    assert.deepEqual(consumed.findLast(({ name }) => name === 'offsets_committed')?.offsets, [
      { topic: 'numbers', partition: 0, offset: 50 }
    ])
  })

  test('an interrupted verifiable client ends in order', async () => {
    const producer = await interrupted(
      verifiableProducer,
      ['--bootstrap-server', bootstrap, '--topic', 'endless', '--throughput', '200'],
      '"value":"5"'
    )
    assert.equal(producer.code, 130)
    const produced = events(producer)
    const summary = produced.at(-1) as { name: string; sent: number; acked: number }
    assert.equal(summary.name, 'tool_data')
    assert.equal(summary.acked, summary.sent)
    assert.equal(produced.filter(({ name }) => name === 'producer_send_success').length, summary.sent)
    const consumer = await interrupted(
      verifiableConsumer,
      ['--bootstrap-server', bootstrap, '--topic', 'endless', '--group-id', 'endless'],
      'offsets_committed'
    )
    assert.equal(consumer.code, 130)
    assert.deepEqual(
      events(consumer)
        .slice(-3)
        .map(({ name }) => name),
      ['shutdown_requested', 'partitions_revoked', 'shutdown_complete']
    )
  })

  test('latency is measured on a topic that is made for it', async () => {
    const args = [
      '--topic',
      'latency',
      '--num-records',
      '20',
      '--producer-acks',
      '1',
      '--record-size',
      '10',
      '--num-headers',
      '1',
      '--record-header-size',
      '-1'
    ]
    const { code, stdout, stderr } = await run(e2eLatency, args)
    assert.equal(code, 0, stderr())
    assert.match(
      stdout(),
      /^Topic "latency" does not exist\. .*\n0\t[\d.]+\nAvg latency: [\d.]+ ms\nPercentiles: 50th = \d+, 99th = \d+, 99\.9th = \d+\n$/
    )
  })

  test('replicas are followed to their end', async () => {
    const args = ['--broker-list', bootstrap, '--time', '-2', '--topics-include', 'load', '--report-interval-ms', '10']
    const { code, stdout } = await interrupted(
      replicaVerification,
      args,
      'max lag is 0 for partition load-0 at offset 5000 among 1 partitions'
    )
    assert.equal(code, 130)
    assert.match(stdout(), /^\S+ \S+: verification process is started\n/)
  })
})
