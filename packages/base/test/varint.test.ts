import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../src/errors.ts'
import {
  readUnsignedVarint,
  readVarint,
  readVarlong,
  sizeOfUnsignedVarint,
  sizeOfVarint,
  sizeOfVarlong,
  writeUnsignedVarint,
  writeVarint,
  writeVarlong
} from '../src/varint.ts'

const int32s = [
  0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, 16383, 16384, 2097151, 2097152, 268435455, 268435456, 2147483647, -2147483648
]

function written(write: (bytes: Buffer) => number): Buffer {
  const bytes = Buffer.alloc(12)
  return bytes.subarray(0, write(bytes))
}

test('varints come back and have the size that was told', () => {
  for (const value of int32s) {
    const signed = written((bytes) => writeVarint(bytes, 0, value))
    assert.deepEqual(readVarint(signed, 0), { value, end: sizeOfVarint(value) })
    const unsigned = written((bytes) => writeUnsignedVarint(bytes, 0, value))
    assert.deepEqual(readUnsignedVarint(unsigned, 0), { value: value >>> 0, end: sizeOfUnsignedVarint(value) })
  }
  for (const value of [...int32s.map(BigInt), 2n ** 34n, -(2n ** 34n), 2n ** 63n - 1n, -(2n ** 63n)]) {
    const bytes = written((target) => writeVarlong(target, 0, value))
    assert.deepEqual(readVarlong(bytes, 0), { value, end: sizeOfVarlong(value) })
  }
})

test('the bytes are those of Kafka', () => {
  assert.equal(written((bytes) => writeVarint(bytes, 0, -65)).toString('hex'), '8101')
  assert.equal(written((bytes) => writeVarint(bytes, 0, -2147483648)).toString('hex'), 'ffffffff0f')
  assert.equal(written((bytes) => writeUnsignedVarint(bytes, 0, -1)).toString('hex'), 'ffffffff0f')
  assert.equal(written((bytes) => writeVarlong(bytes, 0, -(2n ** 63n))).toString('hex'), 'ffffffffffffffffff01')
})

test('a varint that is cut or does not end is a DecodeError', () => {
  for (const hex of ['', '80', 'ffffffff', '8080808080', 'ffffffffffffffffffff01']) {
    assert.throws(() => readVarint(Buffer.from(hex, 'hex'), 0), DecodeError)
    assert.throws(() => readUnsignedVarint(Buffer.from(hex, 'hex'), 0), DecodeError)
  }
  for (const hex of ['', '80', 'ffffffffff', 'ffffffffffffffffffff'])
    assert.throws(() => readVarlong(Buffer.from(hex, 'hex'), 0), DecodeError)
})
