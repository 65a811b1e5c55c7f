import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OdradekError } from '@odradek/base'
import type { Admin } from '@odradek/client'
import { groupListing } from '../src/commands/group-describe.ts'

const fails =
  (code: string, message = code) =>
  async () => {
    throw new OdradekError(code, message)
  }
const gives = (value: unknown) => async (groupIds: readonly string[]) => new Map(groupIds.map((id) => [id, value]))
const partition = (index: number) => ({ topic: 'orders', partition: index })

/** A cluster where every partition ends at 10, and that answers as told. */
const cluster = (answers: Record<string, unknown>): Admin =>
  ({
    describeConsumerGroups: fails('GROUP_ID_NOT_FOUND', 'Group g is not a consumer group.'),
    describeClassicGroups: fails('GROUP_ID_NOT_FOUND'),
    describeShareGroups: fails('UNSUPPORTED_VERSION'),
    describeStreamsGroups: fails('UNSUPPORTED_VERSION'),
    listConsumerGroupOffsets: gives({ offsets: new Map() }),
    listOffsets: (places: { topic: string; partition: number }[]) => ({
      outcomes: async () => ({
        values: new Map(places.map((one) => [`${one.topic}-${one.partition}`, { ...one, offset: 10 }])),
        errors: new Map()
      })
    }),
    ...answers
  }) as unknown as Admin

describe('odradek group describe', () => {
  test('shows what share groups have, by the lag that the broker tells', async () => {
    const member = (clientId: string, ...indexes: number[]) => ({ clientId, host: '/10.0.0.1', assignment: indexes.map(partition) })
    const { title, rows } = await groupListing(
      cluster({
        describeShareGroups: gives({ groupState: 'Stable', members: [member('a', 0, 1), member('b', 1)] }),
        listShareGroupOffsets: gives(
          new Map([
            ['orders-0', { ...partition(0), startOffset: 4, lag: 5 }],
            ['orders-1', null]
          ])
        )
      }),
      'g'
    )
    assert.equal(title, 'g: share group, Stable, 2 members')
    assert.deepEqual(rows, [
      { ...partition(0), offset: 4, end: 10, lag: 5, member: 'a@10.0.0.1' },
      { ...partition(1), offset: undefined, end: 10, lag: undefined, member: 'a@10.0.0.1, b@10.0.0.1' }
    ])
  })

  test('shows what streams groups have, by the source topics of their tasks', async () => {
    const { title, rows } = await groupListing(
      cluster({
        describeStreamsGroups: gives({
          groupState: 'Stable',
          subtopologies: [{ subtopologyId: '0', sourceTopics: ['orders'], repartitionSourceTopics: [] }],
          members: [{ clientId: 'a', clientHost: '/10.0.0.1', assignment: { activeTasks: [{ subtopologyId: '0', partitions: [1] }] } }]
        }),
        listStreamsGroupOffsets: gives({ offsets: new Map([['orders-1', { ...partition(1), offset: 7 }]]) })
      }),
      'g'
    )
    assert.equal(title, 'g: streams group, Stable, one member')
    assert.deepEqual(rows, [{ ...partition(1), offset: 7, end: 10, lag: 3, member: 'a@10.0.0.1' }])
  })

  test('shows the members of a protocol that is not of consumers', async () => {
    const { title, rows } = await groupListing(
      cluster({
        describeConsumerGroups: fails('INCONSISTENT_GROUP_PROTOCOL'),
        describeClassicGroups: gives({ protocol: 'connect', groupState: 'Stable', members: [{ clientId: 'worker', host: '/10.0.0.1' }] })
      }),
      'g'
    )
    assert.equal(title, 'g: classic group (connect), Stable, one member')
    assert.deepEqual(rows, [{ member: 'worker@10.0.0.1' }])
  })

  test('of a group that is of no kind tells what was said first; of a cluster that fails, that', async () => {
    await assert.rejects(groupListing(cluster({}), 'g'), /is not a consumer group/)
    await assert.rejects(
      groupListing(cluster({ describeClassicGroups: fails('GROUP_AUTHORIZATION_FAILED') }), 'g'),
      ({ code }) => code === 'GROUP_AUTHORIZATION_FAILED'
    )
  })
})
