import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode, encodeBatch, iterateBatches } from '@odradek/protocol'
import type { RuntimeConfig } from '../../src/index.ts'
import { type CounterShard, createCounterRuntime, failed } from '../support/counter-shard.ts'
import { MemoryLog } from '../support/memory-log.ts'
import { VirtualWorld } from '../support/virtual-world.ts'

async function start(config: Partial<RuntimeConfig> = {}) {
  const world = new VirtualWorld()
  const log = new MemoryLog(world)
  const runtime = createCounterRuntime(world, log, config)
  runtime.load(0, 0)
  await world.advance(0)
  const shard = runtime.read<CounterShard | undefined>(
    0,
    (found) => found,
    () => undefined
  )
  assert.ok(shard !== undefined)
  return { world, log, runtime, shard }
}

test('a write is applied at once and answered when the high watermark has passed it', async () => {
  const { world, log, runtime, shard } = await start()
  log.isAutoCommitting = false
  const appended: number[] = []
  const answer = runtime.write(
    'set',
    0,
    (found) => ({ ...found.set(['a', 1]), onAppended: (errorCode) => appended.push(errorCode) }),
    failed
  )
  assert.deepEqual(shard.snapshot(), { a: 1 })
  assert.ok(answer instanceof Promise)
  await world.settle()
  assert.equal(log.appends, 1)
  assert.deepEqual(appended, [])
  assert.deepEqual(
    runtime.read(
      0,
      (found, committed) => found.snapshot(committed),
      () => ({})
    ),
    {}
  )
  log.commit()
  assert.equal(await answer, 'set 1')
  assert.deepEqual(appended, [0])
  assert.deepEqual(
    runtime.read(
      0,
      (found, committed) => found.snapshot(committed),
      () => ({})
    ),
    { a: 1 }
  )
})

test('a write without records is answered at once, but not before the writes that it saw', async () => {
  const { world, log, runtime } = await start()
  log.isAutoCommitting = false
  const look = () => runtime.write('look', 0, (found) => ({ records: [], response: JSON.stringify(found.snapshot()) }), failed)
  assert.equal(look(), '{}')
  void runtime.write('set', 0, (found) => found.set(['a', 1]), failed)
  const inBatch = look()
  assert.ok(inBatch instanceof Promise)
  await world.settle()
  const behindBatch = look()
  assert.ok(behindBatch instanceof Promise)
  log.commit()
  assert.deepEqual(await Promise.all([inBatch, behindBatch]), ['{"a":1}', '{"a":1}'])
  assert.equal(look(), '{"a":1}')
})

test('writes of one turn share a batch; with a linger of 0 each has its own; with more they wait for it', async () => {
  const together = await start()
  for (const name of ['a', 'b']) void together.runtime.write('set', 0, (found) => found.set([name, 1]), failed)
  await together.world.settle()
  assert.equal(together.log.appends, 1)
  const apart = await start({ appendLingerMs: 0 })
  for (const name of ['a', 'b']) void apart.runtime.write('set', 0, (found) => found.set([name, 1]), failed)
  assert.equal(apart.log.appends, 2)
  const lingering = await start({ appendLingerMs: 10 })
  void lingering.runtime.write('set', 0, (found) => found.set(['a', 1]), failed)
  await lingering.world.advance(9)
  void lingering.runtime.write('set', 0, (found) => found.set(['b', 1]), failed)
  assert.equal(lingering.log.appends, 0)
  await lingering.world.advance(1)
  assert.equal(lingering.log.appends, 1)
  assert.equal(iterateBatches(lingering.log.bytes())[0].count, 2)
})

test('a batch that cannot be appended is taken back with all its writes', async () => {
  const { world, log, runtime, shard } = await start()
  await Promise.all([runtime.write('set', 0, (found) => found.set(['a', 1]), failed), world.settle()])
  log.failures.push(ErrorCode.NOT_ENOUGH_REPLICAS)
  const answers = [
    runtime.write('set', 0, (found) => found.set(['a', 2], ['b', 2]), failed),
    runtime.write('set', 0, (found) => found.set(['a', null]), failed),
    runtime.write('look', 0, (found) => ({ records: [], response: JSON.stringify(found.snapshot()) }), failed)
  ]
  assert.deepEqual(shard.snapshot(), { b: 2 })
  await world.settle()
  assert.deepEqual(shard.snapshot(), { a: 1 })
  assert.deepEqual(await Promise.all(answers), ['error 19', 'error 19', 'error 19'])
  const after = runtime.write('set', 0, (found) => found.set(['c', 3]), failed)
  await world.settle()
  assert.equal(await after, 'set 1')
  assert.deepEqual(shard.snapshot(), { a: 1, c: 3 })
  assert.equal(runtime.metrics.appendFailures, 1)
})

