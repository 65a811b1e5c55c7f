/**
 * Changes of settings while the cluster runs: what IncrementalAlterConfigs does to the texts of a resource, and which changes of
 * broker settings a broker takes. Outcomes are values with Kafka's error name and words.
 */
import { checkBrokerConfig } from './broker-checks.ts'
import type { ConfigTexts, DynamicConfigs } from './broker-config.ts'
import { BrokerConfig } from './broker-config.ts'
import { configInvalid, invalidValue, messageOf, RequirementFailed } from './config-error.ts'
import type { ConfigDefinition, DynamicMode } from './definition.ts'
import { baseName, brokerConfigDefinitions } from './definitions.ts'
import { formatValue } from './format-value.ts'
import { checkDynamicTexts } from './usable-configs.ts'

export type AlterOpType = 'SET' | 'DELETE' | 'APPEND' | 'SUBTRACT'

export interface AlterOp {
  readonly name: string
  readonly op: AlterOpType
  readonly value: string | null
}

export interface ConfigRefusal {
  /** The name of Kafka's error code. */
  readonly error: 'INVALID_CONFIG' | 'INVALID_REQUEST'
  readonly message: string
}

/** Of the texts of a resource after the change. null is a refusal's counterpart: nothing is wrong. */
export type AlterResult =
  | { readonly ok: true; readonly texts: Map<string, string> }
  | { readonly ok: false; readonly refusal: ConfigRefusal }

function refuse(error: ConfigRefusal['error'], message: string): AlterResult {
  return { ok: false, refusal: { error, message } }
}

/** Applies the operations to `current`; validation of the outcome is the resource's own affair. */
export function applyAlterOps(
  definitions: ReadonlyMap<string, ConfigDefinition>,
  current: ConfigTexts,
  ops: readonly AlterOp[]
): AlterResult {
  if (new Set(ops.map((op) => op.name)).size !== ops.length) return refuse('INVALID_REQUEST', 'Error due to duplicate config keys')
  const nulls = ops.filter((op) => op.value === null && op.op !== 'DELETE').map((op) => op.name)
  if (nulls.length > 0) return refuse('INVALID_REQUEST', `Null value not supported for : ${nulls.join(',')}`)
  const texts = new Map(current)
  for (const { name, op, value } of ops) {
    if (op === 'DELETE') {
      texts.delete(name)
    } else if (op === 'SET') {
      texts.set(name, value as string)
    } else {
      const definition = definitions.get(baseName(name))
      if (definition?.type !== 'LIST') return refuse('INVALID_CONFIG', `Can't ${op} to key ${name} because its type is not LIST.`)
      texts.set(name, alterList(texts.get(name) ?? formatValue('LIST', definition.default ?? null) ?? '', op, value as string))
    }
  }
  return { ok: true, texts }
}

function alterList(text: string, op: 'APPEND' | 'SUBTRACT', change: string): string {
  const split = (list: string) => list.split(',').map((item) => item.trim())
  const items = new Set(text === '' ? [] : split(text))
  for (const item of split(change)) {
    if (op === 'APPEND') items.add(item)
    else items.delete(item)
  }
  return [...items].join(',')
}

/** A setting that can be changed while the broker runs. Listener-prefixed names are settings of their own and read-only in listings. */
export function isDynamicBrokerConfig(name: string): boolean {
  const definition = brokerConfigDefinitions.get(name)
  return definition !== undefined && definition.dynamicMode !== 'read-only'
}

const mayChangeWithoutListener = (name: string) =>
  !/^ssl\.(keystore|truststore|key)\.(type|location|password|key|certificates|certificate\.chain)$|^ssl\.key\.password$/.test(name)

/**
 * What is wrong with new dynamic texts of a broker, or of all brokers (`scope` cluster), undefined when a broker can take them.
 * `config` is the configuration in force.
 */
