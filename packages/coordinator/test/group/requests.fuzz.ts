// Requests of any shape: whatever fields say, each is answered with an error code, none harms another group, nothing throws
// and memory does not grow. FUZZ_SECONDS says for how long (default 2).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrng, type Prng } from '@odradek/base'
import {
  HeartbeatRequest,
  JoinGroupRequest,
  LeaveGroupRequest,
  OffsetCommitRequest,
  OffsetDeleteRequest,
  SyncGroupRequest,
  TxnOffsetCommitRequest
} from '@odradek/protocol'
import { GroupBench, TOPIC_ID } from '../support/group-bench.ts'

const DURATION_MS = Number(process.env.FUZZ_SECONDS ?? 2) * 1000
const NAMES = ['', 'a', 'b', 'fuzz', 'fuzz ', 'x'.repeat(300), '\n', '__proto__', 'constructor', '가\u0000']

class Fuzzer {
  readonly random: Prng
  readonly bench: GroupBench
  /** Ids that answers gave, so that some requests get further. */
  readonly memberIds: string[] = ['']
  answered = 0

  constructor(seed: string, bench: GroupBench) {
    this.random = createPrng(seed)
    this.bench = bench
  }

  #name(): string {
    return this.random.pick(NAMES)
  }

  #memberId(): string {
    return this.random.chance(0.8) ? this.random.pick(this.memberIds) : this.#name()
  }

  #instance(): string | null {
    return this.random.chance(0.7) ? null : this.random.pick(['i', 'j', ''])
  }

  #number(): number {
    return this.random.pick([-2147483648, -1, 0, 1, 2, 3, 6_000, 10_000, 1_800_000, 2147483647])
  }

  #bytes(): Buffer {
    return this.random.chance(0.3) ? Buffer.from('0000000000010001610000', 'hex') : this.random.bytes(this.random.below(60))
  }

  #list<T>(make: () => T): T[] {
    return Array.from({ length: this.random.pick([0, 1, 1, 2, 5]) }, make)
  }

  #topics() {
    return this.#list(() => ({
      name: this.#name(),
      topicId: TOPIC_ID,
      partitions: this.#list(() => ({
        partitionIndex: this.#number(),
        committedOffset: this.random.pick([-1, 0, 5, 2 ** 63, -(2 ** 63)]),
        committedLeaderEpoch: this.#number(),
        committedMetadata: this.random.pick([null, '', 'm', 'x'.repeat(5_000)])
      }))
    }))
  }

  /** The answer, or what happened when the virtual clock went on. */
  send(): unknown {
    const { random } = this
    const { coordinator } = this.bench
    const context = { apiVersion: random.below(11), clientId: this.#name(), clientHost: '/127.0.0.1' }
    const common = {
      groupId: random.chance(0.7) ? 'fuzz' : this.#name(),
      memberId: this.#memberId(),
      groupInstanceId: this.#instance(),
      generationId: this.#number()
    }
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2: {
        const protocols = this.#list(() => ({ name: random.pick(['range', 'range', 'sticky', '']), metadata: this.#bytes() }))
        const fields = {
          sessionTimeoutMs: random.chance(0.7) ? 10_000 : this.#number(),
          rebalanceTimeoutMs: this.#number(),
          protocolType: random.pick(['consumer', 'consumer', 'connect', ''])
        }
        return coordinator.joinGroup(context, JoinGroupRequest.create({ ...common, ...fields, protocols }))
      }
      case 3:
      case 4: {
        const protocol = { protocolType: random.pick(['consumer', null, '']), protocolName: random.pick(['range', null, '']) }
        const assignments = this.#list(() => ({ memberId: this.#memberId(), assignment: this.#bytes() }))
        return coordinator.syncGroup(context, SyncGroupRequest.create({ ...common, ...protocol, assignments }))
      }
      case 5:
        return coordinator.heartbeat(context, HeartbeatRequest.create(common))
      case 6:
        return coordinator.leaveGroup(
          context,
          LeaveGroupRequest.create({
            ...common,
            members: this.#list(() => ({ memberId: this.#memberId(), groupInstanceId: this.#instance() }))
          })
        )
      case 7: {
        const fields = {
          generationIdOrMemberEpoch: this.#number(),
          retentionTimeMs: random.pick([-1, 0, 5, -5, Number.MAX_SAFE_INTEGER, 2 ** 63, -(2 ** 63)])
        }
        return coordinator.commitOffsets(context, OffsetCommitRequest.create({ ...common, ...fields, topics: this.#topics() }))
      }
      case 8: {
        const producer = { transactionalId: this.#name(), producerId: random.pick([0, 1, 2]), producerEpoch: 0 }
        if (random.chance(0.5))
          return coordinator.completeTransaction(0, { ...producer, coordinatorEpoch: 0, isCommit: random.chance(0.5) })
        return coordinator.commitTransactionalOffsets(
          context,
          TxnOffsetCommitRequest.create({ ...common, ...producer, topics: this.#topics() })
        )
      }
      case 9: {
        const topics = random.chance(0.3)
          ? null
          : this.#topics().map(({ name, topicId, partitions }) => ({
              name,
              topicId,
              partitionIndexes: partitions.map(({ partitionIndex }) => partitionIndex)
            }))
        return coordinator.fetchOffsets(
          context,
          { groupId: common.groupId, memberId: random.pick([null, common.memberId]), memberEpoch: this.#number(), topics },
          random.chance(0.5)
        )
      }
      case 10:
        if (random.chance(0.5)) return coordinator.deleteOffsets(context, OffsetDeleteRequest.create({ ...common, topics: this.#topics() }))
        return coordinator.deleteGroups(
          context,
          this.#list(() => (random.chance(0.5) ? 'fuzz' : this.#name()))
        )
      default: {
        const { groups } = coordinator.listGroups(context, {
          statesFilter: this.#list(() => random.pick(['Stable', '', '__proto__'])),
          typesFilter: this.#list(() => random.pick(['classic', '']))
        })
        return coordinator.describeGroups(
          context,
          groups.map(({ groupId }) => groupId)
        )
      }
    }
  }

  async step(): Promise<void> {
    const answer = this.send()
    void Promise.resolve(answer).then((value) => {
      this.answered++
      const { memberId } = value as { memberId?: string }
      if (typeof memberId !== 'string') return
      this.memberIds.push(memberId)
      if (this.memberIds.length > 20) this.memberIds.splice(1, 1)
    })
    if (this.random.chance(0.3)) await this.bench.advance(this.random.pick([0, 100, 3_000, 60_000]))
    if (this.random.chance(0.005)) await this.bench.failOver()
  }
}

test('requests of any shape are answered, and the group beside them works on', async (t) => {
  const bench = await GroupBench.start({ config: { offsetsRetentionMs: 600_000, offsetsRetentionCheckIntervalMs: 60_000 } })
  const fuzzer = new Fuzzer(`requests ${process.env.FUZZ_SEED ?? 1}`, bench)
  const started = performance.now()
  let sent = 0
  while (performance.now() - started < DURATION_MS) {
    for (let index = 0; index < 50; index++, sent++) await fuzzer.step()
    assert.deepEqual(bench.world.errors, [], `after ${sent} requests`)
    bench.world.lines.length = 0
    const healthy = bench.group(`healthy ${sent}`)
    const { members } = await healthy.stable(1)
    await healthy.commit({ 0: sent }, { memberId: members[0], generationIdOrMemberEpoch: 1 }).value()
    assert.equal(await healthy.offset(0), sent)
    await healthy.leave({ memberId: members[0] }).value()
    assert.equal(await healthy.delete(), 0)
  }
  bench.coordinator.close()
  await bench.world.settle()
  t.diagnostic(`${sent} requests`)
  assert.equal(fuzzer.answered, sent, 'every request was answered')
  assert.equal(bench.world.pendingTimers, 0)
})
