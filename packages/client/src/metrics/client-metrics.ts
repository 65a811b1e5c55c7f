// The metrics of one client, under Kafka's names and groups. What is counted on hot paths is one addition; everything else is worked out
// when somebody asks.
import { invalidConfig } from '../options.ts'
import { Sensor, type SensorOptions } from './sensor.ts'

export interface ClientMetric {
  /** record-send-total */
  readonly name: string
  /** producer-metrics */
  readonly group: string
  /** client-id, and topic, partition or node-id where the metric is of one. */
  readonly tags: Readonly<Record<string, string>>
  /** NaN: nothing to tell of. */
  readonly value: number
  /** It only grows. */
  readonly isCounter: boolean
}

export interface ApplicationMetric {
  readonly name: string
  readonly group: string
  readonly tags?: Readonly<Record<string, string>>
  /** It only grows. */
  readonly isCounter?: boolean
  read(): number
}

/** The metrics at one moment. */
export class MetricsSnapshot implements Iterable<ClientMetric> {
  readonly #metrics: readonly ClientMetric[]

  constructor(metrics: readonly ClientMetric[]) {
    this.#metrics = metrics
  }

  [Symbol.iterator](): Iterator<ClientMetric> {
    return this.#metrics[Symbol.iterator]()
  }

  /** Of the first metric of the name that has these tags (default: any); undefined: there is none. */
  get(name: string, tags: Readonly<Record<string, string>> = {}): number | undefined {
    const wanted = Object.entries(tags)
    return this.#metrics.find((metric) => metric.name === name && wanted.every(([key, value]) => metric.tags[key] === value))?.value
  }
}

interface Definition {
  readonly name: string
  readonly group: string
  readonly tags: Readonly<Record<string, string>>
  readonly isCounter: boolean
  readonly read: () => number
}

/** Metrics whose number changes: of each partition, say. */
type Lister = () => Iterable<Omit<ClientMetric, 'isCounter'>>

export interface MetricsOptions {
  /** producer, consumer, admin-client: what the groups begin with. */
  readonly kind: string
  readonly clientId: string
  readonly sensors?: SensorOptions
  /** Monotonic, ms. */
  readonly now: () => number
}

/** Of sensors that are made on demand, one a topic or node. */
const KEYED_MAX = 1_000

export class ClientMetrics {
  readonly kind: string
  readonly clientId: string
  readonly now: () => number
  readonly #sensorOptions: SensorOptions
  #definitions: Definition[] = []
  readonly #listers: Lister[] = []
  readonly #keyed = new Map<string, { readonly made: unknown; readonly definitions: readonly Definition[] }>()
  readonly #registered = new Map<string, ApplicationMetric>()

  constructor({ kind, clientId, sensors, now }: MetricsOptions) {
    this.kind = kind
    this.clientId = clientId
    this.now = now
    this.#sensorOptions = sensors ?? { samples: 2, windowMs: 30_000 }
  }

  sensor(): Sensor {
    return new Sensor(this.#sensorOptions, this.now)
  }

  gauge(group: string, name: string, read: () => number, tags: Record<string, string> = {}): void {
    this.#add(group, name, tags, false, read)
  }

  counter(group: string, name: string, read: () => number, tags: Record<string, string> = {}): void {
    this.#add(group, name, tags, true, read)
  }

  /** `<stem>-rate` and `<stem>-total`, of what was recorded or of how often. */
  rateAndTotal(group: string, stem: string, sensor: Sensor, of: 'sum' | 'count', tags: Record<string, string> = {}): void {
    this.gauge(group, `${stem}-rate`, () => (of === 'sum' ? sensor.rateOfSum() : sensor.rateOfCount()), tags)
    this.counter(group, `${stem}-total`, () => sensor[of], tags)
  }

  /** `<stem>-avg` and `<stem>-max`. */
  averageAndMax(group: string, stem: string, sensor: Sensor, tags: Record<string, string> = {}): void {
    this.gauge(group, `${stem}-avg`, () => sensor.average(), tags)
    this.gauge(group, `${stem}-max`, () => sensor.maximum(), tags)
  }

  /** Gauges that are listed when somebody asks. */
  list(lister: Lister): void {
    this.#listers.push(lister)
  }

  /** What `make` made for the key before; undefined when there are too many already. */
  keyed<T>(key: string, make: () => T): T | undefined {
    const known = this.#keyed.get(key)
    if (known !== undefined) return known.made as T
    if (this.#keyed.size >= KEYED_MAX) return undefined
    const others = this.#definitions
    this.#definitions = []
    try {
      const made = make()
      this.#keyed.set(key, { made, definitions: this.#definitions })
      return made
    } finally {
      this.#definitions = others
    }
  }

  /** What was made for the key, and its metrics. */
  forget(key: string): void {
    this.#keyed.delete(key)
  }

  snapshot(): MetricsSnapshot {
    const definitions = [...this.#definitions, ...[...this.#keyed.values()].flatMap((each) => each.definitions)]
    const metrics: ClientMetric[] = definitions.map(({ name, group, tags, isCounter, read }) => ({
      name,
      group,
      tags,
      isCounter,
      value: read()
    }))
    for (const lister of this.#listers)
      for (const { tags, ...metric } of lister()) metrics.push({ ...metric, tags: this.#tagged(tags), isCounter: false })
    return new MetricsSnapshot(metrics)
  }

  /** A metric of the application, for those who subscribe on the cluster (KIP-1076). One of the same name and tags takes its place. */
  register(metric: ApplicationMetric): void {
    if (this.#registered.size >= KEYED_MAX) throw invalidConfig(`A client takes at most ${KEYED_MAX} metrics of the application`)
    this.#registered.set(keyOf(metric), metric)
  }

  unregister(metric: Pick<ApplicationMetric, 'name' | 'group' | 'tags'>): void {
    this.#registered.delete(keyOf(metric))
  }

  /** Those of the client and those that were registered. */
  telemetry(): ClientMetric[] {
    const registered = [...this.#registered.values()].map(({ name, group, tags = {}, isCounter = false, read }) => ({
      name,
      group,
      tags,
      isCounter,
      value: read()
    }))
    return [...this.snapshot(), ...registered]
  }

  #add(group: string, name: string, tags: Record<string, string>, isCounter: boolean, read: () => number): void {
    this.#definitions.push({ group, name, tags: this.#tagged(tags), isCounter, read })
  }

  #tagged(tags: Readonly<Record<string, string>>): Record<string, string> {
    return { 'client-id': this.clientId, ...tags }
  }
}

function keyOf({ group, name, tags = {} }: Pick<ApplicationMetric, 'name' | 'group' | 'tags'>): string {
  return `${group}:${name}:${JSON.stringify(tags)}`
}
