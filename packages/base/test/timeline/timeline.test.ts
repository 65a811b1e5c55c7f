import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createPrng, type Prng, SnapshotRegistry, TimelineCell, TimelineMap, TimelineSet } from '@odradek/base'

describe('timeline collections', () => {
  test('read the newest state and the state at an epoch', () => {
    const registry = new SnapshotRegistry()
    const map = new TimelineMap<string, number>(registry)
    map.set('a', 1)
    registry.getOrCreateSnapshot(10)
    assert.equal(map.set('a', 2), 1)
    map.set('b', 3)
    registry.getOrCreateSnapshot(20)
    map.delete('a')
    assert.deepEqual([...map], [['b', 3]])
    assert.equal(map.get('a'), undefined)
    assert.equal(map.get('a', 10), 1)
    assert.equal(map.get('a', 20), 2)
    assert.equal(map.has('b', 10), false)
    assert.equal(map.sizeAt(10), 1)
    assert.equal(map.sizeAt(20), 2)
    assert.deepEqual([...map.entries(10)], [['a', 1]])
  })

  test('a revert keeps its snapshot and drops the newer ones', () => {
    const registry = new SnapshotRegistry()
    const cell = new TimelineCell(registry, 'start')
    registry.getOrCreateSnapshot(1)
    cell.set('one')
    registry.getOrCreateSnapshot(2)
    cell.set('two')
    registry.revertToSnapshot(1)
    assert.equal(cell.get(), 'start')
    assert.deepEqual(registry.epochs(), [1])
    cell.set('again')
    assert.equal(cell.get(1), 'start')
    registry.revertToSnapshot(1)
    assert.equal(cell.get(), 'start')
  })

  test('an undefined value is a value', () => {
    const registry = new SnapshotRegistry()
    const map = new TimelineMap<string, number | undefined>(registry)
    map.set('a', undefined)
    registry.getOrCreateSnapshot(1)
    map.delete('a')
    assert.equal(map.has('a', 1), true)
    registry.revertToSnapshot(1)
    assert.equal(map.has('a'), true)
  })

  test('an iteration at an epoch is not moved by later changes', () => {
    const registry = new SnapshotRegistry()
    const set = new TimelineSet<number>(registry)
    for (let item = 0; item < 5; item++) set.add(item)
    registry.getOrCreateSnapshot(1)
    const seen: number[] = []
    for (const item of set.values(1)) {
      seen.push(item)
      set.delete(4 - item)
      set.add(item + 100)
    }
    assert.deepEqual(seen.sort(), [0, 1, 2, 3, 4])
  })

  test('nested collections made after a snapshot vanish with a revert', () => {
    const registry = new SnapshotRegistry()
    const groups = new TimelineMap<string, TimelineSet<string>>(registry)
    registry.getOrCreateSnapshot(1)
    const members = new TimelineSet<string>(registry)
    members.add('m1')
    groups.set('g', members)
    registry.getOrCreateSnapshot(2)
    members.add('m2')
    assert.deepEqual([...(groups.get('g', 2)?.values(2) ?? [])], ['m1'])
    registry.revertToSnapshot(1)
    assert.equal(groups.size, 0)
  })

  test('it is a bug to name an epoch without a snapshot, or to go back', () => {
    const registry = new SnapshotRegistry()
    const map = new TimelineMap<string, number>(registry)
    registry.getOrCreateSnapshot(5)
    registry.getOrCreateSnapshot(5)
    assert.throws(() => registry.getOrCreateSnapshot(4), /older than the newest/)
    assert.throws(() => map.get('a', 4), /no snapshot of epoch 4/)
    assert.throws(() => registry.revertToSnapshot(6), /no snapshot of epoch 6: there are 5/)
    registry.deleteSnapshotsUpTo(6)
    assert.throws(() => map.get('a', 5), /there are none/)
  })
})

/** Naive twin of everything in one registry: whole copies by epoch. */
class Model {
  now = { map: new Map<number, number>(), set: new Set<number>(), cell: 0 }
  readonly snapshots = new Map<number, Model['now']>()

  static copy(state: Model['now']): Model['now'] {
    return { map: new Map(state.map), set: new Set(state.set), cell: state.cell }
  }
}

