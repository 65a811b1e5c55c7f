// What a broker with group.min.session.timeout.ms=1000, group.initial.rebalance.delay.ms=400, group.max.size=4 and a
// topic `t` of three partitions is asked. Waits keep away from the deadlines, so that real time gives the same answers.
import { encodeConsumerSubscription } from '@odradek/protocol'
import type { Scenario, Step } from './scenario.ts'

export const SETTLED_MS = 1_000

/** A subscription of version 0 to one topic. Kafka stumbles over metadata that is none. */
export function subscription(topic: string): Buffer {
  return encodeConsumerSubscription({ topics: [topic] }, 0)
}

export function join(send: string, groupId: string, options: { memberId?: string; version?: number; [field: string]: unknown } = {}): Step {
  const { version = 9, ...fields } = options
  const protocols = [{ name: 'range', metadata: subscription('meta') }]
  const body = {
    groupId,
    memberId: '',
    sessionTimeoutMs: 20_000,
    rebalanceTimeoutMs: 20_000,
    protocolType: 'consumer',
    protocols,
    ...fields
  }
  return { send, api: 'JoinGroup', version, body }
}

export function sync(
  send: string,
  groupId: string,
  member: string,
  generation: string | number,
  assignments: Record<string, string> = {},
  fields: object = {}
): Step {
  const list = Object.entries(assignments).map(([memberId, assignment]) => ({ memberId, assignment: Buffer.from(assignment) }))
  const protocol = { protocolType: 'consumer', protocolName: 'range' }
  return {
    send,
    api: 'SyncGroup',
    version: 5,
    body: { groupId, memberId: member, generationId: generation, ...protocol, assignments: list, ...fields }
  }
}

export function beat(
  send: string,
  groupId: string,
  member: string,
  generation: string | number,
  groupInstanceId: string | null = null
): Step[] {
  return [
    { send, api: 'Heartbeat', version: 4, body: { groupId, memberId: member, generationId: generation, groupInstanceId } },
    { receive: send }
  ]
}

export function leave(send: string, groupId: string, members: object[], version = 5): Step[] {
  return [{ send, api: 'LeaveGroup', version, body: { groupId, members } }, { receive: send }]
}

export function commit(
  send: string,
  groupId: string,
  fields: object = {},
  options: { version?: number; partition?: number; topic?: string; metadata?: string } = {}
): Step[] {
  const { version = 9, partition = 0, topic = 't', metadata = 'm' } = options
  const partitions = [{ partitionIndex: partition, committedOffset: 5, committedLeaderEpoch: 3, committedMetadata: metadata }]
  return [{ send, api: 'OffsetCommit', version, body: { groupId, topics: [{ name: topic, partitions }], ...fields } }, { receive: send }]
}

export function fetch(send: string, groupId: string, partitionIndexes: number[] | null, version = 9): Step[] {
  const topics = partitionIndexes === null ? null : [{ name: 't', partitionIndexes }]
  const body = version >= 8 ? { groups: [{ groupId, topics }], requireStable: true } : { groupId, topics }
  return [{ send, api: 'OffsetFetch', version, body }, { receive: send }]
}

export function describe(send: string, groupId: string, version = 6): Step[] {
  return [{ send, api: 'DescribeGroups', version, body: { groups: [groupId] } }, { receive: send }]
}

export function remove(send: string, groupId: string): Step[] {
  return [{ send, api: 'DeleteGroups', version: 2, body: { groupsNames: [groupId] } }, { receive: send }]
}

/** Asks for an id, joins with it and is parked. */
function enter(name: string, groupId: string, options: { version?: number; [field: string]: unknown } = {}): Step[] {
  return [join(`${name}-id`, groupId, options), { receive: `${name}-id` }, join(name, groupId, { ...options, memberId: `$${name}-id` })]
}

