import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode, encodeBatch } from '@odradek/protocol'
import { checkProduceRecords } from '../src/produce-records.ts'

const batch = (options: Partial<Parameters<typeof encodeBatch>[0]> = {}) =>
  encodeBatch({ baseOffset: 0, records: [{ value: 'hello' }], ...options })
const code = (records: Buffer | null, version = 9) => checkProduceRecords(records, version)?.errorCode

describe('the records of a produce request', () => {
  test('are one batch of magic 2', () => {
    assert.equal(code(batch()), undefined)
    assert.equal(code(Buffer.concat([batch(), batch()])), ErrorCode.INVALID_RECORD)
    assert.equal(code(Buffer.alloc(0)), ErrorCode.INVALID_RECORD)
    assert.equal(code(null), ErrorCode.INVALID_RECORD)
  })

  test('of magic 0 and 1 are refused, of magic 3 corrupt', () => {
    const withMagic = (magic: number) => {
      const bytes = batch()
      bytes.writeInt8(magic, 16)
      return code(bytes)
    }
    assert.equal(withMagic(0), ErrorCode.INVALID_RECORD)
    assert.equal(withMagic(1), ErrorCode.INVALID_RECORD)
    assert.equal(withMagic(3), ErrorCode.CORRUPT_MESSAGE)
    assert.equal(withMagic(-1), ErrorCode.CORRUPT_MESSAGE)
  })

  test('may be zstd from version 7 on', () => {
    const bytes = batch({ compression: 'zstd' })
    assert.equal(code(bytes, 6), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
    assert.equal(code(bytes, 7), undefined)
  })

  test('with a length that cannot be are corrupt', () => {
    const bytes = batch()
    bytes.writeInt32BE(-5, 8)
    assert.equal(code(bytes), ErrorCode.CORRUPT_MESSAGE)
  })
})
