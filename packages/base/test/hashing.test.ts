import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coordinatorPartition, javaAbs, javaStringHash, murmur2, toPositive } from '../src/hashing.ts'

// Answers of Apache Kafka's own functions.
test('murmur2 is that of Kafka for every length of the tail', () => {
  const vectors: [hex: string, hash: number][] = [
    ['', 275646681],
    ['13', 817130312],
    ['33adc754d4a5', 823782358],
    ['6e316f626d3259', -786389502],
    ['757365722d373635353632', 2026756440],
    ['757365722d363737323834', -561007400],
    ['73466c4e586179304d7a36787a', 1259316101]
  ]
  for (const [hex, hash] of vectors) assert.equal(murmur2(Buffer.from(hex, 'hex')), hash, hex)
  assert.equal(toPositive(-786389502), 1361094146)
})

test('the hash of a string is that of Java, over UTF-16 units', () => {
  assert.equal(javaStringHash(''), 0)
  assert.equal(javaStringHash('jy5Ik2kVhodhT'), -654289004)
  assert.equal(javaStringHash('"q\\\n\t-271'), -1612883733)
  assert.equal(javaStringHash('😀'), 0xd83d * 31 + 0xde00)
})

test('the absolute value of the least int32 is 0', () => {
  assert.equal(javaAbs(-2147483648), 0)
  assert.equal(javaAbs(-5), 5)
  // A string whose hash is the least int32.
  assert.equal(javaStringHash('polygenelubricants'), -2147483648)
  assert.equal(coordinatorPartition('polygenelubricants', 50), 0)
})

test('a group lives in the partition that Kafka puts it in', () => {
  assert.equal(coordinatorPartition('jy5Ik2kVhodhT', 50), 4)
  assert.equal(coordinatorPartition('18ZIkyy3sRB92-530', 50), 13)
  assert.equal(coordinatorPartition('LA55za63', 100), 35)
})
