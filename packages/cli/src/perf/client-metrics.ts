// What the clients count, under the names of Kafka's metrics.
import type { Producer } from '@odradek/client'
import type { ToolIo } from '../tool.ts'
import { type Metric, printMetrics } from './print-metrics.ts'

export function printProducerMetrics(producer: Producer, io: ToolIo): void {
  printMetrics([...producer.metrics()], io)
}

export function printConsumerMetrics(clientId: string, counted: { records: number; bytes: number }, io: ToolIo): void {
  const values = { 'records-consumed-total': counted.records, 'bytes-consumed-total': counted.bytes }
  printMetrics(metricsOf('consumer-fetch-manager-metrics', clientId, values), io)
}

const metricsOf = (group: string, clientId: string, values: Readonly<Record<string, number>>): Metric[] =>
  Object.entries(values).map(([name, value]) => ({ group, name, tags: { 'client-id': clientId }, value }))
