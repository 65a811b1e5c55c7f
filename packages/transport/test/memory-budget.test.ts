import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BudgetHolder, MemoryBudget } from '../src/memory-budget.ts'

function holder(name: string, woken: string[]): BudgetHolder {
  return { onBudget: () => void woken.push(name) }
}

test('a full budget lets one holder go on, and wakes the others in their order', () => {
  const budget = new MemoryBudget(100)
  const woken: string[] = []
  const [a, b, c] = ['a', 'b', 'c'].map((name) => holder(name, woken))
  budget.reserve(100)
  assert.deepEqual([budget.mayGrow(a), budget.mayGrow(b), budget.mayGrow(c)], [true, false, false])
  budget.leave(a)
  assert.deepEqual(woken, ['b'])
  budget.release(50)
  assert.deepEqual(woken, ['b', 'c'])
})

test('nobody goes on while bytes are pinned, for those go without help', () => {
  const budget = new MemoryBudget(100)
  const woken: string[] = []
  const [a, b] = ['a', 'b'].map((name) => holder(name, woken))
  budget.pin(10)
  budget.reserve(100)
  assert.deepEqual([budget.mayGrow(a), budget.mayGrow(b)], [false, false])
  budget.unpin(10)
  assert.deepEqual([woken, budget.isFull], [['a'], true])
})

test('the patient wait for room, whoever may go on without', () => {
  const budget = new MemoryBudget(100)
  const woken: string[] = []
  const [a, b, gone] = ['a', 'b', 'gone'].map((name) => holder(name, woken))
  assert.equal(budget.hasRoomFor(a), true)
  budget.reserve(150)
  assert.deepEqual([budget.hasRoomFor(gone), budget.hasRoomFor(a), budget.hasRoomFor(b)], [false, false, false])
  budget.leave(gone)
  budget.release(50)
  assert.deepEqual(woken, [])
  budget.release(1)
  assert.deepEqual(woken, ['a', 'b'])
})
