/** A table of Kafka's newer tools: every cell is as wide as its column, with a tab after it. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [header, ...rows.map((row) => row.map(String))]
  const widths = header.map((_, column) => lines.reduce((width, line) => Math.max(width, line[column].length), 0))
  return lines.map((line) => `${line.map((cell, column) => `${cell.padEnd(widths[column])}\t`).join('')}\n`).join('')
}
