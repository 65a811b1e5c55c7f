import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ConnectionLimits, ConnectionQuotas, type FrameHandler, MemoryBudget, SocketServer } from '../src/index.ts'
import { FakeSocket, FakeWorld, frame } from './fakes.ts'

const handler: FrameHandler = {
  mayOverlap: () => false,
  onClosed: () => {},
  onFrame: (bytes) => (bytes.toString() === 'park' ? new Promise(() => {}) : [frame(bytes.toString())])
}

async function setUp(limits: Partial<ConnectionLimits> = {}, isHeld = false, responseMemory = new MemoryBudget(1 << 20)) {
  const fake = new FakeWorld()
  const quotas = new ConnectionQuotas(() => ({
    connectionsMax: 100,
    connectionsPerIpMax: 100,
    perIpOverrides: new Map(),
    creationRate: Number.POSITIVE_INFINITY,
    creationRatePerIp: Number.POSITIVE_INFINITY,
    listener: () => ({ connectionsMax: 100, creationRate: Number.POSITIVE_INFINITY }),
    ...limits
  }))
  const server = await SocketServer.listen({
    world: fake.world,
    listenerName: 'PLAINTEXT',
    host: '127.0.0.1',
    port: 9092,
    handler,
    quotas,
    requestMemory: new MemoryBudget(1 << 20),
    responseMemory,
    requestBytesMax: () => 1000,
    idleMs: () => 600_000
  })
  if (!isHeld) server.open()
  return { fake, quotas, server }
}

