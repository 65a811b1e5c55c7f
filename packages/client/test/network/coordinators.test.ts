// What a client remembers of coordinators.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiKey } from '@odradek/protocol'
import { FakeCluster } from '../support/fake-cluster.ts'

test('coordinators are remembered, of a thousand groups at most: who asks about ever new ones keeps no more', async () => {
  const fake = await FakeCluster.start([1])
  const cluster = fake.connect()
  const find = (key: string): Promise<number> => fake.sim.complete(cluster.coordinator('group', key))
  for (let at = 0; at < 1_500; at++) assert.equal(await find(`g${at}`), 1)
  const asked = fake.count(ApiKey.FIND_COORDINATOR)
  for (let at = 500; at < 1_500; at++) await find(`g${at}`)
  assert.equal(fake.count(ApiKey.FIND_COORDINATOR), asked)
  await find('g0')
  assert.equal(fake.count(ApiKey.FIND_COORDINATOR), asked + 1)
  cluster.close()
})
