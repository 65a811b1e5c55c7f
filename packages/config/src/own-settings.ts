/**
 * Settings that Apache Kafka does not have. They start with `odradek.`, are internal (left out of DescribeConfigs unless set) and keep
 * Kafka's behaviour by default.
 */
import type { ConfigRow } from './definition.ts'

export interface OwnSettings {
  'odradek.durability': string
  'odradek.frame.timeout.ms': number
  'odradek.decompression.ratio.max': number
  'odradek.metrics.listener': string | null
}

export const ownRows: readonly ConfigRow[] = [
  { name: 'odradek.durability', type: 'STRING', default: 'page-cache', valid: '[page-cache, sync]', importance: 'HIGH', internal: true },
  { name: 'odradek.frame.timeout.ms', type: 'INT', default: 30000, valid: '[1,...]', importance: 'LOW', internal: true },
  { name: 'odradek.decompression.ratio.max', type: 'INT', default: 32, valid: '[1,...]', importance: 'LOW', internal: true },
  { name: 'odradek.metrics.listener', type: 'STRING', default: null, importance: 'LOW', internal: true }
]

export const ownDocs: Readonly<Record<string, string>> = {
  'odradek.durability':
    'When a write counts as written: page-cache (as Kafka: the operating system has it) or sync (after a grouped fdatasync, before the acknowledgement).',
  'odradek.frame.timeout.ms': 'How long a client may take to send the rest of a request whose first bytes have come.',
  'odradek.decompression.ratio.max':
    'A batch may decompress to at most this many times max.message.bytes (1 MiB where that is less); more is refused as corrupt.',
  'odradek.metrics.listener':
    'HOST:PORT where GET /metrics tells the metrics of the node in the text format of Prometheus; nowhere unless set.'
}
