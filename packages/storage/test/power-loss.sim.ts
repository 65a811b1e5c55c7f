// What a log knows beside its records must survive where the records do: a crash that takes it leaves a log that lies.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate, sweepSeeds } from '@odradek/testkit'
import { append, appendMarker, batchOf, createLog, logConfig, NOW, openManager, settle, values } from './support.ts'

const TP = { topic: 'topic', partition: 0 }

sweepSeeds('an aborted transaction below the recovery point stays aborted through a power loss', { seeds: 40 }, async (sim) => {
  const random = sim.prng.fork('workload')
  const node = sim.node('a')
  const durability = random.pick(['sync', 'page-cache'] as const)
  const config = logConfig({ durability })
  const settings = { initialTaskDelayMs: 0, recoveryPointCheckpointMs: 10 }
  let manager = await sim.complete(openManager(node.world, { config, settings }))
  let log = await sim.complete(createLog(manager, config))
  append(log, batchOf(['aborted'], { producerId: 5, producerEpoch: 0, baseSequence: 0, isTransactional: true }))
  if (random.below(2) === 0) await sim.complete(log.flush())
  appendMarker(log, { producerId: 5, producerEpoch: 0, isAbort: true })
  if (random.below(2) === 0) await sim.complete(log.flush())
  log.roll(NOW)
  append(log, batchOf(['after']))
  await sim.complete(log.flush())
  if (random.below(2) === 0) {
    node.crash('kill')
    const world = node.restart()
    // everything is scanned again, and what is made anew must be on disk before the recovery point passes it
    await sim.complete(world.disk.removeTree('/data/recovery-point-offset-checkpoint'))
    manager = await sim.complete(openManager(world, { config, settings }))
    log = manager.get(TP)!
    append(log, batchOf(['more']))
    await sim.complete(log.flush())
  }
  if (random.below(2) === 0) {
    await sim.complete(manager.shutdown({ clean: true }))
  } else {
    manager.start()
    await sim.advance(200)
  }
  node.crash('power-loss')
  manager = await sim.complete(openManager(node.restart(), { config, settings }))
  log = manager.get(TP)!
  assert.ok(log.logEndOffset >= 3)
  const aborted = await sim.complete(Promise.resolve(log.abortedTransactions(0, 3)))
  assert.deepEqual(
    aborted.map(({ producerId, firstOffset, lastOffset }) => [producerId, firstOffset, lastOffset]),
    [[5, 0, 1]]
  )
  await sim.complete(manager.shutdown({ clean: true }))
})

for (const departure of ['delete', 'setAsideStray', 'a crash after the deletion'] as const) {
  test(`checkpoints of a log that left say nothing of the next one of its name (${departure})`, async () => {
    await simulate({ seed: departure }, async (sim) => {
      const node = sim.node('a')
      const settings = { initialTaskDelayMs: 0 }
      let manager = await sim.complete(openManager(node.world, { settings }))
      let log = await sim.complete(createLog(manager))
      for (let i = 0; i < 100; i++) append(log, batchOf([`old-${i}`]))
      await sim.complete(log.flush())
      await sim.complete(settle(log))
      log.advanceLogStartOffset(90)
      manager.start()
      await sim.advance(6000)
      if (departure === 'setAsideStray') await sim.complete(manager.setAsideStray(TP))
      else await sim.complete(manager.delete(TP))
      if (departure === 'a crash after the deletion') {
        node.crash('kill')
        manager = await sim.complete(openManager(node.restart(), { settings }))
      }
      log = await sim.complete(createLog(manager))
      for (let i = 0; i < 10; i++) append(log, batchOf([`new-${i}`]))
      await sim.complete(settle(log))
      node.crash('kill')
      manager = await sim.complete(openManager(node.restart(), { settings }))
      log = manager.get(TP)!
      assert.deepEqual([log.logStartOffset, log.logEndOffset, log.recoveryPoint, log.cleanedOffset], [0, 10, 0, 0])
      await sim.complete(manager.shutdown({ clean: true }))
    })
  })
}

sweepSeeds('what was flushed to a new log survives a power loss, its folder too', { seeds: 30 }, async (sim) => {
  const node = sim.node('a')
  const manager = await sim.complete(openManager(node.world))
  const log = await sim.complete(createLog(manager))
  append(log, batchOf(['kept']))
  await sim.complete(log.flush())
  node.crash('power-loss')
  const again = await sim.complete(openManager(node.restart()))
  const reopened = again.get(TP)
  assert.deepEqual([reopened?.logEndOffset, reopened?.topicId], [1, log.topicId])
  await sim.complete(again.shutdown({ clean: true }))
})

test('what recovery cuts is cut on the disk, not only in the page cache', async () => {
  await simulate({ seed: 'cut' }, async (sim) => {
    const node = sim.node('a')
    const log = await sim.complete(openManager(node.world).then((manager) => createLog(manager)))
    append(log, batchOf(['kept']))
    append(log, batchOf(['damaged']))
    await sim.complete(log.flush())
    const path = log.activeSegment.logPath(log.path)
    node.storage.flipBit(path, log.activeSegment.size - 3)
    node.crash('kill')
    const world = node.restart()
    await sim.complete(world.disk.removeTree('/data/recovery-point-offset-checkpoint'))
    const again = await sim.complete(openManager(world))
    assert.equal(again.get(TP)!.logEndOffset, 1)
    assert.deepEqual(node.storage.image.file(path).unsynced, [])
    await sim.complete(again.shutdown({ clean: true }))
  })
})

test('what truncation cuts is cut on the disk, not only in the page cache', async () => {
  await simulate({ seed: 'truncate' }, async (sim) => {
    const node = sim.node('a')
    const manager = await sim.complete(openManager(node.world))
    const log = await sim.complete(createLog(manager))
    for (let i = 0; i < 4; i++) append(log, batchOf([`value-${i}`]))
    await sim.complete(log.flush())
    await sim.complete(log.truncateTo(2))
    assert.deepEqual(node.storage.image.file(log.activeSegment.logPath(log.path)).unsynced, [])
    await sim.complete(manager.shutdown({ clean: true }))
  })
})

sweepSeeds('a compacted log loses its end in a power loss, never a part between', { seeds: 60 }, async (sim) => {
  const random = sim.prng.fork('workload')
  const node = sim.node('a')
  const config = logConfig({ isCompact: true, isDelete: false })
  const manager = await sim.complete(openManager(node.world, { config }))
  const log = await sim.complete(createLog(manager, config))
  append(log, batchOf([{ key: 'k', value: '0' }]))
  await sim.complete(log.flush())
  for (let i = 1; i < 12; i++) {
    append(log, batchOf([{ key: 'k', value: `${i}` }]))
    if (random.below(3) === 0) log.roll(NOW)
    if (random.below(3) === 0) await sim.advance(random.float() * 3)
  }
  await sim.advance(random.float() * 5)
  node.crash('power-loss')
  const again = await sim.complete(openManager(node.restart(), { config }))
  const reopened = again.get(TP)!
  const found = await sim.complete(values(reopened))
  assert.deepEqual(
    found,
    Array.from({ length: reopened.logEndOffset }, (_, i) => `${i}`)
  )
  await sim.complete(again.shutdown({ clean: true }))
})
