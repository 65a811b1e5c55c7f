import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BoundedQueue, createPrng } from '@odradek/base'

describe('bounded queue', () => {
  test('keeps the order of a plain array within its bounds, by a seeded run', () => {
    const random = createPrng('queue')
    const queue = new BoundedQueue<Buffer>({ maxItems: 50, maxBytes: 1000, sizeOf: (item) => item.length })
    const model: Buffer[] = []
    const bytes = (): number => model.reduce((sum, item) => sum + item.length, 0)
    for (let step = 0; step < 5000; step++) {
      if (random.chance(0.55)) {
        const item = Buffer.alloc(random.below(60))
        const fits = model.length < 50 && (model.length === 0 || bytes() + item.length <= 1000)
        assert.equal(queue.offer(item), fits)
        if (fits) model.push(item)
      } else {
        assert.equal(queue.peek(), model[0])
        assert.equal(queue.poll(), model.shift())
      }
      assert.equal(queue.length, model.length)
      assert.equal(queue.bytes, bytes())
      assert.equal(queue.isFull, model.length >= 50 || bytes() >= 1000)
    }
    queue.clear()
    assert.deepEqual([queue.length, queue.bytes, queue.poll(), queue.peek()], [0, 0, undefined, undefined])
  })

  test('one item above the byte bound passes an empty queue only', () => {
    const queue = new BoundedQueue<number>({ maxBytes: 10, sizeOf: (item) => item })
    assert.equal(queue.offer(100), true)
    assert.equal(queue.isFull, true)
    assert.equal(queue.offer(1), false)
    assert.equal(queue.poll(), 100)
    assert.equal(queue.offer(1), true)
    assert.equal(queue.offer(100), false)
  })
})
