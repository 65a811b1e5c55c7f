import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPrng } from '@odradek/base'
import { requireGoldens } from '@odradek/testkit'
import { partitionOfKey, StickyPartitioner } from '../../src/producer/partitioner.ts'
import { roundRobin } from '../../src/producer/settings.ts'

interface HashLine {
  kind: string
  keyHex: string
  partitionFor1to64: number[]
}

test('keys go where Java puts them, as bytes and as text, for 1 to 64 partitions', (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  let texts = 0
  for (const line of goldens.lines<HashLine>('hashing.ndjson.gz')) {
    if (line.kind !== 'murmur2') continue
    const key = Buffer.from(line.keyHex, 'hex')
    const text = key.toString('utf8')
    const isText = Buffer.from(text).equals(key)
    if (isText) texts++
    for (const [i, expected] of line.partitionFor1to64.entries()) {
      assert.equal(partitionOfKey(key, i + 1), expected, line.keyHex)
      if (isText) assert.equal(partitionOfKey(text, i + 1), expected, text)
    }
  }
  assert.ok(texts > 10)
})

test('text has the partition of its UTF-8 bytes, ASCII or not, at every length', () => {
  const prng = createPrng('keys')
  for (let i = 0; i < 2_000; i++) {
    const alphabet = prng.pick(['abcXYZ019-\u0000\u007f', 'abcé', 'a\u0080ÿ', 'ключ', '鍵🔑a'])
    const text = Array.from({ length: prng.below(20) }, () => prng.pick([...alphabet])).join('')
    assert.equal(partitionOfKey(text, 1_000_003), partitionOfKey(Buffer.from(text), 1_000_003), JSON.stringify(text))
  }
})

describe('a record without a key', () => {
  const draws = (...values: number[]) => ({ below: (bound: number) => (values.shift() ?? 0) % bound })

  test('stays with its partition until batch.size bytes and a full batch, or twice as much', () => {
    const sticky = new StickyPartitioner(100, draws(1, 2, 0))
    assert.equal(sticky.current([0, 1, 2], 3), 1)
    sticky.appended(99, true)
    assert.equal(sticky.current([0, 1, 2], 3), 1)
    sticky.appended(50, false)
    assert.equal(sticky.current([0, 1, 2], 3), 1)
    sticky.appended(1, true)
    assert.equal(sticky.current([0, 1, 2], 3), 2)
    sticky.appended(200, false)
    assert.equal(sticky.current([0, 1, 2], 3), 0)
  })

  test('goes to partitions with a leader, or to any when none has one', () => {
    assert.equal(new StickyPartitioner(100, draws(1)).current([5, 7], 9), 7)
    assert.equal(new StickyPartitioner(100, draws(4)).current([], 9), 4)
  })

  test('draws a partition the more often the shorter its queue is', () => {
    const prng = createPrng('load')
    const counts = [0, 0, 0]
    for (let i = 0; i < 30_000; i++) {
      const sticky = new StickyPartitioner(1, prng, () => ({ partitions: [0, 2, 3], queueSizes: [0, 3, 1] }))
      counts[[0, 2, 3].indexOf(sticky.current([0, 1, 2, 3], 4))]++
    }
    // Shares of 4, 1 and 3: as much as each queue is shorter than the longest, and one.
    for (const [i, share] of [4, 1, 3].entries()) assert.ok(Math.abs(counts[i] / 30_000 - share / 8) < 0.02, `${counts}`)
  })

  test('goes round with RoundRobinPartitioner, topic by topic', () => {
    const next = roundRobin()
    const context = { key: null, value: null, keyBytes: null, valueBytes: null, partitionCount: 3 }
    const go = (topic: string, availablePartitions: number[]) => next({ ...context, topic, availablePartitions })
    assert.deepEqual([go('a', [0, 1, 2]), go('a', [0, 1, 2]), go('b', [0, 1, 2]), go('a', [0, 2]), go('a', [])], [0, 1, 0, 0, 0])
  })
})
