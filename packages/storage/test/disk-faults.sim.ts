// Disks that fail while a node runs: an error takes the directory offline and nothing more is acknowledged from it; a full
// disk makes it read-only and loses nothing that was acknowledged.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode, setBaseOffset } from '@odradek/protocol'
import { simulate, sweepSeeds } from '@odradek/testkit'
import type { SimNode } from '@odradek/world/sim'
import { Cleaner } from '../src/cleaner/cleaner.ts'
import type { LogManager } from '../src/log-manager.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { append, batchOf, createLog, logConfig, NOW, openManager, values } from './support.ts'

const TWO = ['/disks/a', '/disks/b']

interface Watched {
  log: PartitionLog
  acked: number
  failures: unknown[]
}

function watch(log: PartitionLog): Watched {
  const watched: Watched = { log, acked: 0, failures: [] }
  log.setListener({
    onWritten: (offset) => {
      watched.acked = offset
      log.updateHighWatermark(offset)
    },
    onFailed: (error) => watched.failures.push(error)
  })
  return watched
}

const tryAppend = (log: PartitionLog, text: string): number =>
  log.append(batchOf([text]), { origin: 'client', leaderEpoch: 0, now: NOW }).errorCode

async function twoLogs(manager: LogManager): Promise<[Watched, Watched]> {
  return [watch(await createLog(manager, logConfig(), 'first')), watch(await createLog(manager, logConfig(), 'second'))]
}

for (const operation of ['write', 'sync'] as const) {
  test(`a failed ${operation} takes its directory offline, tells every log in it, and leaves the other directory alone`, async () => {
    await simulate({ seed: operation }, async (sim) => {
      const node = sim.node('a')
      const offline: string[] = []
      const manager = await sim.complete(openManager(node.world, { logDirs: TWO, onDirectoryOffline: ({ path }) => offline.push(path) }))
      const [first, second] = await sim.complete(twoLogs(manager))
      assert.deepEqual([first.log.directory.path, second.log.directory.path], TWO, 'logs go where the fewest are')
      append(first.log, batchOf(['kept']))
      append(second.log, batchOf(['kept']))
      await sim.complete(Promise.all([first.log.flush(), second.log.flush()]))
      node.storage.failNext({ operation, path: /first-0.*\.log$/ })
      append(first.log, batchOf(['lost']))
      append(second.log, batchOf(['more']))
      const flushed = await sim.complete(Promise.allSettled([first.log.flush(), second.log.flush()]))
      assert.deepEqual(
        flushed.map(({ status }) => status),
        ['rejected', 'fulfilled']
      )
      assert.deepEqual(offline, ['/disks/a'])
      assert.equal(first.failures.length, 1)
      assert.equal(first.acked, operation === 'write' ? 1 : 2, 'acked from the page cache before the sync failed')
      assert.equal(first.log.syncedOffset, 1)
      assert.equal(tryAppend(first.log, 'never'), ErrorCode.KAFKA_STORAGE_ERROR)
      const read = await first.log.read(0, { maxBytes: 100 })
      assert.equal(read.errorCode, ErrorCode.KAFKA_STORAGE_ERROR)
      assert.equal(manager.get({ topic: 'first', partition: 0 }), undefined)
      assert.deepEqual(second.failures, [])
      assert.equal(tryAppend(second.log, 'goes on'), ErrorCode.NONE)
      await sim.complete(manager.shutdown({ clean: true }))
      const names = await sim.complete(Promise.all(TWO.map((path) => node.world.disk.readdir(path))))
      assert.deepEqual(
        names.map((list) => list.includes('.kafka_cleanshutdown')),
        [false, true]
      )
    })
  })
}

test('a sync that failed is not tried again, though the next one would succeed', async () => {
  await simulate({ seed: 'fsyncgate', onHalt: () => undefined }, async (sim) => {
    const node = sim.node('a')
    const config = logConfig({ durability: 'sync' })
    const manager = await sim.complete(openManager(node.world, { config }))
    const watched = watch(await sim.complete(createLog(manager, config)))
    node.storage.failNext({ operation: 'sync', path: /\.log$/ })
    append(watched.log, batchOf(['lost']))
    await sim.run({ until: () => node.halts.length > 0 })
    assert.equal(watched.acked, 0)
    assert.match(node.halts[0].reason, /all log directories are offline/)
    const reopened = await sim.complete(openManager(node.restart(), { config }))
    assert.equal(reopened.get({ topic: 'topic', partition: 0 })!.logStartOffset, 0)
  })
})

