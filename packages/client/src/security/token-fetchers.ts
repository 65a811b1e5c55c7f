// Where the tokens of OAUTHBEARER come from when no function gives them: an endpoint by the grant of client credentials (RFC 6749, 4.4),
// a file, or, for development, a token without signature made from the options of the login module.
import { fileURLToPath } from 'node:url'
import { adminConfigDefinitions, parseValue } from '@odradek/config'
import { loadTls, type OAuthToken, type TlsSettings } from '@odradek/transport'
import type { HttpResponse, World } from '@odradek/world'
import { backoffMs, sleep } from '../network/retry.ts'
import { invalidConfig } from '../options.ts'
import { loginFailed, type SaslSettings } from './cached-token.ts'
import { unsecuredJwt } from './jwt.ts'

type JaasOptions = Readonly<Record<string, string>>

const ANSWER_BYTES_MAX = 1 << 20
const DEFAULT_TIMEOUT_MS = 10_000
const EXTENSION = 'extension_'
const retriever = 'org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever'
const handlers = [
  'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler',
  'org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler'
]

/** Throws INVALID_CONFIG. */
export function tokenFetcher(
  world: World,
  settings: SaslSettings,
  given: ReadonlySet<string>,
  options: JaasOptions
): () => Promise<OAuthToken> {
  const handler = settings['sasl.login.callback.handler.class']
  if (handler !== null && !handlers.includes(handler))
    throw invalidConfig(`sasl.login.callback.handler.class=${handler} is a class of Java: give a function as sasl.token`)
  if (given.has('sasl.oauthbearer.jwt.retriever.class') && settings['sasl.oauthbearer.jwt.retriever.class'] !== retriever)
    throw invalidConfig(`sasl.oauthbearer.jwt.retriever.class is not built but for ${retriever}: give a function as sasl.token`)
  const url = settings['sasl.oauthbearer.token.endpoint.url']
  const value = url === null ? unsecured(world, options) : valueFetcher(world, settings, options, parsedUrl(url))
  const extensions = Object.fromEntries(
    Object.entries(options).flatMap(([key, text]) => (key.startsWith(EXTENSION) ? [[key.slice(EXTENSION.length), text]] : []))
  )
  return async () => ({ value: await value(), extensions })
}

function parsedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isLoopback = url !== undefined && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)
  if (url?.protocol === 'https:' || url?.protocol === 'file:' || (url?.protocol === 'http:' && isLoopback)) return url
  throw invalidConfig('sasl.oauthbearer.token.endpoint.url must be https, file, or http of this machine')
}

function valueFetcher(world: World, settings: SaslSettings, options: JaasOptions, url: URL): () => Promise<string> {
  if (url.protocol === 'file:') return () => fromFile(world, fileURLToPath(url))
  const id = settings['sasl.oauthbearer.client.credentials.client.id'] ?? options.clientId
  const secret = settings['sasl.oauthbearer.client.credentials.client.secret'] ?? options.clientSecret
  if (!id || !secret)
    throw invalidConfig('sasl.oauthbearer.client.credentials.client.id and sasl.oauthbearer.client.credentials.client.secret are needed')
  const scope = settings['sasl.oauthbearer.scope'] ?? options.scope
  const isEncoded = settings['sasl.oauthbearer.header.urlencode']
  const credentials = isEncoded ? `${encodeURIComponent(id)}:${encodeURIComponent(secret)}` : `${id}:${secret}`
  const headers = {
    authorization: `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`,
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json'
  }
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...(scope && { scope }) }).toString()
  const tls = tlsSettingsOf(options)
  const timeoutMs = (settings['sasl.login.connect.timeout.ms'] ?? DEFAULT_TIMEOUT_MS) + (settings['sasl.login.read.timeout.ms'] ?? 0)
  return () =>
    fromEndpoint(world, settings, url, async () =>
      world.network.request({
        url: url.href,
        method: 'POST',
        headers,
        body,
        timeoutMs,
        bodyBytesMax: ANSWER_BYTES_MAX,
        tls: url.protocol === 'https:' ? await loadTls(tls, (path) => world.disk.readFile(path)) : undefined
      })
    )
}

