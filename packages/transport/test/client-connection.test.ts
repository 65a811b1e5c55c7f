import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OdradekError } from '@odradek/base'
import {
  ApiVersionsRequest,
  ApiVersionsResponse,
  apiKeys,
  decodeRequestHeader,
  encodeResponseFrame,
  MetadataRequest,
  MetadataResponse,
  ProduceRequest,
  ProduceResponse
} from '@odradek/protocol'
import type { Socket } from '@odradek/world'
import { createSimulation, type SimNode, type Simulation } from '@odradek/world/sim'
import { BrokerApiVersions } from '../src/api-versions.ts'
import { ClientConnection, type ClientConnectionOptions } from '../src/client-connection.ts'
import { FrameReader } from '../src/frame-reader.ts'

interface Asked {
  apiKey: number
  apiVersion: number
  correlationId: number
  clientId: string | null
}

/** A broker whose answers a test writes by hand; it answers ApiVersions by itself unless told otherwise. */
class Broker {
  readonly sim: Simulation
  readonly node: SimNode
  readonly client: SimNode
  readonly asked: Asked[] = []
  socket: Socket | undefined
  chunks = 0
  onApiVersions: (asked: Asked) => void = (asked) => this.answerVersions(asked)

  constructor() {
    this.sim = createSimulation({ seed: 7, network: { delayMs: [0.1, 0.2], slowChance: 0, segmentBytes: [65_536, 65_536] } })
    this.node = this.sim.node('broker')
    this.client = this.sim.node('client')
  }

  async listen(): Promise<this> {
    await this.sim.complete(this.node.world.network.listen({ host: '', port: 9092 }, (socket) => this.#accept(socket)))
    return this
  }

  connect(options: Partial<ClientConnectionOptions> = {}): Promise<ClientConnection> {
    const { world } = this.client
    return ClientConnection.connect({ world, host: 'broker', port: 9092, clientId: 'test', idleMs: 3_600_000, ...options })
  }

  async connected(options: Partial<ClientConnectionOptions> = {}): Promise<ClientConnection> {
    return this.sim.complete(this.connect(options))
  }

  answerVersions({ correlationId, apiVersion }: Asked): void {
    const keys = [...apiKeys.values()].map(({ key, min, max }) => ({ apiKey: key, minVersion: min, maxVersion: max }))
    this.socket?.write(encodeResponseFrame(ApiVersionsResponse, { correlationId, apiVersion }, { apiKeys: keys }))
  }

  answerMetadata({ correlationId, apiVersion }: Asked, clusterId: string, throttleTimeMs = 0): void {
    this.socket?.write(encodeResponseFrame(MetadataResponse, { correlationId, apiVersion }, { clusterId, throttleTimeMs }))
  }

  /** Until `count` requests beside ApiVersions have come. */
  async requests(count: number): Promise<Asked[]> {
    const own = () => this.asked.filter(({ apiKey }) => apiKey !== ApiVersionsRequest.apiKey)
    await this.sim.run({ until: () => own().length >= count })
    return own()
  }

  /** Sockets that live on either side once what is under way has settled. */
  async openSockets(): Promise<number> {
    await this.sim.advance(10_000)
    return this.client.host.sockets.size + this.node.host.sockets.size
  }

  #accept(socket: Socket): void {
    this.socket = socket
    const reader = new FrameReader(() => 1 << 20)
    socket.setHandlers({
      onData: (chunk) => {
        this.chunks++
        reader.push(chunk)
        for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
          const asked = decodeRequestHeader(frame)
          this.asked.push(asked)
          if (asked.apiKey === ApiVersionsRequest.apiKey) this.onApiVersions(asked)
        }
      },
      onDrain() {},
      onEnd() {},
      onClose() {}
    })
  }
}

const metadata = (connection: ClientConnection, options: Parameters<ClientConnection['send']>[3] = {}) =>
  connection.send(MetadataRequest, MetadataResponse, { topics: [] }, { timeoutMs: 5_000, ...options })

/** Takes the outcome at once, so that a rejection is never unhandled. */
const settled = <T>(promise: Promise<T>): Promise<{ value?: T; code?: unknown; retriable?: boolean }> =>
  promise.then(
    (value) => ({ value }),
    (error) => (error instanceof OdradekError ? { code: error.code, retriable: error.retriable } : { code: error })
  )