test('the read of a broken disk takes it offline', async () => {
  await simulate({ seed: 'read' }, async (sim) => {
    const node = sim.node('a')
    const manager = await sim.complete(openManager(node.world, { logDirs: TWO }))
    const [first] = await sim.complete(twoLogs(manager))
    append(first.log, batchOf(['x']))
    await sim.complete(first.log.flush())
    first.log.tail.clear()
    node.storage.failNext({ operation: 'read' })
    const result = await sim.complete(Promise.resolve(first.log.read(0, { maxBytes: 1000 })))
    assert.equal(result.errorCode, ErrorCode.KAFKA_STORAGE_ERROR)
    assert.equal(manager.directories()[0].isOffline, true)
  })
})

sweepSeeds('a full disk takes no records, keeps what was acknowledged and goes on when there is room', { seeds: 30 }, async (sim, seed) => {
  const random = sim.prng.fork('workload')
  const node = sim.node(`disk-${seed}`)
  const config = logConfig({ segmentBytes: 2000, indexIntervalBytes: 200 })
  const manager = await sim.complete(openManager(node.world, { config }))
  manager.start()
  const watched = watch(await sim.complete(createLog(manager, config)))
  const { log } = watched
  await sim.advance(10_000)
  node.storage.conditions.capacityBytes = node.storage.image.usedBytes() + random.between(500, 20_000)
  let count = 0
  const appended: string[] = []
  while (tryAppend(log, `${count}:${'x'.repeat(random.below(300))}`) === ErrorCode.NONE) {
    appended.push(`${count++}`)
    if (random.below(3) === 0) await sim.advance(random.float() * 2)
    assert.ok(count < 2000, 'the disk fills up')
  }
  await sim.advance(100)
  assert.equal(manager.directories()[0].isOffline, false)
  if (watched.failures.length > 0) assert.equal((watched.failures[0] as { code: string }).code, 'ENOSPC')
  await sim.run({ until: () => log.logEndOffset === log.writtenOffset })
  assert.ok(watched.acked <= log.logEndOffset)
  const kept = appended.slice(0, log.logEndOffset)
  const before = await sim.complete(values(log))
  assert.deepEqual(
    before.map((value) => value.split(':')[0]),
    kept
  )

  node.storage.conditions.capacityBytes = Number.POSITIVE_INFINITY
  await sim.advance(10_000)
  assert.equal(manager.directories()[0].isReadOnly, false)
  append(log, batchOf(['again']))
  await sim.complete(log.flush())
  assert.deepEqual(
    (await sim.complete(values(log))).map((value) => value.split(':')[0]),
    [...kept, 'again']
  )
  crash(node)
  const reopened = await sim.complete(openManager(node.restart(), { config }))
  const content = await sim.complete(values(reopened.get({ topic: 'topic', partition: 0 })!))
  assert.deepEqual(
    content.map((value) => value.split(':')[0]),
    [...kept, 'again']
  )
})

function crash(node: SimNode): void {
  node.crash('power-loss')
}

test('a disk that is full at the sync goes offline: what was written may be gone', async () => {
  await simulate({ seed: 'full-at-sync', onHalt: () => undefined }, async (sim) => {
    const node = sim.node('a')
    const manager = await sim.complete(openManager(node.world))
    const watched = watch(await sim.complete(createLog(manager)))
    append(watched.log, batchOf(['kept']))
    await sim.complete(watched.log.flush())
    node.storage.conditions.isFullAtSync = true
    node.storage.conditions.capacityBytes = node.storage.image.usedBytes()
    append(watched.log, batchOf(['lost']))
    watched.log.flush().catch(() => undefined)
    await sim.run({ until: () => node.halts.length > 0 })
    assert.equal(watched.log.syncedOffset, 1)
  })
})

test('a full directory keeps its reserve for the metadata: clients are refused, the quorum goes on', async () => {
  await simulate({ seed: 'reserve' }, async (sim) => {
    const manager = await sim.complete(openManager(sim.node('a').world, {}))
    const [first] = await sim.complete(twoLogs(manager))
    first.log.directory.setReadOnly()
    assert.equal(tryAppend(first.log, 'refused'), ErrorCode.KAFKA_STORAGE_ERROR)
    assert.equal(
      first.log.append(batchOf(['kept'], { partitionLeaderEpoch: 0 }), { origin: 'raft', leaderEpoch: 0, now: NOW }).errorCode,
      ErrorCode.NONE
    )
    assert.equal(first.log.logEndOffset, 1)
    first.log.directory.setWritable()
    assert.equal(tryAppend(first.log, 'taken'), ErrorCode.NONE)
    await sim.complete(manager.shutdown({ clean: true }))
  })
})

