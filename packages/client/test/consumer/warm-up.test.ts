// What deserializers fetch before records are handed out (`load`).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSimulation } from '@odradek/world/sim'
import { PartitionState } from '../../src/consumer/partition-state.ts'
import { PollWait } from '../../src/consumer/poll-wait.ts'
import { untilLoaded, warmUp } from '../../src/consumer/warm-up.ts'

const plain = { deserialize: (bytes: Buffer) => String(bytes) }
const recordsOf = (...values: (string | null)[]) =>
  values.map((value) => ({ rawKey: null, rawValue: value === null ? null : Buffer.from(value) }))
const all = (count: number) => [{ state: new PartitionState('t', 0), from: 0, to: count }]

test('nothing is awaited where no deserializer loads, or all is there', () => {
  const records = recordsOf('a', 'b')
  assert.equal(
    warmUp(records, all(2), () => ({ value: plain })),
    undefined
  )
  assert.equal(
    warmUp(records, all(2), () => ({})),
    undefined
  )
  const asked: string[] = []
  const value = { ...plain, load: (bytes: Buffer, topic: string) => void asked.push(`${topic}:${bytes}`) as undefined }
  assert.equal(
    warmUp(recordsOf('a', null, 'b'), all(3), () => ({ value })),
    undefined
  )
  assert.deepEqual(asked, ['t:a', 't:b'])
})

test('loads are awaited, sixteen at once at most; those that fail, by throwing or rejecting, hold up none', async () => {
  let running = 0
  let most = 0
  const done = new Set<string>()
  const load = async (bytes: Buffer): Promise<void> => {
    most = Math.max(most, ++running)
    await null
    running--
    if (String(bytes) === '7') throw new Error('not there')
    done.add(String(bytes))
  }
  const value = {
    ...plain,
    load: (bytes: Buffer) => {
      if (String(bytes) === '9') throw new Error('no such thing')
      return load(bytes)
    }
  }
  const values = Array.from({ length: 100 }, (_, at) => `${at}`)
  await warmUp(recordsOf(...values), all(100), () => ({ value }))
  assert.equal(done.size, 98)
  assert.equal(most, 16)
})

test('waiting ends with the time, the signal, wakeup and close, and leaves no listener', async () => {
  const sim = createSimulation({ seed: 1 })
  const { world } = sim.node('client')
  const never = new Promise<void>(() => {})
  const wait = new PollWait(world)
  let closed = false
  const options = { world, wait, timeoutMs: 5_000, isClosed: () => closed }
  const start = sim.nowMs
  await sim.complete(untilLoaded(never, options))
  assert.equal(Math.round((sim.nowMs - start) / 100), 50)
  const controller = new AbortController()
  const removed: string[] = []
  const { signal } = controller
  const remove = signal.removeEventListener.bind(signal)
  signal.removeEventListener = (type: string, ...rest: unknown[]) => {
    removed.push(type)
    remove(type, ...(rest as [never]))
  }
  await sim.complete(untilLoaded(Promise.resolve(), { ...options, signal }))
  assert.deepEqual(removed, ['abort'])
  const aborted = untilLoaded(never, { ...options, signal })
  controller.abort()
  await sim.complete(aborted)
  await sim.complete(untilLoaded(never, { ...options, signal }))
  const woken = untilLoaded(never, options)
  wait.wake()
  wait.wakeup()
  await sim.complete(woken)
  assert.throws(() => wait.throwPending(), { code: 'WAKEUP' })
  const ended = untilLoaded(never, options)
  closed = true
  wait.wake()
  await sim.complete(ended)
  assert.equal(Math.round((sim.nowMs - start) / 100), 50)
})
