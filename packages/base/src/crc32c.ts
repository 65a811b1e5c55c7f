/**
 * CRC-32C (Castagnoli), the checksum of record batches. Large ranges go to the prebuilt native package when it is
 * installed (it is optional); small ones, and everything without it, to slice-by-8 tables. Both give the same number.
 */
import { createRequire } from 'node:module'

type NativeCrc32c = (input: Uint8Array, initial?: number) => number

const POLYNOMIAL = 0x82f63b78
/** Below this many bytes the tables are faster than the call into native code and the view it needs (docs/internals/protocol-records.md). */
const NATIVE_BYTES_MIN = 224

const table = createTable()
/** Looked for when first needed: loading it takes some milliseconds, which a small tool need not pay. */
let native: NativeCrc32c | null | undefined

/** True when the native package is there. */
export function isCrc32cNative(): boolean {
  if (native === undefined) native = loadNative()
  return native !== null
}

/**
 * CRC-32C of `buffer[start, end)` as an unsigned 32-bit number. `seed` is the result for the bytes before `start`,
 * so that a checksum can be continued; 0 starts one.
 */
export function crc32c(buffer: Uint8Array, start = 0, end = buffer.length, seed = 0): number {
  if (end - start < NATIVE_BYTES_MIN) return crc32cPlain(buffer, start, end, seed)
  if (native === undefined) native = loadNative()
  if (native === null) return crc32cPlain(buffer, start, end, seed)
  return native(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end), seed)
}

/** The same in plain JavaScript. */
export function crc32cPlain(buffer: Uint8Array, start = 0, end = buffer.length, seed = 0): number {
  const t = table
  let crc = ~seed
  let i = start
  for (const last = end - 8; i <= last; i += 8) {
    const low = crc ^ (buffer[i] | (buffer[i + 1] << 8) | (buffer[i + 2] << 16) | (buffer[i + 3] << 24))
    crc =
      t[1792 + (low & 0xff)] ^
      t[1536 + ((low >>> 8) & 0xff)] ^
      t[1280 + ((low >>> 16) & 0xff)] ^
      t[1024 + (low >>> 24)] ^
      t[768 + buffer[i + 4]] ^
      t[512 + buffer[i + 5]] ^
      t[256 + buffer[i + 6]] ^
      t[buffer[i + 7]]
  }
  for (; i < end; i++) crc = t[(crc ^ buffer[i]) & 0xff] ^ (crc >>> 8)
  return ~crc >>> 0
}

/** Eight tables of 256 in one array: table k advances a byte by k more bytes of zeros. */
function createTable(): Int32Array {
  const t = new Int32Array(8 * 256)
  for (let n = 0; n < 256; n++) {
    let crc = n
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    t[n] = crc
  }
  for (let n = 256; n < t.length; n++) t[n] = t[t[n - 256] & 0xff] ^ (t[n - 256] >>> 8)
  return t
}

function loadNative(): NativeCrc32c | null {
  try {
    const load = createRequire(import.meta.url)
    return (load('@node-rs/crc32') as { crc32c: NativeCrc32c }).crc32c
  } catch {
    return null
  }
}
