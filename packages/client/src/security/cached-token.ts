// One token for the connections of a client. A JWT says when it expires: it is used for most of its life and then replaced (as
// sasl.login.refresh.* say); any other token is asked for each time. Those who ask at once wait for one answer.
import { OdradekError } from '@odradek/base'
import type { AdminSettings } from '@odradek/config'
import type { OAuthToken, TokenSource } from '@odradek/transport'
import type { World } from '@odradek/world'
import { jwtTimes } from './jwt.ts'

export type SaslSettings = Pick<AdminSettings, Extract<keyof AdminSettings, `sasl.${string}`>>

type Fetch = () => Promise<string | OAuthToken>

export class CachedToken implements TokenSource {
  readonly #world: World
  readonly #settings: SaslSettings
  readonly #fetch: Fetch
  #token: OAuthToken | undefined
  #expiresAtMs = 0
  #refreshAtMs = 0
  #fetching: Promise<OAuthToken> | undefined

  constructor(world: World, settings: SaslSettings, fetch: Fetch) {
    this.#world = world
    this.#settings = settings
    this.#fetch = fetch
  }

  async token(): Promise<OAuthToken> {
    const now = this.#world.clock.now()
    if (this.#token !== undefined && now < this.#refreshAtMs) return this.#token
    this.#fetching ??= this.#refresh().finally(() => {
      this.#fetching = undefined
    })
    try {
      return await this.#fetching
    } catch (error) {
      if (this.#token === undefined || this.#world.clock.now() >= this.#expiresAtMs) throw error
      this.#world.logger.log('WARN', 'odradek.client.Login', 'No new token can be had; the last one is used while it lives', error)
      return this.#token
    }
  }

  forget(): void {
    this.#token = undefined
  }

  async #refresh(): Promise<OAuthToken> {
    const token = tokenOf(await this.#fetch().catch(rethrow))
    const times = jwtTimes(token.value)
    const now = this.#world.clock.now()
    this.#token = token
    this.#expiresAtMs = times?.expiresAtMs ?? now
    this.#refreshAtMs = times === undefined ? now : this.#refreshTime(times.issuedAtMs ?? now, times.expiresAtMs)
    return token
  }

  /** Of the life of the token a share; not too near to its end, nor at once. */
  #refreshTime(issuedAtMs: number, expiresAtMs: number): number {
    const settings = this.#settings
    const jitter = settings['sasl.login.refresh.window.jitter'] * (this.#world.random.below(1001) / 1000)
    const lifeMs = expiresAtMs - issuedAtMs
    const wanted = issuedAtMs + lifeMs * Math.min(1, settings['sasl.login.refresh.window.factor'] + jitter)
    const bufferMs = settings['sasl.login.refresh.buffer.seconds'] * 1000
    const periodMs = settings['sasl.login.refresh.min.period.seconds'] * 1000
    // A token too short-lived for both bounds goes by the share alone.
    if (lifeMs <= bufferMs + periodMs) return wanted
    return Math.max(Math.min(wanted, expiresAtMs - bufferMs), issuedAtMs + periodMs)
  }
}

const FETCH_MS = 30_000

/** A function of the user that never answers would hold up every connection for ever. */
export async function tokenInTime(
  world: World,
  fetch: () => string | OAuthToken | Promise<string | OAuthToken>
): Promise<string | OAuthToken> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = world.timers.schedule(FETCH_MS, () => reject(loginFailed(`the function gave none within ${FETCH_MS} ms`)))
  try {
    return await Promise.race([fetch(), promise])
  } finally {
    timer.cancel()
  }
}

function tokenOf(given: string | OAuthToken): OAuthToken {
  const token = typeof given === 'string' ? { value: given } : given
  if (typeof token?.value !== 'string' || token.value === '') throw loginFailed('the function for tokens gave none')
  return token
}

/** Any failure of the user's function as one of the login. */
function rethrow(error: unknown): never {
  if (error instanceof OdradekError) throw error
  throw loginFailed(error instanceof Error ? error.message : String(error), error)
}

/** `what` never contains a secret. */
export function loginFailed(what: string, cause?: unknown): OdradekError {
  return new OdradekError('SASL_LOGIN_FAILED', `No token for OAUTHBEARER: ${what}`, { cause })
}
