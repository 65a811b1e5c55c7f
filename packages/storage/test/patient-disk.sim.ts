// A process without file descriptors is not a node with a broken disk.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from '@odradek/testkit'
import type { World } from '@odradek/world'
import type { Simulation } from '@odradek/world/sim'
import { append, batchOf, createLog, logConfig, openManager, values } from './support.ts'

interface Shortage {
  readonly world: World
  isShort: boolean
  refused: number
}

/** A world in which nothing can be opened while `isShort`. */
function shortWorld(sim: Simulation, code: string): Shortage {
  const { world } = sim.node('a')
  const opening = new Set<string | symbol>(['open', 'readdir', 'readFile', 'writeFileAtomic', 'syncDir'])
  const disk = new Proxy(world.disk, {
    get(target, name) {
      const method = Reflect.get(target, name, target) as (...args: unknown[]) => Promise<unknown>
      return (...args: unknown[]) => {
        if (!shortage.isShort || !opening.has(name)) return Reflect.apply(method, target, args)
        shortage.refused++
        return Promise.reject(Object.assign(new Error(`${code}: too many open files`), { code }))
      }
    }
  })
  const shortage: Shortage = { world: { ...world, disk }, isShort: false, refused: 0 }
  return shortage
}

for (const code of ['EMFILE', 'ENFILE']) {
  test(`${code}: appends, new logs and checkpoints wait until there are descriptors again, and nothing is lost`, async () => {
    await simulate({ seed: code }, async (sim) => {
      const shortage = shortWorld(sim, code)
      const manager = await sim.complete(openManager(shortage.world, { limits: { openFiles: 1 } }))
      const logs = await sim.complete(Promise.all([0, 1, 2].map((partition) => createLog(manager, logConfig(), 'topic', partition))))
      for (const log of logs) append(log, batchOf(['before']))
      await sim.complete(Promise.all(logs.map((log) => log.flush())))
      shortage.isShort = true
      for (const log of logs) append(log, batchOf(['during']))
      const made = createLog(manager, logConfig(), 'late')
      const flushed = Promise.all(logs.map((log) => log.flush()))
      await sim.run({ maxVirtualMs: 50_000 })
      assert.ok(shortage.refused > 100)
      assert.equal(manager.liveDirectories[0].state, 'online')
      shortage.isShort = false
      await sim.complete(flushed)
      assert.equal((await sim.complete(made)).logEndOffset, 0)
      for (const log of logs) {
        append(log, batchOf(['after']))
        await sim.complete(log.flush())
        assert.deepEqual(await sim.complete(values(log)), ['before', 'during', 'after'])
      }
      await sim.complete(manager.shutdown({ clean: true }))
    })
  })
}

test('a shortage that does not end takes the directory offline after a minute', async () => {
  await simulate({ seed: 'endless', onHalt: () => undefined }, async (sim) => {
    const shortage = shortWorld(sim, 'EMFILE')
    const manager = await sim.complete(openManager(shortage.world))
    const log = await sim.complete(createLog(manager))
    shortage.isShort = true
    append(log, batchOf(['never']))
    await sim.run({ maxVirtualMs: 55_000 })
    assert.equal(log.directory.isOffline, false)
    await sim.run({ until: () => log.directory.isOffline, maxVirtualMs: 10_000 })
  })
})

test('files that nobody uses are closed when descriptors are short', async () => {
  await simulate({ seed: 'idle' }, async (sim) => {
    const shortage = shortWorld(sim, 'EMFILE')
    const manager = await sim.complete(openManager(shortage.world))
    const logs = await sim.complete(Promise.all([0, 1, 2, 3].map((partition) => createLog(manager, logConfig(), 'topic', partition))))
    for (const log of logs.slice(1)) append(log, batchOf(['x']))
    await sim.complete(Promise.all(logs.map((log) => log.flush())))
    assert.equal(manager.node.files.openCount, 3)
    shortage.isShort = true
    append(logs[0], batchOf(['x']))
    await sim.run({ until: () => manager.node.files.openCount === 0 })
    shortage.isShort = false
    await sim.complete(logs[0].flush())
    await sim.complete(manager.shutdown({ clean: true }))
  })
})
