const PRIME1 = 0x9e3779b1 | 0
const PRIME2 = 0x85ebca77 | 0
const PRIME3 = 0xc2b2ae3d | 0
const PRIME4 = 0x27d4eb2f
const PRIME5 = 0x165667b1

const rotate = (v: number, bits: number): number => (v << bits) | (v >>> (32 - bits))
const read = (b: Uint8Array, p: number): number => b[p] | (b[p + 1] << 8) | (b[p + 2] << 16) | (b[p + 3] << 24)
const round = (lane: number, input: number): number => Math.imul(rotate((lane + Math.imul(input, PRIME2)) | 0, 13), PRIME1)

/** xxHash32 with seed 0 of `bytes[start, end)`, unsigned: the checksum of LZ4 frames. */
export function xxhash32(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let p = start
  let hash = PRIME5
  if (end - start >= 16) {
    let a = (PRIME1 + PRIME2) | 0
    let b = PRIME2
    let c = 0
    let d = -PRIME1 | 0
    for (; p + 16 <= end; p += 16) {
      a = round(a, read(bytes, p))
      b = round(b, read(bytes, p + 4))
      c = round(c, read(bytes, p + 8))
      d = round(d, read(bytes, p + 12))
    }
    hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)
  }
  hash = (hash + (end - start)) | 0
  for (; p + 4 <= end; p += 4) hash = Math.imul(rotate((hash + Math.imul(read(bytes, p), PRIME3)) | 0, 17), PRIME4)
  for (; p < end; p++) hash = Math.imul(rotate((hash + Math.imul(bytes[p], PRIME5)) | 0, 11), PRIME1)
  hash = Math.imul(hash ^ (hash >>> 15), PRIME2)
  hash = Math.imul(hash ^ (hash >>> 13), PRIME3)
  return (hash ^ (hash >>> 16)) >>> 0
}
