import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrng } from '@odradek/base'
import { DeadlineTimers } from '../../src/runtime/deadline-timers.ts'

test('timers come due in the order of their deadlines, then of their scheduling', () => {
  const timers = new DeadlineTimers<string>()
  timers.schedule('b', 20, 'b')
  timers.schedule('a', 10, 'a')
  timers.schedule('c', 20, 'c')
  assert.equal(timers.nextDeadlineMs(), 10)
  assert.equal(timers.takeDue(9), undefined)
  assert.deepEqual([timers.takeDue(20), timers.takeDue(20), timers.takeDue(20), timers.takeDue(20)], ['a', 'b', 'c', undefined])
})

test('a timer moved later or earlier comes due at its last deadline, once', () => {
  const timers = new DeadlineTimers<string>()
  timers.schedule('later', 10, 'old')
  timers.schedule('later', 30, 'new')
  timers.schedule('earlier', 40, 'old')
  timers.schedule('earlier', 20, 'new')
  assert.equal(timers.takeDue(19), undefined)
  assert.equal(timers.takeDue(20), 'new')
  assert.equal(timers.takeDue(29), undefined)
  assert.equal(timers.takeDue(30), 'new')
  assert.equal(timers.takeDue(1_000), undefined)
  assert.equal(timers.size, 0)
})

test('against a plain list: random scheduling, moving, cancelling and expiry agree', () => {
  const random = createPrng('deadline-timers')
  const timers = new DeadlineTimers<string>()
  const model = new Map<string, number>()
  let now = 0
  for (let step = 0; step < 20_000; step++) {
    const key = `k${random.below(50)}`
    switch (random.below(4)) {
      case 0:
      case 1: {
        const deadline = now + random.below(100)
        timers.schedule(key, deadline, key)
        model.set(key, deadline)
        break
      }
      case 2:
        timers.cancel(key)
        model.delete(key)
        break
      default: {
        now += random.below(20)
        const due = [...model].filter(([, deadline]) => deadline <= now).map(([name]) => name)
        const taken: string[] = []
        for (let name = timers.takeDue(now); name !== undefined; name = timers.takeDue(now)) taken.push(name)
        assert.deepEqual(taken.sort(), due.sort(), `step ${step}`)
        for (const name of due) model.delete(name)
      }
    }
    assert.equal(timers.size, model.size)
    const next = timers.nextDeadlineMs()
    assert.ok(model.size === 0 || (next !== undefined && next <= Math.min(...model.values())))
  }
})
