/**
 * Java's properties format (`server.properties`): comments, `key=value`, `key: value`, `key value`, continued lines, escapes and
 * \uXXXX. A key that comes twice keeps its last value. A Map, so that no key can reach an object's prototype.
 */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  for (const line of logicalLines(text)) {
    const [key, value] = splitLine(line)
    properties.set(decodeEscapes(key), decodeEscapes(value))
  }
  return properties
}

/** Joins lines whose end is escaped (an odd number of backslashes) and drops blank ones and comments. */
function* logicalLines(text: string): Generator<string> {
  let pending: string | undefined
  for (const raw of text.split(/\r\n|\r|\n/)) {
    const line = raw.replace(/^[ \t\f]+/, '')
    if (pending === undefined && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue
    const joined: string = (pending ?? '') + line
    if (/(?:^|[^\\])(?:\\\\)*\\$/.test(joined)) {
      pending = joined.slice(0, -1)
    } else {
      pending = undefined
      yield joined
    }
  }
  if (pending !== undefined && pending !== '') yield pending
}

/** The key ends at the first unescaped `=`, `:` or blank; one `=` or `:` with blanks around it is the separator. */
function splitLine(line: string): [key: string, value: string] {
  let end = 0
  while (end < line.length && !'=: \t\f'.includes(line[end])) end += line[end] === '\\' ? 2 : 1
  const separator = /^[ \t\f]*[=:]?[ \t\f]*/.exec(line.slice(end)) as RegExpExecArray
  return [line.slice(0, end), line.slice(end + separator[0].length)]
}

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function decodeEscapes(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.)|$)/gs, (_, unicode: string | undefined, letter: string | undefined) => {
    if (unicode !== undefined) return String.fromCharCode(Number.parseInt(unicode, 16))
    return letter === undefined ? '' : (escapes[letter] ?? letter)
  })
}
