import assert from 'node:assert/strict'
import { test } from 'node:test'
import { append, batchOf, createLog, logConfig, memoryWorld, openManager, settle, values } from './support.ts'

test('records come back in order, from the tail and from the file, before and after a clean stop', async () => {
  const world = memoryWorld()
  const manager = await openManager(world)
  const log = await createLog(manager)
  const expected: string[] = []
  for (let i = 0; i < 50; i++) {
    const batch = [`a${i}`, `b${i}`, `c${i}`]
    expected.push(...batch)
    assert.equal(append(log, batchOf(batch)).baseOffset, i * 3)
  }
  assert.equal(log.logEndOffset, 150)
  await settle(log)
  assert.deepEqual(await values(log), expected)
  log.tail.clear()
  assert.deepEqual(await values(log, { maxBytes: 200 }), expected)
  assert.deepEqual(await values(log, { from: 100, maxBytes: 1 }), expected.slice(100))
  await manager.shutdown({ clean: true })

  const again = await openManager(world)
  const reopened = again.get({ topic: 'topic', partition: 0 })!
  assert.equal(reopened.logEndOffset, 150)
  assert.equal(reopened.highWatermark, 150)
  assert.equal(reopened.topicId, log.topicId)
  assert.deepEqual(await values(reopened), expected)
  append(reopened, batchOf(['more']))
  await settle(reopened)
  assert.deepEqual(await values(reopened, { from: 149 }), ['c49', 'more'])
  await again.shutdown({ clean: false })
})

test('a log in many segments reads through all of them and survives a kill', async () => {
  const world = memoryWorld()
  const config = logConfig({ segmentBytes: 1000, indexIntervalBytes: 100 })
  const manager = await openManager(world, { config })
  const log = await createLog(manager, config)
  const expected: string[] = []
  for (let i = 0; i < 100; i++) {
    expected.push(`value-${i}`)
    append(log, batchOf([`value-${i}`]))
  }
  await settle(log)
  assert.ok(log.segments.length > 5, `${log.segments.length} segments`)
  log.tail.clear()
  assert.deepEqual(await values(log, { maxBytes: 300 }), expected)
  for (const from of [0, 1, 50, 98, 99]) assert.deepEqual(await values(log, { from }), expected.slice(from))
  await manager.shutdown({ clean: false })

  const again = await openManager(world, { config })
  const recovered = again.get({ topic: 'topic', partition: 0 })!
  assert.equal(recovered.logEndOffset, 100)
  assert.deepEqual(await values(recovered), expected)
  for (const from of [0, 1, 50, 98, 99]) assert.deepEqual(await values(recovered, { from }), expected.slice(from))
  await again.shutdown({ clean: true })
})
