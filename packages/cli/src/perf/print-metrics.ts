// Metrics of a client as Kafka's performance tools print them: `group:name:{tags}`, sorted.
import type { ToolIo } from '../tool.ts'

export interface Metric {
  readonly group: string
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  readonly value: number
}

export function printMetrics(metrics: readonly Metric[], io: ToolIo): void {
  const rows = metrics
    .map(({ group, name, tags, value }): [string, number] => {
      const shown = Object.entries(tags).map(([tag, text]) => `${tag}=${text}`)
      return [`${group}:${name}:{${shown.join(', ')}}`, value]
    })
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const width = Math.max(...rows.map(([name]) => name.length))
  io.out(`\n${'Metric Name'.padEnd(width)}   Value\n`)
  for (const [name, value] of rows) io.out(`${name.padEnd(width)} : ${value.toFixed(3)}\n`)
}
