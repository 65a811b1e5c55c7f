// A log on a disk that loses power, is killed at any effect and tears writes: after every crash it must open to a prefix of
// what was appended that holds everything acknowledged (all of it after a kill; what was synced after a power loss), with
// indexes, producers and epochs that follow from its batches.

import assert from 'node:assert/strict'
import type { Prng } from '@odradek/base'
import { decodeRecords, iterateBatches } from '@odradek/protocol'
import { sweepSeeds } from '@odradek/testkit'
import type { World } from '@odradek/world'
import type { SimNode, Simulation } from '@odradek/world/sim'
import type { LogConfig } from '../src/log-config.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { ProducerState } from '../src/producer-state.ts'
import { appendMarker, batchOf, createLog, logConfig, openManager } from './support.ts'

interface Model {
  /** Every appended batch with the offsets it got. */
  batches: { baseOffset: number; nextOffset: number; text: string; isControl: boolean }[]
  /** Acknowledged before the crash. */
  acked: number
  /** On disk by an explicit flush. */
  flushed: number
  sequences: Map<number, number>
  openTxns: Set<number>
}

interface Run {
  sim: Simulation
  node: SimNode
  random: Prng
  config: LogConfig
  model: Model
}

sweepSeeds('a log opens to a valid prefix with everything acknowledged after any crash', { seeds: 60 }, async (sim, seed) => {
  const random = sim.prng.fork('workload')
  const config = logConfig({
    segmentBytes: random.pick([900, 2500, 20_000]),
    indexIntervalBytes: random.pick([64, 400, 4096]),
    flushMessages: random.pick([1, 7, Number.MAX_SAFE_INTEGER]),
    durability: random.pick(['page-cache', 'sync'] as const)
  })
  const model: Model = { batches: [], acked: 0, flushed: 0, sequences: new Map(), openTxns: new Set() }
  const run: Run = { sim, node: sim.node(`disk-${seed}`), random, config, model }
  let world = run.node.world
  for (let life = 0; life < 5; life++) {
    const kind = random.pick(['kill', 'power-loss'] as const)
    await liveAndDie(run, world, kind)
    world = run.node.restart()
    await checkAfterCrash(run, world, kind)
    run.node.crash('kill')
    world = run.node.restart()
  }
})

async function liveAndDie(run: Run, world: World, kind: 'kill' | 'power-loss'): Promise<void> {
  const { sim, node, random } = run
  node.crashAtEffect(random.between(1, 120), kind)
  void live(run, world).catch((error: unknown) => {
    if (node.isAlive) sim.fail(error)
  })
  await sim.run({ until: () => !node.isAlive, maxVirtualMs: 600_000 })
}

async function live(run: Run, world: World): Promise<void> {
  const { node, random, config, model } = run
  const settings = { initialTaskDelayMs: 0, recoveryPointCheckpointMs: random.pick([3, 20, 60_000]), highWatermarkCheckpointMs: 10 }
  const manager = await openManager(world, { config, settings })
  const log = await createLog(manager, config)
  manager.start()
  log.setListener({
    onWritten: (offset) => {
      model.acked = Math.max(model.acked, offset)
      log.updateHighWatermark(offset)
    },
    onFailed: (error) => run.sim.fail(error)
  })
  for (;;) {
    const count = random.between(1, 6)
    for (let i = 0; i < count; i++) appendSomething(run, log)
    const action = random.below(10)
    if (action === 0) {
      const offset = log.logEndOffset
      await log.flush()
      model.flushed = Math.max(model.flushed, offset)
    } else if (action === 1) {
      log.roll(world.clock.now())
    } else if (action === 2 && random.below(10) === 0) {
      await manager.shutdown({ clean: true, brokerEpoch: 1 })
      model.flushed = Math.max(model.flushed, log.logEndOffset)
      node.kill()
    } else if (action < 5) {
      await log.writer.whenWritten(log.logEndOffset)
    } else {
      await new Promise<void>((resolve) => world.timers.schedule(random.float() * 3, resolve))
    }
    if (!node.isAlive) return
    if (random.below(4) === 0) await checkReads(run, log)
  }
}

function appendSomething({ random, model }: Run, log: PartitionLog): void {
  const text = `${log.logEndOffset}:${random.bytes(random.between(1, 200)).toString('base64')}`
  const producerId = random.below(4)
  const options = {
    origin: 'client',
    leaderEpoch: random.below(20) === 0 ? log.latestEpoch + 1 : Math.max(log.latestEpoch, 0),
    now: Date.UTC(2026, 0, 1)
  } as const
  const baseOffset = log.logEndOffset
  if (producerId === 3 && model.openTxns.has(3)) {
    appendMarker(log, { producerId: 3, producerEpoch: 0, isAbort: random.below(2) === 0, now: options.now })
    model.openTxns.delete(3)
    model.batches.push({ baseOffset, nextOffset: log.logEndOffset, text: '', isControl: true })
    return
  }
  const sequence = model.sequences.get(producerId) ?? 0
  const identity = producerId === 0 ? {} : { producerId, producerEpoch: 0, baseSequence: sequence, isTransactional: producerId === 3 }
  const result = log.append(batchOf([text, `${text}'`], { ...identity, timestamp: options.now }), options)
  assert.equal(result.errorCode, 0, result.message ?? '')
  assert.equal(result.baseOffset, baseOffset)
  model.batches.push({ baseOffset, nextOffset: log.logEndOffset, text, isControl: false })
  model.sequences.set(producerId, sequence + 2)
  if (producerId === 3) model.openTxns.add(3)
}

