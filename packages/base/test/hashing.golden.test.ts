// Hashes, varints, Uuids and checksums against Apache Kafka's.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireGoldens } from '@odradek/testkit'
import { crc32c } from '../src/crc32c.ts'
import { DecodeError } from '../src/errors.ts'
import { coordinatorPartition, javaStringHash, murmur2, toPositive } from '../src/hashing.ts'
import { isUuid, readUuid, writeUuid } from '../src/uuid.ts'
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

type Line = Record<string, never>

function hexOf(write: (bytes: Buffer) => number): string {
  const bytes = Buffer.alloc(12)
  return bytes.subarray(0, write(bytes)).toString('hex')
}

const parsed = (read: () => { value: number | bigint }) => {
  try {
    return BigInt(read().value)
  } catch (error) {
    assert.ok(error instanceof DecodeError)
    return 'error'
  }
}
const expected = (line: Line, name: string) => (line[`${name}Error`] !== undefined ? 'error' : BigInt(line[name]))

const checks: Record<string, (line: Line) => void> = {
  murmur2(line) {
    const hash = murmur2(Buffer.from(line.keyHex, 'hex'))
    assert.equal(hash, line.murmur2)
    assert.equal(toPositive(hash), line.toPositive)
    assert.deepEqual(
      Array.from({ length: 64 }, (_, index) => toPositive(hash) % (index + 1)),
      line.partitionFor1to64
    )
  },
  coordinatorPartition(line) {
    assert.equal(javaStringHash(line.id), line.javaHashCode)
    for (const [partitions, partition] of Object.entries(line.partitionFor))
      assert.equal(coordinatorPartition(line.id, Number(partitions)), partition)
  },
  shareCoordinatorPartition(line) {
    assert.equal(`${line.groupId}:${line.topicId}:${line.partition}`, line.key)
    assert.equal(javaStringHash(line.key), line.javaHashCode)
    assert.equal(coordinatorPartition(line.key, 50), line.partitionFor50)
  },
  uuid(line) {
    const bytes = Buffer.from(line.hex, 'hex')
    assert.equal(readUuid(bytes, 0), line.base64)
    const again = Buffer.alloc(16)
    writeUuid(again, 0, line.base64)
    assert.deepEqual(again, bytes)
    assert.ok(isUuid(line.base64))
  },
  varint(line) {
    const value = BigInt(line.value)
    assert.equal(
      hexOf((bytes) => writeVarlong(bytes, 0, value)),
      line.varlongHex
    )
    assert.equal(sizeOfVarlong(value), line.sizeOfVarlong)
    if (line.varintHex === undefined) return
    assert.equal(
      hexOf((bytes) => writeVarint(bytes, 0, line.value)),
      line.varintHex
    )
    assert.equal(
      hexOf((bytes) => writeUnsignedVarint(bytes, 0, line.value)),
      line.unsignedVarintHex
    )
    assert.equal(sizeOfVarint(line.value), line.sizeOfVarint)
    assert.equal(sizeOfUnsignedVarint(line.value), line.sizeOfUnsignedVarint)
  },
  varintParse(line) {
    const bytes = Buffer.from(line.hex, 'hex')
    assert.equal(
      parsed(() => readVarint(bytes, 0)),
      expected(line, 'varint')
    )
    assert.equal(
      parsed(() => readVarlong(bytes, 0)),
      expected(line, 'varlong')
    )
    const unsigned = expected(line, 'unsignedVarint')
    assert.equal(
      parsed(() => readUnsignedVarint(bytes, 0)),
      unsigned === 'error' ? unsigned : BigInt.asUintN(32, unsigned)
    )
  },
  crc32c(line) {
    assert.equal(crc32c(Buffer.from(line.hex, 'hex')), line.crc32c)
  }
}

test('hashes, varints, uuids and checksums are those of Apache Kafka', (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const counts: Record<string, number> = {}
  for (const line of goldens.lines<Line & { kind: string }>('hashing.ndjson.gz')) {
    const check = checks[line.kind]
    if (check === undefined) continue
    try {
      check(line)
    } catch (error) {
      throw new Error(
        JSON.stringify(line, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
        { cause: error }
      )
    }
    counts[line.kind] = (counts[line.kind] ?? 0) + 1
  }
  assert.deepEqual(Object.keys(counts).sort(), Object.keys(checks).sort())
  t.diagnostic(JSON.stringify(counts))
})
