// Asks brokers for metadata: one request at a time, shared by all who want what it asks for; what others want meanwhile is gathered
// for the next. A round tries every broker that is known, the idlest first, and then the bootstrap addresses again (KIP-899, KIP-1102),
// so that a cluster whose brokers all moved is found again. Rounds repeat with back-off until the deadline.
import type { Uuid } from '@odradek/base'
import { DescribeClusterRequest, DescribeClusterResponse, ErrorCode, MetadataRequest, MetadataResponse } from '@odradek/protocol'
import type { ClientConnection } from '@odradek/transport'
import type { World } from '@odradek/world'
import { errorOf, KafkaError, toKafkaError } from '../errors.ts'
import { isSecurityFailure } from '../security/security.ts'
import type { Endpoint } from './bootstrap.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { type ClusterMetadata, mergeMetadata } from './metadata.ts'
import { type Backoff, retrying } from './retry.ts'

export interface Wants {
  readonly isAll: boolean
  readonly names: ReadonlySet<string>
  readonly ids: ReadonlySet<Uuid>
  readonly allowAutoTopicCreation: boolean
}

export interface LoaderOptions {
  readonly world: World
  readonly pool: ConnectionPool
  readonly bootstrap: readonly Endpoint[]
  /** client.dns.lookup=resolve_canonical_bootstrap_servers_only: by all the names that their addresses have. */
  readonly usesCanonicalNames: boolean
  /** The bootstrap addresses are of controllers (bootstrap.controllers, KIP-919). */
  readonly usesControllers: boolean
  /** metadata.recovery.strategy=rebootstrap */
  readonly rebootstraps: boolean
  /** metadata.recovery.rebootstrap.trigger.ms: without an answer for so long, the bootstrap addresses come first. */
  readonly rebootstrapTriggerMs: number
  readonly backoff: Backoff
  readonly timeoutMs: number
  /** Ends everything under way. */
  readonly closing: AbortSignal
  readonly known: () => ClusterMetadata
  readonly onLoaded: (metadata: ClusterMetadata) => void
}

const TIMER_MAX_MS = 2 ** 31 - 1

interface Load {
  wants: Wants
  promise: Promise<void>
}

export class MetadataLoader {
  readonly #options: LoaderOptions
  #running: Load | undefined
  #next: Load | undefined
  /** Of the last round, when it found no broker. */
  lastFailure: KafkaError | undefined
  /** Since the last answer: when somebody first asked, monotonic ms. */
  #askedSinceMs: number | undefined
  /** The broker sent us back to the bootstrap addresses: what is known is not to be trusted. */
  #isLost = false

  constructor(options: LoaderOptions) {
    this.#options = options
  }

  load(wants: Wants): Promise<void> {
    const running = this.#running
    if (running === undefined) return this.#start(wants)
    if (covers(running.wants, wants)) return running.promise
    const next = this.#next
    if (next !== undefined) {
      next.wants = union(next.wants, wants)
      return next.promise
    }
    const load: Load = { wants, promise: Promise.resolve() }
    load.promise = running.promise
      .catch(() => {})
      .then(() => {
        this.#next = undefined
        return this.#start(load.wants)
      })
    this.#next = load
    return load.promise
  }

  #start(wants: Wants): Promise<void> {
    const { world, backoff, timeoutMs, closing } = this.#options
    const promise = retrying({ world, what: 'Fetching metadata', timeoutMs, signal: closing, backoff }, (signal) =>
      this.#round(wants, signal)
    )
    const load: Load = { wants, promise }
    const settled = (): void => {
      if (this.#running === load) this.#running = undefined
    }
    // Before anybody who awaits the promise goes on.
    load.promise = promise.finally(settled)
    this.#running = load
    return load.promise
  }

  /** Throws a retriable error when the next round may do better. */
  async #round(wants: Wants, signal: AbortSignal): Promise<void> {
    const failures: KafkaError[] = []
    this.#askedSinceMs ??= this.#options.world.clock.monotonicMs()
    const wasOverdue = this.#isOverdue()
    for (const endpoint of await this.#candidates(failures)) {
      try {
        await this.#try(endpoint, wants, signal)
        return
      } catch (error) {
        if (signal.aborted) throw error
        const failure = toKafkaError(error)
        // Other brokers take the same credentials and have the same certificates: as the Java client, at once.
        if (isSecurityFailure(failure)) throw failure
        failures.push(failure)
      }
      // The next round begins with the bootstrap addresses.
      if (!wasOverdue && this.#isOverdue()) break
    }
    this.lastFailure = this.#verdict(failures)
    throw this.lastFailure
  }

  #isOverdue(): boolean {
    const { rebootstraps, rebootstrapTriggerMs, world, known } = this.#options
    if (!rebootstraps || this.#askedSinceMs === undefined || known().nodes.size === 0) return false
    return world.clock.monotonicMs() - this.#askedSinceMs >= rebootstrapTriggerMs
  }