async function checkReads({ random, model }: Run, log: PartitionLog): Promise<void> {
  if (log.writtenOffset === 0) return
  const offset = random.below(log.writtenOffset)
  const result = await log.read(offset, { maxBytes: random.pick([1, 300, 100_000]), minOneBatch: true })
  assert.equal(result.errorCode, 0)
  let next = -1
  for (const batch of iterateBatches(Buffer.concat(result.buffers))) {
    assert.ok(batch.isValid())
    if (next < 0)
      assert.ok(batch.baseOffset <= offset && offset < batch.nextOffset, `${batch.baseOffset} <= ${offset} < ${batch.nextOffset}`)
    else assert.equal(batch.baseOffset, next)
    next = batch.nextOffset
    const known = model.batches.find(({ baseOffset }) => baseOffset === batch.baseOffset)
    assert.ok(known)
    if (!known.isControl) assert.equal(String(decodeRecords(batch)[0].value), known.text)
  }
  assert.equal(result.nextOffset, next)
  result.release?.()
}

async function checkAfterCrash(run: Run, world: World, kind: 'kill' | 'power-loss'): Promise<void> {
  const { sim, config, model } = run
  const manager = await sim.complete(openManager(world, { config }))
  const log = manager.get({ topic: 'topic', partition: 0 })
  const promised = kind === 'kill' || config.durability === 'sync' || config.flushMessages <= 1 ? model.acked : model.flushed
  const end = log?.logEndOffset ?? 0
  assert.ok(end >= promised, `log ends at ${end}, ${promised} was promised (${kind}, ${config.durability})`)
  model.batches = model.batches.filter(({ baseOffset }) => baseOffset < end)
  const isSynced = config.durability === 'sync' || config.flushMessages <= 1
  model.acked = isSynced ? Math.min(model.acked, end) : end
  model.flushed = Math.min(model.flushed, end)
  if (log === undefined) return forget(model)
  await sim.complete(checkContent(log, model))
  await sim.complete(checkEveryOffset(log))
}

/** The log holds exactly the batches of the model, and its state is that of replaying them. */
async function checkContent(log: PartitionLog, model: Model): Promise<void> {
  const replayed = new ProducerState()
  const aborted: number[] = []
  const result = await log.read(0, { maxBytes: 1 << 20, minOneBatch: true })
  let at = 0
  for (let { buffers, nextOffset } = result; nextOffset <= log.logEndOffset && buffers.length > 0; ) {
    for (const batch of iterateBatches(Buffer.concat(buffers))) {
      const known = model.batches[at++]
      assert.equal(batch.baseOffset, known.baseOffset)
      assert.equal(batch.nextOffset, known.nextOffset)
      if (!known.isControl) assert.equal(String(decodeRecords(batch)[0].value), known.text)
      const completed = batch.producerId >= 0 ? replayed.apply(batch) : undefined
      if (completed?.isAborted) aborted.push(completed.lastOffset)
    }
    ;({ buffers, nextOffset } = await log.read(nextOffset, { maxBytes: 1 << 20, minOneBatch: true }))
  }
  assert.equal(at, model.batches.length, 'every batch is there')
  const stateOf = (state: ProducerState): unknown =>
    [...state.entries]
      .sort((a, b) => a.producerId - b.producerId)
      .map(({ batches, ...entry }) => ({ ...entry, lastSequence: batches.at(-1)?.lastSequence, lastOffset: batches.at(-1)?.lastOffset }))
  assert.deepEqual(stateOf(log.producers), stateOf(replayed), 'producers follow from the batches')
  assert.deepEqual(log.producers.ongoingTxns, replayed.ongoingTxns)
  const known = await log.abortedTransactions(0, Number.MAX_SAFE_INTEGER)
  assert.deepEqual(
    known.map(({ lastOffset }) => lastOffset),
    aborted,
    'aborted transactions follow from the batches'
  )
  forget(model)
  for (const entry of replayed.entries) {
    model.sequences.set(entry.producerId, (entry.batches.at(-1)?.lastSequence ?? -1) + 1)
    if (entry.currentTxnFirstOffset >= 0) model.openTxns.add(entry.producerId)
  }
}

function forget(model: Model): void {
  model.sequences.clear()
  model.openTxns.clear()
}

async function checkEveryOffset(log: PartitionLog): Promise<void> {
  log.tail.clear()
  for (let offset = log.logStartOffset; offset < log.logEndOffset; offset++) {
    const result = await log.read(offset, { maxBytes: 1, minOneBatch: true })
    const [batch] = iterateBatches(Buffer.concat(result.buffers))
    assert.ok(batch.baseOffset <= offset && offset < batch.nextOffset, `read of ${offset} gives ${batch.baseOffset}`)
    result.release?.()
  }
}
