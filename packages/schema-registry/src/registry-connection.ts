// Requests to a registry that may have several addresses. One request goes to the address that answered last, then to the others, then
// after a pause to all of them again; an answer that says no ends it. Every wait has a limit: an attempt, the whole, the size of an answer.
import type { World } from '@odradek/world'
import { createNodeWorld } from '@odradek/world/node'
import { configInvalid, isAbsence, messageOf, RegistryError, registryUnreachable } from './errors.ts'
import type { RequestOptions } from './types.ts'

export type RegistryAuth = { readonly username: string; readonly password: string } | { readonly bearer: string | (() => Promise<string>) }

export interface ConnectionOptions {
  /** One or several addresses of one registry. */
  readonly url: string | readonly string[]
  readonly auth?: RegistryAuth
  /** Sent with each request. */
  readonly headers?: Readonly<Record<string, string>>
  /** Of one attempt, ms. Default 10 000. */
  readonly requestTimeoutMs?: number
  /** Of a call with all its attempts, ms. Default 30 000. */
  readonly timeoutMs?: number
  /** Rounds over all addresses after the first. Default 3. */
  readonly retries?: number
  /** Pause before the second round, ms, doubled up to 1 000. Default 100. */
  readonly retryBackoffMs?: number
  /** For proxies and certificates of your own. Default: that of the platform. */
  readonly fetch?: typeof fetch
  /** Timers and chance. Default: the real ones. */
  readonly world?: Pick<World, 'timers' | 'random'>
}

interface Call {
  readonly method: string
  readonly path: string
  readonly body: string | undefined
  readonly signal: AbortSignal
}

const mediaType = 'application/vnd.schemaregistry.v1+json'
const responseBytesMax = 16 * 1024 * 1024
const backoffMaxMs = 1_000

export class RegistryConnection {
  readonly #urls: readonly string[]
  readonly #auth: RegistryAuth | undefined
  readonly #headers: Readonly<Record<string, string>>
  readonly #requestTimeoutMs: number
  readonly #timeoutMs: number
  readonly #retries: number
  readonly #retryBackoffMs: number
  readonly #fetch: typeof fetch
  readonly #world: Pick<World, 'timers' | 'random'>
  #answeredLast = 0

  constructor(options: ConnectionOptions) {
    this.#urls = [options.url].flat().map(checkedUrl)
    if (this.#urls.length === 0) throw configInvalid('A schema registry needs at least one url')
    this.#auth = options.auth
    this.#headers = options.headers ?? {}
    this.#requestTimeoutMs = atLeast('requestTimeoutMs', 1, options.requestTimeoutMs ?? 10_000)
    this.#timeoutMs = atLeast('timeoutMs', 1, options.timeoutMs ?? 30_000)
    this.#retries = atLeast('retries', 0, options.retries ?? 3)
    this.#retryBackoffMs = atLeast('retryBackoffMs', 0, options.retryBackoffMs ?? 100)
    this.#fetch = options.fetch ?? fetch
    this.#world = options.world ?? createNodeWorld({ onHalt: () => {} })
  }

  /** The body of the answer. REGISTRY_REFUSED, REGISTRY_UNREACHABLE, or the reason of the signal. */
  async request(method: string, path: string, body?: object, { signal }: RequestOptions = {}): Promise<unknown> {
    signal?.throwIfAborted()
    const deadline = AbortSignal.timeout(this.#timeoutMs)
    const ends = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
    const call = { method, path, body: body === undefined ? undefined : JSON.stringify(body), signal: ends }
    // A deletion goes to an address once: tried again after its answer was lost, it would find nothing to delete.
    const rounds = method === 'DELETE' ? 1 : this.#retries + 1
    let last: unknown
    for (let round = 0; round < rounds && !ends.aborted; round++) {
      if (round > 0) await this.#pause(round - 1, ends)
      const first = this.#answeredLast
      for (let i = 0; i < this.#urls.length && !ends.aborted; i++) {
        const at = (first + i) % this.#urls.length
        try {
          const answer = await this.#attempt(this.#urls[at], call)
          this.#answeredLast = at
          return answer
        } catch (error) {
          signal?.throwIfAborted()
          if (error instanceof RegistryError && !error.retriable) throw error
          last = error
        }
      }
    }
    signal?.throwIfAborted()
    if (last instanceof RegistryError) throw last
    const where = this.#urls.join(', ')
    throw registryUnreachable(`No answer to ${method} ${path} from the schema registry at ${where}: ${causeOf(last)}`, last)
  }

  async #attempt(url: string, { method, path, body, signal }: Call): Promise<unknown> {
    const ends = AbortSignal.any([signal, AbortSignal.timeout(this.#requestTimeoutMs)])
    const headers: Record<string, string> = { accept: `${mediaType}, application/json; q=0.5`, ...this.#headers }
    if (body !== undefined) headers['content-type'] = mediaType
    const authorization = await this.#authorization()
    if (authorization !== undefined) headers.authorization = authorization
    // A redirect could lead credentials and schemas elsewhere.
    const response = await this.#fetch(url + path, { method, headers, body, signal: ends, redirect: 'error' })
    const text = await readText(response)
    const answer = parsed(text)
    if (response.ok && answer !== undefined) return answer
    const { error_code: errorCode, message } = (answer ?? {}) as { error_code?: unknown; message?: unknown }
    const reason = typeof message === 'string' ? message : response.ok ? 'the answer is no JSON' : response.statusText
    const isElsewhere = response.ok || (response.status === 404 && !isAbsence(errorCode))
    const hint = isElsewhere ? '. There is no schema registry at this path: that of Apicurio, say, is /apis/ccompat/v7' : ''
    throw new RegistryError(`The schema registry at ${url} says to ${method} ${path}: ${response.status} ${reason}${hint}`, {
      status: response.status,
      errorCode: typeof errorCode === 'number' ? errorCode : response.status
    })
  }

  async #authorization(): Promise<string | undefined> {
    if (this.#auth === undefined) return undefined
    if ('bearer' in this.#auth) return `Bearer ${typeof this.#auth.bearer === 'string' ? this.#auth.bearer : await this.#auth.bearer()}`
    return `Basic ${Buffer.from(`${this.#auth.username}:${this.#auth.password}`).toString('base64')}`
  }

  /** Ends early, and without an error, when the signal aborts. */
  #pause(failures: number, signal: AbortSignal): Promise<void> {
    const term = Math.min(backoffMaxMs, this.#retryBackoffMs * 2 ** Math.min(failures, 30))
    const ms = term * (0.8 + this.#world.random.below(4001) / 10_000)
    return new Promise((resolve) => {
      const timer = this.#world.timers.schedule(ms, resolve)
      const onAbort = (): void => {
        timer.cancel()
        resolve()
      }
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw configInvalid('The url of a schema registry begins with http:// or https://')
  if (url.username !== '' || url.password !== '') throw configInvalid('Give credentials of a schema registry as auth, not in its url')
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

function atLeast(name: string, min: number, value: number): number {
  if (!Number.isSafeInteger(value) || value < min || value > 2 ** 31 - 1) throw configInvalid(`${name} is a whole number from ${min}`)
  return value
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > responseBytesMax) throw new Error(`an answer of more than ${responseBytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** fetch says "fetch failed" and has the reason in its cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error ? messageOf(cause) || String((cause as { code?: unknown }).code) : messageOf(error)
}