  /** A broker that does not answer holds up those behind it no longer than until the trigger. */
  async #try(endpoint: Endpoint, wants: Wants, signal: AbortSignal): Promise<void> {
    const { pool, onLoaded, rebootstraps, rebootstrapTriggerMs, known, world, backoff } = this.#options
    const attempt = async (own: AbortSignal): Promise<void> => {
      const connection = await pool.get(endpoint, 'data', own)
      onLoaded(await this.#ask(connection, wants, own))
      this.#isLost = false
      this.#askedSinceMs = undefined
      this.lastFailure = undefined
    }
    const leftMs = (this.#askedSinceMs ?? 0) + rebootstrapTriggerMs - world.clock.monotonicMs()
    if (!rebootstraps || leftMs <= 0 || leftMs > TIMER_MAX_MS || known().nodes.size === 0) return attempt(signal)
    const what = `Fetching metadata from ${endpoint.host}:${endpoint.port}`
    return retrying({ world, what, timeoutMs: leftMs, signal, backoff, retries: 0 }, attempt)
  }

  /** What cannot be looked up is added to `failures`. */
  async #candidates(failures: KafkaError[]): Promise<readonly Endpoint[]> {
    const { pool, known, rebootstraps, world } = this.#options
    const nodes = this.#isLost ? [] : [...known().nodes.values()]
    const ranked = shuffled(nodes, world).sort((a, b) => pool.rank(a) - pool.rank(b))
    if (nodes.length > 0 && !rebootstraps) return ranked
    const bootstrap = shuffled(await this.#bootstrap(failures), world)
    return this.#isOverdue() ? [...bootstrap, ...ranked] : [...ranked, ...bootstrap]
  }

  async #bootstrap(failures: KafkaError[]): Promise<readonly Endpoint[]> {
    const { bootstrap, usesCanonicalNames, world } = this.#options
    if (!usesCanonicalNames) return bootstrap
    const lookups = bootstrap.map(async ({ host, port }) => {
      try {
        return (await world.network.canonicalNames(host)).map((name) => ({ host: name, port }))
      } catch (cause) {
        const message = `${host} in bootstrap.servers has no address now`
        failures.push(new KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, { message, cause, retriable: true }))
        return []
      }
    })
    return (await Promise.all(lookups)).flat()
  }

  async #ask(connection: ClientConnection, wants: Wants, signal: AbortSignal): Promise<ClusterMetadata> {
    const { known, world } = this.#options
    if (this.#options.usesControllers) return this.#askController(connection, signal)
    const wanted = [...wants.names].map((name) => ({ name })).concat()
    const topics = wants.isAll ? null : [...wanted, ...[...wants.ids].map((topicId) => ({ topicId, name: null }))]
    const body = { topics, allowAutoTopicCreation: wants.allowAutoTopicCreation }
    const minVersion = wants.ids.size > 0 ? 12 : undefined
    const response = await connection.send(MetadataRequest, MetadataResponse, body, { minVersion, signal })
    if (response.errorCode === ErrorCode.REBOOTSTRAP_REQUIRED) {
      this.#isLost = true
      throw new KafkaError(ErrorCode.REBOOTSTRAP_REQUIRED, { retriable: true })
    }
    const error = errorOf(response.errorCode)
    if (error !== undefined) throw error
    if (response.brokers.length === 0)
      throw new KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, { message: `${connection.address} knows of no broker`, retriable: true })
    return mergeMetadata(known(), response, { isAll: wants.isAll, now: world.clock.monotonicMs() })
  }

  async #askController(connection: ClientConnection, signal: AbortSignal): Promise<ClusterMetadata> {
    const { known, world } = this.#options
    const response = await connection.send(DescribeClusterRequest, DescribeClusterResponse, { endpointType: 2 }, { minVersion: 1, signal })
    const error = errorOf(response.errorCode, response.errorMessage)
    if (error !== undefined) throw error
    const nodes = new Map(response.brokers.map(({ brokerId: id, host, port, rack }) => [id, { id, host, port, rack }]))
    const { clusterId, controllerId } = response
    return { ...known(), clusterId, controllerId, nodes, nodesFetchedAtMs: world.clock.monotonicMs() }
  }

  /** One error for a round in which nobody answered. */
  #verdict(failures: readonly KafkaError[]): KafkaError {
    const { bootstrap, known } = this.#options
    const addresses = bootstrap.map(({ host, port }) => `${host}:${port}`).join(',')
    if (known().nodes.size === 0 && failures.length > 0 && failures.every(isUnknownHost)) {
      const message = `No host of bootstrap.servers=${addresses} has an address: correct the names`
      return new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, {
        code: 'NO_RESOLVABLE_BOOTSTRAP',
        message,
        cause: failures[0],
        retriable: false
      })
    }
    const final = failures.find(({ retriable }) => retriable) === undefined ? failures[0] : undefined
    if (final !== undefined) return final
    const last = failures.at(-1)
    const message = `No broker answers (bootstrap.servers=${addresses}): ${last?.message ?? 'none is known'}`
    return new KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, { message, cause: last, retriable: true })
  }
}

function isUnknownHost(error: KafkaError): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if ((cause as { code?: unknown }).code === 'ENOTFOUND') return true
  return false
}

function covers(bigger: Wants, wants: Wants): boolean {
  if (wants.allowAutoTopicCreation && !bigger.allowAutoTopicCreation && wants.names.size > 0) return false
  if (!bigger.isAll && (wants.isAll || !wants.names.isSubsetOf(bigger.names))) return false
  return bigger.isAll || wants.ids.isSubsetOf(bigger.ids)
}

function union(a: Wants, b: Wants): Wants {
  return {
    isAll: a.isAll || b.isAll,
    names: a.names.union(b.names),
    ids: a.ids.union(b.ids),
    allowAutoTopicCreation: a.allowAutoTopicCreation || b.allowAutoTopicCreation
  }
}

function shuffled<T>(items: readonly T[], world: World): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = world.random.below(i + 1)
    const item = result[i]
    result[i] = result[j]
    result[j] = item
  }
  return result
}
