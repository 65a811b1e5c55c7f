// kafkajs's partitioners: keys by murmur2, records without one in turn over the partitions that have a leader.
import { randomInt } from 'node:crypto'
import { murmur2, toPositive } from '@odradek/base'
import type { ICustomPartitioner } from './types.ts'

type Hash = (key: Buffer) => number

const byKeyOrInTurn =
  (hash: Hash): ICustomPartitioner =>
  () => {
    const turns = new Map<string, number>()
    return ({ topic, partitionMetadata, message }) => {
      const { partition, key } = message
      if (partition !== undefined && partition !== null) return partition
      if (key !== undefined && key !== null)
        return toPositive(hash(Buffer.isBuffer(key) ? key : Buffer.from(String(key)))) % partitionMetadata.length
      const turn = (turns.get(topic) ?? randomInt(2 ** 31)) + 1
      turns.set(topic, turn)
      const available = partitionMetadata.filter(({ leader }) => leader >= 0)
      if (available.length === 0) return toPositive(turn) % partitionMetadata.length
      return available[toPositive(turn) % available.length].partitionId
    }
  }

/**
 * The hash of kafkajs 1: murmur2 with products of floating point in place of those of 32 bits, over one word too many where the length is
 * no multiple of 4. Records with keys stay where kafkajs 1 put them only if every step is the same.
 */
function legacyMurmur2(key: Buffer): number {
  const m = 0x5bd1e995
  const { length } = key
  const byteAt = (index: number): number => key[index] ?? 0
  let hash = 0x9747b28c ^ length
  for (let at = 0; at < length; at += 4) {
    let word = byteAt(at) + (byteAt(at + 1) << 8) + (byteAt(at + 2) << 16) + (byteAt(at + 3) << 24)
    word *= m
    word ^= word >>> 24
    word *= m
    hash *= m
    hash ^= word
  }
  const rest = length % 4
  const tail = length - rest
  if (rest === 3) hash ^= byteAt(tail + 2) << 16
  if (rest >= 2) hash ^= byteAt(tail + 1) << 8
  if (rest >= 1) {
    hash ^= byteAt(tail)
    hash *= m
  }
  hash ^= hash >>> 13
  hash *= m
  return hash ^ (hash >>> 15)
}

const DefaultPartitioner = byKeyOrInTurn(murmur2)

export const Partitioners = {
  /** As Java's client puts keys. */
  DefaultPartitioner,
  /** As kafkajs 1 put keys. */
  LegacyPartitioner: byKeyOrInTurn(legacyMurmur2),
  /** The older name of DefaultPartitioner. */
  JavaCompatiblePartitioner: DefaultPartitioner
} as const