const frameOf = (...words: number[]): Buffer => {
  const frame = Buffer.alloc(words.length * 4)
  words.forEach((word, index) => {
    frame.writeInt32BE(word, index * 4)
  })
  return frame
}

describe('opening a client connection', () => {
  test('tells who asks a controller for metadata what it has reached', () => {
    const versions = new BrokerApiVersions(
      'host:9093',
      ApiVersionsResponse.create({ apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] })
    )
    const message = 'host:9093 is a controller: give an address of a broker, or bootstrap.controllers where a client has it'
    assert.throws(() => versions.versionFor(MetadataRequest), { code: 'UNSUPPORTED_VERSION', message })
    assert.throws(() => versions.versionFor(ProduceRequest), { message: 'host:9093 does not support ProduceRequest' })
  })

  test('asks for ApiVersions in the newest version and keeps what it hears', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected()
    assert.deepEqual(
      broker.asked.map(({ apiKey, apiVersion, clientId }) => [apiKey, apiVersion, clientId]),
      [[18, 4, 'test']]
    )
    assert.equal(connection.versionFor(MetadataRequest), 13)
    assert.equal(connection.versionFor(MetadataRequest, { max: 9 }), 9)
    connection.close()
    assert.equal(await broker.openSockets(), 0)
  })

  test('falls back to the version that an error 35 names', async () => {
    const broker = await new Broker().listen()
    broker.onApiVersions = (asked) => {
      if (asked.apiVersion <= 3) return broker.answerVersions(asked)
      const body = { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 3 }] }
      broker.socket?.write(encodeResponseFrame(ApiVersionsResponse, { correlationId: asked.correlationId, apiVersion: 0 }, body))
    }
    const connection = await broker.connected()
    assert.deepEqual(
      broker.asked.map(({ apiVersion }) => apiVersion),
      [4, 3]
    )
    connection.close()
  })

  test('falls back to version 0 when an error 35 names none, and gives up on one that refuses even that', async () => {
    const broker = await new Broker().listen()
    broker.onApiVersions = ({ correlationId }) => {
      broker.socket?.write(encodeResponseFrame(ApiVersionsResponse, { correlationId, apiVersion: 0 }, { errorCode: 35 }))
    }
    const outcome = await broker.sim.complete(settled(broker.connect()))
    assert.equal(outcome.code, 'PROTOCOL_VIOLATION')
    assert.deepEqual(
      broker.asked.map(({ apiVersion }) => apiVersion),
      [4, 0]
    )
    assert.equal(await broker.openSockets(), 0)
  })

  test('fails retriably when nobody listens, the host is unknown, or no answer comes', async () => {
    const broker = await new Broker().listen()
    for (const wrong of [{ port: 1 }, { host: 'nowhere' }]) {
      const outcome = await broker.sim.complete(settled(broker.connect(wrong)))
      assert.deepEqual(outcome, { code: 'CONNECTION_FAILED', retriable: true })
    }
    broker.onApiVersions = () => {}
    const before = broker.sim.nowMs
    const outcome = await broker.sim.complete(settled(broker.connect({ requestTimeoutMs: 3_000 })))
    assert.deepEqual(outcome, { code: 'REQUEST_TIMEOUT', retriable: true })
    assert.ok(broker.sim.nowMs - before < 3_010)
    assert.equal(await broker.openSockets(), 0)
  })

  test('ends with the reason of its signal, and leaves no socket', async () => {
    const broker = await new Broker().listen()
    broker.onApiVersions = () => {}
    for (const stage of ['connecting', 'asking']) {
      const controller = new AbortController()
      const outcome = settled(broker.connect({ signal: controller.signal }))
      if (stage === 'asking') await broker.sim.run({ until: () => broker.asked.length > 0 })
      controller.abort('enough')
      assert.deepEqual(await broker.sim.complete(outcome), { code: 'enough' })
    }
    assert.equal(await broker.openSockets(), 0)
  })
})

