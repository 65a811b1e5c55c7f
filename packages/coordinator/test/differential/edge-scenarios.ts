// More scripts for the broker of scenarios.ts: pending members, commits from outside, fenced instances, leaders that leave.
import type { Scenario, Step } from './scenario.ts'
import { beat, commit, describe, fetch, G, join, leave, remove, SETTLED_MS, subscription, sync } from './scenarios.ts'

const settled: Step = { wait: SETTLED_MS }

function answered(step: Step & { send: string }): Step[] {
  return [step, settled, { receive: step.send }]
}

function joined(...options: Parameters<typeof join>): Step[] {
  return answered(join(...options) as Step & { send: string })
}

function synced(...options: Parameters<typeof sync>): Step[] {
  return answered(sync(...options) as Step & { send: string })
}

function deleteOffsets(send: string, groupId: string): Step[] {
  const partitions = [{ partitionIndex: 0 }, { partitionIndex: 1 }]
  return answered({ send, api: 'OffsetDelete', version: 0, body: { groupId, topics: [{ name: 't', partitions }] } })
}

const protocol = (name: string, topic = 't') => ({ name, metadata: subscription(topic) })

export const edgeScenarios: Scenario[] = [
  {
    name: 'a pending member is nobody yet',
    steps: [
      ...joined('a', G('nobody')),
      ...commit('commit-0', G('nobody'), { memberId: '$a', generationIdOrMemberEpoch: 0 }),
      ...commit('commit-none', G('nobody'), { memberId: '$a', generationIdOrMemberEpoch: -1 }),
      ...commit('commit-1', G('nobody'), { memberId: '$a', generationIdOrMemberEpoch: 1 }),
      ...beat('beat', G('nobody'), '$a', 0),
      ...synced('sync', G('nobody'), '$a', 0),
      ...describe('described', G('nobody')),
      ...deleteOffsets('offsets', G('nobody')),
      ...remove('removed', G('nobody')),
      ...joined('a-again', G('nobody'), { memberId: '$a' })
    ]
  },
  {
    name: 'commits to a group without members',
    steps: [
      ...commit('plain', G('outside')),
      ...commit('named', G('outside'), { memberId: 'x', generationIdOrMemberEpoch: -1 }),
      ...commit('named in a generation', G('outside'), { memberId: 'x', generationIdOrMemberEpoch: 3 }),
      ...commit('in a generation', G('outside'), { memberId: '', generationIdOrMemberEpoch: 0 }),
      ...commit('instance', G('outside'), { groupInstanceId: 'i', generationIdOrMemberEpoch: -1 }),
      ...commit('instance in a generation', G('outside'), { groupInstanceId: 'i', generationIdOrMemberEpoch: 1 }),
      ...commit('absent', G('outside-none'), { memberId: 'x', generationIdOrMemberEpoch: 3 }),
      ...commit('absent-8', G('outside-none'), { memberId: 'x', generationIdOrMemberEpoch: 3 }, { version: 8 }),
      ...commit('longest', G('outside'), {}, { metadata: 'ü'.repeat(4096) }),
      ...commit('too long', G('outside'), {}, { metadata: 'x'.repeat(4097) }),
      ...commit('no group id', ''),
      ...fetch('fetched', G('outside'), [0, 1]),
      ...describe('described', G('outside')),
      ...deleteOffsets('deleted', G('outside')),
      ...fetch('nothing left', G('outside'), null),
      ...remove('removed', G('outside'))
    ]
  },
  {
    name: 'syncs that are not as they should be',
    steps: [
      ...joined('a', G('syncs'), { version: 3 }),
      ...synced('of others', G('syncs'), '$a', '#a', { nobody: 'x' }),
      ...synced('again', G('syncs'), '$a', '#a', { other: 'y' }),
      ...synced('other name', G('syncs'), '$a', '#a', {}, { protocolName: 'other' }),
      ...synced('other type', G('syncs'), '$a', '#a', {}, { protocolType: 'other' }),
      ...synced('unknown', G('syncs'), 'b', '#a'),
      ...synced('future', G('syncs'), '$a', 99),
      ...synced('none', G('syncs'), '$a', -1),
      ...leave('nobody', G('syncs'), []),
      ...leave('twice', G('syncs'), [
        { memberId: '$a' },
        { memberId: '$a' },
        { memberId: '', groupInstanceId: 'i' },
        { memberId: '' },
        { memberId: '$a', groupInstanceId: 'i' }
      ]),
      ...describe('described', G('syncs'))
    ]
  },
  {
    name: 'the leader leaves before it has assigned',
    steps: [
      ...joined('a', G('left'), { version: 3 }),
      ...synced('a-sync', G('left'), '$a', '#a'),
      join('b', G('left'), { version: 3 }),
      { parked: 'b' },
      ...joined('a-again', G('left'), { version: 3, memberId: '$a' }),
      { receive: 'b' },
      sync('b-sync', G('left'), '$b', '#b'),
      { parked: 'b-sync' },
      ...leave('left', G('left'), [{ memberId: '$a' }]),
      { receive: 'b-sync' },
      ...describe('preparing', G('left')),
      ...joined('b-again', G('left'), { version: 3, memberId: '$b' }),
      ...synced('late', G('left'), '$b', '#b'),
      ...synced('b-sync-again', G('left'), '$b', '#b-again'),
      ...describe('stable', G('left'))
    ]
  },
  {
    name: 'instances that are not who they say',
    steps: [
      ...joined('a', G('fenced'), { groupInstanceId: 'i1' }),
      ...synced('a-sync', G('fenced'), '$a', '#a', {}, { groupInstanceId: 'i1' }),
      ...joined('unknown instance', G('fenced'), { groupInstanceId: 'i2', memberId: 'made-up' }),
      ...joined('unknown member', G('fenced'), { groupInstanceId: 'i1', memberId: 'made-up' }),
      ...beat('beat of another instance', G('fenced'), '$a', '#a', 'i2'),
      ...beat('beat of another member', G('fenced'), 'other', '#a', 'i1'),
      ...beat('beat without the instance', G('fenced'), '$a', '#a'),
      ...commit('commit of another member', G('fenced'), { memberId: 'other', generationIdOrMemberEpoch: '#a', groupInstanceId: 'i1' }),
      ...commit('commit of another instance', G('fenced'), { memberId: '$a', generationIdOrMemberEpoch: '#a', groupInstanceId: 'i9' }),
      ...synced('sync of another member', G('fenced'), 'other', '#a', {}, { groupInstanceId: 'i1' }),
      ...leave('left', G('fenced'), [
        { memberId: 'other', groupInstanceId: 'i1' },
        { memberId: '$a', groupInstanceId: 'i9' }
      ]),
      ...joined('a-again', G('fenced'), { groupInstanceId: 'i1' }),
      ...beat('beat of before', G('fenced'), '$a', '#a', 'i1'),
      ...beat('beat of now', G('fenced'), '$a-again', '#a-again', 'i1'),
      ...joined('a-old-client', G('fenced'), { groupInstanceId: 'i1', version: 8 }),
      ...joined('without the instance', G('fenced'), { memberId: '$a-old-client' }),
      ...leave('left by an administrator', G('fenced'), [{ memberId: '', groupInstanceId: 'i1' }]),
      ...describe('empty', G('fenced'))
    ]
  },
  {
    name: 'an instance comes back with other protocols',
    steps: [
      ...joined('a', G('returned'), { groupInstanceId: 'i1', protocols: [protocol('range'), protocol('rr')] }),
      ...synced('a-sync', G('returned'), '$a', '#a', {}, { groupInstanceId: 'i1' }),
      ...joined('other order', G('returned'), { groupInstanceId: 'i1', protocols: [protocol('rr'), protocol('range')] }),
      ...describe('rebalanced', G('returned')),
      ...synced('other sync', G('returned'), '$other order', '#other order', {}, { groupInstanceId: 'i1', protocolName: 'rr' }),
      ...joined('other topic', G('returned'), { groupInstanceId: 'i1', protocols: [protocol('rr', 'u')] }),
      ...describe('kept', G('returned')),
      ...deleteOffsets('offsets', G('returned'))
    ]
  },
  {
    name: 'timeouts of nothing',
    steps: [
      ...joined('negative', G('negative'), { rebalanceTimeoutMs: -1, version: 3 }),
      ...describe('negative described', G('negative')),
      ...joined('zero', G('zero'), { rebalanceTimeoutMs: 0, version: 3 }),
      ...describe('zero described', G('zero'))
    ]
  }
]
