/**
 * The configuration of one node: static texts, and over them the dynamic ones of the cluster and of this broker.
 *
 * `get` answers with a value of the setting's own type; what Kafka leaves unset and works out (retention in ms from hours, log.dirs
 * from log.dir, …) is worked out here. Values are parsed on first use and kept until `reconfigure` changes them, so `get` in a hot
 * path is a map lookup. Owned by the node: no state is shared between nodes of one process.
 */
import { assert } from '@odradek/base'
import type { ConfigDefinition, ConfigValue } from './definition.ts'
import type { BrokerSettings } from './definitions.ts'
import { baseName, brokerConfigDefinitions, topicConfigDefinitions } from './definitions.ts'
import type { Endpoint, HostPort, QuorumVoter, SecurityProtocol } from './endpoints.ts'
import {
  isSecurityProtocol,
  parseBootstrapServers,
  parseConnectionOverrides,
  parseEndpoints,
  parseListenerName,
  parseQuorumVoters,
  parseSecurityProtocolMap
} from './endpoints.ts'
import { usableDynamicConfigs } from './usable-configs.ts'
import { parseValue } from './value.ts'

export type BrokerConfigName = keyof BrokerSettings
export type ConfigTexts = ReadonlyMap<string, string>
export type ConfigListener = (changed: ReadonlySet<string>) => void

export interface DynamicConfigs {
  /** Of this broker only. */
  readonly perBroker: ConfigTexts
  /** Of every broker of the cluster. */
  readonly clusterWide: ConfigTexts
}

const none: ConfigTexts = new Map()

export class BrokerConfig {
  /** What the properties file, the environment and the command line said. */
  readonly staticTexts: ConfigTexts
  #dynamic: DynamicConfigs
  #usable: DynamicConfigs
  readonly #values = new Map<string, unknown>()
  readonly #listeners = new Set<ConfigListener>()

  /** Checks nothing: {@link loadBrokerConfig} makes checked ones. */
  constructor(staticTexts: ConfigTexts, dynamic: DynamicConfigs = { perBroker: none, clusterWide: none }) {
    this.staticTexts = staticTexts
    this.#dynamic = dynamic
    this.#usable = usable(dynamic)
  }

  /** As stored, with what cannot be used. */
  get dynamic(): DynamicConfigs {
    return this.#dynamic
  }

  get<K extends BrokerConfigName>(name: K): BrokerSettings[K] {
    return this.#memo(name, () => this.#resolve(name)) as BrokerSettings[K]
  }

  /** The value for one listener: `listener.name.<listener>.KEY` before KEY. */
  getForListener<K extends BrokerConfigName>(listenerName: string, name: K): BrokerSettings[K] {
    const text = this.textOf(`listener.name.${listenerName.toLowerCase()}.${name}`)
    return text === undefined ? this.get(name) : (parseValue(definitionOf(name), text) as BrokerSettings[K])
  }

  /** The text that is in force, undefined when only the default is. */
  textOf(name: string): string | undefined {
    return this.#usable.perBroker.get(name) ?? this.#usable.clusterWide.get(name) ?? this.staticTexts.get(name)
  }

  isSet(name: BrokerConfigName): boolean {
    return this.textOf(name) !== undefined
  }

