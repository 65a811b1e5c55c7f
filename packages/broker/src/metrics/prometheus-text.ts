// The text format of Prometheus (version 0.0.4): families of samples under one name.

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels?: Labels
  readonly value: number
  /** Behind the name of the family, as `_count`. */
  readonly suffix?: string
}

export interface Family {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly samples: Iterable<Sample>
}

export function gauge(name: string, value: number): Family {
  return { name, type: 'gauge', samples: [{ value }] }
}

export function counter(name: string, value: number): Family {
  return { name, type: 'counter', samples: [{ value }] }
}

/** Lines written between two chunks, so that nobody waits long for the event loop. */
const LINES_PER_CHUNK = 2_000

/** The text in chunks. Families without samples leave nothing. */
export function* textOf(families: Iterable<Family>): Generator<string> {
  let chunk = ''
  let lines = 0
  for (const { name, type, samples } of families) {
    let isFirst = true
    for (const { labels, value, suffix = '' } of samples) {
      if (isFirst) chunk += `# TYPE ${name} ${type}\n`
      isFirst = false
      chunk += `${name}${suffix}${labels === undefined ? '' : labelText(labels)} ${numberText(value)}\n`
      if (++lines % LINES_PER_CHUNK > 0) continue
      yield chunk
      chunk = ''
    }
  }
  if (chunk !== '') yield chunk
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, escaped)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
}
