// A broker answers scripts of group requests over sockets as Apache Kafka 4.3.1 did when they were recorded, and what was
// committed is there after kill -9.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { playAll, scriptOverrides } from '../../packages/coordinator/test/differential/play-all.ts'
import { SocketTarget } from '../../packages/coordinator/test/differential/socket-target.ts'
import { startBroker } from './support/brokers.ts'
import { repositoryRoot } from './support/toolchains.ts'

const fixture = join(repositoryRoot, 'packages/coordinator/test/fixtures/classic-groups.apache.json')

test('a broker answers group requests as Apache Kafka does', { timeout: 120_000 }, async () => {
  const recorded = JSON.parse(readFileSync(fixture, 'utf8')) as Record<string, unknown[]>
  await using broker = await startBroker({ overrides: scriptOverrides })
  const transcripts = await playAll('127.0.0.1', broker.port)
  for (const [name, expected] of Object.entries(recorded)) assert.deepEqual(transcripts[name], expected, name)
  const target = new SocketTarget('127.0.0.1', broker.port)
  const fetch = async (): Promise<unknown> => {
    const body = { groups: [{ groupId: 'differential-subscribed', topics: [{ name: 't', partitionIndexes: [0] }] }], requireStable: true }
    return await target.send({ api: 'OffsetFetch', version: 9, body }).answer()
  }
  const topics = [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 77, committedMetadata: 'kept' }] }]
  await target.send({ api: 'OffsetCommit', version: 9, body: { groupId: 'differential-subscribed', topics } }).answer()
  const before = await fetch()
  assert.match(JSON.stringify(before), /77.*kept/)
  await broker.kill()
  await using again = await startBroker({ port: broker.port, dataDir: broker.dataDir, overrides: scriptOverrides })
  assert.ok(again.pid > 0)
  // The partition loads before it answers.
  for (;;) {
    const after = await fetch()
    if (!JSON.stringify(after).includes('"errorCode":14')) {
      assert.deepEqual(after, before)
      break
    }
  }
  target.close()
})
