// Consumers, coordinator moves and failing writes in random order. What must hold (RELIABILITY.md):
// G1 within a generation each partition has one owner at most, and who is told that its generation is current is told so
//    of the newest generation there is;
// G2 a commit that was acknowledged is never gone and never older again, also after the coordinator moved;
// and when the trouble is over the group becomes stable, every partition owned.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrng, type Prng } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'
import { GroupBench } from '../support/group-bench.ts'
import { PARTITIONS, SimConsumer, type SimObserver } from '../support/sim-consumer.ts'

const SEEDS = 120
const STEPS = 250

class Simulation implements SimObserver {
  readonly random: Prng
  readonly consumers: SimConsumer[] = []
  readonly totals = { assigned: 0, committed: 0, moves: 0 }
  bench!: GroupBench
  /** Who was given what, by generation. */
  readonly #owners = new Map<number, Map<number, string>>()
  #newestGeneration = 0
  #offset = 0
  /** The greatest acknowledged commit of each partition. */
  readonly #committed = new Map<number, number>()

  constructor(seed: number) {
    this.random = createPrng(`interleaving ${seed}`)
  }

  async start(): Promise<void> {
    const { random } = this
    this.bench = await GroupBench.start({ seed: random.uint32(), config: { initialRebalanceDelayMs: random.pick([0, 1_000, 3_000]) } })
    const group = this.bench.group()
    for (let index = 0; index < random.between(2, 6); index++) {
      this.consumers.push(
        new SimConsumer({
          name: `c${index}`,
          isStatic: random.chance(0.4),
          bench: this.bench,
          group,
          random: random.fork(`c${index}`),
          observer: this
        })
      )
    }
  }

  onAssigned(consumer: SimConsumer, generationId: number, partitions: readonly number[]): void {
    this.totals.assigned++
    let owners = this.#owners.get(generationId)
    if (owners === undefined) {
      owners = new Map()
      this.#owners.set(generationId, owners)
    }
    // A static member that comes back takes over what its instance had.
    const owner = consumer.groupInstanceId ?? consumer.memberId
    for (const partition of partitions) {
      const other = owners.get(partition)
      assert.ok(
        other === undefined || other === owner,
        `G1: partition ${partition} of generation ${generationId} belongs to ${other} and ${owner}`
      )
      owners.set(partition, owner)
    }
    this.#newestGeneration = Math.max(this.#newestGeneration, generationId)
  }

  onHeartbeat(consumer: SimConsumer, generationId: number): void {
    assert.ok(
      generationId >= this.#newestGeneration,
      `G1: ${consumer.name} is current in generation ${generationId}, others in ${this.#newestGeneration}`
    )
  }

  nextOffset(): number {
    return this.#offset++
  }

  onCommitted(partition: number, offset: number): void {
    this.totals.committed++
    this.#committed.set(partition, Math.max(this.#committed.get(partition) ?? -1, offset))
  }

  async step(): Promise<void> {
    const { random, bench } = this
    switch (random.below(40)) {
      case 0:
        random.pick(this.consumers).crash()
        return
      case 1:
        random.pick(this.consumers).leave()
        return
      case 2:
        random.pick(this.consumers).resubscribe()
        return
      case 3:
        random.pick(this.consumers).retry()
        return
      case 4:
        bench.log.failures.push(random.pick([ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.MESSAGE_TOO_LARGE]))
        return
      case 5:
        if (random.chance(0.3)) bench.log.isAutoCommitting = !bench.log.isAutoCommitting
        return
      case 6:
        if (random.chance(0.3)) await this.#move()
        return
      default:
        for (const consumer of this.consumers) if (random.chance(0.7)) consumer.step()
        return random.chance(0.5) ? bench.advance(random.below(2_500)) : bench.world.settle()
    }
  }

  /** The new coordinator has what was committed; what was not may be lost with the old one. */
  async #move(): Promise<void> {
    const { bench, random } = this
    await bench.world.settle()
    if (random.chance(0.5)) bench.log.loseUncommitted()
    else bench.log.commit()
    await bench.failOver()
    this.totals.moves++
  }

  async checkCommits(): Promise<void> {
    if (this.bench.coordinator.availability(0) !== 0) return
    for (const [partition, offset] of this.#committed) {
      const fetched = await this.bench.group().offset(partition)
      assert.ok(fetched >= offset, `G2: ${offset} of partition ${partition} was acknowledged, ${fetched} is there`)
    }
  }

  async heal(): Promise<void> {
    const { bench } = this
    bench.log.failures.length = 0
    bench.log.isAutoCommitting = true
    bench.log.commit()
    for (let second = 0; second < 400; second++) {
      for (const consumer of this.consumers) {
        // What was parked with a coordinator that is gone is given up by the client's request timeout.
        if (second % 60 === 0) consumer.retry()
        consumer.step()
      }
      await bench.advance(1_000)
    }
    assert.ok(
      this.consumers.every(({ state }) => state === 'stable'),
      `not stable: ${this.consumers.map(({ name, state }) => `${name} ${state}`).join(', ')}`
    )
    const owned = this.consumers.flatMap(({ partitions }) => partitions).sort()
    assert.deepEqual(
      owned,
      Array.from({ length: PARTITIONS }, (_, partition) => partition)
    )
    assert.equal(bench.group().describe().members.length, this.consumers.length)
    const before = bench.group().describe()
    await bench.failOver()
    const sorted = (group: typeof before) => ({ ...group, members: [...group.members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1)) })
    assert.deepEqual(sorted(bench.group().describe()), sorted(before), 'the log says of the group what the coordinator knew')
    await this.checkCommits()
  }
}

test(`one owner a partition and no lost commit over ${SEEDS} random runs of ${STEPS} steps`, async (t) => {
  const totals = { assigned: 0, committed: 0, moves: 0 }
  for (let seed = 0; seed < SEEDS; seed++) {
    const simulation = new Simulation(seed)
    try {
      await simulation.start()
      for (let step = 0; step < STEPS; step++) {
        await simulation.step()
        if (step % 10 === 9) await simulation.checkCommits()
      }
      await simulation.heal()
      simulation.bench.coordinator.close()
      await simulation.bench.world.settle()
      assert.equal(simulation.bench.world.pendingTimers, 0, 'timers stayed behind')
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error })
    }
    for (const key of ['assigned', 'committed', 'moves'] as const) totals[key] += simulation.totals[key]
  }
  t.diagnostic(JSON.stringify(totals))
  assert.ok(totals.assigned > SEEDS * 20 && totals.committed > SEEDS * 20 && totals.moves > SEEDS, JSON.stringify(totals))
})