test('a write that does not fit beside the open batch goes into the next, and fails with the batch that it read', async () => {
  const { world, log, runtime, shard } = await start()
  log.maxBytes = 200
  const long = 'n'.repeat(40)
  const first = runtime.write('set', 0, (found) => found.set([long, 1]), failed)
  const second = runtime.write('set', 0, (found) => found.set([`${long}2`, 2]), failed)
  const third = runtime.write('set', 0, (found) => found.set([`${long}3`, 3]), failed)
  await world.settle()
  assert.deepEqual(await Promise.all([first, second, third]), ['set 1', 'set 1', 'set 1'])
  assert.equal(log.appends, 2)
  log.failures.push(ErrorCode.NOT_ENOUGH_REPLICAS)
  const lost = [1, 2, 3].map((index) => runtime.write('set', 0, (found) => found.set([`${long}lost${index}`, 1]), failed))
  await world.settle()
  assert.deepEqual(await Promise.all(lost), ['error 19', 'error 19', 'error 19'])
  assert.equal(shard.values.size, 3)
})

test('records that never fit one batch are refused, unless they may be split', async () => {
  const { world, log, runtime, shard } = await start()
  log.maxBytes = 300
  const many = Array.from({ length: 20 }, (_, index) => [`name ${index}`, index] as [string, number])
  assert.equal(
    runtime.write('set', 0, (found) => found.set(...many), failed),
    `error ${ErrorCode.RECORD_LIST_TOO_LARGE}`
  )
  assert.equal(shard.values.size, 0)
  const split = runtime.write('set', 0, (found) => ({ ...found.set(...many), isSplittable: true }), failed)
  await world.settle()
  assert.equal(await split, 'set 20')
  assert.equal(shard.values.size, 20)
  assert.ok(log.appends > 1)
})

test('an operation that throws, or a record that cannot be replayed, fails alone or with its batch and changes nothing', async () => {
  const { world, runtime, shard } = await start()
  const thrown = runtime.write<string>(
    'throw',
    0,
    () => {
      throw new Error('a bug')
    },
    failed
  )
  assert.equal(thrown, 'error -1')
  const poisoned = runtime.write('set', 0, (found) => found.set(['a', 1], ['poison', 1]), failed)
  assert.equal(poisoned, 'error -1')
  assert.deepEqual(shard.snapshot(), {})
  const after = runtime.write('set', 0, (found) => found.set(['b', 1]), failed)
  await world.settle()
  assert.equal(await after, 'set 1')
  assert.equal(world.errors.length, 2)
})

test('answers that wait are bounded', async () => {
  const { world, log, runtime } = await start({ maxPendingWrites: 3 })
  log.isAutoCommitting = false
  const answers = []
  for (let index = 0; index < 3; index++) {
    answers.push(runtime.write('set', 0, (found) => found.set(['a', index]), failed))
    await world.settle()
  }
  assert.equal(
    runtime.write('set', 0, (found) => found.set(['a', 9]), failed),
    `error ${ErrorCode.COORDINATOR_NOT_AVAILABLE}`
  )
  log.commit()
  assert.deepEqual(await Promise.all(answers), ['set 1', 'set 1', 'set 1'])
  assert.equal(runtime.metrics.writesRejected, 1)
})

test('timers run as writes of their shard and end with it', async () => {
  const { world, log, runtime, shard } = await start()
  const { timers } = shard.environment
  timers.schedule('t', 100, () => ({ ...shard.set(['t', 1]), response: undefined }))
  timers.schedule('moved', 100, () => ({ ...shard.set(['moved', 1]), response: undefined }))
  timers.schedule('gone', 50, () => ({ ...shard.set(['gone', 1]), response: undefined }))
  timers.schedule('moved', 200, () => ({ ...shard.set(['moved', 2]), response: undefined }))
  timers.cancel('gone')
  await world.advance(100)
  assert.deepEqual(shard.snapshot(), { t: 1 })
  await world.advance(100)
  assert.deepEqual(shard.snapshot(), { moved: 2, t: 1 })
  timers.schedule('late', 100, () => ({ ...shard.set(['late', 1]), response: undefined }))
  const appends = log.appends
  runtime.unload(0)
  await world.advance(1_000)
  assert.equal(log.appends, appends)
  assert.equal(world.pendingTimers, 0)
  assert.deepEqual(shard.events, ['loaded', 'unloaded'])
})

