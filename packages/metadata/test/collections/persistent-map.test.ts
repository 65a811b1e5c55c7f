import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrng } from '@odradek/base'
import { PersistentList } from '../../src/collections/persistent-list.ts'
import { PersistentMap } from '../../src/collections/persistent-map.ts'

test('a persistent map holds what a Map holds after any changes, and every older version stays what it was', () => {
  const prng = createPrng(7)
  const model = new Map<string, number>()
  let map = PersistentMap.empty<string, number>()
  const versions: { map: PersistentMap<string, number>; entries: Map<string, number> }[] = []
  for (let step = 0; step < 5000; step++) {
    const key = `key-${prng.below(400)}`
    if (prng.below(3) === 0) {
      map = map.delete(key)
      model.delete(key)
    } else {
      map = map.set(key, step)
      model.set(key, step)
    }
    assert.equal(map.size, model.size)
    if (step % 500 === 0) versions.push({ map, entries: new Map(model) })
  }
  versions.push({ map, entries: model })
  for (const version of versions) {
    assert.deepEqual(new Map(version.map), version.entries)
    for (const [key, value] of version.entries) assert.equal(version.map.get(key), value)
  }
})

test('a persistent map iterates by its keys alone, whatever way it came about', () => {
  const keys = Array.from({ length: 300 }, (_, index) => index * 7)
  let forward = PersistentMap.empty<number, string>()
  for (const key of keys) forward = forward.set(key, `v${key}`)
  let backward = PersistentMap.empty<number, string>()
  for (const key of [...keys, 9999, 10000].reverse()) backward = backward.set(key, `v${key}`)
  assert.deepEqual([...backward.delete(10000).delete(9999)], [...forward])
})

test('keys of one full hash live beside each other', () => {
  // Java's string hash, which the map's begins with, is equal for these.
  const keys = ['AaAa', 'BBBB', 'AaBB', 'BBAa']
  let map = PersistentMap.empty<string, string>()
  for (const key of keys) map = map.set(key, key.toLowerCase())
  assert.equal(map.size, 4)
  for (const key of keys) assert.equal(map.get(key), key.toLowerCase())
  assert.equal(map.get('AaBb'), undefined)
  map = map.set('AaBB', 'new').delete('BBBB')
  assert.deepEqual(
    new Map(map),
    new Map([
      ['AaAa', 'aaaa'],
      ['AaBB', 'new'],
      ['BBAa', 'bbaa']
    ])
  )
  assert.equal(map.delete('AaAa').delete('AaBB').delete('BBAa').size, 0)
})

test('setting the same value and deleting what is absent give the same map', () => {
  const value = { a: 1 }
  const map = PersistentMap.empty<string, object>().set('k', value)
  assert.equal(map.set('k', value), map)
  assert.equal(map.delete('other'), map)
})

test('a persistent list grows at its end, changes anywhere, and leaves older versions alone', () => {
  let list = PersistentList.empty<number>()
  for (let index = 0; index < 200; index++) list = list.with(index, index)
  const older = list
  list = list.with(64, -1).with(200, 200)
  assert.deepEqual(
    [...older],
    Array.from({ length: 200 }, (_, index) => index)
  )
  assert.equal(list.size, 201)
  assert.equal(list.get(64), -1)
  assert.deepEqual([list.get(-1), list.get(201)], [undefined, undefined])
  assert.deepEqual([...list.entries()][65], [65, 65])
  assert.throws(() => list.with(202, 0), RangeError)
})
