// Lines of a stream of bytes, as they come: what is no UTF-8 stays what it is, and only \n (or \r\n) ends a line, not the other line breaks
// that Unicode knows and JSON does not escape.
import { OdradekError } from '@odradek/base'

/** Bytes. Longer ones could not be sent in any case. */
const LINE_BYTES_MAX = 128 * 1024 * 1024
const [NEWLINE, RETURN] = [10, 13]

/** What comes after the last end of line is a line when the stream ends. */
export async function* inputLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Buffer[]> {
  let pieces: Buffer[] = []
  let length = 0
  for await (const bytes of input) {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const lines: Buffer[] = []
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = chunk.subarray(start, end)
      lines.push(withoutReturn(pieces.length === 0 ? line : Buffer.concat([...pieces, line])))
      if (pieces.length > 0) [pieces, length] = [[], 0]
      start = end + 1
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start))
    length += chunk.length - start
    if (length > LINE_BYTES_MAX)
      throw new OdradekError('INPUT_INVALID', `A line of more than ${LINE_BYTES_MAX} bytes is too long for a record`)
    if (lines.length > 0) yield lines
  }
  if (pieces.length > 0) yield [withoutReturn(Buffer.concat(pieces))]
}

const withoutReturn = (line: Buffer): Buffer => (line.at(-1) === RETURN ? line.subarray(0, -1) : line)
