import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeMessageIndexes, encodeMessageIndexes, frame, unframe } from '../src/wire-format.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('a zero and the id in four bytes, highest first, stand before the payload', () => {
  assert.equal(hex(frame(1, [Buffer.from('payload')])), '00' + '00000001' + '7061796c6f6164')
  assert.equal(hex(frame(0x01020304, [Buffer.of(5), Buffer.of(6)])), '00010203040506')
  assert.deepEqual(unframe(Buffer.from('007fffffff2a', 'hex')), { id: 0x7fffffff, payload: Buffer.of(0x2a) })
})

test('bytes that are too short, or of another format, are refused', () => {
  for (const bytes of ['', '00', '00000001', '0100000001', '7b2261223a317d'])
    assert.throws(() => unframe(Buffer.from(bytes, 'hex')), { code: 'SERIALIZATION_FAILED' }, bytes)
})

// From the documentation of the wire format: a length and each index as zigzag varints, one 0 in place of the list [0].
const lists: readonly (readonly [number[], string])[] = [
  [[0], '00'],
  [[1], '0202'],
  [[1, 0], '040200'],
  [[2, 1, 0], '06040200'],
  [[64], '028001'],
  [[0, 300], '0400d804']
]

for (const [indexes, bytes] of lists)
  test(`the message indexes [${indexes}] are the bytes ${bytes}`, () => {
    assert.equal(hex(encodeMessageIndexes(indexes)), bytes)
    assert.deepEqual(decodeMessageIndexes(Buffer.from(`${bytes}ff`, 'hex')), { indexes, message: Buffer.of(0xff) })
  })

test('the long form of [0], which some serializers write, is read', () => {
  assert.deepEqual(decodeMessageIndexes(Buffer.from('02000a', 'hex')), { indexes: [0], message: Buffer.of(0x0a) })
})

test('lengths of message indexes that lie are refused before anything is read', () => {
  for (const bytes of ['', '01', 'feffffff0f', '04', '0402', 'ffffffffff7f'])
    assert.throws(() => decodeMessageIndexes(Buffer.from(bytes, 'hex')), { name: /OdradekError|DecodeError/ }, bytes)
})
