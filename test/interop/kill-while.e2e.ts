// kill -9 in the middle of what changes files: compaction, moves between directories, DeleteRecords, topics that come and go, commits of
// groups. The kill comes when a file of that work appears. KILL_ROUNDS says how often (3 in the usual run).
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Admin, Kafka, type Producer } from '@odradek/client'
import { readLog } from '@odradek/testkit/delivery'
import { createNodeLogger, createNodeWorld } from '@odradek/world/node'
import { type BrokerProcess, freePort, startBroker, temporaryDir } from './support/brokers.ts'
import { javaTool } from './support/java-tools.ts'
import { kafkaLibs, toolchain } from './support/toolchains.ts'

const rounds = Number(process.env.KILL_ROUNDS ?? 3)
const timeout = 60_000 + rounds * 30_000
const world = createNodeWorld({ logger: createNodeLogger({ level: 'OFF' }) })
const OFTEN = {
  'log.cleaner.backoff.ms': '20',
  'log.cleaner.threads': '4',
  'log.initial.task.delay.ms': '0',
  'log.retention.check.interval.ms': '100',
  'log.segment.delete.delay.ms': '50',
  'log.flush.offset.checkpoint.interval.ms': '200',
  'metadata.log.max.record.bytes.between.snapshots': '4000'
}
const small = { 'internal.segment.bytes': '1500', 'index.interval.bytes': '100', 'file.delete.delay.ms': '50' }
const compacted = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01', 'delete.retention.ms': '100', ...small }

class Scene implements AsyncDisposable {
  readonly folder = temporaryDir('kill-while')
  readonly dirs = ['a', 'b'].map((name) => join(this.folder, name))
  readonly kafka: Kafka
  readonly admin: Admin
  readonly port: number
  broker!: BrokerProcess
  /** Of partition, offset: what was acknowledged there. */
  readonly acknowledged = new Map<string, Map<number, { key: string; value: string | null }>>()
  /** Acknowledged without a place: the broker that was killed knew the producer's last batch only. */
  readonly placeless = new Set<string>()
  count = 0
  isOver = false
  readonly #open = new Set<Promise<void>>()

  static async start(): Promise<Scene> {
    const scene = new Scene(await freePort())
    for (const dir of scene.dirs) mkdirSync(dir)
    await scene.restart()
    return scene
  }

  private constructor(port: number) {
    this.port = port
    this.kafka = new Kafka({ brokers: `localhost:${port}`, logger: { isEnabled: () => false, log: () => {} } })
    this.admin = this.kafka.admin()
  }

  async restart(): Promise<void> {
    const overrides = { ...OFTEN, 'log.dirs': this.dirs.join(','), 'offsets.topic.num.partitions': '2' }
    this.broker = await startBroker({ kind: 'odradek', dataDir: this.dirs[0], port: this.port, overrides })
  }

