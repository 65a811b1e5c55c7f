// From kafkajs's configuration to the native client's settings. What has no counterpart is refused here, before anything connects.
import { type Admin, Kafka, type KafkaOptions, type SaslOptions, type TlsClientOptions } from '@odradek/client'
import { KafkaJSNonRetriableError, KafkaJSNotImplemented } from './errors.ts'
import { nativeLogger } from './logger.ts'
import type { KafkaConfig, Logger, RetryOptions } from './types.ts'

const defaults = { initialRetryTime: 300, maxRetryTime: 30_000, factor: 0.2, multiplier: 2, retries: 5 }
const CONNECTION_TIMEOUT_MS = 1000
const REQUEST_TIMEOUT_MS = 30_000

/** Where code says Infinity. */
const LONGEST = 2 ** 31 - 1

export type Retries = Required<Omit<RetryOptions, 'restartOnFailure'>>

export function retriesOf(...given: (RetryOptions | undefined)[]): Retries {
  const merged: Retries = { ...defaults }
  for (const options of given)
    for (const name of Object.keys(defaults) as (keyof Retries)[]) merged[name] = Math.min(options?.[name] ?? merged[name], LONGEST)
  return merged
}

/** ms before try `count` + 2, chance included. */
export function retryTimeOf({ initialRetryTime, maxRetryTime, multiplier, factor }: Retries, count: number): number {
  const base = Math.min(initialRetryTime * multiplier ** count, maxRetryTime)
  return Math.ceil(base * (1 + factor * (2 * Math.random() - 1)))
}

/** What one client of a Kafka object is made from. */
export interface ClientBase {
  readonly config: KafkaConfig
  readonly logger: Logger
  readonly retries: Retries
}

/** The native clients behind one client of the shim, from its connect to its disconnect. */
export interface Connected {
  readonly kafka: Kafka
  readonly admin: Admin
}

/** Resolves when a broker has answered. */
export async function connect({ config, logger, retries }: ClientBase): Promise<Connected> {
  const brokers = await brokersOf(config)
  const kafka = new Kafka({ ...kafkaOptions(config, retries), brokers, logger: nativeLogger(logger) })
  const admin = kafka.admin()
  try {
    await admin.describeCluster({ timeoutMs: Math.min(LONGEST, connectTimeoutMs(config, retries)) })
  } catch (error) {
    await kafka.close()
    throw error
  }
  return { kafka, admin }
}

function waitsMs(retries: Retries): number {
  let sum = 0
  // Beyond some hundred tries the number is only "very long".
  for (let count = 0; count < Math.min(retries.retries, 500); count++)
    sum += Math.min(retries.initialRetryTime * retries.multiplier ** count, retries.maxRetryTime)
  return sum
}

function connectTimeoutMs(config: KafkaConfig, retries: Retries): number {
  const tries = Math.min(retries.retries, 500) + 1
  return waitsMs(retries) + tries * ((config.connectionTimeout ?? CONNECTION_TIMEOUT_MS) + (config.authenticationTimeout ?? 0))
}

async function brokersOf({ brokers }: KafkaConfig): Promise<string[]> {
  const list = typeof brokers === 'function' ? await brokers() : brokers
  if (!Array.isArray(list) || list.length === 0)
    throw new KafkaJSNonRetriableError('Failed to connect: expected brokers array and got nothing')
  return list
}

/** Throws for what cannot be had. */
export function checkConfig(config: KafkaConfig): void {
  if (config.brokers === undefined) throw new KafkaJSNonRetriableError('Failed to connect: "brokers" is missing')
  if (Array.isArray(config.brokers) && config.brokers.length === 0)
    throw new KafkaJSNonRetriableError('Failed to connect: "brokers" is an empty array')
  if (config.socketFactory !== undefined)
    throw new KafkaJSNotImplemented('socketFactory is not available: connections are made by the native client (see tls, socket settings)')
  saslOf(config.sasl)
  tlsOf(config.ssl)
}

function kafkaOptions(config: KafkaConfig, retries: Retries): KafkaOptions {
  const requestTimeoutMs = config.enforceRequestTimeout === false ? LONGEST : (config.requestTimeout ?? REQUEST_TIMEOUT_MS)
  const connectionMs = config.connectionTimeout ?? CONNECTION_TIMEOUT_MS
  return {
    clientId: config.clientId ?? 'kafkajs',
    tls: tlsOf(config.ssl),
    sasl: saslOf(config.sasl),
    requestTimeoutMs,
    defaultApiTimeoutMs: Math.min(LONGEST, waitsMs(retries) + requestTimeoutMs),
    socketConnectionSetupTimeoutMs: connectionMs,
    socketConnectionSetupTimeoutMaxMs: connectionMs,
    retryBackoffMs: retries.initialRetryTime,
    retryBackoffMaxMs: Math.max(retries.maxRetryTime, retries.initialRetryTime)
  }
}

/** What the native client takes of node:tls. */
const tlsNames = ['ca', 'cert', 'key', 'passphrase', 'ciphers', 'minVersion', 'maxVersion', 'servername', 'rejectUnauthorized'] as const

function tlsOf(ssl: KafkaConfig['ssl']): TlsClientOptions | boolean | undefined {
  if (typeof ssl !== 'object') return ssl
  const known: readonly string[] = tlsNames
  const other = Object.keys(ssl).find((name) => !known.includes(name) && name !== 'checkServerIdentity')
  if (other !== undefined) throw new KafkaJSNotImplemented(`ssl.${other} is not available; there are ${tlsNames.join(', ')}`)
  if (ssl.checkServerIdentity === undefined) return ssl as TlsClientOptions
  if (ssl.checkServerIdentity('host.invalid', {} as never) !== undefined)
    throw new KafkaJSNotImplemented('ssl.checkServerIdentity is not available, but for one that accepts every name')
  const { checkServerIdentity: _, ...rest } = ssl
  return { ...(rest as TlsClientOptions), checksHostName: false }
}

function saslOf(sasl: KafkaConfig['sasl']): SaslOptions | undefined {
  if (sasl === undefined) return undefined
  if ('authenticationProvider' in sasl)
    throw new KafkaJSNotImplemented(`The SASL mechanism ${sasl.mechanism} of an authenticationProvider is not available`)
  const mechanism = sasl.mechanism.toLowerCase() as typeof sasl.mechanism
  if (mechanism === 'aws') throw new KafkaJSNotImplemented('The SASL mechanism aws is not available: use oauthbearer with a token of AWS')
  if ('oauthBearerProvider' in sasl) {
    const { oauthBearerProvider } = sasl
    return { mechanism: 'oauthbearer', token: async () => (await oauthBearerProvider()).value }
  }
  if (mechanism !== 'plain' && mechanism !== 'scram-sha-256' && mechanism !== 'scram-sha-512')
    throw new KafkaJSNotImplemented(`The SASL mechanism ${mechanism} is not available`)
  const { username, password } = sasl as { username: string; password: string }
  return { mechanism, username, password }
}
