import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrng } from '@odradek/base'
import { placeReplicas, type UsableBroker } from '../../src/controller/placement.ts'

function place(brokers: readonly UsableBroker[], partitions: number, replicationFactor: number, seed = 1): number[][] {
  const prng = createPrng(seed)
  const placement = placeReplicas({ partitions, replicationFactor, brokers, randomBelow: (bound) => prng.below(bound) })
  if ('error' in placement) throw new Error(placement.error.errorMessage ?? '')
  return placement.replicas
}

const broker = (id: number, rack: string | null = null, fenced = false): UsableBroker => ({ id, rack, fenced })

test('every partition has its replicas on different brokers, and leaders are even to within one', () => {
  for (let seed = 0; seed < 50; seed++) {
    const brokers = Array.from({ length: 3 + (seed % 5) }, (_, id) => broker(id))
    const placed = place(brokers, 40, 3, seed)
    for (const replicas of placed) assert.equal(new Set(replicas).size, 3)
    const leaders = Map.groupBy(placed, ([leader]) => leader)
    const counts = brokers.map(({ id }) => leaders.get(id)?.length ?? 0)
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, String(counts))
  }
})

test('replicas spread over racks before they share one', () => {
  const racks = ['a', 'a', 'a', 'b', 'b', 'b', 'c', 'c', 'c']
  const brokers = racks.map((rack, id) => broker(id, rack))
  for (let seed = 0; seed < 20; seed++) {
    for (const replicas of place(brokers, 9, 3, seed)) assert.equal(new Set(replicas.map((id) => racks[id])).size, 3)
    for (const replicas of place(brokers, 9, 5, seed)) {
      const perRack = [...Map.groupBy(replicas, (id) => racks[id]).values()].map((ids) => ids.length)
      assert.deepEqual(perRack.sort(), [1, 2, 2])
    }
  }
})

test('fenced brokers come last and never lead', () => {
  const brokers = [broker(0), broker(1), broker(2, null, true)]
  for (let seed = 0; seed < 20; seed++) {
    for (const replicas of place(brokers, 6, 2, seed)) assert.ok(!replicas.includes(2))
    for (const replicas of place(brokers, 6, 3, seed)) assert.equal(replicas[2], 2)
  }
})

test('a rack of fenced brokers gives no leader', () => {
  const brokers = [broker(0, 'a', true), broker(1, 'b'), broker(2, 'c')]
  for (let seed = 0; seed < 20; seed++) for (const [leader] of place(brokers, 6, 3, seed)) assert.notEqual(leader, 0)
})

test('one broker holds everything that asks for one replica', () => {
  assert.deepEqual(place([broker(7)], 3, 1), [[7], [7], [7]])
})

test('what cannot be placed says why', () => {
  assert.throws(() => place([broker(0)], 1, 0), { message: 'Invalid replication factor 0: the replication factor must be positive.' })
  assert.throws(() => place([broker(0, null, true)], 1, 1), {
    message: 'All brokers are currently fenced, or have all their log directories cordoned.'
  })
  assert.throws(() => place([broker(0)], 1, 2), {
    message:
      'The target replication factor of 2 cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.'
  })
})
