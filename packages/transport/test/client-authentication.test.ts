// Authentication of a client connection, in virtual time, with a broker that keeps to KIP-368: after its session has ended it takes
// nothing but a new authentication, and after a handshake nothing but the rest of it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { OdradekError } from '@odradek/base'
import {
  ApiKey,
  ApiVersionsResponse,
  apiKeys,
  decodeRequestHeader,
  encodeResponseFrame,
  MetadataRequest,
  MetadataResponse,
  SaslAuthenticateRequest,
  SaslAuthenticateResponse,
  SaslHandshakeRequest,
  SaslHandshakeResponse
} from '@odradek/protocol'
import type { Socket } from '@odradek/world'
import { createSimulation, type SimNode, type Simulation } from '@odradek/world/sim'
import { ClientConnection, type ClientConnectionOptions } from '../src/client-connection.ts'
import { FrameReader } from '../src/frame-reader.ts'
import type { SaslMechanism } from '../src/sasl/mechanism.ts'
import { oauthBearerMechanism } from '../src/sasl/oauthbearer.ts'
import { plainMechanism } from '../src/sasl/plain.ts'

class SaslBroker {
  readonly sim: Simulation = createSimulation({ seed: 11, network: { delayMs: [0.1, 0.2], slowChance: 0 } })
  readonly node: SimNode = this.sim.node('broker')
  readonly client: SimNode = this.sim.node('client')
  readonly seen: string[] = []
  /** What it takes, after a NUL and the name. */
  password = 'right'
  sessionLifetimeMs = 0
  /** Of the answer to a request, ms. */
  answerMs = 0
  violations = 0
  /** False: a listener without SASL does not list its requests. */
  hasSasl = true
  /** In place of an answer to SaslAuthenticate: a body, bytes behind the header, or nothing. */
  lie: (() => object | Buffer | undefined) | undefined
  #sessionEndsAtMs = Infinity
  #isBetween = false

