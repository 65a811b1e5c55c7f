// The simulated network: hosts, listeners, connections, and what can go wrong between two hosts. Links are directed, so
// that a partition may be one-way. TCP holds what a broken link keeps from arriving and sends it again once it heals;
// what is lost for good ends the connection, never leaves a hole in its bytes.

import type { Prng } from '@odradek/base'
import { createDiskError } from '../disk-error.ts'
import type { ConnectOptions, HttpRequest, HttpResponse, Listener, Network, Socket } from '../ports.ts'
import { createTlsError } from '../tls-error.ts'
import type { CrashKind } from './node.ts'
import type { Pipe } from './pipe.ts'
import type { SimProcess } from './process.ts'
import type { Simulation } from './simulation.ts'
import { connectSockets, type SimSocket } from './socket.ts'

export interface NetworkConditions {
  /** Delay of one segment, drawn evenly. Default 0.05 to 1. */
  delayMs: readonly [low: number, high: number]
  /** How often a segment takes the slow delay instead. Default 0.001. */
  slowChance: number
  /** Default 20 to 500. */
  slowDelayMs: readonly [low: number, high: number]
  /** Bytes of a segment, drawn so that each order of magnitude is as likely. Default 1 to 65536. */
  segmentBytes: readonly [low: number, high: number]
  /** Bytes that one direction of a connection holds, under way and unread. Default 256 KiB. */
  windowBytes: number
  /** Chance of a reset, asked for each segment. Default 0. */
  resetChance: number
  /** Chance that a connection goes dead without a sign, asked for each segment. Default 0. */
  silentDropChance: number
  /** Chance that a connect is refused although somebody listens. Default 0. */
  refuseChance: number
  /** A peer that answers nothing for so long is given up with ETIMEDOUT. Default 15 minutes. */
  giveUpMs: number
}

const DEFAULT_CONDITIONS: NetworkConditions = {
  delayMs: [0.05, 1],
  slowChance: 0.001,
  slowDelayMs: [20, 500],
  segmentBytes: [1, 65_536],
  windowBytes: 256 * 1024,
  resetChance: 0,
  silentDropChance: 0,
  refuseChance: 0,
  giveUpMs: 900_000
}

const CONNECT_TIMEOUT_MS = 127_000
const FIRST_EPHEMERAL_PORT = 49_152

/** How a host speaks TLS: what stands in its certificate, and the text that a client must have in its `ca` to trust it. */
export interface SimCertificate {
  readonly names: readonly string[]
  readonly issuer: string
}

/** A machine on the network; it outlives the processes on it. */
export class SimHost {
  readonly name: string
  readonly address: string
  readonly listeners = new Map<number, SimListener>()
  readonly sockets = new Set<SimSocket>()
  isUp = true
  nextPort = FIRST_EPHEMERAL_PORT
  /** Set: its ports speak TLS, and what is not TLS is reset. */
  certificate: SimCertificate | undefined
  /** Names other than its own. The first is the canonical one. */
  aliases: readonly string[] = []
  /** Answers exchanges over HTTP. */
  onRequest: ((request: HttpRequest) => HttpResponse) | undefined
  /** Connects are answered by a reset. */
  isRefusing = false
  /** Connects succeed, but the process does not get to see them. */
  isStallingAccepts = false

  constructor(name: string, index: number) {
    this.name = name
    this.address = `10.0.${index >> 8}.${index & 255}`
  }
}

export class Link {
  isBlocked = false
  clogUntilMs = 0
  readonly stalled = new Set<Pipe>()
}

export class SimNetwork {
  readonly simulation: Simulation
  /** May be changed while the simulation runs. */
  readonly conditions: NetworkConditions
  readonly #hosts = new Map<string, SimHost>()
  readonly #links = new Map<string, Link>()
  readonly #delays: Prng
  readonly #segments: Prng
  readonly #resets: Prng
  readonly #drops: Prng
  readonly #refusals: Prng

  constructor(simulation: Simulation, conditions: Partial<NetworkConditions>) {
    this.simulation = simulation
    this.conditions = { ...DEFAULT_CONDITIONS, ...conditions }
    const prng = simulation.prng.fork('network')
    this.#delays = prng.fork('delays')
    this.#segments = prng.fork('segments')
    this.#resets = prng.fork('resets')
    this.#drops = prng.fork('drops')
    this.#refusals = prng.fork('refusals')
  }

