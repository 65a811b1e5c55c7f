// Groups of consumers among faults of all kinds, with members that are killed: every record is worked on, nothing is committed ahead of
// the work, keys keep their order, and nobody stalls. The same for run, for stream (left by break again and again) and for poll.
import assert from 'node:assert/strict'
import { backoff, type Consumer, type ConsumerOptions, type ConsumerRecord, KafkaError, retryTopics, string, topic } from '@odradek/client'
import { sweepSeeds } from '@odradek/testkit'
import type { SimNode, Simulation } from '@odradek/world/sim'
import { FaultWorld } from './fault-world.ts'

const RECORDS = 240
const orders = topic('orders', { key: string(), value: string() })

type Orders = Consumer<string, string>
type Order = ConsumerRecord<string, string>
/** Works until the signal says that it is enough; may reject with what poll rejects with. */
type Worker = (stage: Stage, consumer: Orders, node: SimNode, signal: AbortSignal) => Promise<void>

/** A stage with a topic, its records, and members that work on them. */
class Stage {
  readonly world: FaultWorld
  readonly random: Simulation['prng']
  readonly options: ConsumerOptions<string, string>
  /** What workers rejected with. */
  readonly errors: KafkaError[] = []
  readonly #worker: Worker
  readonly #stop = new AbortController()
  readonly #members: { node: SimNode; done: Promise<unknown> }[] = []

  constructor(world: FaultWorld, worker: Worker, options: ConsumerOptions<string, string>) {
    this.world = world
    this.random = world.sim.prng.fork('work')
    this.options = options
    this.#worker = worker
  }

  get sim(): Simulation {
    return this.world.sim
  }

  async fill(): Promise<void> {
    await this.world.createTopics('orders', 'orders.dlq')
    const kafka = this.world.kafka(this.sim.node('shop'))
    const random = this.sim.prng.fork('records')
    const records = Array.from({ length: RECORDS }, (_, number) => ({ key: `k${random.below(15)}`, value: `r${number}` }))
    for (const { key, value } of records) this.world.history.sending(value, key)
    await this.sim.complete(kafka.producer({ batchSize: 300 }).sendBatch(orders, records))
    for (const { value } of records) this.world.history.acknowledged(value)
    await this.sim.complete(kafka.close())
  }

