// The wall clock may be set while the node runs.

import { test } from 'node:test'
import { simulate } from '@odradek/testkit'
import { append, batchOf, createLog, logConfig, openManager } from './support.ts'

test('flush.ms is time that passes: a clock that is set back by hours delays no flush', async () => {
  await simulate({ seed: 'flush' }, async (sim) => {
    const node = sim.node('a')
    const config = logConfig({ flushMs: 1_000 })
    const manager = await sim.complete(openManager(node.world, { config, settings: { flushSchedulerMs: 100, initialTaskDelayMs: 0 } }))
    const log = await sim.complete(createLog(manager, config))
    manager.start()
    node.clockOffsetMs -= 5 * 3_600_000
    append(log, batchOf(['x']))
    await sim.run({ until: () => log.syncedOffset === 1, maxVirtualMs: 2_000 })
    await sim.complete(manager.shutdown({ clean: true }))
  })
})
