// A snapshot that the disk refuses is tried again later; the log before it stays, and the node lives on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from '@odradek/testkit'
import type { DiskOperation } from '@odradek/world/sim'
import { joinBroker, newTopic, openNode, testConfig } from './support.ts'

const faults: readonly { operation: DiskOperation; path: RegExp; code: string }[] = [
  { operation: 'open', path: /\.checkpoint\.part$/, code: 'EIO' },
  { operation: 'write', path: /\.checkpoint\.part$/, code: 'ENOSPC' },
  { operation: 'sync', path: /\.checkpoint\.part$/, code: 'EIO' },
  { operation: 'rename', path: /\.checkpoint\.part$/, code: 'EIO' },
  { operation: 'unlink', path: /\.checkpoint$/, code: 'EIO' }
]

for (const fault of faults) {
  test(`a snapshot whose ${fault.operation} fails with ${fault.code} costs nothing`, async () => {
    await simulate({ seed: fault.operation }, async (sim) => {
      const node = sim.node('a')
      const config = testConfig({ 'metadata.max.retention.bytes': '1', 'metadata.max.idle.interval.ms': '0' })
      const opened = await sim.complete(openNode(node.world, config))
      await sim.complete(joinBroker(opened.node))
      const create = (name: string) => opened.node.call('createTopics', { topics: [newTopic(name)], timeoutMs: 5000, validateOnly: false })
      await sim.complete(create('before'))
      if (fault.operation === 'unlink') await sim.complete(opened.node.writeSnapshot())
      await sim.complete(create('between'))
      node.storage.failNext(fault)
      await sim.complete(opened.node.writeSnapshot())
      await sim.complete(create('after'))
      const { leaderEpoch } = opened.node
      await sim.complete(opened.node.writeSnapshot())
      await sim.complete(create('last'))
      assert.deepEqual(node.halts, [])
      node.crash('power-loss')
      const again = await sim.complete(openNode(node.restart(), config))
      assert.deepEqual([...again.node.image.topicIds.keys()].sort(), ['after', 'before', 'between', 'last'])
      assert.ok(again.node.leaderEpoch > leaderEpoch)
      await sim.complete(Promise.resolve(again[Symbol.asyncDispose]()))
    })
  })
}