describe('requests of a client connection', () => {
  test('of one turn leave together and are answered in order', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected()
    const chunksBefore = broker.chunks
    const both = Promise.all([metadata(connection), metadata(connection)])
    const [first, second] = await broker.requests(2)
    assert.equal(broker.chunks - chunksBefore, 1)
    assert.equal(second.correlationId, first.correlationId + 1)
    broker.answerMetadata(first, 'a')
    broker.answerMetadata(second, 'b')
    assert.deepEqual(
      (await broker.sim.complete(both)).map(({ clusterId }) => clusterId),
      ['a', 'b']
    )
    connection.close()
  })

  test('beyond the bound in flight wait for answers', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected({ inFlightMax: 2 })
    const all = [1, 2, 3].map(() => metadata(connection))
    const [first] = await broker.requests(2)
    await broker.sim.advance(1_000)
    assert.equal((await broker.requests(2)).length, 2)
    broker.answerMetadata(first, 'a')
    const asked = await broker.requests(3)
    for (const each of asked.slice(1)) broker.answerMetadata(each, 'b')
    await broker.sim.complete(Promise.all(all))
    connection.close()
  })

  test('wait in a bounded number', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected({ inFlightMax: 1 })
    const outcomes = Array.from({ length: 10_002 }, () => settled(metadata(connection)))
    assert.deepEqual(await broker.sim.complete(outcomes[10_001]), { code: 'CONNECTION_BUSY', retriable: true })
    connection.close()
    const codes = (await broker.sim.complete(Promise.all(outcomes))).map(({ code }) => code)
    assert.equal(codes.filter((code) => code === 'CONNECTION_CLOSED').length, 10_001)
  })

  test('wait out the throttle that an answer asks for', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected()
    const first = metadata(connection)
    broker.answerMetadata((await broker.requests(1))[0], 'a', 2_000)
    await broker.sim.complete(first)
    const before = broker.sim.nowMs
    const second = metadata(connection)
    broker.answerMetadata((await broker.requests(2))[1], 'b')
    await broker.sim.complete(second)
    assert.ok(broker.sim.nowMs - before >= 2_000, `${broker.sim.nowMs - before} ms`)
    connection.close()
  })

  test('without an answer settle when their bytes are on their way, and disturb no others', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected()
    const produced = connection.send(ProduceRequest, ProduceResponse, { acks: 0, topicData: [] }, { expectsResponse: false })
    const asked = metadata(connection)
    assert.equal(await broker.sim.complete(produced), undefined)
    broker.answerMetadata((await broker.requests(2))[1], 'a')
    assert.equal((await broker.sim.complete(asked)).clusterId, 'a')
    connection.close()
  })

  test('that are given up do not disturb the ones behind them', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected()
    const controller = new AbortController()
    const first = settled(metadata(connection, { signal: controller.signal }))
    const second = metadata(connection)
    const asked = await broker.requests(2)
    controller.abort('enough')
    assert.deepEqual(await broker.sim.complete(first), { code: 'enough' })
    broker.answerMetadata(asked[0], 'a')
    broker.answerMetadata(asked[1], 'b')
    assert.equal((await broker.sim.complete(second)).clusterId, 'b')
    connection.close()
  })

  test('without a version that both sides know are refused by name', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected()
    const outcome = await broker.sim.complete(settled(metadata(connection, { minVersion: 99 })))
    assert.deepEqual(outcome, { code: 'UNSUPPORTED_VERSION', retriable: false })
    connection.close()
  })
})

