// Lines of a stream of UTF-8, ended by \n, \r or \r\n, as they come: the stream is read no faster than the lines are used.
import { StringDecoder } from 'node:string_decoder'
import { ToolError } from '../tool.ts'

/** Characters. Longer ones could not be sent in any case. */
const LINE_LENGTH_MAX = 128 * 1024 * 1024

/** Lines that came together, in order; what comes after the last end of line is a line when the stream ends. */
export async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  const decoder = new StringDecoder('utf8')
  // Pieces of the line that is not ended yet.
  let pieces: string[] = []
  let length = 0
  let endsWithReturn = false
  for await (const chunk of input) {
    let text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
    if (text === '') continue
    if (endsWithReturn && text.startsWith('\n')) text = text.slice(1)
    endsWithReturn = text.endsWith('\r')
    const lines = text.split(/\r\n|\n|\r/)
    length += lines[0].length
    if (length > LINE_LENGTH_MAX) throw new ToolError(`A line of more than ${LINE_LENGTH_MAX} characters is too long for a record`)
    pieces.push(lines[0])
    if (lines.length === 1) continue
    lines[0] = pieces.join('')
    const rest = lines.pop() as string
    pieces = [rest]
    length = rest.length
    yield lines
  }
  const last = pieces.join('') + decoder.end()
  if (last !== '') yield [last]
}
