// The end of a run of handlers of a share consumer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSimulation } from '@odradek/world/sim'
import type { ConsumerRecord } from '../../src/consumer/record.ts'
import { runShareHandlers } from '../../src/share/share-run.ts'
import { settled } from '../support/fake-cluster.ts'

test('handlers that hang when the run is to end hold it up for endTimeoutMs, and no listener and no lock is left behind', async () => {
  const sim = createSimulation({ seed: 1 })
  const { world } = sim.node('client')
  const renewed: number[] = []
  const records = [{ offset: 0 }, { offset: 1 }] as ConsumerRecord[]
  const engine = {
    world,
    take: async () => records,
    acknowledge: () => renewed.push(sim.nowMs) > 0,
    lockTimeoutMs: () => 1_000,
    flush() {}
  }
  const stop = new AbortController()
  const { signal } = stop
  let listeners = 0
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--
    remove(...args)
  }
  const run = settled(runShareHandlers(engine, () => new Promise(() => {}), { signal, concurrency: 2, endTimeoutMs: 2_000 }))
  await sim.advance(5_000)
  const abortedMs = sim.nowMs
  stop.abort()
  assert.equal((await sim.complete(run)).code, 'REQUEST_TIMED_OUT')
  assert.ok(sim.nowMs - abortedMs < 2_100)
  assert.equal(listeners, 0)
  const before = renewed.length
  assert.ok(before > 0)
  await sim.advance(10_000)
  assert.equal(renewed.length, before)
})