describe('a listener', () => {
  test('reads no request before it is opened', async () => {
    const { fake, server } = await setUp({}, true)
    const early = fake.accept(new FakeSocket())
    assert.equal(early.isPaused, true)
    server.open()
    assert.equal(early.isPaused, false)
    assert.equal(fake.accept(new FakeSocket()).isPaused, false)
  })

  test('closes connections that are idle for too long and keeps the others', async () => {
    const { fake, server } = await setUp()
    const idle = fake.accept(new FakeSocket())
    const busy = fake.accept(new FakeSocket())
    const parked = fake.accept(new FakeSocket())
    parked.receive(frame('park'))
    for (let i = 0; i < 121; i++) {
      await fake.advance(5_000)
      busy.receive(frame('hello'))
    }
    assert.deepEqual([idle.isDestroyed, busy.isDestroyed, parked.isDestroyed], [true, false, false])
    assert.equal(server.connections.size, 2)
  })

  test('closes a connection whose frame does not come to its end', async () => {
    const { fake } = await setUp()
    const slow = fake.accept(new FakeSocket())
    const bytes = frame('x'.repeat(900))
    for (let i = 0; i < 36 && !slow.isDestroyed; i++) {
      slow.receive(bytes.subarray(i, i + 1))
      await fake.advance(1_000)
    }
    assert.equal(slow.isDestroyed, true)
    assert.ok(fake.nowMs <= 36_000)
  })

  test('closes connections that do not read their answers when these fill the memory, and no others', async () => {
    for (const [limitBytes, isClosed] of [
      [100, true],
      [100_000, false]
    ] as const) {
      const { fake } = await setUp({}, false, new MemoryBudget(limitBytes))
      const [stalled, silent] = [fake.accept(new FakeSocket()), fake.accept(new FakeSocket())]
      stalled.peerReads = false
      stalled.receive(frame('x'.repeat(900)))
      await fake.advance(4_500)
      assert.equal(stalled.isDestroyed, false)
      await fake.advance(2_500)
      assert.deepEqual([stalled.isDestroyed, silent.isDestroyed], [isClosed, false])
    }
  })

  test('keeps a connection that sends one frame after the other slowly', async () => {
    const { fake } = await setUp()
    const socket = fake.accept(new FakeSocket())
    for (let i = 0; i < 20; i++) {
      socket.receive(frame('hi').subarray(0, 5))
      await fake.advance(10_000)
      socket.receive(frame('hi').subarray(5))
    }
    await fake.turn()
    assert.equal(socket.isDestroyed, false)
    assert.equal(socket.answers.length, 20)
  })

  test('refuses connections over max.connections and over max.connections.per.ip', async () => {
    const { fake, quotas } = await setUp({ connectionsMax: 3, connectionsPerIpMax: 1, perIpOverrides: new Map([['10.0.0.2', 2]]) })
    const accept = (ip: string) => !fake.accept(new FakeSocket(ip)).isDestroyed
    assert.deepEqual([accept('10.0.0.1'), accept('10.0.0.1')], [true, false])
    assert.deepEqual([accept('10.0.0.2'), accept('10.0.0.2')], [true, true])
    assert.equal(accept('10.0.0.3'), false)
    assert.equal(quotas.connections, 3)
  })

  test('counts connections that went', async () => {
    const { fake, quotas } = await setUp({ connectionsPerIpMax: 1 })
    const first = fake.accept(new FakeSocket())
    first.handlers?.onClose()
    assert.equal(quotas.connections, 0)
    assert.equal(fake.accept(new FakeSocket()).isDestroyed, false)
  })

  test('lets connections that come too fast wait for their turn', async () => {
    const { fake } = await setUp({ creationRatePerIp: 1 })
    const sockets = Array.from({ length: 12 }, () => fake.accept(new FakeSocket()))
    assert.deepEqual(sockets.filter((socket) => socket.isPaused).length, 2)
    await fake.advance(1_000)
    assert.deepEqual(sockets.filter((socket) => socket.isPaused).length, 1)
    await fake.advance(1_000)
    assert.deepEqual(sockets.filter((socket) => socket.isPaused).length, 0)
    assert.equal(fake.accept(new FakeSocket('10.0.0.9')).isPaused, false)
  })

  test('holds the limits of its own, apart from those of other listeners', async () => {
    const quotas = new ConnectionQuotas(() => ({
      connectionsMax: 5,
      connectionsPerIpMax: 100,
      perIpOverrides: new Map(),
      creationRate: Number.POSITIVE_INFINITY,
      creationRatePerIp: Number.POSITIVE_INFINITY,
      listener: (name) => (name === 'SLOW' ? { connectionsMax: 20, creationRate: 0.1 } : { connectionsMax: 2, creationRate: 1_000 })
    }))
    const admit = (listenerName: string) => quotas.admit(listenerName, '10.0.0.1', 0)
    assert.deepEqual([admit('SMALL'), admit('SMALL')], [{ delayMs: 0 }, { delayMs: 0 }])
    assert.deepEqual(admit('SMALL'), { refused: 'max.connections (2) of listener SMALL reached' })
    assert.deepEqual([admit('SLOW'), admit('SLOW')], [{ delayMs: 0 }, { delayMs: 10_000 }])
    quotas.release('SMALL', '10.0.0.1', 0)
    assert.deepEqual(admit('SMALL'), { delayMs: 0 })
    assert.deepEqual(admit('SLOW'), { delayMs: 20_000 })
    assert.deepEqual(admit('SLOW'), { refused: 'max.connections (5) reached' })
  })

  test('takes nobody at a rate of 0', async () => {
    const { fake, quotas } = await setUp({ creationRate: 0 })
    assert.equal(fake.accept(new FakeSocket()).isDestroyed, true)
    assert.deepEqual([quotas.connections, fake.pendingTimers], [0, 0])
  })

  test('forgets the pace of addresses that are quiet, also while one stays connected', async () => {
    const { fake, quotas } = await setUp({ creationRatePerIp: 50 })
    fake.accept(new FakeSocket('10.0.0.1'))
    for (let i = 0; i < 1_000; i++) {
      await fake.advance(100)
      fake.accept(new FakeSocket(`10.1.${i >> 8}.${i & 255}`)).handlers?.onClose()
    }
    assert.ok(quotas.rememberedAddresses <= 2, `${quotas.rememberedAddresses} addresses remembered`)
  })

  test('closes gracefully: what is in handling gets its time, then all go', async () => {
    const { fake, server } = await setUp()
    const idle = fake.accept(new FakeSocket())
    const parked = fake.accept(new FakeSocket())
    parked.receive(frame('park'))
    let isClosed = false
    const closing = server.close(1_000).then(() => {
      isClosed = true
    })
    await fake.turn()
    assert.deepEqual([idle.isEnded, parked.isEnded, isClosed], [true, false, false])
    await fake.advance(1_000)
    await closing
    assert.equal(parked.isDestroyed, true)
    assert.equal(fake.accept(new FakeSocket()).isDestroyed, true)
  })

  test('leaves no timer behind when the last connection went', async () => {
    const { fake } = await setUp()
    const socket = fake.accept(new FakeSocket())
    socket.handlers?.onClose()
    await fake.advance(10_000)
    assert.equal(fake.pendingTimers, 0)
  })

  test('leaves no timer behind of connections that went before their turn', async () => {
    const { fake, server } = await setUp({ creationRatePerIp: 0.01 })
    const sockets = Array.from({ length: 5 }, () => fake.accept(new FakeSocket()))
    assert.equal(sockets.filter((socket) => socket.isPaused).length, 5)
    const closing = server.close(1_000)
    await fake.advance(5_000)
    await closing
    assert.equal(fake.pendingTimers, 0)
  })
})
