// A crash while the copy of a move that was given up is removed, file by file and in any order: what is left of it must never be
// gone on with, for it would take the place of the log.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from '@odradek/testkit'
import type { Disk } from '@odradek/world'
import { append, batchOf, createLog, logConfig, openManager, readAll, settle } from './support.ts'

const DIRS = ['/a', '/b']
const TP = { topic: 'topic', partition: 0 }
const RECORDS = 12

test('a crash in the removal of a copy that is not wanted any more loses nothing of the log', async () => {
  let parts = 0
  for (let seed = 1; seed <= 60; seed++) {
    await simulate({ seed: `given-up-${seed}` }, async (sim) => {
      const node = sim.node('a')
      // compacted: gaps are no sign of loss there
      const config = logConfig({ indexIntervalBytes: 50, isCompact: true, isDelete: false, segmentBytes: 200 })
      let isRemoving = false
      const world = { ...node.world, disk: tellingOf(node.world.disk, () => (isRemoving = true)) }
      const manager = await sim.complete(openManager(world, { logDirs: DIRS, config, settings: { moveMaxBytesPerSecond: 1000 } }))
      const log = await sim.complete(createLog(manager, config))
      for (let i = 0; i < RECORDS; i++) append(log, batchOf([{ key: `k${i}`, value: `v${i}` }]))
      await sim.complete(settle(log).then(() => log.flush()))
      log.tail.clear()
      await sim.complete(manager.move(TP, '/b'))
      const [future] = manager.futures()
      await sim.run({ until: () => future.writtenOffset >= 8, maxVirtualMs: 10_000 })
      assert.equal(log.directory.path, '/a', 'it still moves')
      const files = (await sim.complete(node.world.disk.readdir(future.path))).length
      void manager.move(TP, '/a')
      await sim.run({ until: () => isRemoving, maxVirtualMs: 10_000 })
      node.crash('kill')
      const { disk } = node.restart()
      const left = (await sim.complete(disk.readdir('/b'))).find((name) => /-(future|delete)$/.test(name))
      if (left !== undefined && (await sim.complete(disk.readdir(`/b/${left}`))).length < files) parts++
      const again = await sim.complete(openManager(node.world, { logDirs: DIRS, config }))
      await sim.complete(again.whenMoved(TP))
      const reopened = again.get(TP)
      assert.ok(reopened)
      reopened.tail.clear()
      assert.deepEqual(
        (await sim.complete(readAll(reopened))).map(({ offset }) => offset),
        Array.from({ length: RECORDS }, (_, i) => i)
      )
      await sim.complete(again.shutdown({ clean: true }))
    })
  }
  assert.ok(parts > 5, 'some crashes left a part')
})

/** The disk; says when it begins to remove a tree. */
function tellingOf(disk: Disk, tell: () => void): Disk {
  return new Proxy(disk, {
    get(target, name) {
      const operation: unknown = Reflect.get(target, name)
      if (typeof operation !== 'function') return operation
      return (...given: unknown[]): unknown => {
        if (name === 'removeTree') tell()
        return operation.apply(target, given)
      }
    }
  })
}