for (const path of [/a\/meta.properties$/, /a\/.kafka_cleanshutdown$/, /^\/disks\/a$/]) {
  test(`a directory whose ${path.source} cannot be read at the start is offline, and the node runs with the other`, async () => {
    await simulate({ seed: path.source }, async (sim) => {
      const node = sim.node('a')
      const before = await sim.complete(openManager(node.world, { logDirs: TWO }))
      await sim.complete(before.shutdown({ clean: true }))
      node.crash('kill')
      for (const operation of ['mkdir', 'stat', 'open'] as const) node.storage.failNext({ operation, path })
      const offline: string[] = []
      const onDirectoryOffline = (info: { path: string }): number => offline.push(info.path)
      const manager = await sim.complete(openManager(node.restart(), { logDirs: TWO, onDirectoryOffline }))
      assert.deepEqual(offline, ['/disks/a'])
      assert.equal((await sim.complete(createLog(manager))).directory.path, '/disks/b')
      await sim.complete(manager.shutdown({ clean: true }))
    })
  })
}

test('a disk too full for a new log leaves the directory and its other logs in use', async () => {
  await simulate({ seed: 'full-at-create' }, async (sim) => {
    const node = sim.node('a')
    const manager = await sim.complete(openManager(node.world))
    node.storage.failNext({ operation: 'write', path: /partition.metadata/, code: 'ENOSPC' })
    await assert.rejects(sim.complete(createLog(manager)))
    assert.deepEqual([manager.directories()[0].isOffline, manager.directories()[0].isReadOnly], [false, true])
    manager.start()
    await sim.advance(10_000)
    const log = await sim.complete(createLog(manager))
    append(log, batchOf(['taken']))
    await sim.complete(manager.shutdown({ clean: true }))
  })
})

test('a disk that fills up under the cleaner gets the room of the half cleaned segment back', async () => {
  await simulate({ seed: 'full-cleaner' }, async (sim) => {
    const node = sim.node('a')
    const config = logConfig({ isCompact: true, isDelete: false, minCleanableDirtyRatio: 0 })
    const manager = await sim.complete(openManager(node.world, { config }))
    const { log } = watch(await sim.complete(createLog(manager, config)))
    for (let i = 0; i < 10; i++) append(log, batchOf([{ key: 'k', value: `${i}` }]))
    log.roll(NOW)
    append(log, batchOf([{ key: 'k', value: 'last' }]))
    await sim.complete(log.flush())
    node.storage.failNext({ operation: 'write', path: /\.timeindex\.cleaned$/, code: 'ENOSPC' })
    await sim.complete(new Cleaner(manager).runOnce())
    assert.deepEqual([manager.directories()[0].isOffline, manager.directories()[0].isReadOnly], [false, true])
    const names = await sim.complete(node.world.disk.readdir('/data/topic-0'))
    assert.deepEqual(
      names.filter((name) => name.endsWith('.cleaned')),
      []
    )
    log.directory.setWritable()
    await sim.complete(new Cleaner(manager).runOnce())
    log.tail.clear()
    assert.deepEqual(await sim.complete(values(log)), ['9', 'last'])
    await sim.complete(manager.shutdown({ clean: true }))
  })
})

test('who fills a small disk faster than anybody looks is refused before the reserve, and the metadata log goes on', async () => {
  await simulate({ seed: 'reserve' }, async (sim) => {
    const node = sim.node('a')
    const MIB = 1024 * 1024
    node.storage.conditions.capacityBytes = 40 * MIB
    const config = logConfig({ segmentBytes: 8 * MIB })
    const manager = await sim.complete(openManager(node.world, { config }))
    manager.start()
    await sim.advance(100)
    const { log } = watch(await sim.complete(createLog(manager, config)))
    let count = 0
    while (tryAppend(log, `${count}:${'x'.repeat(500_000)}`) === ErrorCode.NONE) assert.ok(count++ < 200, 'the disk fills up')
    await sim.run({ until: () => log.logEndOffset === log.writtenOffset })
    const { freeBytes } = await sim.complete(node.world.disk.space('/data'))
    assert.ok(freeBytes > MIB, `${freeBytes} bytes are left for the metadata`)
    assert.deepEqual([manager.directories()[0].isOffline, manager.directories()[0].isReadOnly], [false, true])
    const batch = batchOf(['for the quorum'], { partitionLeaderEpoch: 0 })
    setBaseOffset(batch, 0, log.logEndOffset)
    const metadata = log.append(batch, { origin: 'raft', now: NOW, leaderEpoch: 0 })
    assert.equal(metadata.errorCode, ErrorCode.NONE)
  })
})