export function validateDynamicBrokerConfigs(
  config: BrokerConfig,
  texts: ConfigTexts,
  scope: 'broker' | 'cluster'
): ConfigRefusal | undefined {
  const names = [...texts.keys()]
  const ofMode = (mode: DynamicMode, name: string) => brokerConfigDefinitions.get(name)?.dynamicMode === mode
  const message =
    listed(
      'Cannot update these configs dynamically',
      names.filter((name) => ofMode('read-only', name))
    ) ??
    listed(
      'These security configs can be dynamically updated only per-listener using the listener prefix',
      names.filter((name) => !mayChangeWithoutListener(name))
    ) ??
    messageOf(() => checkDynamicTexts(new Map([...texts].filter(([name]) => !ofMode('read-only', baseName(name)))))) ??
    (scope === 'broker'
      ? undefined
      : listed('Cannot update these configs at default cluster level, broker id must be specified', names.filter(isPerBroker))) ??
    messageOf(() => checkDynamicTexts(texts)) ??
    messageOf(() =>
      checkChange(config, scope === 'broker' ? { ...config.dynamic, perBroker: texts } : { ...config.dynamic, clusterWide: texts })
    )
  return message === undefined ? undefined : { error: 'INVALID_REQUEST', message }
}

/** Of the settings of one listener only these may be the same on all brokers. */
const CLUSTER_WIDE_OF_LISTENERS: readonly string[] = ['max.connections', 'max.connection.creation.rate', 'num.network.threads']

function isPerBroker(name: string): boolean {
  const base = baseName(name)
  return base === name ? brokerConfigDefinitions.get(name)?.dynamicMode === 'per-broker' : !CLUSTER_WIDE_OF_LISTENERS.includes(base)
}

/** Nobody could connect to take it back. */
function checkConnections(config: BrokerConfig): void {
  for (const { listenerName } of config.brokerListeners) {
    for (const name of ['max.connections', 'max.connection.creation.rate'] as const) {
      const value = config.getForListener(listenerName, name)
      if (value <= 0) throw configInvalid(`Invalid ${name} ${value}`)
    }
  }
}

function listed(what: string, names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : `${what}: [${names.join(', ')}]`
}

/** Whoever changes settings of a running broker reads of contradictions in Apache Kafka's words. */
function checkRequirements(config: BrokerConfig): void {
  try {
    checkBrokerConfig(config)
  } catch (error) {
    throw error instanceof RequirementFailed ? configInvalid(`requirement failed: ${error.message}`) : error
  }
}

/** Counts of threads are halved as whole numbers: from 3 to 1 is allowed. */
const half = (threads: number): number => Math.floor(threads / 2)

function checkChange(config: BrokerConfig, dynamic: DynamicConfigs): void {
  const next = new BrokerConfig(config.staticTexts, dynamic)
  checkRequirements(next)
  for (const name of [
    'num.io.threads',
    'num.network.threads',
    'num.replica.fetchers',
    'num.recovery.threads.per.data.dir',
    'background.threads'
  ] as const) {
    const [before, after] = [config.get(name), next.get(name)]
    const failed = `Dynamic thread count update validation failed for ${name}=${after}`
    if (after > before * 2) throw configInvalid(`${failed}, value should not be greater than double the current value ${before}`)
    if (after < half(before)) throw configInvalid(`${failed}, value should be at least half the current value ${before}`)
  }
  checkConnections(next)
  const [before, after] = [config.get('log.cleaner.threads'), next.get('log.cleaner.threads')]
  if (after < 1) throw configInvalid('Log cleaner threads should be at least 1')
  if (after < half(before)) throw configInvalid(`Log cleaner threads cannot be reduced to less than half the current value ${before}`)
  if (after > before * 2) throw configInvalid(`Log cleaner threads cannot be increased to more than double the current value ${before}`)
  for (const unit of ['ms', 'bytes'] as const) {
    const [local, total] = [next.get(`log.local.retention.${unit}`), next.get(`log.retention.${unit}`)]
    if (local === -2 || total === -1 || (local !== -1 && local <= total)) continue
    throw invalidValue(
      `log.local.retention.${unit}`,
      String(local),
      `Value must not be more than log.retention.${unit} property value: ${total}`
    )
  }
}