describe('a broker that lies', () => {
  const lies: [name: string, tell: (broker: Broker, asked: Asked) => void][] = [
    ['answers with a wrong correlation id', (broker, asked) => broker.answerMetadata({ ...asked, correlationId: 4711 }, 'a')],
    ['announces a frame of 1 GiB', (broker) => broker.socket?.write([frameOf(1 << 30)])],
    ['announces a frame of negative size', (broker) => broker.socket?.write([frameOf(-5)])],
    ['sends a body that does not decode', (broker, asked) => broker.socket?.write([frameOf(12, asked.correlationId, 0x7fffffff, -1)])],
    ['sends a frame too short for a header', (broker) => broker.socket?.write([Buffer.from([0, 0, 0, 2, 0, 0])])],
    ['speaks HTTP', (broker) => broker.socket?.write([Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')])]
  ]
  for (const [name, tell] of lies)
    test(`and ${name} ends the connection with a typed error`, async () => {
      const broker = await new Broker().listen()
      const connection = await broker.connected()
      const outcomes = [settled(metadata(connection)), settled(metadata(connection))]
      const [asked] = await broker.requests(2)
      tell(broker, asked)
      assert.deepEqual(await broker.sim.complete(Promise.all(outcomes)), [
        { code: 'PROTOCOL_VIOLATION', retriable: false },
        { code: 'CONNECTION_CLOSED', retriable: true }
      ])
      assert.ok(connection.isClosed)
      assert.deepEqual(await settled(metadata(connection)), { code: 'CONNECTION_CLOSED', retriable: true })
      assert.equal(await broker.openSockets(), 0)
    })

  test('and answers what nobody asked loses the connection', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected()
    const closed = new Promise<string>((resolve) => connection.onClose(({ code }) => resolve(code)))
    broker.answerMetadata({ apiKey: 3, apiVersion: 13, correlationId: 1, clientId: null }, 'a')
    assert.equal(await broker.sim.complete(closed), 'PROTOCOL_VIOLATION')
  })
})

describe('the end of a client connection', () => {
  test('comes when a request gets no answer in time, also for those behind it', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected()
    const outcomes = [settled(metadata(connection, { timeoutMs: 1_000 })), settled(metadata(connection, { timeoutMs: 60_000 }))]
    const before = broker.sim.nowMs
    assert.deepEqual(await broker.sim.complete(Promise.all(outcomes)), [
      { code: 'REQUEST_TIMEOUT', retriable: true },
      { code: 'CONNECTION_CLOSED', retriable: true }
    ])
    assert.ok(broker.sim.nowMs - before < 1_010)
    assert.equal(await broker.openSockets(), 0)
  })

  test('comes by its request timeout when the wire goes dead without a sign', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected()
    broker.sim.network.dropConnections('client', 'broker')
    const outcome = await broker.sim.complete(settled(metadata(connection)))
    assert.deepEqual(outcome, { code: 'REQUEST_TIMEOUT', retriable: true })
    assert.ok(connection.isClosed)
  })

  test('fails what is in flight retriably, once, when the broker dies', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected()
    const outcomes = [settled(metadata(connection)), settled(metadata(connection))]
    await broker.requests(2)
    broker.node.kill()
    for (const outcome of await broker.sim.complete(Promise.all(outcomes)))
      assert.deepEqual(outcome, { code: 'CONNECTION_CLOSED', retriable: true })
  })

  test('inside an answer is a lost connection like any other: a broker that is killed does that', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected()
    const outcomes = [settled(metadata(connection)), settled(metadata(connection))]
    const [asked] = await broker.requests(2)
    broker.socket?.write([frameOf(100, asked.correlationId)])
    broker.socket?.end()
    for (const outcome of await broker.sim.complete(Promise.all(outcomes)))
      assert.deepEqual(outcome, { code: 'CONNECTION_CLOSED', retriable: true })
    assert.equal(await broker.openSockets(), 0)
  })

  test('by close fails what is in flight, is idempotent and leaves no timer', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected()
    let closes = 0
    connection.onClose(() => closes++)
    const outcome = settled(metadata(connection))
    await broker.requests(1)
    connection.close()
    connection.close()
    assert.deepEqual(await broker.sim.complete(outcome), { code: 'CONNECTION_CLOSED', retriable: true })
    assert.equal(closes, 1)
    assert.equal(await broker.openSockets(), 0)
    // With nothing left to do the simulation ends by itself.
    await broker.sim.run()
  })

  test('comes when it has been idle for long, but not while a request is in flight', async () => {
    const broker = await new Broker().listen()
    const connection = await broker.connected({ idleMs: 10_000 })
    const asked = metadata(connection, { timeoutMs: 60_000 })
    const [request] = await broker.requests(1)
    await broker.sim.advance(30_000)
    assert.equal(connection.isClosed, false)
    broker.answerMetadata(request, 'a')
    await broker.sim.complete(asked)
    await broker.sim.advance(9_000)
    assert.equal(connection.isClosed, false)
    await broker.sim.advance(3_000)
    assert.equal(connection.isClosed, true)
  })
})
