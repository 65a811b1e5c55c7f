/** The LZ4 block encoder: a fast one with a hash table, and one with hash chains that searches deeper by level. */
import { copyExact, matchingBytes } from './wild-copy.ts'

const MATCH_MIN = 4
/** The format: the last five bytes are literals, the last match starts at least twelve bytes before the end. */
const LAST_LITERALS = 5
const MATCH_START_LIMIT = 12
const MULTIPLIER = 0x9e3779b1 | 0
const FAST_TABLE_BITS_MAX = 14
const CHAIN_TABLE_BITS = 15

export const lz4BlockSizeMax = (bytes: number): number => bytes + Math.ceil(bytes / 255) + 16

/**
 * Encodes `input[start, end)` (at most 64 KiB) at `position` of `out`, which has {@link lz4BlockSizeMax} bytes of room,
 * and returns the end. Level 0 is the fast encoder.
 */
export function compressLz4Block(
  input: Buffer,
  view: DataView,
  start: number,
  end: number,
  out: Buffer,
  position: number,
  level: number
): number {
  if (end - start < MATCH_START_LIMIT + 1) return emitLast(input, start, end, out, position)
  return level === 0
    ? compressFast(input, view, start, end, out, position)
    : compressChained(input, view, start, end, out, position, attemptsOf(level))
}

const attemptsOf = (level: number): number => 1 << Math.min(Math.max(level, 1), 12)

function compressFast(input: Buffer, view: DataView, start: number, end: number, out: Buffer, position: number): number {
  let bits = 8
  while (bits < FAST_TABLE_BITS_MAX && 1 << bits < end - start) bits++
  const shift = 32 - bits
  const table = new Uint16Array(1 << bits)
  const matchLimit = end - LAST_LITERALS
  const startLimit = end - MATCH_START_LIMIT
  let o = position
  let anchor = start
  let p = start + 1
  while (p < startLimit) {
    let skip = 64
    let candidate: number
    let word: number
    for (;;) {
      word = view.getUint32(p, true)
      const hash = Math.imul(word, MULTIPLIER) >>> shift
      candidate = start + table[hash]
      table[hash] = p - start
      if (word === view.getUint32(candidate, true)) break
      p += skip++ >>> 6
      if (p >= startLimit) return emitLast(input, anchor, end, out, o)
    }
    while (p > anchor && candidate > start && input[p - 1] === input[candidate - 1]) {
      p--
      candidate--
    }
    const matchEnd = p + MATCH_MIN + matchingBytes(view, candidate + MATCH_MIN, p + MATCH_MIN, matchLimit)
    o = emitSequence(input, anchor, p, out, o, p - candidate, matchEnd - p)
    p = anchor = matchEnd
    if (p < startLimit) table[Math.imul(view.getUint32(p - 2, true), MULTIPLIER) >>> shift] = p - 2 - start
  }
  return emitLast(input, anchor, end, out, o)
}

function compressChained(
  input: Buffer,
  view: DataView,
  start: number,
  end: number,
  out: Buffer,
  position: number,
  attempts: number
): number {
  const shift = 32 - CHAIN_TABLE_BITS
  // Positions are kept plus one, so that zero is none.
  const heads = new Int32Array(1 << CHAIN_TABLE_BITS)
  const previous = new Int32Array(end - start)
  const matchLimit = end - LAST_LITERALS
  const startLimit = end - MATCH_START_LIMIT
  let inserted = start
  let o = position
  let anchor = start
  let p = start

  const insertUpTo = (to: number): void => {
    for (; inserted < to; inserted++) {
      const hash = Math.imul(view.getUint32(inserted, true), MULTIPLIER) >>> shift
      previous[inserted - start] = heads[hash]
      heads[hash] = inserted - start + 1
    }
  }
  let bestAt = 0
  const longest = (at: number, longerThan: number): number => {
    insertUpTo(at)
    let best = longerThan
    let candidate = heads[Math.imul(view.getUint32(at, true), MULTIPLIER) >>> shift]
    for (let i = attempts; i > 0 && candidate > 0; i--) {
      const c = start + candidate - 1
      if (input[c + best] === input[at + best] && view.getUint32(c, true) === view.getUint32(at, true)) {
        const length = MATCH_MIN + matchingBytes(view, c + MATCH_MIN, at + MATCH_MIN, matchLimit)
        if (length > best) {
          best = length
          bestAt = c
        }
      }
      candidate = previous[c - start]
    }
    return best
  }

  while (p < startLimit) {
    let length = longest(p, MATCH_MIN - 1)
    if (length < MATCH_MIN) {
      p++
      continue
    }
    let from = bestAt
    // A longer match one byte later is worth a literal.
    while (p + 1 < startLimit) {
      const later = longest(p + 1, length)
      if (later <= length) break
      p++
      length = later
      from = bestAt
    }
    o = emitSequence(input, anchor, p, out, o, p - from, length)
    p += length
    anchor = p
  }
  return emitLast(input, anchor, end, out, o)
}

function emitLength(out: Buffer, position: number, extra: number): number {
  let o = position
  let left = extra
  for (; left >= 255; left -= 255) out[o++] = 255
  out[o++] = left
  return o
}

function emitLiterals(input: Buffer, start: number, end: number, out: Buffer, position: number): number {
  copyExact(input, start, out, position, end - start)
  return position + end - start
}

function emitSequence(
  input: Buffer,
  anchor: number,
  p: number,
  out: Buffer,
  position: number,
  offset: number,
  matchLength: number
): number {
  const literals = p - anchor
  const match = matchLength - MATCH_MIN
  let o = position
  out[o++] = (Math.min(literals, 15) << 4) | Math.min(match, 15)
  if (literals >= 15) o = emitLength(out, o, literals - 15)
  o = emitLiterals(input, anchor, p, out, o)
  out[o++] = offset
  out[o++] = offset >>> 8
  if (match >= 15) o = emitLength(out, o, match - 15)
  return o
}

function emitLast(input: Buffer, anchor: number, end: number, out: Buffer, position: number): number {
  const literals = end - anchor
  let o = position
  out[o++] = Math.min(literals, 15) << 4
  if (literals >= 15) o = emitLength(out, o, literals - 15)
  return emitLiterals(input, anchor, end, out, o)
}
