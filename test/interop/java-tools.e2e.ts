// Apache Kafka's own tools against the broker, started by its command as users start it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type BrokerProcess, startBroker } from './support/brokers.ts'
import { javaTools, type ToolResult } from './support/java-tools.ts'
import { ToolRunner } from './support/tool-runner.ts'
import { kafkaClassPath, toolchain } from './support/toolchains.ts'

describe("Apache Kafka's tools", { timeout: 600_000 }, () => {
  let broker: BrokerProcess
  let java: ToolRunner | undefined
  let present: string | undefined

  before(async () => {
    present = toolchain({ skip: () => {} }, 'Java with Maven', kafkaClassPath)
    if (present === undefined) return
    broker = await startBroker()
    java = new ToolRunner(broker.dataDir)
  })
  after(async () => {
    await java?.[Symbol.asyncDispose]()
    await broker?.[Symbol.asyncDispose]()
  })

  const bootstrap = () => ['--bootstrap-server', broker.bootstrapServers]

  const javaTool = async (tool: keyof typeof javaTools, args: string[], stdin?: string): Promise<ToolResult> =>
    await (java as ToolRunner).run(javaTools[tool], args, stdin)

  async function succeeds(tool: keyof typeof javaTools, args: string[], stdin?: string): Promise<string> {
    const result = await javaTool(tool, args, stdin)
    assert.equal(result.exitCode, 0, `${tool} ${args.join(' ')}\n${result.stdout}\n${result.stderr}`)
    return result.stdout
  }

  test('kafka-topics creates, lists, describes, widens and deletes topics', async (t) => {
    if (present === undefined) return t.skip('Java with Maven is not present')
    await succeeds('topics', [...bootstrap(), '--create', '--topic', 'tools-a', '--partitions', '3', '--config', 'retention.ms=86400000'])
    const again = await javaTool('topics', [...bootstrap(), '--create', '--topic', 'tools-a'])
    assert.equal(again.exitCode, 1)
    assert.match(again.stdout, /Topic 'tools-a' already exists/)
    assert.deepEqual(
      (await succeeds('topics', [...bootstrap(), '--list']))
        .trim()
        .split('\n')
        .filter((line) => line === 'tools-a'),
      ['tools-a']
    )
    const described = await succeeds('topics', [...bootstrap(), '--describe', '--topic', 'tools-a'])
    assert.match(
      described,
      /Topic: tools-a\tTopicId: [A-Za-z0-9_-]{22}\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: .*retention\.ms=86400000/
    )
    assert.match(described, /Topic: tools-a\tPartition: 2\tLeader: 1\tReplicas: 1\tIsr: 1\tElr: \tLastKnownElr: /)
    await succeeds('topics', [...bootstrap(), '--alter', '--topic', 'tools-a', '--partitions', '5'])
    assert.match(await succeeds('topics', [...bootstrap(), '--describe', '--topic', 'tools-a']), /PartitionCount: 5/)
    await succeeds('topics', [...bootstrap(), '--delete', '--topic', 'tools-a'])
    assert.doesNotMatch(await succeeds('topics', [...bootstrap(), '--list']), /tools-a/)
  })

  test('kafka-configs alters and describes topic and broker settings', async (t) => {
    if (present === undefined) return t.skip('Java with Maven is not present')
    await succeeds('topics', [...bootstrap(), '--create', '--topic', 'tools-configs'])
    await succeeds('configs', [
      ...bootstrap(),
      '--alter',
      '--topic',
      'tools-configs',
      '--add-config',
      'cleanup.policy=[compact,delete],segment.bytes=1048576'
    ])
    const topic = await succeeds('configs', [...bootstrap(), '--describe', '--topic', 'tools-configs'])
    assert.match(
      topic,
      /cleanup\.policy=compact,delete sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:cleanup\.policy=compact,delete, DEFAULT_CONFIG:log\.cleanup\.policy=delete\}/
    )
    assert.match(
      topic,
      /segment\.bytes=1048576 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:segment\.bytes=1048576, DEFAULT_CONFIG:log\.segment\.bytes=1073741824\}/
    )
    await succeeds('configs', [...bootstrap(), '--alter', '--topic', 'tools-configs', '--delete-config', 'segment.bytes'])
    assert.doesNotMatch(await succeeds('configs', [...bootstrap(), '--describe', '--topic', 'tools-configs']), /segment\.bytes/)
    await succeeds('configs', [
      ...bootstrap(),
      '--alter',
      '--entity-type',
      'brokers',
      '--entity-default',
      '--add-config',
      'log.retention.ms=7200000'
    ])
    assert.match(
      await succeeds('configs', [...bootstrap(), '--describe', '--entity-type', 'brokers', '--entity-name', '1', '--all']),
      /log\.retention\.ms=7200000 sensitive=false synonyms=\{DYNAMIC_DEFAULT_BROKER_CONFIG:log\.retention\.ms=7200000/
    )
    const wrong = await javaTool('configs', [...bootstrap(), '--alter', '--topic', 'tools-configs', '--add-config', 'retention.ms=soon'])
    assert.notEqual(wrong.exitCode, 0)
    assert.match(wrong.stdout + wrong.stderr, /Invalid value soon for configuration retention\.ms/)
  })

  test('the console producer and consumer carry keys, values, headers and nulls', async (t) => {
    if (present === undefined) return t.skip('Java with Maven is not present')
    await succeeds('topics', [...bootstrap(), '--create', '--topic', 'tools-console'])
    await succeeds(
      'consoleProducer',
      [
        ...bootstrap(),
        '--topic',
        'tools-console',
        '--reader-property',
        'parse.key=true',
        '--reader-property',
        'key.separator=:',
        '--reader-property',
        'parse.headers=true',
        '--reader-property',
        'null.marker=NULL'
      ],
      'h1:v1,h2:v2\tk1:first\nh:x\tk2:NULL\nh:y\tNULL:third\n'
    )
    const read = await succeeds('consoleConsumer', [
      ...bootstrap(),
      '--topic',
      'tools-console',
      '--from-beginning',
      '--max-messages',
      '3',
      '--timeout-ms',
      '30000',
      '--formatter-property',
      'print.key=true',
      '--formatter-property',
      'print.headers=true',
      '--formatter-property',
      'print.offset=true',
      '--formatter-property',
      'print.partition=true'
    ])
    assert.deepEqual(read.trim().split('\n'), [
      'Partition:0\tOffset:0\th1:v1,h2:v2\tk1\tfirst',
      'Partition:0\tOffset:1\th:x\tk2\tnull',
      'Partition:0\tOffset:2\th:y\tnull\tthird'
    ])
  })

  test('a console consumer in a group commits, and kafka-consumer-groups describes, resets and deletes the group', async (t) => {
    if (present === undefined) return t.skip('Java with Maven is not present')
    await succeeds('topics', [...bootstrap(), '--create', '--topic', 'tools-group', '--partitions', '1'])
    await succeeds('consoleProducer', [...bootstrap(), '--topic', 'tools-group'], 'a\nb\nc\nd\n')
    await succeeds('consoleConsumer', [
      ...bootstrap(),
      '--topic',
      'tools-group',
      '--group',
      'g-tools',
      '--from-beginning',
      '--max-messages',
      '4',
      '--timeout-ms',
      '30000'
    ])
    assert.match(await succeeds('consumerGroups', [...bootstrap(), '--list']), /^g-tools$/m)
    assert.match(
      await succeeds('consumerGroups', [...bootstrap(), '--describe', '--group', 'g-tools']),
      /g-tools\s+tools-group\s+0\s+4\s+4\s+0\s+-/
    )
    assert.match(await succeeds('consumerGroups', [...bootstrap(), '--describe', '--group', 'g-tools', '--state']), /Empty/)
    await succeeds('consumerGroups', [
      ...bootstrap(),
      '--group',
      'g-tools',
      '--reset-offsets',
      '--to-offset',
      '1',
      '--topic',
      'tools-group',
      '--execute'
    ])
    assert.match(
      await succeeds('consumerGroups', [...bootstrap(), '--describe', '--group', 'g-tools']),
      /g-tools\s+tools-group\s+0\s+1\s+4\s+3\s+-/
    )
    await succeeds('consumerGroups', [...bootstrap(), '--delete-offsets', '--group', 'g-tools', '--topic', 'tools-group'])
    await succeeds('consumerGroups', [...bootstrap(), '--delete', '--group', 'g-tools'])
    assert.doesNotMatch(await succeeds('consumerGroups', [...bootstrap(), '--list']), /g-tools/)
  })

  test('kafka-get-offsets, kafka-delete-records and kafka-log-dirs agree on what is there', async (t) => {
    if (present === undefined) return t.skip('Java with Maven is not present')
    await succeeds('topics', [...bootstrap(), '--create', '--topic', 'tools-offsets'])
    await succeeds('consoleProducer', [...bootstrap(), '--topic', 'tools-offsets', '--batch-size', '1'], '0\n1\n2\n3\n4\n5\n')
    assert.match(await succeeds('getOffsets', [...bootstrap(), '--topic', 'tools-offsets']), /^tools-offsets:0:6$/m)
    const { writeFileSync } = await import('node:fs')
    const file = `${broker.dataDir}-delete.json`
    writeFileSync(file, JSON.stringify({ version: 1, partitions: [{ topic: 'tools-offsets', partition: 0, offset: 4 }] }))
    assert.match(await succeeds('deleteRecords', [...bootstrap(), '--offset-json-file', file]), /low_watermark: 4/)
    assert.match(await succeeds('getOffsets', [...bootstrap(), '--topic', 'tools-offsets', '--time', 'earliest']), /^tools-offsets:0:4$/m)
    assert.match(
      await succeeds('logDirs', [...bootstrap(), '--describe', '--topic-list', 'tools-offsets']),
      /"partition":"tools-offsets-0","size":[1-9]/
    )
  })

  test('kafka-metadata-quorum, kafka-features, kafka-cluster and kafka-broker-api-versions know the node', async (t) => {
    if (present === undefined) return t.skip('Java with Maven is not present')
    assert.match(await succeeds('metadataQuorum', [...bootstrap(), 'describe', '--status']), /LeaderId:\s+1\n/)
    assert.match(await succeeds('metadataQuorum', [...bootstrap(), 'describe', '--replication']), /Leader/)
    assert.match(
      await succeeds('features', [...bootstrap(), 'describe']),
      /Feature: metadata\.version\s+SupportedMinVersion: 3\.3-IV3\s+SupportedMaxVersion: \S+\s+FinalizedVersionLevel: 4\.3-IV0/
    )
    assert.match(await succeeds('cluster', ['cluster-id', ...bootstrap()]), /Cluster ID: 4L6g3nShT-eMCtK--X86sw/)
    assert.match(await succeeds('brokerApiVersions', [...bootstrap()]), /Produce\(0\): 0 to 13 \[usable: 13\]/)
  })

  test('leader election, reassignment and the perf tools run to their end', async (t) => {
    if (present === undefined) return t.skip('Java with Maven is not present')
    await succeeds('topics', [...bootstrap(), '--create', '--topic', 'tools-perf', '--partitions', '2'])
    await succeeds('leaderElection', [...bootstrap(), '--election-type', 'preferred', '--all-topic-partitions'])
    assert.match(await succeeds('reassignPartitions', [...bootstrap(), '--list']), /No partition reassignments found/)
    const produced = await succeeds('producerPerformance', [
      ...bootstrap(),
      '--topic',
      'tools-perf',
      '--num-records',
      '20000',
      '--record-size',
      '100',
      '--throughput',
      '-1'
    ])
    assert.match(produced, /20000 records sent/)
    const consumed = await succeeds('consumerPerformance', [
      ...bootstrap(),
      '--topic',
      'tools-perf',
      '--num-records',
      '20000',
      '--timeout',
      '30000'
    ])
    assert.match(consumed, /, 20000, /)
  })

  test('what the Java producer compresses the Java consumer reads, every codec', async (t) => {
    if (present === undefined) return t.skip('Java with Maven is not present')
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      const topic = `tools-codec-${codec}`
      await succeeds('producerPerformance', [
        ...bootstrap(),
        '--topic',
        topic,
        '--num-records',
        '500',
        '--record-size',
        '200',
        '--throughput',
        '-1',
        '--command-property',
        `compression.type=${codec}`
      ])
      assert.match(
        await succeeds('consumerPerformance', [...bootstrap(), '--topic', topic, '--num-records', '500', '--timeout', '30000']),
        /, 500, /
      )
    }
  })
})
