import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPrng } from '@odradek/base'

describe('prng', () => {
  test('equal seeds draw the same, others differ', () => {
    const draw = (seed: string | number): number[] => {
      const random = createPrng(seed)
      return Array.from({ length: 20 }, () => random.uint32())
    }
    assert.deepEqual(draw(7), draw('7'))
    assert.notDeepEqual(draw(7), draw(8))
  })

  test('a named stream does not depend on what its parent or its siblings drew', () => {
    const first = createPrng(1)
    const second = createPrng(1)
    for (let draws = 0; draws < 100; draws++) second.uint32()
    second.fork('network').uint32()
    assert.equal(first.fork('disk').uint32(), second.fork('disk').uint32())
    assert.notEqual(first.fork('disk').uint32(), first.fork('network').uint32())
  })

  test('its numbers are pinned: a saved seed replays on every platform', () => {
    const random = createPrng('pinned')
    assert.deepEqual(
      [random.uint32(), random.below(1000), random.float(), random.bytes(7).toString('hex')],
      [4035436579, 508, 0.08476307767111024, 'ec09aa8b6242d7']
    )
  })

  test('below and between stay in range and reach every value evenly', () => {
    const random = createPrng(3)
    const counts = new Array(10).fill(0)
    for (let draws = 0; draws < 20_000; draws++) counts[random.below(10)]++
    for (const count of counts) assert.ok(count > 1800 && count < 2200, String(counts))
    const seen = new Set(Array.from({ length: 200 }, () => random.between(-1, 2)))
    assert.deepEqual([...seen].sort(), [-1, 0, 1, 2])
    for (let draws = 0; draws < 100; draws++) assert.ok(Number.isSafeInteger(random.below(2 ** 53)))
  })

  test('chance always draws, so that a changed probability shifts nothing', () => {
    const never = createPrng(4)
    const always = createPrng(4)
    assert.equal(never.chance(0), false)
    assert.equal(always.chance(1), true)
    assert.equal(never.uint32(), always.uint32())
  })

  test('bytes of every size, shuffles and picks', () => {
    const random = createPrng(5)
    for (let size = 0; size < 12; size++) assert.equal(random.bytes(size).length, size)
    const items = [1, 2, 3, 4, 5, 6, 7, 8]
    assert.deepEqual([...random.shuffle([...items])].sort(), items)
    assert.ok(items.includes(random.pick(items)))
    assert.throws(() => random.pick([]), RangeError)
  })
})
