// The law of log-replicated state: what a shard holds is the fold of replay over the records of its log, at the newest
// offset and at the committed one, whatever was written, refused, lost, rolled back or loaded again in between.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrng, type Prng } from '@odradek/base'
import { decodeRecords, ErrorCode, iterateBatches } from '@odradek/protocol'
import { type CounterRuntime, type CounterShard, createCounterRuntime, failed, setRecordSerde } from '../support/counter-shard.ts'
import { MemoryLog } from '../support/memory-log.ts'
import { VirtualWorld } from '../support/virtual-world.ts'

const SEEDS = 300
const STEPS = 120

/** The state that the log's records make, up to an offset. */
function fold(log: MemoryLog, endOffset: number): Record<string, number> {
  const values = new Map<string, number>()
  const pending = new Map<number, { name: string; value: number | null }[]>()
  const apply = ({ name, value }: { name: string; value: number | null }): unknown =>
    value === null ? values.delete(name) : values.set(name, value)
  for (const batch of iterateBatches(log.bytes())) {
    if (batch.baseOffset >= endOffset) break
    for (const { key, value } of decodeRecords(batch)) {
      assert.ok(key !== null)
      if (batch.isControl) {
        if (key.readInt16BE(2) === 1) for (const record of pending.get(batch.producerId) ?? []) apply(record)
        pending.delete(batch.producerId)
        continue
      }
      const record = setRecordSerde.decode(key, value)
      assert.ok(record !== undefined)
      if (batch.isTransactional) pending.set(batch.producerId, [...(pending.get(batch.producerId) ?? []), record])
      else apply(record)
    }
  }
  return Object.fromEntries([...values].sort())
}

class Run {
  readonly random: Prng
  readonly world: VirtualWorld
  readonly log: MemoryLog
  readonly runtime: CounterRuntime
  /** Values that a client was told are written, with their unique names. */
  readonly acknowledged = new Set<string>()
  readonly refused = new Set<string>()
  #epoch = 0
  #count = 0

  constructor(seed: number) {
    this.random = createPrng(`law ${seed}`)
    this.world = new VirtualWorld(seed)
    this.log = new MemoryLog(this.world)
    this.log.maxBytes = this.random.pick([150, 400, 1_000_000])
    this.runtime = createCounterRuntime(this.world, this.log, { appendLingerMs: this.random.pick([-1, 0, 5]), loadBufferBytes: 200 })
  }

  async start(): Promise<void> {
    this.runtime.load(0, ++this.#epoch)
    await this.world.advance(0)
  }

  async step(): Promise<void> {
    const { random, log, runtime, world } = this
    switch (random.below(12)) {
      case 0:
        log.failures.push(random.pick([ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.KAFKA_STORAGE_ERROR]))
        return
      case 1:
        return world.settle()
      case 2:
        return world.advance(random.below(3_000))
      case 3:
        log.isAutoCommitting = !log.isAutoCommitting
        return
      case 4: {
        const ends = log.partition(0).batches.map(({ nextOffset }) => nextOffset)
        if (ends.length > 0) log.commit(0, random.pick(ends))
        return
      }
      case 5:
        return this.#upset()
      case 6: {
        const producer = { producerId: random.below(3), producerEpoch: 0 }
        void runtime.writeTransactional('set', 0, producer, (shard) => shard.set([`t${random.below(5)}`, random.below(100)]), failed)
        return
      }
      case 7:
        void runtime.completeTransaction(0, {
          producerId: random.below(3),
          producerEpoch: 0,
          coordinatorEpoch: 0,
          isCommit: random.chance(0.5)
        })
        return
      default:
        this.#write()
    }
  }

  async #upset(): Promise<void> {
    const draw = this.random.below(10)
    if (draw < 2) this.log.loseUncommitted()
    else if (draw < 4) await this.start()
  }

  #write(): void {
    const { random } = this
    const unique = `u${this.#count++}`
    const records: [string, number | null][] = [[unique, 1]]
    for (let extra = random.below(3); extra > 0; extra--)
      records.push([`k${random.below(8)}`, random.chance(0.3) ? null : random.below(100)])
    const isSplittable = random.chance(0.1)
    const answer = this.runtime.write('set', 0, (shard) => ({ ...shard.set(...records), isSplittable }), failed)
    void Promise.resolve(answer).then((outcome) => {
      if (!outcome.startsWith('error')) this.acknowledged.add(unique)
      // What timed out may yet be written, and of what was split a part may be.
      else if (!isSplittable && outcome !== `error ${ErrorCode.REQUEST_TIMED_OUT}` && outcome !== `error ${ErrorCode.NOT_COORDINATOR}`)
        this.refused.add(unique)
    })
  }

  async check(): Promise<void> {
    const { world, log, runtime } = this
    await world.settle()
    await world.advance(20)
    if (runtime.availability(0) !== 0) return
    const shard = runtime.read<CounterShard | undefined>(
      0,
      (found) => found,
      () => undefined
    )
    assert.deepEqual(shard?.snapshot(), fold(log, Number.POSITIVE_INFINITY), 'newest state')
    const committed = runtime.read(
      0,
      (found, offset) => found.snapshot(offset),
      () => ({})
    )
    assert.deepEqual(committed, fold(log, log.partition(0).highWatermark), 'committed state')
    const written = fold(log, log.partition(0).highWatermark)
    for (const name of this.acknowledged) assert.ok(name in written, `${name} was acknowledged and is not there`)
    for (const name of this.refused) assert.ok(!(name in written), `${name} was refused and is there`)
  }
}

test(`the law holds over ${SEEDS} random runs of ${STEPS} steps`, async (t) => {
  const totals = { acknowledged: 0, refused: 0 }
  for (let seed = 0; seed < SEEDS; seed++) {
    const run = new Run(seed)
    try {
      await run.start()
      for (let step = 0; step < STEPS; step++) {
        await run.step()
        if (step % 10 === 9) await run.check()
      }
      run.log.isAutoCommitting = true
      run.log.failures.length = 0
      run.log.commit()
      await run.world.advance(10_000)
      await run.check()
      const before = fold(run.log, Number.POSITIVE_INFINITY)
      await run.start()
      await run.check()
      assert.deepEqual(fold(run.log, Number.POSITIVE_INFINITY), before)
      totals.acknowledged += run.acknowledged.size
      totals.refused += run.refused.size
      run.runtime.close()
      await run.world.settle()
      assert.equal(run.world.pendingTimers, 0)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  t.diagnostic(JSON.stringify(totals))
  assert.ok(totals.acknowledged > SEEDS * 5 && totals.refused > SEEDS, 'the runs did something')
})