test('a partition is loaded in slices, with transactions ended by their markers and unknown records left alone', async () => {
  const first = await start()
  for (let index = 0; index < 200; index++) {
    void first.runtime.write('set', 0, (found) => found.set([`n${index}`, index]), failed)
    await first.world.settle()
  }
  const transactional = (producerId: number, name: string) =>
    first.runtime.writeTransactional('set', 0, { producerId, producerEpoch: 0 }, (found) => found.set([name, producerId]), failed)
  const end = (producerId: number, isCommit: boolean) =>
    first.runtime.completeTransaction(0, { producerId, producerEpoch: 0, coordinatorEpoch: 1, isCommit })
  void transactional(1, 'committed')
  void transactional(2, 'aborted')
  void transactional(3, 'open')
  void end(1, true)
  void end(2, false)
  await first.world.settle()
  const world = new VirtualWorld()
  const log = new MemoryLog(world)
  log.put(0, first.log.bytes())
  const unknown = encodeBatch({ baseOffset: log.partition(0).nextOffset, records: [{ key: '?new', value: 'x', timestamp: 1 }] })
  log.put(0, unknown)
  const runtime = createCounterRuntime(world, log, { loadBufferBytes: 500 })
  let loaded = false
  runtime.load(0, 0, (error) => {
    loaded = error === undefined
  })
  assert.equal(runtime.availability(0), ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
  assert.equal(
    runtime.write('set', 0, (found) => found.set(['a', 1]), failed),
    `error ${ErrorCode.COORDINATOR_LOAD_IN_PROGRESS}`
  )
  await world.advance(0)
  assert.ok(loaded)
  const shard = runtime.read<CounterShard | undefined>(
    0,
    (found) => found,
    () => undefined
  )
  assert.deepEqual(shard?.snapshot(), { ...first.shard.snapshot(), committed: 1 })
  assert.deepEqual([...(shard?.pending.keys() ?? [])], [3])
  assert.equal(world.lines.filter(({ level }) => level === 'WARN').length, 1)
})

test('a partition that cannot be read is not served', async () => {
  const world = new VirtualWorld()
  const log = new MemoryLog(world)
  log.put(0, encodeBatch({ baseOffset: 0, records: [{ key: 'poison', value: '1', timestamp: 1 }] }))
  const runtime = createCounterRuntime(world, log)
  const errors: unknown[] = []
  runtime.load(0, 0, (error) => errors.push(error?.code))
  await world.advance(0)
  assert.deepEqual(errors, ['COORDINATOR_LOAD'])
  assert.equal(runtime.availability(0), ErrorCode.NOT_COORDINATOR)
  assert.equal(runtime.metrics.partitionLoadFailures, 1)
})

test('a partition that could not be read is tried again, less and less often, until it is unloaded', async () => {
  const first = await start()
  await Promise.all([first.runtime.write('set', 0, (found) => found.set(['a', 1]), failed), first.world.settle()])
  const { world, log, runtime } = first
  log.readFailures.push(ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.KAFKA_STORAGE_ERROR)
  runtime.load(0, 1)
  await world.advance(2_999)
  assert.equal(runtime.availability(0), ErrorCode.NOT_COORDINATOR)
  await world.advance(1)
  assert.equal(runtime.availability(0), 0)
  assert.equal(runtime.metrics.partitionLoadFailures, 2)
  log.readFailures.push(ErrorCode.KAFKA_STORAGE_ERROR)
  runtime.load(0, 2)
  await world.advance(0)
  runtime.unload(0)
  assert.equal(world.pendingTimers, 0)
})

test('a partition unloaded while it loads stays unloaded, and old epochs change nothing', async () => {
  const { world, log, runtime } = await start()
  for (let index = 0; index < 10; index++)
    await Promise.all([runtime.write('set', 0, (found) => found.set(['a', index]), failed), world.settle()])
  runtime.load(0, 5)
  runtime.unload(0, 4)
  assert.equal(runtime.availability(0), ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
  runtime.unload(0, 5)
  await world.advance(0)
  assert.equal(runtime.availability(0), ErrorCode.NOT_COORDINATOR)
  runtime.load(0, 6)
  runtime.load(0, 6)
  runtime.load(0, 3)
  await world.advance(0)
  assert.equal(runtime.availability(0), 0)
  assert.equal(log.partition(0).listeners.size, 1)
})

test('an open batch and all answers that wait fail when the partition is unloaded', async () => {
  const { world, log, runtime } = await start()
  log.isAutoCommitting = false
  const waiting = runtime.write('set', 0, (found) => found.set(['a', 1]), failed)
  await world.settle()
  const open = runtime.write('set', 0, (found) => found.set(['a', 2]), failed)
  runtime.unload(0)
  assert.deepEqual(await Promise.all([waiting, open]), ['error 16', 'error 16'])
  await world.settle()
  assert.equal(log.appends, 1)
})

test('a log that puts a batch elsewhere than expected makes the partition load again', async () => {
  const { world, log, runtime } = await start()
  await Promise.all([runtime.write('set', 0, (found) => found.set(['a', 1]), failed), world.settle()])
  log.put(0, encodeBatch({ baseOffset: 1, records: [{ key: 'stranger', value: '7', timestamp: 1 }] }))
  const answer = runtime.write('set', 0, (found) => found.set(['b', 2]), failed)
  await world.advance(0)
  assert.equal(await answer, 'error 16')
  const shard = runtime.read<CounterShard | undefined>(
    0,
    (found) => found,
    () => undefined
  )
  assert.deepEqual(shard?.snapshot(), { a: 1, b: 2, stranger: 7 }, 'the log is right')
  const after = runtime.write('set', 0, (found) => found.set(['c', 3]), failed)
  await world.settle()
  assert.equal(await after, 'set 1')
})
