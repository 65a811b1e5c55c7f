// Which SASL mechanism a client has, from `sasl`, or from sasl.mechanism with sasl.jaas.config.
import {
  type JaasEntry,
  type OAuthToken,
  oauthBearerMechanism,
  parseJaasConfig,
  plainMechanism,
  type SaslMechanism,
  scramMechanism
} from '@odradek/transport'
import type { World } from '@odradek/world'
import { toKafkaError } from '../errors.ts'
import { invalidConfig } from '../options.ts'
import { CachedToken, type SaslSettings, tokenInTime } from './cached-token.ts'
import { tokenFetcher } from './token-fetchers.ts'

type PasswordMechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512'

export type SaslOptions =
  | {
      readonly mechanism: PasswordMechanism | Uppercase<PasswordMechanism>
      readonly username: string
      readonly password: string
    }
  | {
      readonly mechanism: 'oauthbearer' | 'OAUTHBEARER'
      /** Called for a new connection and before a session ends; a JWT is kept for most of its life. */
      readonly token: () => string | OAuthToken | Promise<string | OAuthToken>
    }

const NONCE_BYTES = 24
const modules = { PLAIN: 'plain', 'SCRAM-SHA-256': 'scram', 'SCRAM-SHA-512': 'scram', OAUTHBEARER: 'oauthbearer' } as const
type Mechanism = keyof typeof modules

export function saslMechanism(world: World, settings: SaslSettings, given: ReadonlySet<string>, typed?: SaslOptions): SaslMechanism {
  if (typed !== undefined) return typedMechanism(world, settings, typed)
  for (const name of ['sasl.client.callback.handler.class', 'sasl.login.class'] as const)
    if (settings[name] !== null) throw invalidConfig(`${name} names a class of Java: remove it`)
  const mechanism = knownMechanism(settings['sasl.mechanism'])
  const entry = jaasEntry(settings, mechanism)
  if (mechanism === 'OAUTHBEARER') {
    const fetch = tokenFetcher(world, settings, given, entry.options)
    return oauthBearerMechanism(new CachedToken(world, settings, fetch))
  }
  const { username = '', password = '', tokenauth } = entry.options
  if (username === '') throw invalidConfig('sasl.jaas.config has no username')
  return passwordMechanism(world, mechanism, { username, password, isToken: tokenauth?.toLowerCase() === 'true' })
}

function typedMechanism(world: World, settings: SaslSettings, typed: SaslOptions): SaslMechanism {
  const mechanism = knownMechanism(typed.mechanism)
  if ('token' in typed) {
    if (mechanism !== 'OAUTHBEARER' || typeof typed.token !== 'function') throw invalidConfig('sasl.token is a function, for oauthbearer')
    const { token } = typed
    return oauthBearerMechanism(new CachedToken(world, settings, () => tokenInTime(world, token)))
  }
  const { username, password } = typed
  if (mechanism === 'OAUTHBEARER') throw invalidConfig('sasl.token is missing: a function that gives the token')
  if (typeof username !== 'string' || username === '' || typeof password !== 'string')
    throw invalidConfig('sasl.username or sasl.password is missing')
  return passwordMechanism(world, mechanism, { username, password })
}

function passwordMechanism(
  world: World,
  mechanism: Exclude<Mechanism, 'OAUTHBEARER'>,
  { username, password, isToken }: { username: string; password: string; isToken?: boolean }
): SaslMechanism {
  if (mechanism === 'PLAIN') return plainMechanism(username, password)
  const nonce = (): string => world.random.bytes(NONCE_BYTES).toString('base64url')
  return scramMechanism({ mechanism, username, password, isToken, nonce })
}

function knownMechanism(name: string): Mechanism {
  const mechanism = name.toUpperCase()
  if (Object.hasOwn(modules, mechanism)) return mechanism as Mechanism
  throw invalidConfig(`sasl.mechanism=${name} is not built: use one of ${Object.keys(modules).join(', ')}`)
}

function jaasEntry(settings: SaslSettings, mechanism: Mechanism): JaasEntry {
  const text = settings['sasl.jaas.config']
  if (text === null) {
    if (mechanism === 'OAUTHBEARER' && settings['sasl.oauthbearer.token.endpoint.url'] !== null)
      return { module: 'oauthbearer', options: {} }
    throw invalidConfig('sasl.jaas.config is missing: it has the credentials (or give `sasl` in code)')
  }
  try {
    const entry = parseJaasConfig(text)
    if (entry.module === modules[mechanism]) return entry
  } catch (error) {
    throw invalidConfig(toKafkaError(error).message)
  }
  throw invalidConfig(`The login module of sasl.jaas.config is not one for ${mechanism}`)
}
