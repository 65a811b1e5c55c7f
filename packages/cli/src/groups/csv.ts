// Offsets as lines of CSV: `topic,partition,offset`, with the group in front when there are several.
import { ToolError } from '../tool.ts'

export interface OffsetRow {
  readonly group?: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Kafka's writer quotes what is longer without looking further. */
const UNQUOTED_MAX = 24

function quoted(text: string): string {
  const isPlain = text.length <= UNQUOTED_MAX && !/[\n\r",\s]/.test(text)
  return isPlain ? text : `"${text.replaceAll('"', '""')}"`
}

export const formatRow = ({ group, topic, partition, offset }: OffsetRow): string =>
  `${[...(group === undefined ? [] : [quoted(group)]), quoted(topic), partition, offset].join(',')}\n`

/**
 * With one group asked for, rows may leave the group out; the first row decides. Throws a ToolError that names the line that is wrong.
 */
export function parseRows(text: string, onlyGroup: string | undefined): OffsetRow[] {
  const lines = text.replace(/\n+$/, '').split('\n')
  const rows = lines.map((line, index) => ({ cells: cellsOf(line.replace(/\r$/, '')), line: index + 1 }))
  const isWithoutGroup = onlyGroup !== undefined && rows[0].cells.length <= 3
  return rows.map(({ cells, line }) => {
    const [group, ...rest] = isWithoutGroup ? [onlyGroup, ...cells] : cells
    const [topic, partition, offset, ...more] = rest
    const isWhole = topic !== undefined && /^\d+$/.test(partition) && /^[+-]?\d+$/.test(offset) && more.length === 0
    if (!isWhole) throw malformed(line, isWithoutGroup)
    return { group, topic, partition: Number(partition), offset: Number(offset) }
  })
}

const malformed = (line: number, isWithoutGroup: boolean): ToolError =>
  new ToolError(`Line ${line} of the file is not ${isWithoutGroup ? '' : 'group,'}topic,partition,offset`, 'java.lang.RuntimeException')

/** None where quotes do not fit. */
function cellsOf(line: string): string[] {
  const cells: string[] = []
  const cell = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y
  for (;;) {
    const match = cell.exec(line)
    if (match === null) return []
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2])
    if (match[3] === '') return cells
  }
}
