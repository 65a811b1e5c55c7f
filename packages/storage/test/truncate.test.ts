import assert from 'node:assert/strict'
import { test } from 'node:test'
import { append, appendMarker, batchOf, createLog, logConfig, memoryWorld, NOW, openManager, settle, values } from './support.ts'

async function filled() {
  const world = memoryWorld()
  const config = logConfig({ segmentBytes: 1000, indexIntervalBytes: 100 })
  const manager = await openManager(world, { config })
  const log = await createLog(manager, config)
  for (let i = 0; i < 60; i++) {
    append(log, batchOf([`v${i}`], { producerId: 1, producerEpoch: 0, baseSequence: i, timestamp: NOW + i }))
    if (i % 20 === 19) log.assignEpoch(i, i + 1)
  }
  await settle(log)
  return { world, config, manager, log }
}

test('a log cut at any offset goes on from there with the state of what is left', async () => {
  for (const offset of [59, 41, 40, 13, 1, 0]) {
    const { log, manager, world, config } = await filled()
    log.tail.clear()
    const cut = log.truncateTo(offset)
    assert.equal(log.append(batchOf(['early']), { origin: 'client', leaderEpoch: 0, now: NOW }).errorCode, 56, 'not while it is cut')
    await cut
    assert.deepEqual([log.logEndOffset, log.writtenOffset, log.highWatermark], [offset, offset, offset])
    assert.ok(log.leaderEpochs.every(({ startOffset }) => startOffset < offset || offset === 0))
    const next = batchOf(['new'], { producerId: 1, producerEpoch: 0, baseSequence: offset, timestamp: NOW + 100 })
    assert.equal(append(log, next).baseOffset, offset)
    await settle(log)
    const expected = [...Array.from({ length: offset }, (_, i) => `v${i}`), 'new']
    assert.deepEqual(await values(log), expected)
    assert.equal((await log.offsetOfMaxTimestamp())?.offset, offset)
    assert.equal((await log.offsetForTimestamp(NOW + 100))?.offset, offset)
    await manager.shutdown({ clean: true })
    const again = await openManager(world, { config })
    const reopened = again.get({ topic: 'topic', partition: 0 })!
    assert.deepEqual(await values(reopened), expected)
    for (let from = 0; from <= offset; from += 7) assert.deepEqual(await values(reopened, { from }), expected.slice(from))
    await again.shutdown({ clean: true })
  }
})

test('a cut through a transaction opens it again and forgets that it was aborted', async () => {
  const manager = await openManager(memoryWorld())
  const log = await createLog(manager)
  append(log, batchOf(['t'], { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true }))
  append(log, batchOf(['plain']))
  appendMarker(log, { producerId: 1, producerEpoch: 0, isAbort: true })
  await settle(log)
  await log.flush()
  assert.equal(log.lastStableOffset, 3)
  await log.truncateTo(2)
  log.updateHighWatermark(2)
  assert.equal(log.lastStableOffset, 0)
  assert.deepEqual(await log.abortedTransactions(0, 3), [])
  await manager.shutdown({ clean: true })
})

test('a log that starts anew at an offset is empty there and remembers nothing', async () => {
  const { log, manager, world, config } = await filled()
  await log.truncateFullyAndStartAt(1000)
  assert.deepEqual([log.logStartOffset, log.logEndOffset, log.highWatermark, log.segments.length], [1000, 1000, 1000, 1])
  assert.deepEqual(log.leaderEpochs, [])
  assert.deepEqual(log.activeProducers(), [])
  assert.equal(append(log, batchOf(['first'])).baseOffset, 1000)
  await settle(log)
  await manager.shutdown({ clean: true })
  const again = await openManager(world, { config })
  const reopened = again.get({ topic: 'topic', partition: 0 })!
  assert.deepEqual([reopened.logStartOffset, reopened.logEndOffset], [1000, 1001])
  await again.shutdown({ clean: true })
})

test('reads during a cut give a prefix or say that the offset is gone', async () => {
  const { log, manager } = await filled()
  log.tail.clear()
  const reads = [0, 30, 55].map((offset) => Promise.resolve(log.read(offset, { maxBytes: 500, minOneBatch: true })))
  await log.truncateTo(30)
  for (const result of await Promise.all(reads)) {
    assert.ok(result.errorCode === 0 || result.errorCode === 1, `error ${result.errorCode}`)
  }
  assert.equal(log.directory.isOffline, false)
  await manager.shutdown({ clean: true })
})

test('a cut keeps what is below it and was not written yet', async () => {
  const manager = await openManager(memoryWorld())
  const log = await createLog(manager)
  for (let i = 0; i < 10; i++) append(log, batchOf([`value-${i}`]))
  await log.truncateTo(5)
  assert.deepEqual([log.logEndOffset, log.writtenOffset], [5, 5])
  assert.deepEqual(await values(log), ['value-0', 'value-1', 'value-2', 'value-3', 'value-4'])
  await manager.shutdown({ clean: true })
})

test('a flush that waits behind a cut asks for no more than is left', async () => {
  const manager = await openManager(memoryWorld())
  const log = await createLog(manager)
  for (let i = 0; i < 10; i++) append(log, batchOf([`value-${i}`]))
  await settle(log)
  await Promise.all([log.truncateTo(5), log.flush()])
  assert.equal(log.syncedOffset, 5)
  await manager.shutdown({ clean: true })
})

test('a restart after a log was cut to a later start finds that start', async () => {
  const { log, manager, world, config } = await filled()
  await log.truncateFullyAndStartAt(1000)
  await manager.shutdown({ clean: false })
  const again = await openManager(world, { config })
  const reopened = again.get({ topic: 'topic', partition: 0 })!
  assert.deepEqual([reopened.logStartOffset, reopened.logEndOffset], [1000, 1000])
  await again.shutdown({ clean: true })
})
