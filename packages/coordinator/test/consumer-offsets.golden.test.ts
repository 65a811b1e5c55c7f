// The `__consumer_offsets` partitions that Apache Kafka 4.3.1 left in a log directory, loaded and asked.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeRecords, iterateBatches } from '@odradek/protocol'
import { openGoldens, requireGoldens } from '@odradek/testkit'
import { groupRecordSerde } from '../src/group/records.ts'
import { GroupBench } from './support/group-bench.ts'

interface ExpectedGroup {
  type: string
  protocol: string
  state: string
  offsets: { topic: string; partition: number; offset?: number; leaderEpoch: number | null; metadata?: string }[]
}

const PARTITIONS = 4

function partitionBytes(name: string): Buffer[] {
  const entries = openGoldens()?.logDir(name) ?? []
  return Array.from({ length: PARTITIONS }, (_, partition) => {
    const segments = entries.filter(({ path }) => path.startsWith(`__consumer_offsets-${partition}/`) && path.endsWith('.log'))
    return Buffer.concat(segments.sort((a, b) => (a.path < b.path ? -1 : 1)).map(({ data }) => data))
  })
}

async function load(name: string): Promise<GroupBench> {
  const bytes = partitionBytes(name)
  return GroupBench.start({ partitions: PARTITIONS, log: (log) => bytes.map((partition, index) => log.put(index, partition)) })
}

test('groups and offsets of a log directory of Apache Kafka are what its own tools say', async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const { groups } = goldens.json<{ groups: Record<string, ExpectedGroup> }>('expected-clean.json.gz')
  const bench = await load('clean')
  const context = { apiVersion: 5, clientId: 'test', clientHost: '/127.0.0.1' }
  const { groups: listed } = bench.coordinator.listGroups(context, { statesFilter: [], typesFilter: [] })
  const outlines = Object.fromEntries(
    listed.map(({ groupId, groupType, protocolType, groupState }) => [
      groupId,
      { type: groupType, protocol: protocolType, state: groupState }
    ])
  )
  const expected = Object.entries(groups).map(([groupId, { type, protocol, state }]) => [
    groupId,
    { type: type.toLowerCase(), protocol, state }
  ])
  assert.deepEqual(outlines, Object.fromEntries(expected))
  for (const [groupId, group] of Object.entries(groups)) {
    // The offsets of a share group lie in another topic.
    if (group.type === 'Share') continue
    const { topics } = await bench.group(groupId).fetch(null).expect({ errorCode: 0 })
    const fetched = topics.flatMap(({ name, partitions }) =>
      partitions.map((partition) => ({
        topic: name,
        partition: partition.partitionIndex,
        offset: partition.committedOffset,
        leaderEpoch: partition.committedLeaderEpoch === -1 ? null : partition.committedLeaderEpoch,
        metadata: partition.metadata
      }))
    )
    const order = (a: { topic: string; partition: number }, b: { topic: string; partition: number }): number =>
      a.topic.localeCompare(b.topic) || a.partition - b.partition
    assert.deepEqual(fetched.sort(order), [...group.offsets].sort(order), groupId)
  }
  bench.assertQuiet()
})

test('every record of those partitions is written again with the same bytes', (t) => {
  if (requireGoldens(t) === undefined) return
  const counts: Record<string, number> = {}
  for (const name of ['clean', 'clean-acl', 'unclean']) {
    for (const bytes of partitionBytes(name)) {
      for (const batch of iterateBatches(bytes)) {
        if (batch.isControl) continue
        for (const { key, value } of decodeRecords(batch)) {
          assert.ok(key !== null)
          const record = groupRecordSerde.decode(key, value)
          assert.ok(record !== undefined, `type ${key.readInt16BE(0)} is not known`)
          counts[record.kind] = (counts[record.kind] ?? 0) + 1
          assert.deepEqual(groupRecordSerde.encode(record), { key, value })
        }
      }
    }
  }
  t.diagnostic(JSON.stringify(counts))
  assert.ok(counts.offsetCommit > 15 && counts.groupMetadata > 5 && counts.modernGroup > 10, JSON.stringify(counts))
})

test('an empty consumer group of another coordinator can be taken over by classic members, and deleted', async (t) => {
  if (requireGoldens(t) === undefined) return
  const bench = await load('clean')
  const group = bench.group('g-consumer')
  assert.equal(group.describe().errorCode, 69)
  assert.equal(group.describe().errorMessage, 'Group g-consumer is not a classic group.')
  const before = await group.fetch(null).value()
  await group.stable(2)
  assert.equal(group.state, 'Stable')
  assert.deepEqual(await group.fetch(null).value(), before, 'its offsets stay')
  const other = bench.group('g-consumer-regex')
  assert.equal(await other.delete(), 0)
  assert.deepEqual((await other.fetch(null).value()).topics, [])
  await bench.failOver()
  assert.equal(group.state, 'Stable')
  assert.equal(bench.group('g-consumer-regex').describe().errorMessage, 'Group g-consumer-regex not found.')
  assert.equal(await bench.group('g-share').delete(), 35)
  bench.assertQuiet()
})
