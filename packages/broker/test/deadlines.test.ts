import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeWorld } from '../../transport/test/fakes.ts'
import { Deadlines } from '../src/replica/deadlines.ts'

describe('deadlines', () => {
  test('expire in time, with one timer for all', async () => {
    const fake = new FakeWorld()
    const deadlines = new Deadlines(fake.world)
    const expired: string[] = []
    deadlines.add(300, () => expired.push('c'))
    deadlines.add(100, () => expired.push('a'))
    deadlines.add(200, () => expired.push('b'))
    assert.equal(fake.pendingTimers, 1)
    await fake.advance(150)
    assert.deepEqual(expired, ['a'])
    await fake.advance(150)
    assert.deepEqual(expired, ['a', 'b', 'c'])
    assert.equal(fake.pendingTimers, 0)
  })

  test('that were removed do not expire', async () => {
    const fake = new FakeWorld()
    const deadlines = new Deadlines(fake.world)
    let isExpired = false
    deadlines.remove(deadlines.add(100, () => (isExpired = true)))
    await fake.advance(1000)
    assert.equal(isExpired, false)
    assert.equal(deadlines.size, 0)
  })
})
