import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBatch } from '@odradek/protocol'
import { ReplicaVerifier } from '../../src/replicas/replica-verifier.ts'

const topicId = 'AAAAAAAAAAAAAAAAAAAAAQ'
const replicas = [{ topic: 'orders', topicId, partition: 0, offset: 0, brokers: [1, 2] }]

/** A batch of two records at `baseOffset`. */
const batch = (baseOffset: number, value: string): Buffer =>
  encodeBatch({ baseOffset, records: [0, 1].map(() => ({ timestamp: 1, key: null, value: Buffer.from(value) })) })

function verify(first: Buffer[], second: Buffer[], highWatermark = 4) {
  const printed: string[] = []
  const verifier = new ReplicaVerifier(replicas, (text) => printed.push(text), 0)
  const fetched = (records: Buffer[]) => [{ topic: 'orders', partition: 0, highWatermark, records: Buffer.concat(records) }]
  verifier.add(1, fetched(first))
  verifier.add(2, fetched(second))
  return { isGood: verifier.verify(), printed, next: verifier.wantedOf(2)[0].offset }
}

test('replicas that hold the same are read on from their end', () => {
  const { isGood, printed, next } = verify([batch(0, 'a'), batch(2, 'b')], [batch(0, 'a'), batch(2, 'b')])
  assert.deepEqual({ isGood, next }, { isGood: true, next: 4 })
  assert.deepEqual(printed, ['max lag is 0 for partition orders-0 at offset 4 among 1 partitions'])
})

test('a replica that is behind is waited for', () => {
  const { isGood, printed, next } = verify([batch(0, 'a'), batch(2, 'b')], [batch(0, 'a')])
  assert.deepEqual({ isGood, next }, { isGood: true, next: 2 })
  assert.deepEqual(printed, ['max lag is 2 for partition orders-0 at offset 2 among 1 partitions'])
})

test('other bytes at the same offset are told', () => {
  const { isGood, printed } = verify([batch(0, 'a')], [batch(0, 'x')])
  assert.equal(isGood, true)
  assert.match(printed[0], /^partition orders-0 has unmatched checksum at offset 1; replica 1's checksum \d+; replica 2's checksum \d+$/)
})

test('another offset in the same place is told and ends the work', () => {
  const { isGood, printed } = verify([batch(0, 'a')], [batch(1, 'a')])
  assert.equal(isGood, false)
  assert.deepEqual(printed, ["partition orders-0: replica 1's offset 1 doesn't match replica 2's offset 2"])
})

test('what lies above the high watermark is not compared, nor a batch that is cut', () => {
  assert.equal(verify([batch(0, 'a')], [batch(0, 'x')], 1).printed.length, 1)
  const cut = batch(0, 'a')
  assert.equal(verify([cut.subarray(0, cut.length - 1)], [batch(0, 'x')]).printed.length, 1)
})
