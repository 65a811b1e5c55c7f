// Metrics in the form of OpenTelemetry (opentelemetry.proto.metrics.v1.MetricsData), as KIP-714 wants them.
import type { ClientMetric } from '../metrics/client-metrics.ts'

export interface OtlpOptions {
  /** Labels of the client as a whole: group_id, transactional_id. */
  readonly resource: Readonly<Record<string, string>>
  /** Wall clock, ms. */
  readonly startMs: number
  readonly nowMs: number
  /** Counters since the last push; undefined: since the start. */
  readonly deltaOf?: (metric: ClientMetric) => number
}

const DELTA = 1
const CUMULATIVE = 2

/** org.apache.kafka.producer.record.send.total */
export function telemetryName({ group, name }: Pick<ClientMetric, 'group' | 'name'>): string {
  return `org.apache.kafka.${group.replace(/-metrics$/, '')}.${name}`.replaceAll('-', '.').toLowerCase()
}

/** What has no value (NaN) is left out. */
export function encodeMetrics(metrics: Iterable<ClientMetric>, options: OtlpOptions): Buffer {
  const encoded: Buffer[] = []
  for (const metric of metrics) if (Number.isFinite(metric.value)) encoded.push(field(2, metricOf(metric, options)))
  const scopeMetrics = field(2, Buffer.concat(encoded))
  const resource = field(1, attributes(1, options.resource))
  return field(1, Buffer.concat([resource, scopeMetrics]))
}

function metricOf(metric: ClientMetric, { startMs, nowMs, deltaOf }: OtlpOptions): Buffer {
  const value = metric.isCounter && deltaOf !== undefined ? deltaOf(metric) : metric.value
  const labels = Object.fromEntries(
    Object.entries(metric.tags).flatMap(([key, text]) => (key === 'client-id' ? [] : [[key.replaceAll('-', '_'), text]]))
  )
  const point = Buffer.concat([
    ...(metric.isCounter ? [fixed64(2, startMs)] : []),
    fixed64(3, nowMs),
    double(4, value),
    attributes(7, labels)
  ])
  const name = field(1, Buffer.from(telemetryName(metric), 'utf8'))
  if (!metric.isCounter) return Buffer.concat([name, field(5, field(1, point))])
  const sum = Buffer.concat([field(1, point), varint(2, deltaOf === undefined ? CUMULATIVE : DELTA), varint(3, 1)])
  return Buffer.concat([name, field(7, sum)])
}

/** Repeated KeyValue { key = 1, value = 2 { string_value = 1 } }. */
function attributes(number: number, labels: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): Buffer => field(1, Buffer.from(value, 'utf8'))
  return Buffer.concat(Object.entries(labels).map(([key, value]) => field(number, Buffer.concat([text(key), field(2, text(value))]))))
}

function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([bareVarint((number << 3) | 2), bareVarint(content.length), content])
}

function varint(number: number, value: number): Buffer {
  return Buffer.concat([bareVarint(number << 3), bareVarint(value)])
}

function double(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes[0] = (number << 3) | 1
  bytes.writeDoubleLE(value, 1)
  return bytes
}

/** Ms as ns. */
function fixed64(number: number, ms: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes[0] = (number << 3) | 1
  bytes.writeBigUInt64LE(BigInt(Math.floor(ms)) * 1_000_000n, 1)
  return bytes
}

function bareVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  bytes.push(rest)
  return Buffer.from(bytes)
}