  /** Takes new dynamic texts and tells subscribers which settings' values changed. Texts that cannot be used have no effect. */
  reconfigure(dynamic: DynamicConfigs): ReadonlySet<string> {
    const before = new BrokerConfig(this.staticTexts, this.#dynamic)
    this.#dynamic = dynamic
    this.#usable = usable(dynamic)
    this.#values.clear()
    const names = new Set([before.#dynamic, dynamic].flatMap(({ perBroker, clusterWide }) => [...perBroker.keys(), ...clusterWide.keys()]))
    const changed = new Set([...names].filter((name) => before.textOf(name) !== this.textOf(name)))
    if (changed.size > 0) for (const listener of [...this.#listeners]) listener(changed)
    return changed
  }

  /** Returns the function that ends the subscription. */
  subscribe(listener: ConfigListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get nodeId(): number {
    return this.get('node.id')
  }

  get isBroker(): boolean {
    return this.get('process.roles').includes('broker')
  }

  get isController(): boolean {
    return this.get('process.roles').includes('controller')
  }

  get logDirs(): readonly string[] {
    return this.get('log.dirs')
  }

  get metadataLogDir(): string {
    return this.get('metadata.log.dir')
  }

  /** Every listener of this node, controller listeners too. */
  get listeners(): readonly Endpoint[] {
    return this.#memo('#listeners', () =>
      parseEndpoints('listeners', this.get('listeners'), this.securityProtocols, { requireDistinctPorts: true })
    )
  }

  get controllerListenerNames(): readonly string[] {
    return this.#memo('#controllerNames', () => this.get('controller.listener.names').map((name) => name.toUpperCase()))
  }

  get controllerListeners(): readonly Endpoint[] {
    return this.listeners.filter((endpoint) => this.controllerListenerNames.includes(endpoint.listenerName))
  }

  get brokerListeners(): readonly Endpoint[] {
    return this.listeners.filter((endpoint) => !this.controllerListenerNames.includes(endpoint.listenerName))
  }

  /** What brokers tell clients. Without advertised.listeners it is the listeners, an empty host meaning "where the client came in". */
  get advertisedListeners(): readonly Endpoint[] {
    return this.#memo('#advertised', () => {
      const advertised = this.get('advertised.listeners')
      const all =
        advertised === null
          ? this.listeners
          : parseEndpoints('advertised.listeners', advertised, this.securityProtocols, { requireDistinctPorts: false })
      return all.filter((endpoint) => !this.controllerListenerNames.includes(endpoint.listenerName))
    })
  }

  get interBrokerListenerName(): string {
    return this.get('inter.broker.listener.name')
  }

  /** Protocol by listener name; controller listeners default to PLAINTEXT as long as the default map is used and nothing is secured. */
  get securityProtocols(): ReadonlyMap<string, SecurityProtocol> {
    return this.#memo('#protocols', () => {
      const map = parseSecurityProtocolMap(this.get('listener.security.protocol.map'))
      const isSecured = (name: string) => name !== 'PLAINTEXT' && isSecurityProtocol(name)
      if (this.isSet('listener.security.protocol.map')) return map
      if (this.controllerListenerNames.some(isSecured) || this.get('listeners').some((uri) => isSecured(parseListenerName(uri)))) return map
      const defaults = this.controllerListenerNames
        .filter((name) => !map.has(name))
        .map((name): [string, SecurityProtocol] => [name, 'PLAINTEXT'])
      return new Map([...map, ...defaults])
    })
  }

  get quorumVoters(): readonly QuorumVoter[] {
    return this.#memo('#voters', () => parseQuorumVoters(this.get('controller.quorum.voters')))
  }

  get quorumBootstrapServers(): readonly HostPort[] {
    const key = 'controller.quorum.bootstrap.servers'
    return this.#memo('#bootstrap', () => parseBootstrapServers(key, this.get(key)))
  }

  /** Where metrics are told, undefined for nowhere. */
  get metricsListener(): HostPort | undefined {
    return this.#memo('#metricsListener', () => {
      const key = 'odradek.metrics.listener'
      const text = this.get(key)
      return text === null ? undefined : parseBootstrapServers(key, [text])[0]
    })
  }

  get connectionsPerIpOverrides(): ReadonlyMap<string, number> {
    return this.#memo('#overrides', () => parseConnectionOverrides(this.get('max.connections.per.ip.overrides')))
  }

  /** What a topic without overrides has: by name, the broker's setting, with what Kafka works out from its synonyms. */
  get topicDefaults(): ReadonlyMap<string, ConfigValue> {
    return this.#memo('#topicDefaults', () => {
      const defaultOf = ({ synonyms, default: value }: ConfigDefinition) =>
        synonyms.length > 0 ? this.get(synonyms[0] as BrokerConfigName) : (value ?? null)
      return new Map([...topicConfigDefinitions.values()].map((definition) => [definition.name, defaultOf(definition)]))
    })
  }

  #memo<T>(key: string, make: () => T): T {
    const known = this.#values.get(key)
    if (known !== undefined) return known as T
    const value = make()
    this.#values.set(key, value)
    return value
  }

  /** The value as configured, or the default; null when neither is. Kafka's own value, before anything is worked out. */
  raw(name: string): ConfigValue {
    const definition = definitionOf(name)
    const text = this.textOf(name)
    return text === undefined ? (definition.default ?? null) : parseValue(definition, text)
  }

  #resolve(name: BrokerConfigName): ConfigValue {
    const value = this.raw(name)
    switch (name) {
      case 'log.retention.ms':
        return this.#retentionMs(value as number | null)
      case 'log.roll.ms':
        return value ?? this.get('log.roll.hours') * 3_600_000
      case 'log.roll.jitter.ms':
        return value ?? this.get('log.roll.jitter.hours') * 3_600_000
      case 'log.flush.interval.ms':
        return value ?? this.get('log.flush.scheduler.interval.ms')
      case 'log.dirs':
        return value ?? this.get('log.dir')
      case 'metadata.log.dir':
        return value ?? this.logDirs[0]
      case 'num.replica.alter.log.dirs.threads':
        return value ?? this.logDirs.length
      case 'inter.broker.listener.name':
        return value === null ? this.get('security.inter.broker.protocol') : (value as string).toUpperCase()
      case 'broker.id':
        return this.textOf('broker.id') === undefined ? this.nodeId : value
      case 'node.id':
        return value ?? this.raw('broker.id')
      default:
        return value
    }
  }

  #retentionMs(value: number | null): number {
    const minutes = this.get('log.retention.minutes')
    const ms = value ?? (minutes !== null ? minutes * 60_000 : this.get('log.retention.hours') * 3_600_000)
    return ms < 0 ? -1 : ms
  }
}

function usable({ perBroker, clusterWide }: DynamicConfigs): DynamicConfigs {
  return { perBroker: usableDynamicConfigs(perBroker).texts, clusterWide: usableDynamicConfigs(clusterWide).texts }
}

/** Also for `listener.name.x.KEY`. */
export function definitionOf(name: string): ConfigDefinition {
  const definition = brokerConfigDefinitions.get(baseName(name))
  assert(definition !== undefined, `${name} is not a broker setting`)
  return definition
}
