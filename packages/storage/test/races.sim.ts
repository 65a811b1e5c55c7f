// What happens by the clock against what clients and the controller ask meanwhile: no order of the two loses a record or takes
// a healthy directory offline.

import assert from 'node:assert/strict'
import { sweepSeeds } from '@odradek/testkit'
import type { World } from '@odradek/world'
import type { SimNode, Simulation } from '@odradek/world/sim'
import { Cleaner } from '../src/cleaner/cleaner.ts'
import type { LogManager } from '../src/log-manager.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { deleteOldSegments } from '../src/retention.ts'
import { append, batchOf, createLog, logConfig, openManager, readAll, settle, values } from './support.ts'

const DIRS = ['/disks/a', '/disks/b']
const TP = { topic: 'topic', partition: 0 }
const settings = { initialTaskDelayMs: 0, retentionCheckMs: 1, flushSchedulerMs: 1, startOffsetCheckpointMs: 2 }

/** A log of several segments whose indexes are not in memory. */
async function reopened(node: SimNode, world: World, config = logConfig()): Promise<{ manager: LogManager; log: PartitionLog }> {
  const before = await openManager(node.world, { logDirs: DIRS, config })
  const log = await createLog(before, config)
  for (let i = 0; i < 12; i++) {
    append(log, batchOf([`value-${i}`], { timestamp: world.clock.now() }), world.clock.now())
    if (i % 3 === 2) log.roll(world.clock.now())
  }
  await settle(log)
  await before.shutdown({ clean: true })
  const manager = await openManager(world, { logDirs: DIRS, config, settings })
  return { manager, log: manager.get(TP)! }
}

async function open(sim: Simulation, config = logConfig()): Promise<{ node: SimNode; manager: LogManager; log: PartitionLog }> {
  const node = sim.node('a')
  const { manager, log } = await sim.complete(reopened(node, node.world, config))
  log.updateHighWatermark(log.logEndOffset)
  return { node, manager, log }
}

/** As the scheduler does it: what a move takes away from under it is for the next round. */
async function retain(log: PartitionLog): Promise<void> {
  const { generation } = log
  await deleteOldSegments(log).catch((error: unknown) => {
    if (generation === log.generation) throw error
  })
}

const areOnline = (manager: LogManager): boolean => manager.directories().every(({ isOffline }) => !isOffline)

sweepSeeds('a topic deleted under retention and flushing leaves its directory in use', { seeds: 60 }, async (sim) => {
  const random = sim.prng.fork('workload')
  const { manager } = await open(sim, logConfig({ retentionMs: 0, flushMs: 0, fileDeleteDelayMs: 0 }))
  manager.start()
  await sim.advance(random.float() * 4)
  await sim.complete(manager.delete(TP))
  const again = await sim.complete(createLog(manager))
  append(again, batchOf(['new']))
  await sim.advance(20)
  await sim.complete(settle(again))
  assert.ok(areOnline(manager))
  assert.deepEqual(await sim.complete(values(again)), ['new'])
  await sim.complete(manager.shutdown({ clean: true }))
})

sweepSeeds('retention deletes nothing that came while it looked, moved or was cut', { seeds: 50 }, async (sim) => {
  const random = sim.prng.fork('workload')
  const { node, manager, log } = await open(
    sim,
    logConfig({ retentionMs: 1000, segmentBytes: random.pick([200, 20_000]), fileDeleteDelayMs: 0 })
  )
  await sim.advance(5000)
  const retention = retain(log)
  const isMoved = random.below(2) === 0
  await sim.advance(random.float() * 2)
  const moving = isMoved ? manager.move(TP, log.directory.path === DIRS[0] ? DIRS[1] : DIRS[0]) : undefined
  const fresh: string[] = []
  for (let i = 0; i < 10; i++) {
    fresh.push(`fresh-${i}`)
    append(log, batchOf([`fresh-${i}`], { timestamp: node.world.clock.now() }), node.world.clock.now())
    log.updateHighWatermark(log.logEndOffset)
    if (random.below(3) === 0) await sim.advance(random.float())
    if (random.below(3) === 0) void retain(log).catch((error: unknown) => sim.fail(error))
  }
  await sim.complete(retention)
  await sim.complete(Promise.resolve(moving))
  await sim.complete(manager.whenMoved(TP))
  await sim.complete(settle(log))
  await sim.complete(retain(log))
  log.tail.clear()
  assert.ok(areOnline(manager))
  const left = (await sim.complete(values(log))).filter((value) => value.startsWith('fresh'))
  assert.deepEqual(left, fresh)
  await sim.advance(1000)
  node.crash('kill')
  const last = await sim.complete(openManager(node.restart(), { logDirs: DIRS }))
  const records = await sim.complete(readAll(last.get(TP)!))
  assert.deepEqual(
    records.map(({ value }) => String(value)).filter((value) => value.startsWith('fresh')),
    fresh
  )
  await sim.complete(last.shutdown({ clean: true }))
})

