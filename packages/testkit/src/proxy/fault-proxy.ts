// A TCP proxy before one broker that breaks what passes: for tests of clients, over any World, real or simulated. Clients stay behind it,
// because the addresses in answers are its own; with `nodes` the one broker looks like several, whose leaders and coordinators move.
//
// Faults by hand: `cut`, `up` and `down` (stall, late, pieces), `stopNode` (refuses), `moveLeader`, `moveCoordinator`. Faults by request:
// `fault` is asked for each. Nothing is drawn by chance here: that is the test's, so that a seed does the same again.
import type { DecodedRequestHeader } from '@odradek/protocol'
import type { Listener, Socket, World } from '@odradek/world'
import type { LaneConditions } from './lane.ts'
import { ProxyConnection } from './proxy-connection.ts'
import { VirtualCluster } from './virtual-cluster.ts'

export interface ProxyRequest extends DecodedRequestHeader {
  readonly nodeId: number
  readonly body: never
}

export type ProxyFault =
  /** The broker never sees it. */
  | 'cut before'
  /** The broker has done it, its answer is lost with the connection. */
  | 'cut after'
  | 'cut inside'
  /** No answer comes, and the connection stays. */
  | 'swallow'
  | { readonly lateMs: number }
  /** A body, or raw bytes, in place of the broker's. */
  | { readonly answer: object | Buffer }

export interface FaultProxyOptions {
  readonly world: World
  readonly broker: { readonly host: string; readonly port: number }
  /** Where it listens, as clients call it. Default localhost. */
  readonly host?: string
  /** Brokers that it pretends to be. Default 1. */
  readonly nodes?: number
}

export class FaultProxy {
  readonly world: World
  readonly cluster = new VirtualCluster()
  /** To the broker. */
  readonly up: LaneConditions = { isStalled: false, lateMs: 0, pieceBytes: 0 }
  /** To the client. */
  readonly down: LaneConditions = { isStalled: false, lateMs: 0, pieceBytes: 0 }
  /** Sees every request before it is passed on. */
  onRequest: ((request: ProxyRequest) => void) | undefined
  /** Sees every answer of the broker, and its size. */
  onAnswer: ((request: ProxyRequest, bytes: number) => void) | undefined
  fault: ((request: ProxyRequest) => ProxyFault | undefined) | undefined
  readonly #broker: { readonly host: string; readonly port: number }
  readonly #listeners = new Map<number, Listener>()
  readonly #connections = new Map<number, Set<ProxyConnection>>()

  static async start({ world, broker, host = 'localhost', nodes = 1 }: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(world, broker)
    for (let id = 1; id <= nodes; id++) {
      const listener = await proxy.#listen(id, host, 0)
      proxy.cluster.nodes.push({ id, host, port: listener.port, isUp: true })
    }
    return proxy
  }

  private constructor(world: World, broker: { readonly host: string; readonly port: number }) {
    this.world = world
    this.#broker = broker
  }

  get bootstrapServers(): string {
    return this.cluster.nodes.map(({ host, port }) => `${host}:${port}`).join(',')
  }

  get openConnections(): number {
    let count = 0
    for (const connections of this.#connections.values()) count += connections.size
    return count
  }

  /** Ends the open connections (of one node) without a word. */
  cut(nodeId?: number): void {
    for (const [id, connections] of this.#connections)
      if (nodeId === undefined || nodeId === id) for (const connection of [...connections]) connection.close()
  }

  stall(direction: 'up' | 'down' | 'both' = 'both'): void {
    if (direction !== 'down') this.up.isStalled = true
    if (direction !== 'up') this.down.isStalled = true
  }

  /** What was stalled flows; late bytes and pieces are over. */
  heal(): void {
    for (const lane of [this.up, this.down]) Object.assign(lane, { isStalled: false, lateMs: 0, pieceBytes: 0 })
    for (const connections of this.#connections.values()) for (const connection of connections) connection.pump()
  }

  /** Refuses connections, ends those that are open; leaders and coordinators at it go to the next node. */
  async stopNode(id: number): Promise<void> {
    this.cluster.node(id).isUp = false
    const listener = this.#listeners.get(id)
    this.#listeners.delete(id)
    this.cut(id)
    await listener?.close()
  }

  async startNode(id: number): Promise<void> {
    const node = this.cluster.node(id)
    if (node.isUp) return
    node.isUp = true
    await this.#listen(id, node.host, node.port)
  }

  async close(): Promise<void> {
    this.cut()
    for (const listener of this.#listeners.values()) await listener.close()
    this.#listeners.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // ---- for its connections

  connectBroker(): Promise<Socket> {
    return this.world.network.connect({ ...this.#broker, timeoutMs: 10_000 })
  }

  forget(nodeId: number, connection: ProxyConnection): void {
    this.#connections.get(nodeId)?.delete(connection)
  }

  async #listen(id: number, host: string, port: number): Promise<Listener> {
    const listener = await this.world.network.listen({ host, port }, (socket) => {
      const connections = this.#connections.get(id) ?? new Set()
      this.#connections.set(id, connections)
      connections.add(new ProxyConnection(this, id, socket))
    })
    this.#listeners.set(id, listener)
    return listener
  }
}