  async listen(): Promise<this> {
    await this.sim.complete(this.node.world.network.listen({ host: '', port: 9092 }, (socket) => this.#accept(socket)))
    return this
  }

  connect(sasl: SaslMechanism, options: Partial<ClientConnectionOptions> = {}): Promise<ClientConnection> {
    return ClientConnection.connect({ world: this.client.world, host: 'broker', port: 9092, security: { sasl }, ...options })
  }

  count(name: string): number {
    return this.seen.filter((each) => each === name).length
  }

  #accept(socket: Socket): void {
    const reader = new FrameReader(() => 1 << 20)
    // One request at a time, as brokers do.
    let last = Promise.resolve()
    socket.setHandlers({
      onData: (chunk) => {
        reader.push(chunk)
        for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
          const copy = Buffer.from(frame)
          last = last.then(() => this.#handle(socket, copy))
        }
      },
      onDrain() {},
      onEnd() {},
      onClose() {}
    })
  }

  async #handle(socket: Socket, frame: Buffer): Promise<void> {
    const header = decodeRequestHeader(frame)
    const name = apiKeys.get(header.apiKey)?.name ?? '?'
    this.seen.push(name)
    if (this.answerMs > 0 && header.apiKey === ApiKey.METADATA)
      await new Promise<void>((resolve) => this.node.world.timers.schedule(this.answerMs, resolve))
    if (header.apiKey === ApiKey.API_VERSIONS) {
      const known = [...apiKeys.values()].filter(({ key }) => this.hasSasl || key !== ApiKey.SASL_HANDSHAKE)
      const keys = known.map(({ key, min, max }) => ({ apiKey: key, minVersion: min, maxVersion: max }))
      socket.write(encodeResponseFrame(ApiVersionsResponse, header, { apiKeys: keys }))
    } else if (header.apiKey === ApiKey.SASL_HANDSHAKE) {
      const { mechanism } = SaslHandshakeRequest.decodeAt(frame, header.bodyOffset, header.apiVersion).value
      const mechanisms = ['PLAIN', 'OAUTHBEARER']
      this.#isBetween = mechanisms.includes(mechanism)
      socket.write(encodeResponseFrame(SaslHandshakeResponse, header, { errorCode: this.#isBetween ? 0 : 33, mechanisms }))
    } else if (header.apiKey === ApiKey.SASL_AUTHENTICATE && this.lie !== undefined) {
      const lie = this.lie()
      if (Buffer.isBuffer(lie)) {
        const frame = Buffer.alloc(9)
        frame.writeInt32BE(5 + lie.length, 0)
        frame.writeInt32BE(header.correlationId, 4)
        socket.write([Buffer.concat([frame, lie])])
      } else if (lie !== undefined) socket.write(encodeResponseFrame(SaslAuthenticateResponse, header, lie))
    } else if (header.apiKey === ApiKey.SASL_AUTHENTICATE) {
      const { authBytes } = SaslAuthenticateRequest.decodeAt(frame, header.bodyOffset, header.apiVersion).value
      const isRight = authBytes.toString().includes(this.password)
      this.#isBetween = !isRight
      this.#sessionEndsAtMs = this.sessionLifetimeMs === 0 ? Infinity : this.sim.nowMs + this.sessionLifetimeMs
      const { sessionLifetimeMs } = this
      const body = isRight ? { sessionLifetimeMs } : { errorCode: 58, errorMessage: 'Authentication failed: Invalid username or password' }
      socket.write(encodeResponseFrame(SaslAuthenticateResponse, header, body))
    } else {
      if (this.#isBetween || this.sim.nowMs > this.#sessionEndsAtMs) {
        this.violations++
        socket.destroy()
        return
      }
      socket.write(encodeResponseFrame(MetadataResponse, header, { clusterId: String(header.correlationId) }))
    }
  }
}

const settled = <T>(promise: Promise<T>): Promise<{ value?: T; code?: string; retriable?: boolean; message?: string }> =>
  promise.then(
    (value) => ({ value }),
    (error) =>
      error instanceof OdradekError ? { code: error.code, retriable: error.retriable, message: error.message } : Promise.reject(error)
  )
const ask = (connection: ClientConnection) => connection.send(MetadataRequest, MetadataResponse, { topics: [] })

describe('authentication of a client connection', () => {
  test('comes before the first request of its owner', async () => {
    const broker = await new SaslBroker().listen()
    const connection = await broker.sim.complete(broker.connect(plainMechanism('alice', 'right')))
    await broker.sim.complete(ask(connection))
    assert.deepEqual(broker.seen, ['ApiVersions', 'SaslHandshake', 'SaslAuthenticate', 'Metadata'])
    connection.close()
  })

  test('that is refused is one error for good, with the reason and without the secret, and leaves no socket', async () => {
    const broker = await new SaslBroker().listen()
    const outcome = await broker.sim.complete(settled(broker.connect(plainMechanism('alice', 'wrong-secret'))))
    assert.deepEqual({ code: outcome.code, retriable: outcome.retriable }, { code: 'SASL_AUTHENTICATION_FAILED', retriable: false })
    assert.match(outcome.message ?? '', /broker:9092.*PLAIN.*Invalid username or password/)
    assert.doesNotMatch(outcome.message ?? '', /wrong-secret/)
    await broker.sim.advance(5_000)
    assert.equal(broker.client.host.sockets.size, 0)
  })

  test('by a mechanism that the broker does not have says which it has', async () => {
    const broker = await new SaslBroker().listen()
    const outcome = await broker.sim.complete(settled(broker.connect({ ...plainMechanism('alice', 'right'), name: 'SCRAM-SHA-256' })))
    assert.deepEqual({ code: outcome.code, retriable: outcome.retriable }, { code: 'UNSUPPORTED_SASL_MECHANISM', retriable: false })
    assert.match(outcome.message ?? '', /SCRAM-SHA-256.*PLAIN, OAUTHBEARER/)
  })

  test('at a listener without SASL asks whether it is the right one', async () => {
    const broker = await new SaslBroker().listen()
    broker.hasSasl = false
    const { code, retriable, message } = await broker.sim.complete(settled(broker.connect(plainMechanism('alice', 'right'))))
    assert.deepEqual({ code, retriable }, { code: 'UNSUPPORTED_VERSION', retriable: false })
    assert.equal(message, 'broker:9092 has no SASL on this port: is the listener one with SASL?')
  })

  test('ends with the signal of its caller while the token is waited for', async () => {
    const broker = await new SaslBroker().listen()
    const controller = new AbortController()
    const source = { token: () => new Promise<never>(() => {}), forget() {} }
    const outcome = broker.connect(oauthBearerMechanism(source), { signal: controller.signal }).catch((error) => error)
    await broker.sim.advance(50)
    controller.abort('enough')
    assert.equal(await broker.sim.complete(outcome), 'enough')
    await broker.sim.advance(5_000)
    assert.equal(broker.client.host.sockets.size, 0)
  })
})

describe('a broker that lies while it authenticates', () => {
  const answers: [string, Partial<SaslBroker>, string, boolean][] = [
    ['with challenges without end', { lie: () => ({ authBytes: Buffer.from('again') }) }, 'PROTOCOL_VIOLATION', false],
    ['with bytes that are no answer', { lie: () => Buffer.alloc(3, 0xff) }, 'PROTOCOL_VIOLATION', false],
    ['with an unknown error', { lie: () => ({ errorCode: 12_345 }) }, 'SASL_AUTHENTICATION_FAILED', false],
    [
      'with a reason that writes to the terminal',
      { lie: () => ({ errorCode: 58, errorMessage: `\x1b[2J\n${'x'.repeat(9_000)}` }) },
      'SASL_AUTHENTICATION_FAILED',
      false
    ],
    ['with silence', { lie: () => undefined }, 'REQUEST_TIMEOUT', true]
  ]
  for (const [how, behaviour, code, retriable] of answers)
    test(`${how} is found out in bounded time`, async () => {
      const broker = Object.assign(await new SaslBroker().listen(), behaviour)
      const source = { token: async () => ({ value: 'right' }), forget() {} }
      const outcome = await broker.sim.complete(settled(broker.connect(oauthBearerMechanism(source), { requestTimeoutMs: 3_000 })))
      assert.deepEqual({ code: outcome.code, retriable: outcome.retriable }, { code, retriable })
      assert.ok(broker.sim.nowMs < 4_000)
      assert.ok((outcome.message ?? '').length < 700 && !/\p{Cc}/u.test(outcome.message ?? ''))
      await broker.sim.advance(5_000)
      assert.equal(broker.client.host.sockets.size, 0)
    })

  test('by a session of a negative or of no length gets no second authentication', async () => {
    const broker = Object.assign(await new SaslBroker().listen(), { sessionLifetimeMs: -5 })
    const connection = await broker.sim.complete(broker.connect(plainMechanism('alice', 'right')))
    broker.sessionLifetimeMs = 0
    await broker.sim.advance(10_000)
    assert.equal(broker.count('SaslHandshake'), 1)
    connection.close()
  })
})

describe('re-authentication (KIP-368)', () => {
  test('comes before the session ends, on the same connection, and keeps the order of requests in flight and waiting', async () => {
    const broker = await new SaslBroker().listen()
    broker.sessionLifetimeMs = 2_000
    broker.answerMs = 7
    const connection = await broker.sim.complete(broker.connect(plainMechanism('alice', 'right'), { inFlightMax: 5 }))
    const answers: number[] = []
    let asked = 0
    const { timers } = broker.client.world
    const tick = (): void => {
      asked++
      void ask(connection).then(({ clusterId }) => answers.push(Number(clusterId)))
      if (asked < 2_000) timers.schedule(7, tick)
    }
    tick()
    await broker.sim.run({ until: () => answers.length === 2_000 })
    assert.equal(broker.violations, 0)
    assert.ok(broker.count('SaslHandshake') >= 7, `${broker.count('SaslHandshake')} authentications in 14 s`)
    assert.equal(broker.count('ApiVersions'), 1)
    assert.deepEqual(
      answers,
      answers.toSorted((a, b) => a - b)
    )
    connection.close()
  })

  test('waits for the next request on an idle connection, however long the session has ended', async () => {
    const broker = await new SaslBroker().listen()
    broker.sessionLifetimeMs = 2_000
    const connection = await broker.sim.complete(broker.connect(plainMechanism('alice', 'right')))
    await broker.sim.advance(60_000)
    assert.equal(broker.count('SaslHandshake'), 1)
    await broker.sim.complete(ask(connection))
    assert.equal(broker.count('SaslHandshake'), 2)
    assert.equal(broker.violations, 0)
    connection.close()
  })

  test('that is refused ends the connection; what waits gets a retriable error', async () => {
    const broker = await new SaslBroker().listen()
    broker.sessionLifetimeMs = 2_000
    const connection = await broker.sim.complete(broker.connect(plainMechanism('alice', 'right')))
    broker.password = 'another'
    await broker.sim.advance(2_000)
    const outcome = await broker.sim.complete(settled(ask(connection)))
    assert.deepEqual({ code: outcome.code, retriable: outcome.retriable }, { code: 'CONNECTION_CLOSED', retriable: true })
    assert.ok(connection.isClosed)
    assert.equal(broker.violations, 0)
  })

  test('without a new token ends the connection and says why', async () => {
    const broker = await new SaslBroker().listen()
    broker.sessionLifetimeMs = 2_000
    let tokens = 0
    const source = {
      token: async () => {
        if (tokens++ > 0) throw new OdradekError('SASL_LOGIN_FAILED', 'no token')
        return { value: 'right' }
      },
      forget() {}
    }
    const connection = await broker.sim.complete(broker.connect(oauthBearerMechanism(source)))
    await broker.sim.advance(2_000)
    const outcome = await broker.sim.complete(settled(ask(connection)))
    assert.equal(outcome.code, 'CONNECTION_CLOSED')
    assert.match(outcome.message ?? '', /no token/)
  })
})
