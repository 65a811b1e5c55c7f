import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { World } from '@odradek/world'
import { Deadlines } from '../src/replica/deadlines.ts'

/** Time that the test moves. */
class HandTime {
  now = 0
  #timers: { atMs: number; callback: () => void; isOver: boolean }[] = []

  readonly world = {
    clock: { monotonicMs: () => this.now },
    timers: {
      schedule: (delayMs: number, callback: () => void) => {
        const timer = { atMs: this.now + delayMs, callback, isOver: false }
        this.#timers.push(timer)
        return { cancel: () => (timer.isOver = true) }
      }
    }
  } as unknown as World

  get pending(): number {
    return this.#timers.filter(({ isOver }) => !isOver).length
  }

  advance(ms: number): void {
    this.now += ms
    for (const timer of this.#timers) {
      if (timer.isOver || timer.atMs > this.now) continue
      timer.isOver = true
      timer.callback()
    }
  }
}

describe('deadlines', () => {
  test('expire in time, with one timer for all', () => {
    const time = new HandTime()
    const deadlines = new Deadlines(time.world)
    const expired: string[] = []
    deadlines.add(300, () => expired.push('c'))
    deadlines.add(100, () => expired.push('a'))
    deadlines.add(200, () => expired.push('b'))
    assert.equal(time.pending, 1)
    time.advance(150)
    assert.deepEqual(expired, ['a'])
    time.advance(150)
    assert.deepEqual(expired, ['a', 'b', 'c'])
    assert.equal(time.pending, 0)
  })

  test('that were removed do not expire', () => {
    const time = new HandTime()
    const deadlines = new Deadlines(time.world)
    let isExpired = false
    const deadline = deadlines.add(100, () => {
      isExpired = true
    })
    deadlines.remove(deadline)
    time.advance(1000)
    assert.equal(isExpired, false)
    assert.equal(deadlines.size, 0)
  })
})
