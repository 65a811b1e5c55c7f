// Hashes that decide where a record or a group lives. Other clients compute the same, so every bit matters.

const MURMUR_M = 0x5bd1e995
const MURMUR_SEED = 0x9747b28c

/** 32-bit murmur2 with Kafka's seed; a signed int32. The default partitioner takes `toPositive` of it modulo partitions. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  const tail = length & ~3
  let hash = MURMUR_SEED ^ length
  for (let i = 0; i < tail; i += 4) {
    let k = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    k = Math.imul(k, MURMUR_M)
    k ^= k >>> 24
    hash = Math.imul(hash, MURMUR_M) ^ Math.imul(k, MURMUR_M)
  }
  const rest = length - tail
  if (rest > 0) {
    if (rest > 2) hash ^= bytes[tail + 2] << 16
    if (rest > 1) hash ^= bytes[tail + 1] << 8
    hash = Math.imul(hash ^ bytes[tail], MURMUR_M)
  }
  hash = Math.imul(hash ^ (hash >>> 13), MURMUR_M)
  return hash ^ (hash >>> 15)
}

/** Java's String.hashCode: over UTF-16 units, a signed int32. */
export function javaStringHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}

/** Drops the sign bit: what Kafka's partitioner does to a murmur2 hash. */
export function toPositive(hash: number): number {
  return hash & 0x7fffffff
}

/** The absolute value, but 0 for the one int32 that has none: what coordinators do to a String.hashCode. */
export function javaAbs(hash: number): number {
  return hash === -0x80000000 ? 0 : Math.abs(hash)
}

/** The partition of __consumer_offsets or __transaction_state that holds a group or transactional id. */
export function coordinatorPartition(id: string, partitions: number): number {
  return javaAbs(javaStringHash(id)) % partitions
}
