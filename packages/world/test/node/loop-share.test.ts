import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoopShare } from '../../src/node/loop-share.ts'

function busyMs(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

test('steps are done in order, and a turn of the loop passes when they have taken their share of it', async () => {
  const share = new LoopShare()
  let turns = 0
  let isOver = false
  const count = (): void => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const done: number[] = []
  const turnOf: number[] = []
  const step = (index: number) => () => {
    busyMs(5)
    done.push(index)
    turnOf.push(turns)
  }
  await Promise.all(Array.from({ length: 6 }, (_, index) => share.run(step(index))))
  isOver = true
  assert.deepEqual(done, [0, 1, 2, 3, 4, 5])
  assert.equal(new Set(turnOf).size, 6, `each step had its own turn: ${turnOf}`)
})

test('short steps are done at once, and one that throws rejects and harms no other', async () => {
  const share = new LoopShare()
  let isDone = false
  const first = share.run(() => {
    isDone = true
    return 7
  })
  assert.equal(isDone, true)
  assert.equal(await first, 7)
  await assert.rejects(
    share.run(() => {
      throw new Error('no')
    }),
    /no/
  )
  assert.equal(await share.run(() => 8), 8)
})
