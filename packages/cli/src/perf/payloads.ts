// Values of the records of the performance tests: random letters, lines of a file, or numbers that count up.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ToolError, type ToolIo } from '../tool.ts'

/** Gives the value of the record of this number. */
export type Payloads = (index: number) => Uint8Array | string

export const monotonicPayloads: Payloads = String

const LETTERS = 26
const PAIRS = LETTERS ** 2
const CHUNK_BYTES = 1024 * 1024

/** Random capital letters, from the same start in each run. A buffer that was given is never written again. */
export function randomPayloads(size: number): Payloads {
  const pairs = Uint16Array.from({ length: PAIRS }, (_, index) => 0x4141 + ((index / LETTERS) | 0) + ((index % LETTERS) << 8))
  let state = 1
  let chunk = Buffer.alloc(0)
  let position = 0
  const nextChunk = (): void => {
    const letters = new Uint16Array(2 * Math.ceil(Math.max(CHUNK_BYTES, size) / 4))
    for (let index = 0; index < letters.length; index += 2) {
      // xorshift32
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      letters[index] = pairs[((state & 0xffff) * PAIRS) >>> 16]
      letters[index + 1] = pairs[((state >>> 16) * PAIRS) >>> 16]
    }
    chunk = Buffer.from(letters.buffer)
    position = 0
  }
  return () => {
    if (position + size > chunk.length) nextChunk()
    position += size
    return chunk.subarray(position - size, position)
  }
}

/** What lies between the delimiters (a regular expression) of a file, at random. */
export function filePayloads(path: string, delimiter: string, io: ToolIo): Payloads {
  const full = resolve(io.cwd, path)
  io.out(`Reading payloads from: ${full}\n`)
  const parts = readText(full).split(new RegExp(delimiter))
  if (parts[0] === '') parts.shift()
  if (parts.at(-1) === '') parts.pop()
  const payloads = parts.map((part) => Buffer.from(part))
  io.out(`Number of records read: ${payloads.length}\n`)
  if (payloads.length === 0) throw new ToolError('No payload file, record size or payload-monotonic option provided.')
  return () => payloads[Math.floor(Math.random() * payloads.length)]
}

function readText(path: string): string {
  let text = ''
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  if (text === '') throw new ToolError('File does not exist or empty file provided.')
  return text
}
