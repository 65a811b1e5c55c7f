// Walks batches by single fields, without making an object for each: reads and the tail cache pass over many headers only
// to find where a batch ends. Everything else uses protocol's RecordBatch. The caller has checked that the bytes are there.

/** Enough bytes to know a batch's size, magic and offsets. */
export const WALK_BYTES = 27
/** Enough bytes for every header field. */
export const HEADER_BYTES = 61
/** Size of offset and length fields, which the length does not count. */
const LOG_OVERHEAD = 12

export function readInt32(b: Uint8Array, p: number): number {
  return (b[p] << 24) | (b[p + 1] << 16) | (b[p + 2] << 8) | b[p + 3]
}

export function writeInt32(b: Uint8Array, p: number, value: number): void {
  b[p] = value >>> 24
  b[p + 1] = value >>> 16
  b[p + 2] = value >>> 8
  b[p + 3] = value
}

export function readInt64(b: Uint8Array, p: number): number {
  return readInt32(b, p) * 4294967296 + (readInt32(b, p + 4) >>> 0)
}

export function writeInt64(b: Uint8Array, p: number, value: number): void {
  const high = Math.floor(value / 4294967296)
  writeInt32(b, p, high)
  writeInt32(b, p + 4, value - high * 4294967296)
}

/** The whole size of the batch, header included; torn bytes may give anything. */
export function batchSize(b: Uint8Array, p: number): number {
  return readInt32(b, p + 8) + LOG_OVERHEAD
}

export function batchBaseOffset(b: Uint8Array, p: number): number {
  return readInt64(b, p)
}

/** The offset after the batch. A message set of magic 0 or 1 carries its last offset in the offset field. */
export function batchNextOffset(b: Uint8Array, p: number): number {
  return readInt64(b, p) + (b[p + 16] >= 2 ? readInt32(b, p + 23) : 0) + 1
}
