/**
 * Copies that write up to 15 bytes more than asked, 16 at a time and without a loop for the usual length: what makes
 * a decoder of short matches fast in JavaScript. The bytes beyond are garbage that a later copy overwrites or nobody reads.
 */

/** Bytes that must be readable and writable behind a wild copy's end. */
export const WILD_BYTES = 16

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** Copies `length` bytes (at least 16 are written). Within one buffer, `to` is at least four bytes behind `from`. */
export function copyWild(source: DataView, from: number, target: DataView, to: number, length: number): void {
  const end = to + length
  let f = from
  let t = to
  do {
    target.setUint32(t, source.getUint32(f, true), true)
    target.setUint32(t + 4, source.getUint32(f + 4, true), true)
    target.setUint32(t + 8, source.getUint32(f + 8, true), true)
    target.setUint32(t + 12, source.getUint32(f + 12, true), true)
    f += 16
    t += 16
  } while (t < end)
}

/** Repeats the `offset` bytes before `at` over `length` bytes: what a match that may overlap itself means. */
export function copyMatch(bytes: DataView, at: number, offset: number, length: number): void {
  const from = at - offset
  if (offset >= 4) {
    copyWild(bytes, from, bytes, at, length)
    return
  }
  // A pattern of one to three bytes is one of four or six, too: written that far, it can be copied wildly.
  const distance = offset === 1 ? 4 : offset * 2
  for (let i = offset; i < distance; i++) bytes.setUint8(from + i, bytes.getUint8(from + i - offset))
  copyWild(bytes, from, bytes, from + distance, Math.max(1, length + offset - distance))
}

/** Copies exactly, by loop where that is faster than the call. */
export function copyExact(source: Buffer, from: number, target: Buffer, to: number, length: number): void {
  if (length > 48) source.copy(target, to, from, from + length)
  else for (let i = 0; i < length; i++) target[to + i] = source[from + i]
}

/** How many bytes from `a` on equal those from `b` on, before `end` (where `b` ends; `a` lies before it). */
export function matchingBytes(view: DataView, a: number, b: number, end: number): number {
  let p = b
  let q = a
  while (p + 4 <= end) {
    const difference = view.getUint32(p, true) ^ view.getUint32(q, true)
    if (difference !== 0) return p - b + ((31 - Math.clz32(difference & -difference)) >>> 3)
    p += 4
    q += 4
  }
  while (p < end && view.getUint8(p) === view.getUint8(q)) {
    p++
    q++
  }
  return p - b
}