/** The options of the login module that begin with `ssl.` are for the endpoint. */
function tlsSettingsOf(options: JaasOptions): TlsSettings {
  const definitions = [...adminConfigDefinitions.values()].filter(({ name }) => name.startsWith('ssl.'))
  const values = definitions.map((definition) => {
    const text = options[definition.name]
    return [definition.name, text === undefined ? (definition.default ?? null) : parseValue(definition, text)]
  })
  return Object.fromEntries(values) as TlsSettings
}

/** Tries again what may pass, for sasl.login.retry.backoff.max.ms at most. */
async function fromEndpoint(world: World, settings: SaslSettings, url: URL, exchange: () => Promise<HttpResponse>): Promise<string> {
  const backoff = { initialMs: settings['sasl.login.retry.backoff.ms'], maxMs: settings['sasl.login.retry.backoff.max.ms'] }
  const deadlineMs = world.clock.monotonicMs() + backoff.maxMs
  for (let failures = 0; ; failures++) {
    let failure: Error
    try {
      const { status, body } = await exchange()
      if (status === 200) return tokenIn(body)
      failure = loginFailed(`${url.host} answers with status ${status}`)
      if (status < 500 && status !== 429 && status !== 408) throw failure
    } catch (error) {
      const code = (error as { code?: unknown }).code
      if (typeof code !== 'string' || !/^E[A-Z]+$/.test(code)) throw code === 'SASL_LOGIN_FAILED' ? error : endpointFailed(url, error)
      failure = endpointFailed(url, error)
    }
    const waitMs = backoffMs(backoff, failures, world)
    if (world.clock.monotonicMs() + waitMs > deadlineMs) throw failure
    await sleep(world, waitMs)
  }
}

function endpointFailed(url: URL, error: unknown): Error {
  return loginFailed(`${url.host}: ${error instanceof Error ? error.message : String(error)}`, error)
}

function tokenIn(body: Buffer): string {
  let answer: unknown
  try {
    answer = JSON.parse(body.toString('utf8'))
  } catch {
    throw loginFailed('the answer of the endpoint is not JSON')
  }
  const token = (answer as { access_token?: unknown } | null)?.access_token
  if (typeof token !== 'string' || token.trim() === '') throw loginFailed('the answer of the endpoint has no access_token')
  return token.trim()
}

async function fromFile(world: World, path: string): Promise<string> {
  try {
    return (await world.disk.readFile(path)).toString('utf8').trim()
  } catch (error) {
    throw loginFailed(`${path} cannot be read`, error)
  }
}

function unsecured(world: World, options: JaasOptions): () => Promise<string> {
  const subject = options.unsecuredLoginStringClaim_sub
  if (subject === undefined)
    throw invalidConfig(
      'sasl.oauthbearer.token.endpoint.url is missing (or give a function as sasl.token, or unsecuredLoginStringClaim_sub)'
    )
  const lifetimeSeconds = Number(options.unsecuredLoginLifetimeSeconds ?? 3600)
  if (!(lifetimeSeconds > 0)) throw invalidConfig('unsecuredLoginLifetimeSeconds must be a number above 0')
  const claims = Object.entries(options).flatMap(([key, text]): [string, unknown][] => {
    const [, kind, name] = /^unsecuredLogin(String|Number|List)Claim_(.+)$/.exec(key) ?? []
    if (name === undefined) return []
    if (kind === 'List') return [[name, text.slice(1).split(text.slice(0, 1))]]
    return [[name, kind === 'Number' ? Number(text) : text]]
  })
  return async () => {
    const iat = world.clock.now() / 1000
    return unsecuredJwt({ ...Object.fromEntries(claims), iat, exp: iat + lifetimeSeconds })
  }
}