  start(name: string): void {
    const node = this.sim.node(name)
    const member = { node, done: this.#work(node) }
    this.#members.push(member)
  }

  /** One record, with the time that it takes. */
  async handle(record: Order, node: SimNode, fails = false): Promise<void> {
    const ends = this.world.history.begins(record)
    const slowest = this.random.chance(0.02) ? 2_000 : 60
    await sleep(node, this.random.below(slowest))
    ends(!fails)
    if (fails) throw new Error('this handler fails')
  }

  killSome(): void {
    const random = this.sim.prng.fork('kills')
    for (let at = random.below(8_000); at < 20_000; at += 4_000 + random.below(8_000)) {
      this.sim.at(at, 'kill a member', () => {
        const member = random.pick(this.#members)
        if (!member.node.isAlive) return
        member.node.kill()
        member.done = Promise.resolve()
        this.sim.at(random.below(3_000), 'start a member', () => {
          member.node.restart()
          member.done = this.#work(member.node)
        })
      })
    }
  }

  /** Until the group has done it all and said so; then everybody goes. */
  async finish(count: number, ends: readonly number[]): Promise<void> {
    const { history } = this.world
    await this.sim.run({ until: () => history.finishedCount >= count, maxVirtualMs: 180_000 })
    for (let seconds = 0; seconds < 120 && (await this.offsets()).join() !== ends.join(); seconds++) await this.sim.advance(1_000)
    await this.end()
    assert.deepEqual(await this.offsets(), ends)
  }

  async end(): Promise<void> {
    this.#stop.abort()
    await this.sim.run({ until: () => this.#members.every(({ node }) => node.isAlive), maxVirtualMs: 10_000 })
    await this.sim.complete(Promise.all(this.#members.map(({ done }) => done)))
  }

  /** Where the group stands, partition by partition. */
  async offsets(topic = 'orders'): Promise<(number | undefined)[]> {
    const kafka = this.world.kafka(this.sim.node('admin'))
    const groups = await this.sim.complete(kafka.admin().listConsumerGroupOffsets(['g']).then())
    await this.sim.complete(kafka.close())
    return [0, 1, 2].map((partition) => groups.get('g')?.offsets.get(`${topic}-${partition}`)?.offset)
  }

  /** Goes on with a new consumer when a poll throws what another one may mend. */
  async #work(node: SimNode): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const kafka = this.world.kafka(node)
      const consumer = kafka.consumer<string, string>({
        groupId: 'g',
        groupProtocol: 'classic',
        autoOffsetReset: 'earliest',
        sessionTimeoutMs: 6_000,
        heartbeatIntervalMs: 500,
        autoCommitIntervalMs: 300,
        maxPollRecords: 20,
        ...this.options
      })
      try {
        await this.#worker(this, consumer, node, this.#stop.signal)
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        this.errors.push(error)
      }
      await kafka.close()
    }
  }
}

const isPoison = ({ value }: Order): boolean => Number(value?.slice(1)) % 41 === 40

const sleep = (node: SimNode, ms: number): Promise<void> => new Promise((resolve) => void node.world.timers.schedule(ms, resolve))

const movedOn: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS'])

async function consume(sim: Simulation, worker: Worker, options: ConsumerOptions<string, string>, hasDeadLetters = false): Promise<void> {
  const world = await FaultWorld.start(sim)
  const stage = new Stage(world, worker, options)
  await stage.fill()
  for (const name of ['m1', 'm2', 'm3']) stage.start(name)
  await sim.advance(1_000)
  world.storm({ topics: ['orders'] })
  stage.killSome()
  await sim.advance(20_000)
  await world.calm()
  const log = await world.log('orders')
  const ends = [0, 1, 2].map((partition) => log.filter((record) => record.partition === partition).length)
  await stage.finish(RECORDS, ends)
  world.history.check(log, { isIdempotent: true })
  // Only who commits by hand hears of the group; what passes is tried again inside.
  const errors = stage.errors.filter(({ code }) => !(worker === poll && movedOn.has(code)))
  assert.deepEqual(errors, [])
  if (hasDeadLetters) assert.ok(world.deadLetters >= Math.floor(RECORDS / 41))
}

const run: Worker = (stage, consumer, node, signal) =>
  consumer.run(
    orders,
    (record, { attempt }) => stage.handle(record, node, isPoison(record) || (attempt < 3 && stage.random.chance(0.05))),
    { signal, concurrency: { by: 'key', max: 4 }, retry: backoff(2, { initialMs: 20 }), deadLetter: 'orders.dlq' }
  )

/** Leaves the loop in the middle of a record now and then. */
const stream: Worker = async (stage, consumer, node, signal) => {
  while (!signal.aborted) {
    for await (const record of consumer.stream(orders, { signal })) {
      if (stage.random.chance(0.04)) break
      await stage.handle(record, node)
    }
  }
}

const poll: Worker = async (stage, consumer, node, signal) => {
  consumer.subscribe([orders])
  while (!signal.aborted) {
    const records = await consumer.poll(200)
    for (const record of records) await stage.handle(record, node)
    if (stage.random.chance(0.5)) await consumer.commitSync()
  }
}

sweepSeeds('run by key among faults works on everything, in order, and commits nothing ahead (range)', { seeds: 4 }, (sim) =>
  consume(sim, run, { partitionAssignmentStrategy: 'range' }, true)
)

sweepSeeds('run by key among faults works on everything, and commits nothing ahead (cooperative-sticky)', { seeds: 4 }, (sim) =>
  consume(sim, run, { partitionAssignmentStrategy: 'cooperative-sticky' }, true)
)

sweepSeeds('streams that are left by break among faults work on everything and commit nothing ahead', { seeds: 4 }, (sim) =>
  consume(sim, stream, {})
)

sweepSeeds('polls among faults work on everything and commit nothing ahead', { seeds: 4 }, (sim) => consume(sim, poll, {}))

const retryNames = ['orders.retry.1', 'orders.retry.2']
const fails = ({ value }: Order): boolean => Number(value?.slice(1)) % 13 === 12

/** Where the log of each partition ends. */
async function endsOf(world: FaultWorld, name: string): Promise<number[]> {
  const log = await world.log(name)
  return [0, 1, 2].map((each) => Math.max(0, ...log.filter(({ partition }) => partition === each).map(({ offset }) => offset + 1)))
}

sweepSeeds(
  'retry topics among faults lose nothing: what fails is tried each time, then a dead letter, and all is committed',
  { seeds: 4 },
  async (sim) => {
    const world = await FaultWorld.start(sim)
    const succeeded = new Set<string>()
    const attempts = new Map<string, Set<number>>()
    const worker: Worker = (stage, consumer, node, signal) =>
      consumer.run(
        orders,
        async (record, { attempt }) => {
          const value = String(record.value)
          attempts.set(value, (attempts.get(value) ?? new Set()).add(attempt))
          await stage.handle(record, node, fails(record) || (attempt < 3 && stage.random.chance(0.05)))
          succeeded.add(value)
        },
        {
          signal,
          concurrency: { by: 'key', max: 4 },
          retry: retryTopics({ delaysMs: [500, 3_000] }),
          deadLetter: 'orders.dlq'
        }
      )
    const stage = new Stage(world, worker, { partitionAssignmentStrategy: 'cooperative-sticky', autoOffsetReset: 'earliest' })
    await stage.fill()
    await world.createTopics(...retryNames)
    for (const name of ['m1', 'm2', 'm3']) stage.start(name)
    await sim.advance(1_000)
    world.storm({ topics: ['orders', ...retryNames, 'orders.dlq'] })
    stage.killSome()
    await sim.advance(20_000)
    await world.calm()
    const log = await world.log('orders')
    const expected = log.map(({ id }) => id).filter((id) => Number(id.slice(1)) % 13 === 12)
    const isDone = async (): Promise<boolean> => {
      const dead = new Set((await world.log('orders.dlq')).map(({ id }) => id))
      if (succeeded.size < RECORDS - expected.length || dead.size < expected.length) return false
      for (const name of ['orders', ...retryNames]) {
        const [offsets, ends] = [await stage.offsets(name), await endsOf(world, name)]
        if (ends.some((end, at) => (offsets[at] ?? 0) !== end)) return false
      }
      return true
    }
    let seconds = 0
    for (; seconds < 180 && !(await isDone()); seconds++) await sim.advance(1_000)
    assert.ok(seconds < 180, `stalled: ${succeeded.size} succeeded, ${world.deadLetters} dead letters seen; ${stage.errors[0]}`)
    await stage.end()
    assert.deepEqual(stage.errors, [])
    world.history.check(log, { isIdempotent: true })
    const dead = (await world.log('orders.dlq')).map(({ id }) => id)
    assert.deepEqual([...new Set(dead)].sort(), expected.toSorted())
    assert.ok(expected.length > 10)
    for (const id of expected) assert.deepEqual([...(attempts.get(id) ?? [])].sort(), [1, 2, 3])
    assert.ok(expected.every((id) => !succeeded.has(id)))
  }
)
