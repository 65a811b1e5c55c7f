// Retry topics in virtual time: a scripted broker with a log for each topic, one group member, and a sender that writes into those logs.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ConsumerSettings, consumerConfigDefinitions } from '@odradek/config'
import { ApiKey, type CreateTopicsRequest, ErrorCode, encodeBatch, type FetchRequest } from '@odradek/protocol'
import { Consumer } from '../../src/consumer/consumer.ts'
import { retryTopics } from '../../src/consumer/retry-topics.ts'
import type { Handler } from '../../src/consumer/run.ts'
import type { DeadLetter, RunOptions } from '../../src/consumer/run-options.ts'
import { resolveOptions } from '../../src/options.ts'
import { string } from '../../src/serdes/serde.ts'
import { topic } from '../../src/topic.ts'
import { FakeCluster, settled } from '../support/fake-cluster.ts'

type Logged = Omit<DeadLetter, 'topic'>
interface Tried {
  readonly what: string
  readonly atMs: number
}

const letter = (value: string, headers: Logged['headers'] = []): Logged => ({
  key: Buffer.from(`k${value}`),
  value: Buffer.from(value),
  headers,
  timestamp: 1234
})

class Scene {
  readonly fake: FakeCluster
  readonly logs = new Map<string, Logged[]>()
  readonly committed = new Map<string, number>()
  readonly subscribed = new Set<string>()
  readonly tried: Tried[] = []
  /** What the member does not get. */
  readonly withheld = new Set<string>()
  hasLeft = false
  /** Awaited before a copy is written. */
  beforeSend: Promise<unknown> = Promise.resolve()
  readonly consumer: Consumer

  static async start(topics: Record<string, string[]>, settings: object = {}): Promise<Scene> {
    const scene = new Scene(await FakeCluster.start([1]), settings)
    for (const [name, values] of Object.entries(topics)) scene.make(name, values)
    return scene
  }

