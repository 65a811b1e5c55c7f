// Crashes between every two file operations of what changes the files of a log: whichever the crash comes at, the next start
// finds a log that holds everything acknowledged, and goes on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from '@odradek/testkit'
import type { World } from '@odradek/world'
import { Cleaner } from '../src/cleaner/cleaner.ts'
import type { LogConfig } from '../src/log-config.ts'
import type { LogManager } from '../src/log-manager.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { deleteOldSegments } from '../src/retention.ts'
import { append, appendMarker, batchOf, createLog, logConfig, NOW, openManager, readAll, settle } from './support.ts'

const DIRS = ['/a', '/b']
const TP = { topic: 'topic', partition: 0 }
const OPERATIONS_MAX = 200

interface Change {
  title: string
  config?: Partial<LogConfig>
  /** What the crash comes into. */
  act(log: PartitionLog, manager: LogManager, world: World, acked: { offset: number }): Promise<unknown>
  /** Told of the values by offset that were there before. */
  check(log: PartitionLog | undefined, found: ReadonlyMap<number, string>, before: ReadonlyMap<number, string>): void
  /** The crash may take what is in the page cache. */
  isKillOnly?: boolean
}

/** Three segments, an open transaction, an aborted one, keys that repeat; all of it on disk. */
async function fill(manager: LogManager, config: LogConfig): Promise<PartitionLog> {
  const log = await createLog(manager, config)
  for (let i = 0; i < 12; i++) {
    append(log, batchOf([{ key: `k${i % 3}`, value: `v${i}` }]))
    if (i === 2)
      append(log, batchOf([{ key: 'x', value: 'aborted' }], { producerId: 7, producerEpoch: 0, baseSequence: 0, isTransactional: true }))
    if (i === 3) appendMarker(log, { producerId: 7, producerEpoch: 0, isAbort: true })
    if (i % 4 === 3) log.roll(NOW)
  }
  append(log, batchOf([{ key: 'k0', value: 'last' }], { producerId: 8, producerEpoch: 0, baseSequence: 0 }))
  await settle(log)
  await log.flush()
  return log
}

async function valuesByOffset(log: PartitionLog | undefined): Promise<Map<number, string>> {
  if (log === undefined) return new Map()
  log.tail.clear()
  return new Map((await readAll(log)).map(({ offset, value }) => [offset, String(value)]))
}

function keepsAll(_: PartitionLog | undefined, found: ReadonlyMap<number, string>, before: ReadonlyMap<number, string>): void {
  assert.deepEqual([...found], [...before])
}

const changes: readonly Change[] = [
  {
    title: 'a roll',
    act: async (log, _, world) => {
      log.roll(world.clock.now())
      append(log, batchOf([{ key: 'k9', value: 'later' }]))
      await log.flush()
    },
    check: (_, found, before) => assert.deepEqual([...found].slice(0, before.size), [...before])
  },
  {
    title: 'a deletion of old segments',
    config: { fileDeleteDelayMs: 0 },
    act: async (log) => {
      log.advanceLogStartOffset(6)
      await deleteOldSegments(log)
    },
    check: (log, found, before) => {
      assert.equal(log?.logEndOffset, 15)
      for (const [offset, value] of before) if (offset >= 6) assert.equal(found.get(offset), value)
    }
  },
  {
    title: 'the deletion of all that is there',
    config: { retentionMs: 1, fileDeleteDelayMs: 0 },
    act: (log) => deleteOldSegments(log),
    check: (log) => assert.equal(log?.logEndOffset, 15)
  },
  {
    title: 'a cleaning',
    config: { isCompact: true, isDelete: false, minCleanableDirtyRatio: 0, fileDeleteDelayMs: 0 },
    act: (_, manager) => new Cleaner(manager).runOnce(),
    check: (log, found, before) => {
      for (const [offset, value] of found) assert.equal(value, before.get(offset))
      for (const offset of [11, 12, 13, 14].filter((at) => before.has(at))) assert.equal(found.get(offset), before.get(offset))
      assert.equal(log?.logEndOffset, 15)
    }
  },
  {
    title: 'the checkpoints of a clean stop',
    act: (_, manager) => manager.shutdown({ clean: true, brokerEpoch: 5 }),
    check: keepsAll
  },
  {
    title: 'a move to another directory',
    act: (_, manager) => manager.move(TP, '/b').then(() => manager.whenMoved(TP)),
    check: keepsAll
  },
  {
    title: 'a move while records come',
    isKillOnly: true,
    act: async (log, manager, world, acked) => {
      log.setListener({
        onWritten: (offset) => {
          acked.offset = offset
        },
        onFailed: (error) => assert.fail(String(error))
      })
      let isOver = false
      const moving = manager
        .move(TP, '/b')
        .then(() => manager.whenMoved(TP))
        .finally(() => {
          isOver = true
        })
      while (!isOver) {
        append(log, batchOf([{ key: 'k', value: 'comes' }]))
        await new Promise<void>((resolve) => world.timers.schedule(0.3, resolve))
      }
      await moving
    },
    check: (_, found, before) => assert.deepEqual([...found].slice(0, before.size), [...before])
  },
  {
    title: 'a truncation',
    act: (log) => log.truncateTo(7),
    check: (_, found, before) => {
      assert.ok(found.size >= 6)
      assert.deepEqual([...found], [...before].slice(0, found.size))
    }
  },
  {
    title: 'the deletion of the log',
    act: (_, manager) => manager.delete(TP),
    check: (log, found, before) => log !== undefined && keepsAll(log, found, before)
  }
]

for (const { title, config: changed, act, check, isKillOnly = false } of changes) {
  for (const kind of isKillOnly ? (['kill'] as const) : (['kill', 'power-loss'] as const)) {
    test(`a ${kind} at every file operation of ${title}`, async () => {
      const config = logConfig({ indexIntervalBytes: 50, ...changed })
      let isDone = false
      for (let operation = 1; !isDone && operation < OPERATIONS_MAX; operation++) {
        await simulate({ seed: `${title}-${operation}` }, async (sim) => {
          const node = sim.node('a')
          const manager = await sim.complete(openManager(node.world, { logDirs: DIRS, config }))
          const log = await sim.complete(fill(manager, config))
          const before = await sim.complete(valuesByOffset(log))
          node.crashAtEffect(operation, kind)
          const acked = { offset: 0 }
          act(log, manager, node.world, acked).then(
            () => {
              isDone = true
            },
            (error: unknown) => node.isAlive && sim.fail(error)
          )
          await sim.run({ until: () => isDone || !node.isAlive, maxVirtualMs: 60_000 })
          if (node.isAlive) node.crash(kind)
          const again = await sim.complete(openManager(node.restart(), { logDirs: DIRS, config }))
          await sim.complete(again.whenMoved(TP))
          const reopened = again.get(TP)
          check(reopened, await sim.complete(valuesByOffset(reopened)), before)
          assert.ok(acked.offset === 0 || (reopened?.logEndOffset ?? 0) >= acked.offset, 'what was acknowledged is there')
          const next = reopened ?? (await sim.complete(createLog(again, config)))
          const end = next.logEndOffset
          assert.equal(append(next, batchOf([{ key: 'k9', value: 'goes on' }])).baseOffset, end)
          await sim.complete(again.shutdown({ clean: true }))
        })
      }
      assert.ok(isDone, 'every operation had its crash')
    })
  }
}
