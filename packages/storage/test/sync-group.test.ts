import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SyncGroup } from '../src/sync-group.ts'
import { memoryWorld } from './support.ts'

test('thousands of logs are synced a few at a time, each once, and those that come meanwhile in the next round', async () => {
  const group = new SyncGroup(memoryWorld())
  let atOnce = 0
  let most = 0
  const synced: number[] = []
  const logs = Array.from({ length: 3000 }, (_, index) => ({
    async syncWritten() {
      most = Math.max(most, ++atOnce)
      await new Promise(setImmediate)
      atOnce--
      synced.push(index)
      if (index === 0 && synced.length < 3000) group.request(logs[0])
    }
  }))
  for (const log of logs) group.request(log)
  while (synced.length < 3001) await new Promise(setImmediate)
  assert.ok(most > 1 && most <= 64, `${most} at once`)
  assert.deepEqual([new Set(synced).size, synced.at(-1)], [3000, 0])
})
