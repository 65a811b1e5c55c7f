// The cleaner on a disk that dies under it: whatever step of the swap a crash meets, the log opens with every record it
// had or with those that cleaning leaves, at their offsets, and with the latest value of each key.

import assert from 'node:assert/strict'
import type { Prng } from '@odradek/base'
import { sweepSeeds } from '@odradek/testkit'
import type { World } from '@odradek/world'
import type { SimNode, Simulation } from '@odradek/world/sim'
import { Cleaner } from '../src/cleaner/cleaner.ts'
import type { LogConfig } from '../src/log-config.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { appendMarker, batchOf, createLog, logConfig, openManager, readAll } from './support.ts'

interface Written {
  key: string
  value: string | null
  isTransactional: boolean
  /** Undefined until its transaction ended. */
  isAborted: boolean | undefined
}

interface Run {
  sim: Simulation
  node: SimNode
  random: Prng
  config: LogConfig
  /** By offset. */
  written: Map<number, Written>
  acked: number
  /** The open transaction of producer 1. */
  open: number[]
  epoch: number
  sequence: number
  passes: number
}

const START = Date.UTC(2026, 0, 1)

sweepSeeds('cleaning loses no latest value and moves no record, whenever it is interrupted', { seeds: 60 }, async (sim, seed) => {
  const random = sim.prng.fork('workload')
  const config = logConfig({
    isCompact: true,
    isDelete: false,
    segmentBytes: random.pick([700, 2000]),
    indexIntervalBytes: random.pick([64, 400]),
    minCleanableDirtyRatio: random.pick([0, 0.3]),
    deleteRetentionMs: random.pick([0, 50, 100_000]),
    fileDeleteDelayMs: random.pick([0, 20, 60_000]),
    durability: 'sync'
  })
  const run: Run = {
    sim,
    node: sim.node(`disk-${seed}`),
    random,
    config,
    written: new Map(),
    acked: 0,
    open: [],
    epoch: 0,
    sequence: 0,
    passes: 0
  }
  let world = run.node.world
  for (let life = 0; life < 5; life++) {
    const kind = random.pick(['kill', 'power-loss'] as const)
    run.node.crashAtEffect(random.between(50, 400), kind)
    void live(run, world).catch((error: unknown) => {
      if (run.node.isAlive) sim.fail(error)
    })
    await sim.run({ until: () => !run.node.isAlive, maxVirtualMs: 600_000 })
    world = run.node.restart()
    await check(run, world)
    run.node.kill()
    world = run.node.restart()
  }
})

async function live(run: Run, world: World): Promise<void> {
  const { node, random, config } = run
  const manager = await openManager(world, { config })
  const log = await createLog(manager, config)
  log.updateHighWatermark(log.ackOffset)
  log.setListener({
    onWritten: (offset) => {
      run.acked = Math.max(run.acked, offset)
      log.updateHighWatermark(offset)
    },
    onFailed: (error) => run.sim.fail(error)
  })
  const cleaner = new Cleaner(manager)
  for (;;) {
    const count = random.between(1, 12)
    for (let i = 0; i < count; i++) appendSomething(run, log)
    await new Promise<void>((resolve) => world.timers.schedule(random.float() * 10, resolve))
    if (!node.isAlive) return
    if (random.below(3) === 0) {
      await cleaner.runOnce()
      run.passes++
      await checkContent(run, log)
    }
  }
}

function appendSomething(run: Run, log: PartitionLog): void {
  const { random } = run
  const offset = log.logEndOffset
  const options = { origin: 'client', leaderEpoch: 0, now: START } as const
  if (run.open.length > 0 && random.below(4) === 0) {
    const isAborted = random.below(2) === 0
    appendMarker(log, { producerId: 1, producerEpoch: run.epoch, isAbort: isAborted, now: START })
    for (const each of run.open) run.written.get(each)!.isAborted = isAborted
    run.open = []
    run.epoch++
    run.sequence = 0
    return
  }
  const isTransactional = random.below(3) === 0
  const records = Array.from({ length: random.between(1, 3) }, (_, i) => ({
    key: `k${random.below(12)}`,
    value: random.below(5) === 0 ? null : `${offset + i}:${'v'.repeat(random.below(60))}`,
    timestamp: START
  }))
  const identity = isTransactional ? { producerId: 1, producerEpoch: run.epoch, baseSequence: run.sequence, isTransactional } : {}
  const compression = random.pick(['none', 'gzip', 'none'] as const)
  const result = log.append(batchOf(records, { ...identity, compression }), options)
  assert.equal(result.errorCode, 0, result.message ?? '')
  if (isTransactional) run.sequence += records.length
  records.forEach(({ key, value }, i) => {
    run.written.set(offset + i, { key, value, isTransactional, isAborted: isTransactional ? undefined : false })
    if (isTransactional) run.open.push(offset + i)
  })
}

async function check(run: Run, world: World): Promise<void> {
  const { sim, config } = run
  const manager = await sim.complete(openManager(world, { config }))
  const log = manager.get({ topic: 'topic', partition: 0 })
  assert.ok((log?.logEndOffset ?? 0) >= run.acked, `log ends at ${log?.logEndOffset}, ${run.acked} was acknowledged`)
  const end = log?.logEndOffset ?? 0
  for (const offset of [...run.written.keys()]) if (offset >= end) run.written.delete(offset)
  const [open] = log?.producers.ongoingTxns ?? []
  const producer = log?.producers.entry(1)
  run.epoch = producer === undefined ? 0 : open === undefined ? producer.producerEpoch + 1 : producer.producerEpoch
  run.sequence = open === undefined ? 0 : (producer!.batches.at(-1)?.lastSequence ?? -1) + 1
  run.open =
    open === undefined
      ? []
      : [...run.written].filter(([offset, { isTransactional }]) => offset >= open.firstOffset && isTransactional).map(([offset]) => offset)
  for (const offset of run.open) run.written.get(offset)!.isAborted = undefined
  if (log === undefined) return
  await sim.complete(checkContent(run, log))
}

async function checkContent(run: Run, log: PartitionLog): Promise<void> {
  const end = log.writtenOffset
  log.tail.clear()
  const found = await readAll(log)
  const left = new Map<string, string | null>()
  const aborted = await log.abortedTransactions(0, end)
  for (const { offset, key, value } of found) {
    const written = run.written.get(offset)
    assert.ok(written, `the record at ${offset} was written`)
    assert.deepEqual([String(key), value === null ? null : String(value)], [written.key, written.value], `record at ${offset}`)
    const isAborted = written.isAborted === true && offset < end
    if (isAborted)
      assert.ok(
        aborted.some((txn) => txn.firstOffset <= offset && offset < txn.lastOffset),
        `the reader can know that ${offset} is aborted`
      )
    if (written.isAborted === false && offset < end) left.set(written.key, written.value)
  }
  const latest = new Map<string, string | null>()
  for (const [offset, { key, value, isAborted }] of [...run.written].sort(([a], [b]) => a - b))
    if (offset < end && isAborted === false) latest.set(key, value)
  for (const [key, value] of latest) assert.equal(left.get(key) ?? null, value, `the latest value of ${key}`)
  for (const key of left.keys()) assert.ok(latest.has(key))
}