  private constructor(fake: FakeCluster, settings: object) {
    this.fake = fake
    // As a broker does, which waits for records.
    fake.delayMs = ({ apiKey }, answer) => (apiKey === ApiKey.FETCH && (answer as { responses: unknown[] }).responses.length === 0 ? 20 : 0)
    fake.handlers.set(ApiKey.FETCH, ({ body }) => ({ sessionId: 0, responses: this.#fetched(body) }))
    fake.handlers.set(ApiKey.LIST_OFFSETS, ({ body }) => {
      const { topics } = body as { topics: { name: string; partitions: { timestamp: number }[] }[] }
      const offsetOf = (name: string, timestamp: number): number => (timestamp === -2 ? 0 : (this.logs.get(name)?.length ?? 0))
      return {
        topics: topics.map(({ name, partitions }) => ({
          name,
          partitions: [{ partitionIndex: 0, offset: offsetOf(name, partitions[0].timestamp), timestamp: -1, leaderEpoch: -1 }]
        }))
      }
    })
    fake.handlers.set(ApiKey.OFFSET_FETCH, () => ({
      groups: [
        {
          groupId: 'g',
          topics: [...this.committed].map(([name, committedOffset]) => ({
            name,
            topicId: this.fake.topics.get(name)?.topicId,
            partitions: [{ partitionIndex: 0, committedOffset }]
          }))
        }
      ]
    }))
    fake.handlers.set(ApiKey.OFFSET_COMMIT, ({ body }) => {
      const { topics } = body as { topics: { name: string; topicId: string; partitions: { committedOffset: number }[] }[] }
      for (const { topicId, partitions } of topics) this.committed.set(this.#nameOf(topicId), partitions[0].committedOffset)
      return { topics: topics.map(({ name, topicId }) => ({ name, topicId, partitions: [{ partitionIndex: 0 }] })) }
    })
    fake.handlers.set(ApiKey.CONSUMER_GROUP_HEARTBEAT, ({ body }) => this.#heartbeat(body))
    fake.handlers.set(ApiKey.CREATE_TOPICS, ({ body }) => {
      const { topics } = body as CreateTopicsRequest
      const isThere = (name: string): boolean => this.logs.has(name)
      const answers = topics.map(({ name }) => ({ name, errorCode: isThere(name) ? ErrorCode.TOPIC_ALREADY_EXISTS : ErrorCode.NONE }))
      for (const { name, numPartitions } of topics) if (!isThere(name)) this.make(name, [], numPartitions)
      return { topics: answers }
    })
    const given = { groupId: 'g', autoOffsetReset: 'earliest', autoCommitIntervalMs: 100, metadataMaxAgeMs: 1000, ...settings }
    const resolved = resolveOptions<ConsumerSettings>('consumer', consumerConfigDefinitions, given)
    const deadLetters = () => ({ send: (copy: DeadLetter) => this.#send(copy), close: () => Promise.resolve() })
    this.consumer = new Consumer({ cluster: fake.connect(), ...resolved, deadLetters })
  }

  make(name: string, values: string[], partitions = 1): void {
    this.logs.set(
      name,
      values.map((value) => letter(value))
    )
    const id = Buffer.from([...Array(15).fill(7), this.logs.size]).toString('base64url')
    this.fake.topics.set(name, { topicId: id, partitions: Array.from({ length: partitions }, () => ({ leader: 1, epoch: 1 })) })
  }

  /** Runs in the background; what it did is in `tried`. */
  run(options: RunOptions, fails: (value: string, attempt: number) => boolean, to: string | RegExp = 'a') {
    const startMs = this.fake.sim.nowMs
    const handler: Handler<Buffer, Buffer> = ({ topic, value }, { attempt }) => {
      this.tried.push({ what: `${topic}:${value} ${attempt}`, atMs: this.fake.sim.nowMs - startMs })
      if (fails(String(value), attempt)) throw new RangeError(`${value} is wrong`.repeat(200))
    }
    return settled(this.consumer.run(to, handler, options))
  }

  async close(): Promise<void> {
    await this.fake.sim.complete(this.consumer.close())
  }

  async until(condition: () => boolean, maxVirtualMs = 120_000): Promise<void> {
    await this.fake.sim.run({ until: condition, maxVirtualMs })
    assert.ok(condition(), `not within ${maxVirtualMs} ms: ${condition}`)
  }

  has(what: string): boolean {
    return this.tried.some((each) => each.what === what)
  }

  get whats(): string[] {
    return this.tried.map(({ what }) => what)
  }

  async #send({ topic, ...copy }: DeadLetter): Promise<void> {
    await this.beforeSend
    const log = this.logs.get(topic)
    if (log === undefined) throw new Error(`there is no ${topic}`)
    log.push(copy)
  }

  #fetched(body: FetchRequest): object[] {
    return body.topics.flatMap(({ topicId, partitions }) => {
      const name = this.#nameOf(topicId)
      const log = this.logs.get(name) ?? []
      const found = partitions.find(({ partition }) => partition === 0)
      if (found === undefined || found.fetchOffset >= log.length) return []
      const records = log.slice(found.fetchOffset).map(({ headers, ...rest }) => ({
        ...rest,
        headers: headers.map(({ key, value }) => ({ key, value: value === null ? null : Buffer.from(value) }))
      }))
      const batch = encodeBatch({ baseOffset: found.fetchOffset, records })
      return [{ topicId, topic: name, partitions: [{ partitionIndex: 0, highWatermark: log.length, records: batch }] }]
    })
  }

  #nameOf(id: string): string {
    return [...this.fake.topics].find(([, { topicId }]) => topicId === id)?.[0] ?? ''
  }

  #heartbeat(body: { memberId: string; memberEpoch: number; subscribedTopicNames: string[] | null }): object {
    const { memberId, memberEpoch } = body
    if (memberEpoch < 0) this.hasLeft = true
    for (const name of body.subscribedTopicNames ?? []) this.subscribed.add(name)
    const given = [...this.subscribed].filter((name) => this.fake.topics.has(name) && !this.withheld.has(name))
    const topicPartitions = given.map((name) => ({ topicId: this.fake.topics.get(name)?.topicId, partitions: [0] }))
    return { memberId, memberEpoch: memberEpoch < 0 ? -1 : 1, heartbeatIntervalMs: 500, assignment: { topicPartitions } }
  }
}

const texts = (copy: Logged | undefined): Record<string, string> =>
  Object.fromEntries((copy?.headers ?? []).map(({ key, value }) => [key, String(value)]))

test('a record that fails waits in its retry topics while others go on, and ends as a dead letter with all it had', async () => {
  for (const by of ['key', 'partition'] as const) {
    const scene = await Scene.start({ a: ['0'], 'a.retry.1': [], 'a.retry.2': [], dlq: [] }, { maxPollIntervalMs: 5000 })
    scene.logs.get('a')?.push(letter('bad', [{ key: 'mine', value: 'kept' }]), letter('2'))
    const stop = new AbortController()
    const retry = retryTopics({ delaysMs: [1000, 60_000] })
    const run = scene.run({ retry, deadLetter: 'dlq', signal: stop.signal, concurrency: { by, max: 2 } }, (value) => value === 'bad')
    await scene.until(() => scene.has('a.retry.1:bad 2'))
    // While the last retry waits, others are handled.
    scene.logs.get('a')?.push(letter('3'))
    await scene.until(() => scene.has('a:3 1'), 2000)
    await scene.until(() => scene.logs.get('dlq')?.length === 1)
    await scene.fake.sim.advance(500)
    assert.equal(scene.hasLeft, false)
    stop.abort()
    assert.equal((await scene.fake.sim.complete(run)).error, undefined)
    assert.deepEqual(scene.whats, ['a:0 1', 'a:bad 1', 'a:2 1', 'a.retry.1:bad 2', 'a:3 1', 'a.retry.2:bad 3'])
    const at = (what: string): number => scene.tried.find((each) => each.what === what)?.atMs ?? 0
    const [first, second] = [at('a.retry.1:bad 2') - at('a:bad 1'), at('a.retry.2:bad 3') - at('a.retry.1:bad 2')]
    assert.ok(first >= 999 && first < 1200, `${first} ms`)
    assert.ok(second >= 59_999 && second < 60_200, `${second} ms`)

    const original = { 'original.topic': 'a', 'original.partition': '0', 'original.offset': '1', 'group.id': 'g' }
    const named = (prefix: string) => Object.fromEntries(Object.entries(original).map(([key, value]) => [`${prefix}.${key}`, value]))
    const message = 'bad is wrong'.repeat(200).slice(0, 1000)
    for (const [attempt, name] of ['a.retry.1', 'a.retry.2'].entries()) {
      const { 'retry.due.ms': dueMs, ...headers } = texts(scene.logs.get(name)?.[0])
      const reason = { 'retry.attempt': `${attempt + 1}`, 'retry.error.name': 'RangeError', 'retry.error.message': message }
      assert.deepEqual(headers, { mine: 'kept', ...named('retry'), ...reason })
      assert.ok(Number(dueMs) > 0)
      assert.equal(scene.logs.get(name)?.[0].headers.length, 9)
    }
    const dead = scene.logs.get('dlq')?.[0]
    assert.deepEqual(texts(dead), { mine: 'kept', ...named('dlq'), 'dlq.error.name': 'RangeError', 'dlq.error.message': message })
    assert.deepEqual([dead?.key?.toString(), dead?.value?.toString(), dead?.timestamp], ['kbad', 'bad', 1234])
    assert.deepEqual(Object.fromEntries(scene.committed), { a: 4, 'a.retry.1': 1, 'a.retry.2': 1 })
    await scene.close()
  }
})

test('a record is committed only when its copy is acknowledged; a copy that cannot be sent ends the run', async () => {
  const scene = await Scene.start({ a: ['0', 'bad', '2'], 'a.retry.1': [] })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  scene.beforeSend = promise
  const stop = new AbortController()
  const options = { retry: retryTopics({ delaysMs: [1000] }), concurrency: { by: 'key', max: 2 }, signal: stop.signal } as const
  const run = scene.run(options, (value, attempt) => value === 'bad' && attempt === 1)
  await scene.until(() => scene.has('a:2 1'))
  await scene.fake.sim.advance(3000)
  assert.equal(scene.committed.get('a'), 1)
  resolve()
  await scene.until(() => scene.committed.get('a') === 3 && scene.committed.get('a.retry.1') === 1)
  const refused = Promise.withResolvers<void>()
  refused.promise.catch(() => {})
  scene.beforeSend = refused.promise
  refused.reject(new Error('no leader'))
  scene.logs.get('a')?.push(letter('bad'))
  assert.equal((await scene.fake.sim.complete(run)).message, 'no leader')
  assert.equal(scene.committed.get('a'), 3)
  reject()
  await scene.close()
})

test('without a dead letter topic the last failure ends the run, and the record stays in its retry topic', async () => {
  const scene = await Scene.start({ a: ['bad', '1'], 'a.retry.1': [] })
  const run = scene.run({ retry: retryTopics({ delaysMs: [500] }) }, (value) => value === 'bad')
  const { error } = await scene.fake.sim.complete(run)
  assert.ok(error instanceof RangeError)
  assert.deepEqual(scene.whats, ['a:bad 1', 'a:1 1', 'a.retry.1:bad 2'])
  assert.equal(scene.committed.get('a'), 2)
  assert.equal(scene.committed.get('a.retry.1') ?? 0, 0)
  await scene.close()
})

test('a signal, close and a rebalance are not held up by a record that waits, which is handled once when it is due', async () => {
  for (const end of ['signal', 'close'] as const) {
    const scene = await Scene.start({ a: ['bad'], 'a.retry.1': [] })
    const stop = new AbortController()
    const run = scene.run({ retry: retryTopics({ delaysMs: [60_000] }), signal: stop.signal }, (_, attempt) => attempt === 1)
    await scene.until(() => scene.committed.get('a') === 1)
    await scene.fake.sim.advance(2000)
    scene.withheld.add('a.retry.1')
    await scene.until(() => !scene.consumer.assignment().some((place) => place.topic === 'a.retry.1'), 2000)
    scene.withheld.clear()
    await scene.until(() => scene.consumer.assignment().length === 2, 2000)
    await scene.fake.sim.advance(2000)
    scene.logs.get('a')?.push(letter('1'))
    await scene.until(() => scene.has('a:1 1'), 1000)
    if (end === 'close') {
      const beforeMs = scene.fake.sim.nowMs
      await scene.close()
      assert.equal((await scene.fake.sim.complete(run)).code, 'CLIENT_CLOSED')
      assert.ok(scene.fake.sim.nowMs - beforeMs < 1000)
      assert.equal(scene.committed.get('a.retry.1') ?? 0, 0)
      assert.deepEqual(scene.whats, ['a:bad 1', 'a:1 1'])
      continue
    }
    await scene.until(() => scene.has('a.retry.1:bad 2'), 60_000)
    await scene.until(() => scene.has('a.retry.1:1 2'), 10_000)
    assert.ok(scene.tried[2].atMs >= 59_999 && scene.tried[2].atMs < 61_000)
    scene.logs.get('a')?.push(letter('2'))
    await scene.until(() => scene.logs.get('a.retry.1')?.length === 3, 1000)
    await scene.fake.sim.advance(1000)
    const beforeMs = scene.fake.sim.nowMs
    stop.abort()
    assert.equal((await scene.fake.sim.complete(run)).error, undefined)
    assert.ok(scene.fake.sim.nowMs - beforeMs < 1000)
    assert.equal(scene.committed.get('a.retry.1'), 2)
    assert.deepEqual(scene.whats, ['a:bad 1', 'a:1 1', 'a.retry.1:bad 2', 'a.retry.1:1 2', 'a:2 1'])
    await scene.close()
  }
})

test('retry topics are made when asked for, with the partitions of the topic, and found by a pattern that matches them too', async () => {
  const scene = await Scene.start({ dlq: [] })
  scene.make('a', ['bad'], 3)
  scene.make('b', ['bad'])
  const stop = new AbortController()
  const retry = retryTopics({ delaysMs: [100, 100], topic: (name, attempt) => `${name}-again-${attempt}`, create: true })
  const run = scene.run({ retry, deadLetter: 'dlq', signal: stop.signal }, () => true, /^[ab]/)
  await scene.until(() => scene.logs.get('dlq')?.length === 2)
  await scene.fake.sim.advance(3000)
  stop.abort()
  await scene.fake.sim.complete(run)
  assert.deepEqual(scene.whats.toSorted(), [
    'a-again-1:bad 2',
    'a-again-2:bad 3',
    'a:bad 1',
    'b-again-1:bad 2',
    'b-again-2:bad 3',
    'b:bad 1'
  ])
  assert.deepEqual([...scene.subscribed].sort(), ['a', 'a-again-1', 'a-again-2', 'b', 'b-again-1', 'b-again-2'])
  assert.deepEqual([...scene.logs.keys()].sort(), ['a', 'a-again-1', 'a-again-2', 'b', 'b-again-1', 'b-again-2', 'dlq'])
  assert.equal(scene.fake.topics.get('a-again-2')?.partitions.length, 3)
  assert.equal(scene.fake.topics.get('b-again-2')?.partitions.length, 1)
  await scene.close()
})

test('a list has its retry topics before it is subscribed, their records have the types of the topic, and latest passes none over', async () => {
  const scene = await Scene.start({ a: [] }, { autoOffsetReset: 'latest' })
  const stop = new AbortController()
  const values: (string | null)[] = []
  const typed = topic('a', { key: string(), value: string() })
  // Before the member has looked: another one has sent these.
  const copies = ['x', 'y'].map((value) => letter(value, [{ key: 'retry.group.id', value: 'g' }]))
  scene.make('a.retry.1', [])
  scene.logs.get('a.retry.1')?.push(...copies)
  const handler: Handler<string, string> = ({ key, value }, { attempt }) => values.push(`${key} ${value} ${attempt}`)
  const retry = retryTopics({ delaysMs: [100, 200], create: true })
  const run = settled(scene.consumer.run(typed, handler, { retry, signal: stop.signal }))
  await scene.until(() => values.length === 2)
  assert.deepEqual(values, ['kx x 2', 'ky y 2'])
  assert.deepEqual([...scene.logs.keys()].sort(), ['a', 'a.retry.1', 'a.retry.2'])
  stop.abort()
  assert.equal((await scene.fake.sim.complete(run)).error, undefined)
  await scene.close()
})

test('retries of another group are left to it, and no header makes a partition wait for longer than its delay', async () => {
  const scene = await Scene.start({ a: [], 'a.retry.1': [] })
  const due = { key: 'retry.due.ms', value: String(Number.MAX_SAFE_INTEGER) }
  const foreign = letter('foreign', [due, { key: 'retry.group.id', value: 'other' }])
  const lying = letter('lying', [due, { key: 'retry.original.offset', value: '-7' }])
  const broken = letter('broken', [
    { key: 'retry.due.ms', value: 'soon' },
    { key: 'retry.attempt', value: '-1' }
  ])
  scene.logs.get('a.retry.1')?.push(foreign, lying, broken, letter('plain'))
  const stop = new AbortController()
  const run = scene.run({ retry: retryTopics({ delaysMs: [5000] }), signal: stop.signal }, () => false)
  await scene.until(() => scene.committed.get('a.retry.1') === 4, 10_000)
  assert.deepEqual(scene.whats, ['a.retry.1:lying 2', 'a.retry.1:broken 2', 'a.retry.1:plain 2'])
  stop.abort()
  assert.equal((await scene.fake.sim.complete(run)).error, undefined)
  await scene.close()
})

test('what cannot work is INVALID_CONFIG', async () => {
  for (const delaysMs of [[], [-1], [1.5], [2 ** 31], new Array(101).fill(1)])
    assert.throws(() => retryTopics({ delaysMs }), { code: 'INVALID_CONFIG' })
  const scene = await Scene.start({ a: [] })
  const { sim } = scene.fake
  const same = retryTopics({ delaysMs: [1, 1], topic: () => 'same' })
  const itself = retryTopics({ delaysMs: [1], topic: (name) => name })
  for (const retry of [same, itself]) assert.equal((await sim.complete(scene.run({ retry }, () => false))).code, 'INVALID_CONFIG')
  const retry = retryTopics({ delaysMs: [1] })
  for (const [to, advice] of [
    [undefined, /give it the topics/],
    [{ regex: 'a.*' }, /new RegExp\('\^\(\?:a\.\*\)\$'\)/]
  ] as const) {
    const { code, message } = await sim.complete(settled(scene.consumer.run(to, () => {}, { retry })))
    assert.equal(code, 'INVALID_CONFIG')
    assert.match(message ?? '', advice)
  }
  await scene.close()
})

test('what is taken in of a retry topic that waits is bounded, and others have room', async () => {
  const scene = await Scene.start({ a: [], 'a.retry.1': [] }, { maxPollRecords: 5 })
  const due = { key: 'retry.due.ms', value: String(scene.fake.client.world.clock.now() + 60_000) }
  for (let number = 0; number < 50; number++) scene.logs.get('a.retry.1')?.push(letter(`${number}`, [due]))
  const stop = new AbortController()
  const run = scene.run({ retry: retryTopics({ delaysMs: [60_000] }), signal: stop.signal }, () => false)
  await scene.fake.sim.advance(5000)
  for (let number = 0; number < 20; number++) scene.logs.get('a')?.push(letter(`${number}`))
  await scene.until(() => scene.whats.length === 20, 2000)
  const lag = scene.consumer.lag().find((place) => place.topic === 'a.retry.1')?.lag ?? 0
  assert.ok(lag >= 40 && lag < 50, `${lag} are left to take`)
  await scene.until(() => scene.committed.get('a.retry.1') === 50)
  stop.abort()
  assert.equal((await scene.fake.sim.complete(run)).error, undefined)
  await scene.close()
})
