import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Logger } from '@odradek/world'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { startKafka } from '../src/index.ts'

/** Starts a broker, writes a record, reads it in a group, and closes. */
const program = `
  import { Kafka, logLevel, Partitioners } from ${JSON.stringify(import.meta.resolve('kafkajs'))}
  import { startKafka } from ${JSON.stringify(import.meta.resolve('../src/index.ts'))}
  const kafka = await startKafka({ topics: ['topic'], config: { 'log.retention.check.interval.ms': 50, 'log.flush.interval.messages': 1 } })
  const client = new Kafka({ brokers: [kafka.bootstrapServers], logLevel: logLevel.NOTHING })
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic: 'topic', messages: [{ value: 'record' }] })
  await producer.disconnect()
  const consumer = client.consumer({ groupId: 'group' })
  await consumer.connect()
  await consumer.subscribe({ topic: 'topic', fromBeginning: true })
  const value = await new Promise((resolve) => consumer.run({ eachMessage: async ({ message }) => resolve(String(message.value)) }))
  await consumer.disconnect()
  await kafka.close()
  console.log(value)
`

describe('startKafka', () => {
  test('makes no file and no folder when no disk is asked for: a process that may not write any runs it all the same', () => {
    const cwd = mkdtempSync(join(tmpdir(), 'odradek-no-disk-'))
    try {
      const rights = ['--permission', '--allow-fs-read=*', '--allow-net', '--allow-addons', '--allow-worker']
      const child = spawnSync(process.execPath, [...rights, '--no-warnings', '--input-type=module', '-e', program], {
        cwd,
        encoding: 'utf8',
        timeout: 30_000
      })
      assert.deepEqual([child.stdout, child.stderr, child.status], ['record\n', '', 0])
      assert.deepEqual(readdirSync(cwd), [])
      assert.equal(existsSync('/odradek'), false)
    } finally {
      rmSync(cwd, { recursive: true })
    }
  })

  test('refuses options that it does not have, and tells of settings that nobody knows', async () => {
    const refuses = (options: object, message: string) => assert.rejects(startKafka(options), { code: 'CONFIG_INVALID', message })
    await refuses({ topcs: [] }, 'startKafka has no option topcs: did you mean topics?')
    await refuses(
      { brokers: 3 },
      'startKafka has no option brokers: it has port, host, dataDir, topics, config, logger, logLevel, onFault, clock'
    )
    await refuses(
      { topics: [{ name: 'a', numPartitions: 3 }] },
      'A topic of startKafka has no option numPartitions: did you mean partitions?'
    )
    const provider = { 'config.providers': 'e', 'config.providers.e.class': 'org.apache.kafka.common.config.provider.EnvVarConfigProvider' }
    await refuses(
      { config: { ...provider, 'broker.rack': `$\{e:NO_SUCH_VARIABLE}` } },
      `broker.rack: $\{e:NO_SUCH_VARIABLE} was not found: the environment of this process has no such variable`
    )
    const told: string[] = []
    const logger: Logger = { isEnabled: () => true, log: (level, _name, message) => void (level === 'WARN' && told.push(message)) }
    await using _kafka = await startKafka({ config: { 'log.retention.hour': 1 }, logger })
    assert.match(
      told.join('\n'),
      /^log\.retention\.hour is not a setting of Kafka or Odradek: it is ignored; did you mean log\.retention\.hours\?/m
    )
  })

  test('refuses topics that are no list and a folder that cannot be made, and takes numbers for settings of topics', async () => {
    await assert.rejects(startKafka({ topics: 'orders' as never }), { code: 'CONFIG_INVALID', message: /^topics of startKafka is a list/ })
    const dataDir = join(import.meta.filename, 'data')
    await assert.rejects(startKafka({ dataDir }), {
      code: 'STORAGE_NO_DIRECTORY',
      message: /^dataDir .* cannot be made: E.*; name another one$/
    })
    await using kafka = await startKafka({ topics: [{ name: 'brief', config: { 'retention.ms': 60_000, preallocate: false } }] })
    const admin = new Kafka({ brokers: [kafka.bootstrapServers], logLevel: logLevel.NOTHING }).admin()
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: 'brief' }] })
    await admin.disconnect()
    assert.equal(resources[0].configEntries.find(({ configName }) => configName === 'retention.ms')?.configValue, '60000')
  })

  test('gives a broker with topics on a random port, which any client uses', async () => {
    await using kafka = await startKafka({ topics: ['simple', { name: 'wide', partitions: 3, config: { 'retention.ms': '1000' } }] })
    const client = new Kafka({ brokers: [kafka.bootstrapServers], logLevel: logLevel.NOTHING })
    const admin = client.admin()
    await admin.connect()
    const { topics } = await admin.fetchTopicMetadata({ topics: ['simple', 'wide'] })
    assert.deepEqual(topics.map(({ name, partitions }) => [name, partitions.length]).sort(), [
      ['simple', 1],
      ['wide', 3]
    ])
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    const [{ baseOffset }] = await producer.send({ topic: 'simple', messages: [{ value: 'x' }] })
    assert.equal(baseOffset, '0')
    await producer.disconnect()
    await admin.disconnect()
  })

  test('takes settings of Kafka, and refuses wrong ones by name', async () => {
    await using kafka = await startKafka({ config: { 'num.partitions': 7, 'auto.create.topics.enable': false }, topics: ['seven'] })
    const admin = new Kafka({ brokers: [kafka.bootstrapServers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    assert.equal((await admin.fetchTopicMetadata({ topics: ['seven'] })).topics[0].partitions.length, 7)
    await admin.disconnect()
    await assert.rejects(startKafka({ config: { 'num.partitions': 'many' } }), { code: 'CONFIG_INVALID' })
    await assert.rejects(startKafka({ topics: ['not/a/topic'] }), { code: 'TOPIC_NOT_CREATED' })
  })

  test('runs many times in one process, and is closed only once', async () => {
    const brokers = await Promise.all([startKafka(), startKafka(), startKafka()])
    assert.equal(new Set(brokers.map(({ bootstrapServers }) => bootstrapServers)).size, 3)
    for (const broker of brokers) {
      await broker.close()
      await broker.close()
    }
  })
})