  /** Kills the broker when a file of that kind appears (or after 2 s), and starts it again. */
  async killAt(pattern: RegExp): Promise<void> {
    const folders = this.dirs
      .flatMap((dir) => [dir, ...readdirSync(dir).map((name) => join(dir, name))])
      .filter((path) => !/\.\w+$/.test(path))
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 2_000)
      const watchers = folders.flatMap((path) => {
        try {
          return [watch(path, (_, name) => pattern.test(name ?? '') && resolve())]
        } catch {
          return [] // it was deleted meanwhile
        }
      })
      this.#stopWatching = () => {
        clearTimeout(timer)
        for (const watcher of watchers) watcher.close()
      }
    })
    this.#stopWatching()
    await this.broker.kill()
    await this.restart()
  }
  #stopWatching = (): void => {}

  /** Sends until `isOver`; a value in four is a tombstone where the topic is compacted. */
  async load(producer: Producer, topics: readonly string[], keys: number): Promise<void> {
    while (!this.isOver) {
      for (let i = 0; i < 10; i++) {
        const number = this.count++
        const topic = topics[number % topics.length]
        const key = `k${(number * 7919) % keys}`
        const value = topic.startsWith('compacted') && number % 4 === 3 ? null : `${number}:${'x'.repeat(number % 90)}`
        const sent = producer.send(topic, { key, value, partition: 0 }).then(({ offset }) => {
          if (offset < 0) this.placeless.add(`${topic} ${key}=${value}`)
          else this.#place(topic).set(offset, { key, value })
        })
        this.#open.add(sent)
        void sent.finally(() => this.#open.delete(sent)).catch(() => undefined)
      }
      if (this.#open.size > 200) await Promise.all(this.#open)
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    await Promise.all(this.#open)
  }

  #place(topic: string): Map<number, { key: string; value: string | null }> {
    const there = this.acknowledged.get(topic) ?? new Map()
    this.acknowledged.set(topic, there)
    return there
  }

  /** What the log holds, each record where it was acknowledged. */
  async read(topic: string): Promise<Map<number, { key: string; value: string | null }>> {
    const place = this.#place(topic)
    const found = new Map<number, { key: string; value: string | null }>()
    for (const record of await readLog({ world, host: 'localhost', port: this.port, topic, partitions: 1 })) {
      const read = { key: String(record.key), value: record.value === null ? null : String(record.value) }
      if (this.placeless.delete(`${topic} ${read.key}=${read.value}`)) place.set(record.offset, read)
      assert.deepEqual(read, place.get(record.offset), `${topic} at ${record.offset}`)
      found.set(record.offset, read)
    }
    return found
  }

  /** Nothing that is half made stays. */
  async assertTidy(): Promise<void> {
    const left = (): string[] =>
      this.dirs.flatMap((dir) =>
        readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
          /\.(cleaned|swap|deleted)|-(future|delete)(\/|$)/.test(name)
        )
      )
    const deadline = performance.now() + 20_000
    while (left().length > 0) {
      assert.ok(performance.now() < deadline, `left behind: ${left().slice(0, 5).join(', ')}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isOver = true
    await this.broker[Symbol.asyncDispose]()
    await this.kafka.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const topicOf = (name: string, configs: Record<string, string>) => ({ name, numPartitions: 1, replicationFactor: 1, configs })

test(`${rounds} kills in the middle of compaction leave the last value of each key where it was, and nothing half made`, {
  timeout
}, async (t) => {
  await using scene = await Scene.start()
  const topics = ['compacted-1', 'compacted-2']
  await scene.admin.createTopics(topics.map((name) => topicOf(name, compacted)))
  for (let round = 0; round < rounds; round++) {
    scene.isOver = false
    const producer = scene.kafka.producer({ lingerMs: 1, batchSize: 600, compressionType: round % 2 === 0 ? 'none' : 'lz4' })
    const loading = scene.load(producer, topics, 40)
    await scene.killAt([/\.log\.cleaned$/, /\.log\.swap$/, /\.deleted$/, /\.index\.swap$/][round % 4])
    scene.isOver = true
    await loading
    await producer.close()
    for (const topic of topics) {
      const found = await scene.read(topic)
      const last = new Map<string, [number, string | null]>()
      for (const [offset, { key, value }] of [...(scene.acknowledged.get(topic) ?? [])].sort(([a], [b]) => a - b))
        last.set(key, [offset, value])
      const newest = new Map(Array.from(found, ([offset, { key }]) => [key, offset]))
      for (const [key, [offset, value]] of last)
        if (value !== null || newest.has(key)) assert.equal(newest.get(key), offset, `${topic} ${key}: its last value is at ${offset}`)
    }
  }
  await scene.assertTidy()
  if (toolchain(t, 'Apache Kafka', kafkaLibs) === undefined) return
  await scene.broker.stop()
  const logs = scene.dirs.flatMap((dir) => readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => join(dir, name)))
  const files = logs.filter((path) => /compacted.*\.log$/.test(path)).join(',')
  const { stdout, exitCode } = await javaTool('dumpLog', ['--deep-iteration', '--files', files])
  assert.equal(exitCode, 0)
  assert.match(stdout, /^\| offset: /m)
  assert.doesNotMatch(stdout, /Mismatches|not found|Corrupt|Exception|isvalid: false/i)
})

test(`${rounds} kills in the middle of moves, DeleteRecords and topics that come and go lose nothing acknowledged`, {
  timeout
}, async () => {
  await using scene = await Scene.start()
  const { admin, dirs } = scene
  await admin.createTopics([topicOf('moved', small), topicOf('compacted', compacted), topicOf('cut', small)])
  const [there, gone] = [new Set<string>(), new Set<string>()]
  let [start, asked, made] = [0, 0, 0]
  const doing = {
    async move(turn: number) {
      for (const topic of ['moved', 'compacted', 'cut'])
        await admin.alterReplicaLogDirs([{ topic, partition: 0, brokerId: 1, logDir: dirs[turn % 2] }])
    },
    async cut() {
      asked = Math.max(asked, ...(scene.acknowledged.get('cut')?.keys() ?? []))
      await admin.deleteRecords([{ topic: 'cut', partition: 0, beforeOffset: asked }])
      start = Math.max(start, asked)
    },
    async comeAndGo() {
      const name = `brief-${made++}`
      await admin.createTopics([{ name, numPartitions: 60, replicationFactor: 1 }])
      if (made % 2 === 0) there.add(name)
      else {
        await admin.deleteTopics([name])
        gone.add(name)
      }
    }
  }
  for (let round = 0; round < rounds; round++) {
    scene.isOver = false
    const producer = scene.kafka.producer({ lingerMs: 1, batchSize: 600 })
    const loading = scene.load(producer, ['moved', 'compacted', 'cut'], 40)
    const working = Object.values(doing).map(async (work) => {
      // what the kill cuts off is tried again or given up; only what was answered counts
      for (let turn = 0; !scene.isOver; turn++) await work(turn).catch(() => undefined)
    })
    await scene.killAt([/-future$/, /-delete$/, /\.checkpoint\.part$|checkpoint\.tmp$/, /\.snapshot$/][round % 4])
    scene.isOver = true
    await Promise.all([loading, ...working])
    await producer.close()
    for (const topic of ['moved', 'compacted', 'cut']) {
      const found = await scene.read(topic)
      const from = topic === 'cut' ? asked : 0
      if (topic === 'cut') assert.ok(Math.min(...found.keys(), Number.POSITIVE_INFINITY) >= start, 'deleted records stay away')
      const lost = [...(scene.acknowledged.get(topic)?.keys() ?? [])].filter((offset) => offset >= from && !found.has(offset))
      if (topic !== 'compacted') assert.deepEqual(lost, [], `${topic} has lost records`)
    }
    const names = await admin.listTopics()
    for (const name of there) assert.ok(names.has(name), `${name} is there`)
    for (const name of gone) assert.ok(!names.has(name), `${name} stays away`)
  }
  await scene.assertTidy()
})

test(`${rounds} kills in the middle of compaction of __consumer_offsets take no commit back`, { timeout }, async () => {
  await using scene = await Scene.start()
  const { admin } = scene
  await admin.createTopics([topicOf('t', {})])
  await admin.alterConsumerGroupOffsets('g0', [{ topic: 't', partition: 0, offset: 0 }])
  const ops = Object.entries(small).map(([name, value]) => ({ name, value }))
  await admin.incrementalAlterConfigs([
    { type: 'TOPIC', name: '__consumer_offsets', ops: [...ops, { name: 'min.cleanable.dirty.ratio', value: 0.01 }] }
  ])
  const groups = Array.from({ length: 8 }, (_, index) => `g${index}`)
  const committed = new Map<string, number>()
  const tried = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    scene.isOver = false
    const working = groups.map(async (group) => {
      while (!scene.isOver) {
        const offset = (tried.get(group) ?? 0) + 1
        tried.set(group, offset)
        await admin.alterConsumerGroupOffsets(group, [{ topic: 't', partition: 0, offset }])
        committed.set(group, offset)
      }
    })
    await scene.killAt([/\.log\.swap$/, /\.log\.cleaned$/, /\.deleted$/][round % 3])
    scene.isOver = true
    await Promise.all(working)
    const found = await admin.listConsumerGroupOffsets(groups)
    for (const group of groups)
      assert.equal(found.get(group)?.offsets.get('t-0')?.offset, committed.get(group), `${group} keeps its last commit`)
  }
  assert.ok([...committed.values()].every((offset) => offset > 5))
})