sweepSeeds('a topic deleted while its log moves, and made again, is empty whatever was under way', { seeds: 50 }, async (sim) => {
  const random = sim.prng.fork('workload')
  const config = logConfig({ fileDeleteDelayMs: random.pick([0, 60_000]) })
  const { node, manager, log } = await open(sim, config)
  log.tail.clear()
  const target = log.directory.path === DIRS[0] ? DIRS[1] : DIRS[0]
  const moving = manager.move(TP, target).catch(() => undefined)
  await sim.advance(random.float() * random.pick([0.1, 2, 30]))
  const deletion = manager.delete(TP)
  const again = await sim.complete(deletion.then(() => manager.create(TP, { topicId: 'AAAAAAAAQACAAAAAAAAAAA', config })))
  append(again, batchOf(['new']))
  await sim.complete(moving)
  await sim.complete(manager.whenMoved(TP))
  await sim.complete(settle(again))
  assert.ok(areOnline(manager))
  node.crash('kill')
  const last = await sim.complete(openManager(node.restart(), { logDirs: DIRS, config }))
  await sim.complete(last.whenMoved(TP))
  assert.deepEqual(await sim.complete(values(last.get(TP)!)), ['new'])
  assert.equal(last.get(TP)!.topicId, 'AAAAAAAAQACAAAAAAAAAAA')
  await sim.complete(last.shutdown({ clean: true }))
})

sweepSeeds('segments that retention takes while they are being cleaned do not come back', { seeds: 80 }, async (sim) => {
  const random = sim.prng.fork('workload')
  const node = sim.node('a')
  const config = logConfig({
    isCompact: true,
    isDelete: false,
    minCleanableDirtyRatio: 0,
    fileDeleteDelayMs: 0,
    segmentBytes: random.pick([100, 20_000])
  })
  const manager = await sim.complete(openManager(node.world, { logDirs: DIRS, config }))
  const log = await sim.complete(createLog(manager, config))
  for (let i = 0; i < 24; i++) {
    append(log, batchOf([{ key: `k${i % 5}`, value: `v${i}` }]))
    if (i % 4 === 3) log.roll(node.world.clock.now())
  }
  await sim.complete(settle(log))
  await sim.complete(log.flush())
  const cleaning = new Cleaner(manager).runOnce()
  await sim.advance(random.float() * random.pick([1, 10, 60]))
  const start = random.between(1, 23)
  log.advanceLogStartOffset(start)
  await sim.complete(retain(log))
  await sim.complete(cleaning)
  const check = async (current: PartitionLog): Promise<void> => {
    current.tail.clear()
    const bases = current.segments.map(({ baseOffset }) => baseOffset)
    assert.deepEqual(
      bases,
      [...new Set(bases)].sort((a, b) => a - b)
    )
    const found = await readAll(current)
    for (const { offset, value } of found) assert.equal(String(value), `v${offset}`)
    const offsets = found.map(({ offset }) => offset)
    for (let last = 19; last < 24; last++) if (last >= current.logStartOffset) assert.ok(offsets.includes(last), `${last} is there`)
    assert.equal(current.logEndOffset, 24)
  }
  assert.equal(log.logStartOffset, start)
  assert.ok(areOnline(manager))
  await sim.complete(check(log))
  await sim.advance(10)
  node.crash('kill')
  const last = await sim.complete(openManager(node.restart(), { logDirs: DIRS, config }))
  await sim.complete(check(last.get(TP)!))
  await sim.complete(last.shutdown({ clean: true }))
})
