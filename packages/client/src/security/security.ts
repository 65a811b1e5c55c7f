// From the settings of a client, and what JavaScript says better, to the security of its connections. Wrong settings throw before
// anything is opened; files are read when the first connection is made. Nothing of a secret is kept where inspect would show it.
import type { AdminSettings } from '@odradek/config'
import { type ClientSecurity, loadTls, type TlsSettings } from '@odradek/transport'
import type { TlsOptions, World } from '@odradek/world'
import { KafkaError } from '../errors.ts'
import { invalidConfig } from '../options.ts'
import type { SaslSettings } from './cached-token.ts'
import { type SaslOptions, saslMechanism } from './sasl.ts'

export type SecuritySettings = TlsSettings & SaslSettings & Pick<AdminSettings, 'security.protocol' | 'ssl.engine.factory.class'>

/** As node:tls has them. */
export interface TlsClientOptions {
  /** PEM; default: the certificates that the runtime trusts. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly passphrase?: string
  readonly ciphers?: string
  readonly minVersion?: TlsOptions['minVersion']
  readonly maxVersion?: TlsOptions['maxVersion']
  /** The name that certificates must have. Default: the host of each broker. */
  readonly servername?: string
  /** False: any certificate will do. Default true. */
  readonly rejectUnauthorized?: boolean
  /** False: certificates may be for other hosts. Default: as ssl.endpoint.identification.algorithm says, which is true. */
  readonly checksHostName?: boolean
}

/** What security options beside Kafka's settings are. */
export interface TypedSecurity {
  /** true: TLS with the certificates that the runtime trusts. */
  readonly tls?: boolean | TlsClientOptions
  readonly sasl?: SaslOptions
}

const protocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']

/** `given`: the settings that are not defaults. Throws INVALID_CONFIG. */
export function clientSecurity(
  world: World,
  settings: SecuritySettings,
  given: ReadonlySet<string>,
  { tls = false, sasl }: TypedSecurity = {}
): ClientSecurity {
  const implied = `${sasl === undefined ? '' : 'SASL_'}${tls === false ? 'PLAINTEXT' : 'SSL'}`
  const protocol = (given.has('security.protocol') ? settings['security.protocol'] : implied).toUpperCase()
  if (!protocols.includes(protocol)) throw invalidConfig(`security.protocol must be one of ${protocols.join(', ')}, not ${protocol}`)
  const isTls = protocol.endsWith('SSL')
  const isSasl = protocol.startsWith('SASL')
  if (tls !== false && !isTls) throw invalidConfig(`tls is given, but security.protocol=${protocol} has no TLS`)
  if (sasl !== undefined && !isSasl) throw invalidConfig(`sasl is given, but security.protocol=${protocol} has no SASL`)
  if (settings['ssl.engine.factory.class'] !== null) throw invalidConfig('ssl.engine.factory.class names a class of Java: remove it')
  return {
    ...(isTls && { tls: () => tlsOptions(world, settings, tls) }),
    ...(isSasl && { sasl: saslMechanism(world, settings, given, sasl) })
  }
}

async function tlsOptions(world: World, settings: TlsSettings, typed: boolean | TlsClientOptions): Promise<TlsOptions> {
  const loaded = await loadTls(settings, (path) => world.disk.readFile(path))
  if (typeof typed === 'boolean') return loaded
  const { ca, ...rest } = typed
  const own = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return { ...loaded, ...own, ...(ca !== undefined && { ca: [ca].flat() }) }
}

/** Whether it is one that only other settings can mend: wrong credentials, certificates that are not trusted. */
export function isSecurityFailure(error: unknown): boolean {
  return error instanceof KafkaError && failures.has(error.code)
}

const failures = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'SASL_LOGIN_FAILED',
  'SSL_AUTHENTICATION_FAILED',
  'SSL_STORE_INVALID',
  'UNSUPPORTED_SASL_MECHANISM'
])
