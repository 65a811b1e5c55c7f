import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Admin, AlterConfigs } from '@odradek/client'
import { throttleReplication } from '../../src/reassign/throttles.ts'
import { memoryIo } from '../support/memory-io.ts'

test('brokers that a move comes from and goes to are throttled, and of a partition that moves already those that it came from', async () => {
  const changes: AlterConfigs[] = []
  const admin = {
    incrementalAlterConfigs: async (more: readonly AlterConfigs[]) => void changes.push(...more)
  } as unknown as Admin
  const io = memoryIo()
  const moving = { topic: 'a', partition: 1, replicas: [1, 2, 3], addingReplicas: [3], removingReplicas: [1] }
  await throttleReplication(
    admin,
    {
      reassignments: new Map([['a-1', moving]]),
      current: [
        { topic: 'a', partition: 0, replicas: [1, 2] },
        { topic: 'a', partition: 1, replicas: [1, 2, 3] }
      ],
      proposed: [
        { topic: 'a', partition: 0, replicas: [2, 4] },
        { topic: 'a', partition: 1, replicas: [5] }
      ]
    },
    1000,
    io
  )
  const byName = new Map(changes.map(({ type, name, ops }) => [`${type} ${name}`, ops.map(({ name: key, value }) => `${key}=${value}`)]))
  assert.deepEqual(byName.get('TOPIC a'), [
    'leader.replication.throttled.replicas=0:1,0:2,1:1,1:2',
    'follower.replication.throttled.replicas=0:4,1:5'
  ])
  assert.deepEqual([...byName.keys()].sort(), ['BROKER 1', 'BROKER 2', 'BROKER 4', 'BROKER 5', 'TOPIC a'])
  assert.deepEqual(byName.get('BROKER 5'), ['leader.replication.throttled.rate=1000', 'follower.replication.throttled.rate=1000'])
  assert.equal(io.stdout(), 'The inter-broker throttle limit was set to 1000 B/s\n')
})
