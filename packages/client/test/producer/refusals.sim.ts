// A producer whose batches are refused, found too large, given up or written without an answer, in any mixture: what it says is
// acknowledged is there, nothing is there twice, and what is there lies in the order of the sends.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPrng } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'
import { settled } from '../support/fake-cluster.ts'
import { type Fault, ProduceCluster } from '../support/produce-log.ts'

const faults: readonly Fault[] = [
  { errorCode: ErrorCode.INVALID_RECORD },
  { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED },
  { errorCode: ErrorCode.NOT_ENOUGH_REPLICAS },
  { errorCode: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, after: true },
  { errorCode: ErrorCode.REQUEST_TIMED_OUT, after: true },
  { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER },
  { drop: 'hang up' },
  { drop: 'hang up', after: true },
  { drop: 'silence', after: true },
  { drop: 'silence' }
]

describe('an idempotent producer that is refused now and then', () => {
  for (let seed = 1; seed <= Number(process.env.SEEDS ?? 60); seed++) {
    test(`loses no acknowledged record, doubles none and keeps the order (seed ${seed})`, async () => {
      const prng = createPrng(`refusals-${seed}`)
      const cluster = await ProduceCluster.start(2, [1, 2], seed)
      const bytesMax = prng.pick([Infinity, 250])
      const share = prng.pick([0.05, 0.15, 0.3])
      cluster.tellsLeader = prng.chance(0.5)
      cluster.fault = ({ bytes }) => {
        if (bytes.length > bytesMax) return { errorCode: ErrorCode.MESSAGE_TOO_LARGE }
        return prng.chance(share) ? prng.pick(faults) : undefined
      }
      const producer = cluster.producer({
        batchSize: prng.pick([1, 100, 500]),
        lingerMs: prng.pick([0, 3]),
        deliveryTimeoutMs: prng.pick([2_003, 5_000]),
        compressionType: prng.pick(['none', 'lz4'])
      })
      const outcomes: Promise<{ number: number; partition: number; code: string | undefined; offset: number }>[] = []
      for (let number = 0; number < 300; number++) {
        const partition = prng.below(2)
        const sent = settled(producer.send('t', { partition, value: `v${number}` }))
        outcomes.push(sent.then(({ code, value }) => ({ number, partition, code, offset: value?.offset ?? -1 })))
        if (prng.chance(0.2)) await cluster.fake.sim.advance(prng.below(prng.chance(0.05) ? 3_000 : 5))
        if (prng.chance(0.01)) cluster.moveLeader(prng.below(2), 1 + prng.below(2))
      }
      const results = await cluster.fake.sim.complete(Promise.all(outcomes))
      for (const partition of [0, 1]) {
        const numbers = cluster.log(partition).values.map((value) => Number(value.slice(1)))
        for (let at = 1; at < numbers.length; at++)
          assert.ok(numbers[at] > numbers[at - 1], `v${numbers[at]} lies behind v${numbers[at - 1]} in partition ${partition}`)
        for (const { number, code, offset } of results.filter((each) => each.partition === partition)) {
          if (code !== undefined) continue
          assert.ok(numbers.includes(number), `v${number} was acknowledged and is not there`)
          if (offset >= 0) assert.equal(numbers[offset], number)
        }
      }
      await cluster.fake.sim.complete(producer.close())
      assert.equal(await cluster.fake.openSockets(), 0)
    })
  }
})