/** A stable group of members named a, b, …; the first leads. */
function stable(groupId: string, names: string[], options: { version?: number; [field: string]: unknown } = {}): Step[] {
  const syncOf = (name: string): Step =>
    sync(
      `${name}-sync`,
      groupId,
      `$${name}`,
      `#${name}`,
      name === names[0] ? Object.fromEntries(names.map((other) => [`assignment of ${other}`, other])) : {}
    )
  const assignments = names.map((name) => ({ memberId: `$${name}`, assignment: Buffer.from(`for ${name}`) }))
  return [
    ...names.flatMap((name) => enter(name, groupId, options)),
    { wait: 2 * SETTLED_MS },
    ...names.map((name): Step => ({ receive: name })),
    ...names.slice(1).map(syncOf),
    sync(`${names[0]}-sync`, groupId, `$${names[0]}`, `#${names[0]}`, {}, { assignments }),
    ...names.map((name): Step => ({ receive: `${name}-sync` }))
  ]
}

export const G = (name: string): string => `differential-${name}`

export const scenarios: Scenario[] = [
  {
    name: 'one member from nothing to stable and away',
    steps: [
      ...describe('before', G('life')),
      ...describe('before-v5', G('life'), 5),
      ...enter('a', G('life')),
      { parked: 'a' },
      ...describe('preparing', G('life')),
      ...beat('early-beat', G('life'), '$a-id', 0),
      sync('early-sync', G('life'), '$a-id', 0),
      { receive: 'early-sync' },
      { wait: SETTLED_MS },
      { receive: 'a' },
      ...describe('completing', G('life')),
      ...commit('commit-in-sync', G('life'), { memberId: '$a', generationIdOrMemberEpoch: '#a' }),
      ...beat('beat-in-sync', G('life'), '$a', '#a'),
      sync('sync', G('life'), '$a', '#a', {}, { assignments: [{ memberId: '$a', assignment: Buffer.from('mine') }] }),
      { receive: 'sync' },
      ...describe('stable', G('life')),
      ...commit('commit', G('life'), { memberId: '$a', generationIdOrMemberEpoch: '#a' }),
      ...remove('delete-early', G('life')),
      ...leave('leave', G('life'), [{ memberId: '$a' }]),
      ...describe('empty', G('life')),
      ...fetch('fetch', G('life'), [0, 1]),
      ...beat('late-beat', G('life'), '$a', '#a'),
      sync('late-sync', G('life'), '$a', '#a'),
      { receive: 'late-sync' },
      join('late-join', G('life'), { memberId: '$a' }),
      { receive: 'late-join' },
      ...remove('delete', G('life')),
      ...fetch('fetch-after', G('life'), null),
      ...describe('after', G('life')),
      ...remove('delete-again', G('life'))
    ]
  },
  {
    name: 'refusals',
    steps: [
      join('no-group', '', { memberId: 'x' }),
      { receive: 'no-group' },
      join('short-session', G('refused'), { sessionTimeoutMs: 999 }),
      { receive: 'short-session' },
      join('long-session', G('refused'), { sessionTimeoutMs: 1_800_001, memberId: 'x' }),
      { receive: 'long-session' },
      join('unknown', G('refused'), { memberId: 'x' }),
      { receive: 'unknown' },
      join('unknown-v6', G('refused'), { memberId: 'x', version: 6 }),
      { receive: 'unknown-v6' },
      ...beat('beat', G('refused'), 'x', 1),
      ...beat('beat-no-group', '', 'x', 1),
      sync('sync', G('refused'), 'x', 1),
      { receive: 'sync' },
      sync('sync-no-group', '', 'x', 1),
      { receive: 'sync-no-group' },
      sync('sync-no-protocol', G('refused'), 'x', 1, {}, { protocolType: null }),
      { receive: 'sync-no-protocol' },
      ...leave('leave', G('refused'), [{ memberId: 'x' }, { memberId: '', groupInstanceId: 'i' }]),
      ...leave('leave-no-group', '', [{ memberId: 'x' }]),
      { send: 'leave-v2', api: 'LeaveGroup', version: 2, body: { groupId: G('refused'), memberId: 'x' } },
      { receive: 'leave-v2' },
      ...commit('commit-v9', G('refused'), { memberId: 'x', generationIdOrMemberEpoch: 3 }),
      ...commit('commit-v8', G('refused'), { memberId: 'x', generationIdOrMemberEpoch: 3 }, { version: 8 }),
      ...commit('commit-instance', G('refused'), { memberId: '', groupInstanceId: 'i', generationIdOrMemberEpoch: 3 }),
      ...fetch('fetch', G('refused'), [0]),
      ...fetch('fetch-v1', G('refused'), [0], 1),
      ...fetch('fetch-v7', G('refused'), null, 7),
      {
        send: 'offset-delete',
        api: 'OffsetDelete',
        version: 0,
        body: { groupId: G('refused'), topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] }
      },
      { receive: 'offset-delete' },
      { send: 'offset-delete-no-group', api: 'OffsetDelete', version: 0, body: { groupId: '', topics: [] } },
      { receive: 'offset-delete-no-group' }
    ]
  },
  {
    name: 'protocols',
    steps: [
      ...stable(G('protocols'), ['a']),
      join('other-type', G('protocols'), { protocolType: 'connect' }),
      { receive: 'other-type' },
      join('other-name', G('protocols'), { protocols: [{ name: 'sticky', metadata: subscription('x') }] }),
      { receive: 'other-name' },
      join('no-protocols', G('protocols'), { protocols: [] }),
      { receive: 'no-protocols' },
      join('member-other-name', G('protocols'), { memberId: '$a', protocols: [{ name: 'sticky', metadata: subscription('x') }] }),
      { receive: 'member-other-name' },
      sync('sync-other-name', G('protocols'), '$a', '#a', {}, { protocolName: 'sticky' }),
      { receive: 'sync-other-name' },
      sync('sync-other-type', G('protocols'), '$a', '#a', {}, { protocolType: 'connect' }),
      { receive: 'sync-other-type' },
      sync('sync-other-generation', G('protocols'), '$a', 7),
      { receive: 'sync-other-generation' },
      ...beat('beat-other-generation', G('protocols'), '$a', 7),
      ...commit('commit-other-generation', G('protocols'), { memberId: '$a', generationIdOrMemberEpoch: 7 }),
      ...commit('commit-stranger', G('protocols'), { memberId: 'x', generationIdOrMemberEpoch: '#a' }),
      ...commit('commit-outside', G('protocols')),
      ...commit('commit-id-only', G('protocols'), { memberId: '$a' })
    ]
  },
  {
    name: 'votes',
    steps: [
      ...enter('a', G('votes'), { protocols: ['own', 'y', 'x'].map((name) => ({ name, metadata: subscription(`a ${name}`) })) }),
      ...enter('b', G('votes'), { protocols: ['x', 'y'].map((name) => ({ name, metadata: subscription(`b ${name}`) })) }),
      ...enter('c', G('votes'), { protocols: ['y', 'x'].map((name) => ({ name, metadata: subscription(`c ${name}`) })) }),
      { wait: 2 * SETTLED_MS },
      { receive: 'a' },
      { receive: 'b' },
      { receive: 'c' }
    ]
  },
  {
    name: 'a rebalance for a new member',
    steps: [
      ...stable(G('rebalance'), ['a', 'b']),
      ...enter('c', G('rebalance')),
      ...describe('preparing', G('rebalance')),
      ...beat('beat-a', G('rebalance'), '$a', '#a'),
      ...commit('commit-a', G('rebalance'), { memberId: '$a', generationIdOrMemberEpoch: '#a' }),
      sync('sync-b', G('rebalance'), '$b', '#b'),
      { receive: 'sync-b' },
      join('a2', G('rebalance'), { memberId: '$a' }),
      { parked: 'a2' },
      { parked: 'c' },
      join('b2', G('rebalance'), { memberId: '$b' }),
      { receive: 'a2' },
      { receive: 'b2' },
      { receive: 'c' },
      ...beat('old-generation', G('rebalance'), '$a', '#a'),
      join('a-again', G('rebalance'), { memberId: '$a' }),
      { receive: 'a-again' },
      join('b-again', G('rebalance'), { memberId: '$b' }),
      { receive: 'b-again' },
      sync('c-sync', G('rebalance'), '$c', '#c'),
      { parked: 'c-sync' },
      join('b-changed', G('rebalance'), { memberId: '$b', protocols: [{ name: 'range', metadata: subscription('changed') }] }),
      { receive: 'c-sync' },
      { parked: 'b-changed' },
      ...leave('leave-two', G('rebalance'), [{ memberId: '$a' }, { memberId: 'x' }, { memberId: '$c' }]),
      { receive: 'b-changed' }
    ]
  },
  {
    name: 'joining again in a stable group',
    steps: [
      ...stable(G('again'), ['a', 'b']),
      join('follower', G('again'), { memberId: '$b' }),
      { receive: 'follower' },
      join('leader', G('again'), { memberId: '$a' }),
      { parked: 'leader' },
      join('follower-2', G('again'), { memberId: '$b' }),
      { receive: 'leader' },
      { receive: 'follower-2' },
      sync('empty', G('again'), '$a', '#leader'),
      { receive: 'empty' },
      sync('empty-b', G('again'), '$b', '#leader'),
      { receive: 'empty-b' },
      ...describe('stable', G('again'))
    ]
  },
  {
    name: 'who does not come back is out',
    steps: [
      ...stable(G('out'), ['a', 'b', 'c'], { rebalanceTimeoutMs: 3_000 }),
      join('b2', G('out'), { memberId: '$b', rebalanceTimeoutMs: 3_000, protocols: [{ name: 'range', metadata: subscription('new') }] }),
      { wait: SETTLED_MS },
      { parked: 'b2' },
      { wait: 3_000 },
      { receive: 'b2' },
      ...beat('beat-a', G('out'), '$a', '#a'),
      sync('sync-b', G('out'), '$b', '#b2', {}, { assignments: [{ memberId: '$b', assignment: Buffer.from('all') }] }),
      { receive: 'sync-b' },
      ...describe('after', G('out'))
    ]
  },
  {
    name: 'sessions end',
    steps: [
      ...stable(G('sessions'), ['a'], { sessionTimeoutMs: 2_000 }),
      { wait: 1_200 },
      ...beat('alive', G('sessions'), '$a', '#a'),
      { wait: 1_200 },
      ...describe('still-stable', G('sessions')),
      { wait: 1_800 },
      ...describe('empty', G('sessions')),
      ...beat('dead', G('sessions'), '$a', '#a'),
      ...commit('outside', G('sessions')),
      ...enter('b', G('sessions')),
      { wait: SETTLED_MS },
      { receive: 'b' }
    ]
  },
  {
    name: 'a pending member holds up the others for its session',
    steps: [
      ...stable(G('pending'), ['a']),
      join('b', G('pending'), { sessionTimeoutMs: 2_000 }),
      { receive: 'b' },
      ...describe('still-stable', G('pending')),
      join('a2', G('pending'), { memberId: '$a' }),
      { wait: SETTLED_MS },
      { parked: 'a2' },
      { wait: 2_000 },
      { receive: 'a2' },
      join('c', G('pending')),
      { receive: 'c' },
      join('a3', G('pending'), { memberId: '$a', protocols: [{ name: 'range', metadata: subscription('new') }] }),
      { parked: 'a3' },
      ...leave('c-leaves', G('pending'), [{ memberId: '$c' }]),
      { receive: 'a3' }
    ]
  },
  {
    name: 'members that do not sync are out',
    steps: [
      ...enter('a', G('unsynced'), { rebalanceTimeoutMs: 3_000 }),
      ...enter('b', G('unsynced'), { rebalanceTimeoutMs: 3_000 }),
      { wait: 2 * SETTLED_MS },
      { receive: 'a' },
      { receive: 'b' },
      sync('b-sync', G('unsynced'), '$b', '#b'),
      { wait: SETTLED_MS },
      { parked: 'b-sync' },
      { wait: 3_000 },
      { receive: 'b-sync' },
      ...beat('beat-a', G('unsynced'), '$a', '#a'),
      ...beat('beat-b', G('unsynced'), '$b', '#b'),
      join('b2', G('unsynced'), { memberId: '$b' }),
      { receive: 'b2' }
    ]
  },
  {
    name: 'static members',
    steps: [
      join('a', G('static'), { groupInstanceId: 'i-a' }),
      join('b', G('static'), { groupInstanceId: 'i-b' }),
      { wait: 2 * SETTLED_MS },
      { receive: 'a' },
      { receive: 'b' },
      sync('b-sync', G('static'), '$b', '#b', {}, { groupInstanceId: 'i-b' }),
      sync(
        'a-sync',
        G('static'),
        '$a',
        '#a',
        {},
        {
          groupInstanceId: 'i-a',
          assignments: [
            { memberId: '$a', assignment: Buffer.from('for a') },
            { memberId: '$b', assignment: Buffer.from('for b') }
          ]
        }
      ),
      { receive: 'a-sync' },
      { receive: 'b-sync' },
      join('b2', G('static'), { groupInstanceId: 'i-b' }),
      { receive: 'b2' },
      sync('b2-sync', G('static'), '$b2', '#b2', {}, { groupInstanceId: 'i-b' }),
      { receive: 'b2-sync' },
      ...beat('beat-a', G('static'), '$a', '#a', 'i-a'),
      ...beat('fenced-beat', G('static'), '$b', '#b', 'i-b'),
      ...beat('beat-without-instance', G('static'), '$b', '#b'),
      join('fenced-join', G('static'), { groupInstanceId: 'i-b', memberId: '$b' }),
      { receive: 'fenced-join' },
      sync('fenced-sync', G('static'), '$b', '#b', {}, { groupInstanceId: 'i-b' }),
      { receive: 'fenced-sync' },
      ...commit('fenced-commit', G('static'), { groupInstanceId: 'i-b', memberId: '$b', generationIdOrMemberEpoch: '#b' }),
      ...leave('fenced-leave', G('static'), [{ memberId: '$b', groupInstanceId: 'i-b' }]),
      join('unknown-instance', G('static'), { groupInstanceId: 'nobody', memberId: '$b2' }),
      { receive: 'unknown-instance' },
      join('a2', G('static'), { groupInstanceId: 'i-a' }),
      { receive: 'a2' },
      join('a3', G('static'), { groupInstanceId: 'i-a', version: 8 }),
      { receive: 'a3' },
      ...describe('stable', G('static')),
      join('b3', G('static'), { groupInstanceId: 'i-b', protocols: [{ name: 'range', metadata: subscription('changed') }] }),
      { receive: 'b3' },
      ...leave('admin', G('static'), [
        { memberId: '', groupInstanceId: 'i-a' },
        { memberId: '', groupInstanceId: 'nobody' },
        { memberId: '' }
      ]),
      ...beat('rebalancing', G('static'), '$b3', '#b3', 'i-b'),
      ...leave('last', G('static'), [{ memberId: '', groupInstanceId: 'i-b' }]),
      ...describe('empty', G('static'))
    ]
  },
  {
    name: 'static members of one instance in a rebalance',
    steps: [
      join('a', G('twice'), { groupInstanceId: 'i' }),
      { wait: 100 },
      join('b', G('twice'), { groupInstanceId: 'i' }),
      { receive: 'a' },
      { wait: SETTLED_MS },
      { receive: 'b' },
      join('c', G('twice'), { groupInstanceId: 'i' }),
      { receive: 'c' },
      ...describe('completing', G('twice'))
    ]
  },
  {
    name: 'group.max.size',
    steps: [
      ...stable(G('size'), ['a', 'b', 'c', 'd']),
      join('e', G('size')),
      { receive: 'e' },
      join('static-e', G('size'), { groupInstanceId: 'e' }),
      { receive: 'static-e' },
      join('a2', G('size'), { memberId: '$a' }),
      { parked: 'a2' },
      join('f', G('size')),
      { receive: 'f' }
    ]
  },
  {
    name: 'old clients',
    steps: [
      join('a', G('old'), { version: 0 }),
      { wait: SETTLED_MS },
      { receive: 'a' },
      {
        send: 'a-sync',
        api: 'SyncGroup',
        version: 0,
        body: { groupId: G('old'), memberId: '$a', generationId: '#a', assignments: [{ memberId: '$a', assignment: Buffer.from('x') }] }
      },
      { receive: 'a-sync' },
      join('b', G('old'), { version: 3 }),
      { parked: 'b' },
      join('a2', G('old'), { version: 3, memberId: '$a' }),
      { receive: 'a2' },
      { receive: 'b' },
      { send: 'leave-v0', api: 'LeaveGroup', version: 0, body: { groupId: G('old'), memberId: '$b' } },
      { receive: 'leave-v0' },
      ...describe('v0', G('old'), 0)
    ]
  },
  {
    name: 'offsets',
    steps: [
      ...commit('simple', G('offsets')),
      ...commit('second', G('offsets'), {}, { partition: 1, metadata: '' }),
      ...commit('no-topic', G('offsets'), {}, { topic: 'missing' }),
      ...commit('no-partition', G('offsets'), {}, { partition: 9 }),
      ...commit('metadata', G('offsets'), {}, { partition: 2, metadata: 'x'.repeat(4097) }),
      ...commit('v2', G('offsets'), { retentionTimeMs: 1_000_000 }, { version: 2, partition: 2 }),
      ...commit('empty-group', '', {}),
      ...fetch('some', G('offsets'), [0, 1, 2, 9]),
      ...fetch('all', G('offsets'), null),
      ...fetch('v1', G('offsets'), [0, 9], 1),
      ...fetch('v5', G('offsets'), null, 5),
      ...fetch('v8', G('offsets'), [0], 8),
      ...describe('simple-group', G('offsets')),
      {
        send: 'delete',
        api: 'OffsetDelete',
        version: 0,
        body: {
          groupId: G('offsets'),
          topics: [
            { name: 't', partitions: [{ partitionIndex: 1 }, { partitionIndex: 9 }] },
            { name: 'missing', partitions: [{ partitionIndex: 0 }] }
          ]
        }
      },
      { receive: 'delete' },
      ...fetch('after', G('offsets'), null),
      ...remove('delete-group', G('offsets')),
      ...fetch('gone', G('offsets'), null)
    ]
  },
  {
    name: 'offsets of a group with subscriptions',
    steps: [
      ...stable(G('subscribed'), ['a'], {
        protocols: [{ name: 'range', metadata: subscription('t') }]
      }),
      ...commit('commit', G('subscribed'), { memberId: '$a', generationIdOrMemberEpoch: '#a' }),
      {
        send: 'delete',
        api: 'OffsetDelete',
        version: 0,
        body: { groupId: G('subscribed'), topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] }
      },
      { receive: 'delete' },
      ...leave('leave', G('subscribed'), [{ memberId: '$a' }]),
      {
        send: 'delete-2',
        api: 'OffsetDelete',
        version: 0,
        body: { groupId: G('subscribed'), topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] }
      },
      { receive: 'delete-2' },
      ...fetch('fetch', G('subscribed'), [0])
    ]
  },
  {
    name: 'a group that is not of consumers',
    steps: [
      ...enter('a', G('connect'), { protocolType: 'connect' }),
      { wait: SETTLED_MS },
      { receive: 'a' },
      sync('sync', G('connect'), '$a', '#a', {}, { protocolType: 'connect' }),
      { receive: 'sync' },
      {
        send: 'delete',
        api: 'OffsetDelete',
        version: 0,
        body: { groupId: G('connect'), topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] }
      },
      { receive: 'delete' },
      ...describe('stable', G('connect'))
    ]
  }
]
