// Moves of a log between directories, interrupted by kill -9: nothing acknowledged is lost, whichever folder counts.

import assert from 'node:assert/strict'
import { sweepSeeds } from '@odradek/testkit'
import type { World } from '@odradek/world'
import type { LogManager } from '../src/log-manager.ts'
import { append, batchOf, createLog, logConfig, NOW, openManager, values } from './support.ts'

const A = '/disks/a'
const B = '/disks/b'
const TP = { topic: 'topic', partition: 0 }

const config = logConfig({ segmentBytes: 2000, indexIntervalBytes: 200, fileDeleteDelayMs: 0 })
const openTwo = (world: World): Promise<LogManager> => openManager(world, { logDirs: [A, B], config })

sweepSeeds('a move that a crash interrupts goes on after the next start, with every record', { seeds: 40 }, async (sim) => {
  const random = sim.prng.fork('workload')
  const node = sim.node('a')
  let world = node.world
  let acked = 0
  const appended: string[] = []
  for (let life = 0; life < 4; life++) {
    node.crashAtEffect(random.between(40, 200), 'kill')
    void live(world).catch((error: unknown) => {
      if (node.isAlive) sim.fail(error)
    })
    await sim.run({ until: () => !node.isAlive, maxVirtualMs: 600_000 })
    world = node.restart()
    const manager = await sim.complete(openTwo(world))
    const log = manager.get(TP)
    const found = log === undefined ? [] : await sim.complete(values(log))
    assert.ok(found.length >= acked, `${found.length} records are there, ${acked} were acknowledged`)
    assert.deepEqual(found, appended.slice(0, found.length))
    appended.length = found.length
    acked = found.length
    node.kill()
    world = node.restart()
  }

  async function live(current: World): Promise<void> {
    const manager = await openTwo(current)
    const log = await createLog(manager, config)
    log.setListener({
      onWritten: (offset) => {
        acked = Math.max(acked, offset)
        log.updateHighWatermark(offset)
      },
      onFailed: (error) => sim.fail(error)
    })
    for (;;) {
      for (let i = random.below(6); i >= 0; i--) {
        appended.push(`${appended.length}:${'x'.repeat(random.below(200))}`)
        append(log, batchOf([appended.at(-1)!]), NOW)
      }
      if (random.below(3) === 0) await manager.move(TP, log.directory.path === A ? B : A)
      await new Promise<void>((resolve) => current.timers.schedule(random.float() * 5, resolve))
      if (!node.isAlive) return
    }
  }
})
