import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32c, crc32cPlain, isCrc32cNative } from '../src/crc32c.ts'

const bytes = Buffer.alloc(5000, 0).map((_, i) => (i * 31) ^ (i >> 3))

test('the check value of CRC-32C is e3069283', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  assert.equal(crc32cPlain(Buffer.from('123456789')), 0xe3069283)
  assert.equal(crc32c(Buffer.alloc(0)), 0)
})

test('the native function and the tables agree for every length and start around the crossover', () => {
  for (let length = 0; length < 700; length++) {
    const start = length % 13
    assert.equal(crc32c(bytes, start, start + length), crc32cPlain(bytes, start, start + length))
  }
})

test('a checksum continues from the result for the bytes before', () => {
  for (const cut of [0, 1, 7, 100, 1000, 4999, 5000]) {
    assert.equal(crc32c(bytes, cut, 5000, crc32c(bytes, 0, cut)), crc32c(bytes))
  }
})

test('the native package is found where it is installed', (t) => {
  const folder = join(import.meta.dirname, '../../../node_modules/@node-rs')
  const isHere = existsSync(folder) && readdirSync(folder).some((name) => name.startsWith(`crc32-${process.platform}-${process.arch}`))
  if (!isHere) return t.skip('@node-rs/crc32 has no binary for this platform')
  assert.equal(isCrc32cNative(), true)
})
