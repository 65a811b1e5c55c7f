// A log directory moves between Apache Kafka and Odradek, both ways, after a clean stop and after kill -9.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { describe, test } from 'node:test'
import { type BrokerKind, type BrokerProcess, freePort, startBroker, temporaryDir } from './support/brokers.ts'
import { javaTools } from './support/java-tools.ts'
import { ToolRunner } from './support/tool-runner.ts'
import { kafkaClassPath, toolchain } from './support/toolchains.ts'

async function contents(broker: BrokerProcess, java: ToolRunner, topic: string): Promise<string[]> {
  const result = await java.run('LogCheck', [broker.bootstrapServers, topic])
  assert.equal(result.exitCode, 0, `${result.stdout.slice(-1000)}\n${result.stderr.slice(-3000)}\n${broker.output().slice(-3000)}`)
  return result.stdout.trim().split('\n')
}

async function fill(broker: BrokerProcess, java: ToolRunner, round: string): Promise<void> {
  const bootstrap = ['--bootstrap-server', broker.bootstrapServers]
  await java.run(javaTools.topics, [
    ...bootstrap,
    '--create',
    '--if-not-exists',
    '--topic',
    'swap',
    '--partitions',
    '3',
    '--config',
    'segment.bytes=1048576'
  ])
  for (const codec of ['none', 'lz4', 'zstd']) {
    const result = await java.run(javaTools.producerPerformance, [
      ...bootstrap,
      '--topic',
      'swap',
      '--num-records',
      '4000',
      '--record-size',
      '400',
      '--throughput',
      '-1',
      '--command-property',
      `compression.type=${codec}`,
      'acks=all',
      'batch.size=4000',
      `client.id=${round}`
    ])
    assert.equal(result.exitCode, 0, result.stdout + result.stderr)
  }
  const read = await java.run(javaTools.consoleConsumer, [
    ...bootstrap,
    '--topic',
    'swap',
    '--group',
    `swap-${round}`,
    '--from-beginning',
    '--max-messages',
    '100',
    '--timeout-ms',
    '30000'
  ])
  assert.equal(read.exitCode, 0, read.stderr)
}

// nearly all of their time is one process that starts, so two of them share the cores
describe('a log directory moves between brokers', { concurrency: 2 }, () => {
  for (const crash of [false, true]) {
    for (const [first, second] of [
      ['apache', 'odradek'],
      ['odradek', 'apache']
    ] as [BrokerKind, BrokerKind][]) {
      test(`${second} opens the log directory that ${first} left after ${crash ? 'kill -9' : 'a clean stop'}, writes to it, and ${first} opens it again`, {
        timeout: 500_000
      }, async (t) => {
        if (toolchain(t, 'Java with Maven', kafkaClassPath) === undefined) return
        const dataDir = temporaryDir('swap')
        await using java = new ToolRunner(dataDir, ['LogCheck'])
        const port = await freePort()
        const started = async (kind: BrokerKind) => await startBroker({ kind, dataDir, port })
        const end = async (broker: BrokerProcess) => {
          if (crash) await broker.kill()
          else await broker.stop()
        }
        try {
          let expected: string[] = []
          for (const [round, kind] of [first, second, first].entries()) {
            await using broker = await started(kind)
            if (round > 0) {
              assert.deepEqual(await contents(broker, java, 'swap'), expected, `${kind} reads what was there`)
              const groups = await java.run(javaTools.consumerGroups, ['--bootstrap-server', broker.bootstrapServers, '--list'])
              assert.match(groups.stdout, new RegExp(`^swap-${round - 1}$`, 'm'))
            }
            await fill(broker, java, String(round))
            expected = await contents(broker, java, 'swap')
            assert.equal(expected.length, 12_000 * (round + 1) + 3)
            await end(broker)
          }
        } finally {
          rmSync(dataDir, { recursive: true, force: true })
        }
      })
    }
  }
})