  // ---- faults

  /** Cuts all links between the hosts, both ways, until {@link heal}. */
  partition(left: readonly string[] | string, right: readonly string[] | string): void {
    this.cut(left, right)
    this.cut(right, left)
  }

  /** Cuts the links from `from` to `to` only. */
  cut(from: readonly string[] | string, to: readonly string[] | string): void {
    for (const source of [from].flat()) for (const target of [to].flat()) if (source !== target) this.link(source, target).isBlocked = true
  }

  /** Cuts a host off from all others known by now. */
  isolate(name: string): void {
    for (const other of this.#hosts.keys()) if (other !== name) this.partition(name, other)
  }

  /** Mends every cut or clogged link, or those of one host, or those between two. */
  heal(left?: string, right?: string): void {
    for (const [key, link] of this.#links) {
      const ends = key.split('>')
      if ((left !== undefined && !ends.includes(left)) || (right !== undefined && !ends.includes(right))) continue
      link.isBlocked = false
      link.clogUntilMs = 0
      this.#wake(link.stalled)
    }
  }

  /** Holds all that goes from `from` to `to` for `ms`. */
  clog(from: string, to: string, ms: number): void {
    const link = this.link(from, to)
    link.clogUntilMs = Math.max(link.clogUntilMs, this.simulation.nowMs + ms)
  }

  /** Resets the open connections between two hosts; queued bytes are lost. */
  resetConnections(left: string, right: string): void {
    for (const socket of this.#between(left, right)) socket.reset('ECONNRESET')
  }

  /** The open connections between two hosts go dead: no byte arrives any more and nobody is told. */
  dropConnections(left: string, right: string): void {
    for (const socket of this.#between(left, right)) socket.outgoing.isDead = true
  }

  refuseConnections(name: string, isRefusing = true): void {
    this.host(name).isRefusing = isRefusing
  }

  /** With false the connections that waited are accepted. */
  stallAccepts(name: string, isStalling = true): void {
    const host = this.host(name)
    host.isStallingAccepts = isStalling
    if (!isStalling) for (const listener of host.listeners.values()) listener.acceptAll()
  }

  // ---- for nodes and pipes

  addHost(name: string): SimHost {
    const host = new SimHost(name, this.#hosts.size + 1)
    this.#hosts.set(name, host)
    return host
  }

  host(name: string): SimHost {
    const host = this.#hosts.get(name)
    if (host === undefined) throw new Error(`no node is called ${name}`)
    return host
  }

  link(from: string, to: string): Link {
    const key = linkKey(from, to)
    let link = this.#links.get(key)
    if (link === undefined) {
      link = new Link()
      this.#links.set(key, link)
    }
    return link
  }

  drawDelayMs(): number {
    const { delayMs, slowChance, slowDelayMs } = this.conditions
    const isSlow = this.#delays.chance(slowChance)
    const [low, high] = isSlow ? slowDelayMs : delayMs
    return low + this.#delays.float() * (high - low)
  }

  drawSegmentBytes(): number {
    const [low, high] = this.conditions.segmentBytes
    return Math.floor(low * (high / low) ** this.#segments.float())
  }

  drawsReset(): boolean {
    return this.#resets.chance(this.conditions.resetChance)
  }

  drawsSilentDrop(): boolean {
    return this.#drops.chance(this.conditions.silentDropChance)
  }

  /** After a kill the kernel ends the connections of the process; after a power loss there is no kernel. */
  onProcessDeath(process: SimProcess, kind: CrashKind): void {
    const { host } = process.node
    host.listeners.clear()
    if (kind === 'power-loss') host.isUp = false
    for (const socket of [...host.sockets]) {
      if (kind === 'power-loss') socket.vanish()
      else socket.closeByKernel()
    }
    host.sockets.clear()
  }

  onHostUp(host: SimHost): void {
    host.isUp = true
    for (const [key, link] of this.#links) if (key.endsWith(`>${host.name}`)) this.#wake(link.stalled)
  }

  onProcessResumed(process: SimProcess): void {
    for (const socket of process.node.host.sockets) socket.onProcessResumed()
  }

  // ---- the port

  portOf(process: SimProcess): Network {
    return {
      listen: (options, onConnection) => this.#listen(process, options, onConnection),
      connect: (options) => new Connector(this, process, options, this.#refusals).start(),
      canonicalNames: (host) => this.#canonicalNames(process, host),
      request: (request) => this.#request(process, request)
    }
  }

  /** The host of that name or address, seen from `from`. */
  resolve(name: string, from: SimHost): SimHost | undefined {
    if (name === 'localhost' || name === '127.0.0.1' || name === '::1') return from
    const host = this.#hosts.get(name)
    if (host !== undefined) return host
    for (const each of this.#hosts.values()) if (each.address === name || each.aliases.includes(name)) return each
    return undefined
  }

  /** All hosts that have the name, by their canonical ones. */
  #canonicalNames(process: SimProcess, name: string): Promise<readonly string[]> {
    const found = [...this.#hosts.values()].filter((host) => host.name === name || host.aliases.includes(name))
    const names = found.map((host) => host.aliases[0] ?? host.name)
    return new Promise((resolve, reject) => {
      process.after(this.drawDelayMs(), 'net.lookup', () =>
        names.length > 0 ? resolve(names) : reject(createDiskError('ENOTFOUND', `lookup of ${name}`))
      )
    })
  }

  /** One way there and back; a host that is cut off or has nobody to answer refuses. */
  #request(process: SimProcess, request: HttpRequest): Promise<HttpResponse> {
    const source = process.node.host
    const target = this.resolve(new URL(request.url).hostname, source)
    return new Promise((resolve, reject) => {
      process.after(this.drawDelayMs() + this.drawDelayMs(), 'net.request', () => {
        if (target?.onRequest === undefined || !target.isUp || this.link(source.name, target.name).isBlocked)
          reject(createDiskError(target === undefined ? 'ENOTFOUND' : 'ECONNREFUSED', `request to ${request.url}`))
        else resolve(target.onRequest(request))
      })
    })
  }

  async #listen(process: SimProcess, options: { host: string; port: number }, onConnection: (socket: Socket) => void): Promise<Listener> {
    const { host } = process.node
    if (!process.effect('listen')) return new Promise(() => {})
    let { port } = options
    while (port === 0 || (options.port === 0 && host.listeners.has(port))) port = host.nextPort++
    if (host.listeners.has(port)) throw createDiskError('EADDRINUSE', `${host.name}:${port} is in use`)
    const listener = new SimListener(process, port, onConnection)
    host.listeners.set(port, listener)
    return {
      host: options.host,
      port,
      async close() {
        if (host.listeners.get(port) !== listener) return
        host.listeners.delete(port)
        listener.close()
      }
    }
  }

  *#between(left: string, right: string): Generator<SimSocket> {
    for (const name of [left, right]) {
      const other = name === left ? right : left
      for (const socket of [...this.host(name).sockets]) if (socket.peer.host.name === other) yield socket
    }
  }

  #wake(pipes: Set<Pipe>): void {
    for (const pipe of [...pipes]) {
      pipes.delete(pipe)
      pipe.schedule()
    }
  }
}

export class SimListener {
  readonly process: SimProcess
  readonly port: number
  readonly #onConnection: (socket: Socket) => void
  readonly #waiting: SimSocket[] = []

  constructor(process: SimProcess, port: number, onConnection: (socket: Socket) => void) {
    this.process = process
    this.port = port
    this.#onConnection = onConnection
  }

  add(socket: SimSocket): void {
    this.#waiting.push(socket)
    if (!this.process.node.host.isStallingAccepts) this.acceptAll()
  }

  /** Those who were not accepted yet are turned away. */
  close(): void {
    for (const socket of this.#waiting.splice(0)) socket.reset('ECONNRESET')
  }

  acceptAll(): void {
    for (const socket of this.#waiting.splice(0)) this.process.after(0, 'net.accept', () => this.#onConnection(socket))
  }
}

/** One call of connect: the request is sent again while nothing answers, as TCP does. */
class Connector {
  readonly #network: SimNetwork
  readonly #process: SimProcess
  readonly #options: ConnectOptions
  readonly #refusals: Prng
  readonly #deadlineMs: number
  #settle!: { resolve: (socket: Socket) => void; reject: (error: Error) => void }
  #retryMs = 1000

  constructor(network: SimNetwork, process: SimProcess, options: ConnectOptions, refusals: Prng) {
    this.#network = network
    this.#process = process
    this.#options = options
    this.#refusals = refusals
    this.#deadlineMs = network.simulation.nowMs + (options.timeoutMs ?? CONNECT_TIMEOUT_MS)
  }

  start(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
      if (!this.#process.effect('connect')) return
      const target = this.#network.resolve(this.#options.host, this.#process.node.host)
      if (target === undefined) this.#fail(1, 'ENOTFOUND')
      else this.#attempt(target)
    })
  }

  #attempt(target: SimHost): void {
    const { simulation } = this.#network
    const source = this.#process.node.host
    const clogMs = this.#network.link(source.name, target.name).clogUntilMs - simulation.nowMs
    simulation.schedule(this.#network.drawDelayMs() + Math.max(0, clogMs), 'net.connect', () => {
      if (!this.#process.isAlive) return
      const isCut = this.#network.link(source.name, target.name).isBlocked || this.#network.link(target.name, source.name).isBlocked
      if (isCut || !target.isUp) this.#retry(target)
      else this.#arrive(target)
    })
  }

  #retry(target: SimHost): void {
    const { simulation } = this.#network
    const leftMs = this.#deadlineMs - simulation.nowMs
    if (leftMs <= this.#retryMs) {
      this.#fail(Math.max(0, leftMs), 'ETIMEDOUT')
      return
    }
    const waitMs = this.#retryMs
    this.#retryMs *= 2
    simulation.schedule(waitMs, 'net.retry', () => this.#attempt(target))
  }

  #arrive(target: SimHost): void {
    const isRefused = this.#refusals.chance(this.#network.conditions.refuseChance) || target.isRefusing
    const listener = target.listeners.get(this.#options.port)
    const backMs = this.#network.drawDelayMs()
    if (listener === undefined || isRefused) {
      this.#fail(backMs, 'ECONNREFUSED')
      return
    }
    if (this.#network.simulation.nowMs + backMs > this.#deadlineMs) {
      this.#fail(Math.max(0, this.#deadlineMs - this.#network.simulation.nowMs), 'ETIMEDOUT')
      return
    }
    const { tls } = this.#options
    if (tls !== undefined || target.certificate !== undefined) {
      // Two more ways for the handshake.
      const handshakeMs = backMs + this.#network.drawDelayMs() + this.#network.drawDelayMs()
      const refusal = this.#tlsRefusal(target)
      if (tls === undefined || target.certificate === undefined) this.#fail(handshakeMs, 'ECONNRESET')
      else if (refusal !== undefined) this.#process.after(handshakeMs, 'net.tls', () => this.#settle.reject(createTlsError(refusal)))
      else this.#accept(listener, handshakeMs)
      return
    }
    this.#accept(listener, backMs)
  }

  #tlsRefusal({ certificate }: SimHost): string | undefined {
    const { host, tls = {} } = this.#options
    if (tls.rejectUnauthorized === false || certificate === undefined) return undefined
    if (!tls.ca?.some((text) => text.toString() === certificate.issuer)) return 'unable to verify the first certificate'
    const isNamed = tls.checksHostName === false || certificate.names.includes(tls.servername ?? host)
    return isNamed ? undefined : `the certificate is for ${certificate.names.join(', ')}`
  }

  #accept(listener: SimListener, backMs: number): void {
    const { client, server } = connectSockets(this.#network, this.#process, listener)
    listener.add(server)
    this.#process.after(backMs, 'net.connected', () => this.#settle.resolve(client))
  }

  #fail(delayMs: number, code: string): void {
    const { host, port } = this.#options
    this.#process.after(delayMs, `net.${code}`, () => this.#settle.reject(createDiskError(code, `connect to ${host}:${port}`)))
  }
}

function linkKey(from: string, to: string): string {
  return `${from}>${to}`
}
