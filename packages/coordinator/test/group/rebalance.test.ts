import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GroupBench } from '../support/group-bench.ts'

test('a first member gets its id, waits the initial delay and leads generation 1', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { memberId, joined } = await group.enter({ clientId: 'app' })
  assert.match(memberId, /^app-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  await joined.expectParked()
  assert.equal(group.state, 'PreparingRebalance')
  await bench.advance(2999)
  await joined.expectParked()
  await bench.advance(1)
  const response = await joined.expect({
    errorCode: 0,
    generationId: 1,
    leader: memberId,
    memberId,
    protocolName: 'range',
    protocolType: 'consumer',
    skipAssignment: false
  })
  assert.deepEqual(
    response.members.map((member) => [member.memberId, member.metadata.toString()]),
    [[memberId, `about ${memberId}`]]
  )
  assert.equal(group.state, 'CompletingRebalance')
  await group
    .sync(memberId, 1, { [memberId]: 'all' })
    .expect({ errorCode: 0, assignment: Buffer.from('all'), protocolName: 'range', protocolType: 'consumer' })
  assert.equal(group.state, 'Stable')
  await group.heartbeat(memberId, 1).expect({ errorCode: 0 })
  bench.assertQuiet()
})

test('the initial delay grows while members come, up to the rebalance timeout', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const first = await group.enter({ rebalanceTimeoutMs: 7000 })
  for (let index = 0; index < 3; index++) {
    await bench.advance(2900)
    if (index < 2) await group.enter({ rebalanceTimeoutMs: 7000 })
  }
  // 3000 + 3000 + 1000 of the rebalance timeout have passed.
  await first.joined.expect({ errorCode: 0, generationId: 1 })
  const { members } = await first.joined.value()
  assert.equal(members.length, 3)
})