function agree(
  model: Model['now'],
  map: TimelineMap<number, number>,
  set: TimelineSet<number>,
  cell: TimelineCell<number>,
  epoch?: number
): void {
  const sorted = <T>(items: Iterable<T>): T[] =>
    [...items].sort((a, b) => Number(Array.isArray(a) ? a[0] : a) - Number(Array.isArray(b) ? b[0] : b))
  assert.deepEqual(sorted(map.entries(epoch)), sorted(model.map))
  assert.deepEqual(sorted(map.values(epoch)), sorted(model.map.values()))
  assert.deepEqual(sorted(set.values(epoch)), sorted(model.set))
  assert.equal(epoch === undefined ? map.size : map.sizeAt(epoch), model.map.size)
  assert.equal(epoch === undefined ? set.size : set.sizeAt(epoch), model.set.size)
  assert.equal(cell.get(epoch), model.cell)
  for (let key = 0; key < 12; key++) {
    assert.equal(map.get(key, epoch), model.map.get(key))
    assert.equal(map.has(key, epoch), model.map.has(key))
    assert.equal(set.has(key, epoch), model.set.has(key))
  }
}

function change(random: Prng, model: Model, map: TimelineMap<number, number>, set: TimelineSet<number>, cell: TimelineCell<number>): void {
  const key = random.below(12)
  const value = random.below(1000)
  switch (random.below(6)) {
    case 0:
    case 1:
      assert.equal(map.set(key, value), model.now.map.get(key))
      model.now.map.set(key, value)
      return
    case 2:
      assert.equal(map.delete(key), model.now.map.delete(key))
      return
    case 3:
      assert.equal(set.add(key), !model.now.set.has(key))
      model.now.set.add(key)
      return
    case 4:
      assert.equal(set.delete(key), model.now.set.delete(key))
      return
    default:
      cell.set(value)
      model.now.cell = value
      if (random.chance(0.05)) {
        map.clear()
        model.now.map.clear()
      }
  }
}

for (let seed = 1; seed <= 60; seed++) {
  test(`timeline collections agree with whole copies, seed ${seed}`, () => {
    const random = createPrng(`timeline/${seed}`)
    const registry = new SnapshotRegistry()
    const map = new TimelineMap<number, number>(registry)
    const set = new TimelineSet<number>(registry)
    const cell = new TimelineCell(registry, 0)
    const model = new Model()
    let epoch = 0
    for (let step = 0; step < 300; step++) {
      const action = random.below(20)
      const known = registry.epochs()
      if (action === 0) {
        epoch += random.below(3)
        if (known.length === 0 || epoch > known[known.length - 1]) model.snapshots.set(epoch, Model.copy(model.now))
        registry.getOrCreateSnapshot(epoch)
      } else if (action === 1 && known.length > 0) {
        const target = random.pick(known)
        registry.revertToSnapshot(target)
        model.now = Model.copy(model.snapshots.get(target) as Model['now'])
        for (const newer of known) if (newer > target) model.snapshots.delete(newer)
        epoch = target
      } else if (action === 2 && random.chance(0.4)) {
        const limit = random.below(epoch + 2)
        registry.deleteSnapshotsUpTo(limit)
        for (const older of known) if (older < limit) model.snapshots.delete(older)
      } else {
        change(random, model, map, set, cell)
      }
      assert.deepEqual(
        registry.epochs(),
        [...model.snapshots.keys()].sort((a, b) => a - b)
      )
      agree(model.now, map, set, cell)
      for (const [at, state] of model.snapshots) agree(state, map, set, cell, at)
    }
  })
}

test('a collection that changed long ago keeps no later snapshot in memory', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const registry = new SnapshotRegistry()
  const idle = new TimelineMap<string, number>(registry)
  const busy = new TimelineMap<string, Buffer>(registry)
  registry.getOrCreateSnapshot(0)
  idle.set('once', 1)
  const values: WeakRef<Buffer>[] = []
  for (let epoch = 1; epoch <= 50; epoch++) {
    const value = Buffer.alloc(100)
    values.push(new WeakRef(value))
    busy.set('again and again', value)
    registry.getOrCreateSnapshot(epoch)
    registry.deleteSnapshotsUpTo(epoch)
  }
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  const kept = values.filter((value) => value.deref() !== undefined).length
  assert.ok(kept <= 2, `${kept} of 50 old values are still there`)
  assert.equal(idle.get('once', 50), 1)
})
