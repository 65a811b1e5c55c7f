import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isTlsError, type Socket, type SocketHandlers } from '@odradek/world'
import { createSimulation, type NetworkConditions, type SimNode, type Simulation } from '@odradek/world/sim'
import { codeIs } from '../disk-contract.ts'

class Probe implements SocketHandlers {
  readonly socket: Socket
  readonly chunks: Buffer[] = []
  received = 0
  drains = 0
  ends = 0
  closes = 0
  error: Error | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.setHandlers(this)
  }
  onData(chunk: Buffer): void {
    assert.equal(this.closes, 0, 'data after close')
    this.chunks.push(chunk)
    this.received += chunk.length
  }
  onDrain(): void {
    assert.equal(this.closes, 0)
    this.drains++
  }
  onEnd(): unknown {
    assert.equal(this.closes, 0)
    this.ends++
    return undefined
  }
  onClose(error?: Error): void {
    this.closes++
    this.error = error
  }
  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }
}

interface Scene {
  sim: Simulation
  a: SimNode
  b: SimNode
  /** The client's end, on a. */
  client: Probe
  /** The server's end, on b. */
  server: Probe
}

async function scene(options: { seed?: number; network?: Partial<NetworkConditions> } = {}): Promise<Scene> {
  const sim = createSimulation({ seed: options.seed ?? 1, network: options.network })
  const a = sim.node('a')
  const b = sim.node('b')
  let server: Probe | undefined
  await sim.complete(b.world.network.listen({ host: '', port: 9092 }, (socket) => (server = new Probe(socket))))
  const client = new Probe(await sim.complete(a.world.network.connect({ host: 'b', port: 9092 })))
  await sim.run({ until: () => server !== undefined })
  return { sim, a, b, client, server: server as unknown as Probe }
}

describe('simulated connections', () => {
  test('carry bytes in order, in segments of every size, both ways', async () => {
    const sizes = new Set<string>()
    for (let seed = 1; seed <= 10; seed++) {
      const { sim, client, server } = await scene({ seed })
      const data = sim.prng.fork('data').bytes(300_000)
      for (let at = 0; at < data.length; at += 30_000)
        client.socket.write([data.subarray(at, at + 10_000), Buffer.alloc(0), data.subarray(at + 10_000, at + 30_000)])
      server.socket.write([Buffer.from('answer')])
      await sim.run({ until: () => server.received === data.length && client.received === 6 })
      assert.ok(Buffer.concat(server.chunks).equals(data))
      assert.equal(client.text, 'answer')
      for (const chunk of server.chunks) sizes.add(`1e${Math.floor(Math.log10(chunk.length))}`)
    }
    assert.deepEqual([...sizes].sort(), ['1e0', '1e1', '1e2', '1e3', '1e4'])
  })

  test('show addresses of both ends', async () => {
    const { client, server } = await scene()
    assert.equal(client.socket.remoteAddress, '10.0.0.2')
    assert.equal(client.socket.remotePort, 9092)
    assert.equal(server.socket.remotePort, client.socket.localPort)
    assert.equal(server.socket.remoteAddress, client.socket.localAddress)
  })

  test('do not show the receiver what the sender changes after the bytes left', async () => {
    const { sim, client, server } = await scene()
    const buffer = Buffer.from('original')
    client.socket.write([buffer])
    buffer.fill('x')
    await sim.run({ until: () => server.received === 8 })
    assert.equal(server.text, 'original')
  })

  test('a receiver that pauses fills the window and the queue of the sender, and draining is told', async () => {
    const { sim, client, server } = await scene()
    server.socket.pause()
    let written = 0
    const block = Buffer.alloc(100_000)
    while (client.socket.write([block])) written += block.length
    written += block.length
    await sim.run()
    assert.equal(server.received, 0)
    assert.equal(client.drains, 0)
    assert.equal(client.socket.bufferedBytes, written - 256 * 1024)
    assert.equal(client.socket.write([block]), false)
    written += block.length
    server.socket.resume()
    await sim.run({ until: () => server.received === written })
    assert.equal(client.drains, 1)
    assert.equal(client.socket.bufferedBytes, 0)
  })

  test('pausing within a chunk stops the next one', async () => {
    const { sim, client, server } = await scene()
    server.onData = (chunk) => {
      server.received += chunk.length
      server.socket.pause()
    }
    client.socket.write([Buffer.alloc(200_000)])
    let turns = 0
    while (server.received < 200_000) {
      const before = server.received
      await sim.run()
      assert.equal(server.received > before, true)
      server.socket.resume()
      turns++
    }
    assert.ok(turns > 1)
  })

  test('end delivers what is queued, then closes both ends without an error', async () => {
    const { sim, client, server } = await scene()
    client.socket.write([Buffer.alloc(1_000_000)])
    client.socket.end()
    assert.equal(client.socket.write([Buffer.from('late')]), false)
    server.onEnd = () => {
      server.ends++
      server.socket.write([Buffer.from('last words')])
    }
    await sim.run({ until: () => client.closes === 1 && server.closes === 1 })
    assert.equal(server.received, 1_000_000)
    assert.equal(client.text, 'last words')
    assert.deepEqual([server.ends, client.error, server.error], [1, undefined, undefined])
  })

  test('a socket whose owner wants it so stays open when the peer has sent all', async () => {
    const { sim, client, server } = await scene()
    client.socket.end()
    server.onEnd = () => {
      server.ends++
      return true
    }
    await sim.run({ until: () => server.ends === 1 })
    await sim.run()
    server.socket.write([Buffer.from('last words')])
    server.socket.end()
    await sim.run({ until: () => client.closes === 1 && server.closes === 1 })
    assert.equal(client.text, 'last words')
  })

  test('destroy tells the owner in a later turn and ends the peer; with unread bytes it resets it', async () => {
    const calm = await scene()
    const reason = new Error('limit')
    calm.client.socket.destroy(reason)
    assert.equal(calm.client.closes, 0)
    await calm.sim.run({ until: () => calm.client.closes === 1 && calm.server.closes === 1 })
    assert.equal(calm.client.error, reason)
    assert.deepEqual([calm.server.ends, calm.server.error], [1, undefined])

    const harsh = await scene()
    harsh.client.socket.pause()
    harsh.server.socket.write([Buffer.from('unread')])
    await harsh.sim.run()
    harsh.client.socket.destroy()
    await harsh.sim.run({ until: () => harsh.server.closes === 1 })
    assert.ok(codeIs('ECONNRESET')(harsh.server.error))
  })

  test('writing to an end that is gone comes back as a reset', async () => {
    const { sim, a, server } = await scene()
    server.socket.write([Buffer.alloc(1_000_000)])
    a.kill()
    await sim.run({ until: () => server.closes === 1 })
    assert.ok(codeIs('ECONNRESET')(server.error))
    assert.equal(server.socket.write([Buffer.from('x')]), false)
  })

  test('handlers set late miss nothing, neither bytes nor the close', async () => {
    const sim = createSimulation({ seed: 1 })
    let accepted: Socket | undefined
    await sim.complete(sim.node('b').world.network.listen({ host: '', port: 1 }, (socket) => (accepted = socket)))
    const socket = await sim.complete(sim.node('a').world.network.connect({ host: 'b', port: 1 }))
    socket.write([Buffer.from('early')])
    await sim.run()
    const server = new Probe(accepted as unknown as Socket)
    await sim.run({ until: () => server.received === 5 })
    socket.destroy()
    await sim.run()
    const client = new Probe(socket)
    await sim.run({ until: () => client.closes === 1 })
  })
})

describe('simulated connect and listen', () => {
  test('reject with the codes of the real ones', async () => {
    const sim = createSimulation({ seed: 1 })
    const { network } = sim.node('a').world
    sim.node('b')
    await assert.rejects(sim.complete(network.connect({ host: 'nowhere', port: 1 })), codeIs('ENOTFOUND'))
    await assert.rejects(sim.complete(network.connect({ host: 'b', port: 1 })), codeIs('ECONNREFUSED'))
    const listener = await sim.complete(network.listen({ host: '', port: 0 }, () => {}))
    await assert.rejects(sim.complete(network.listen({ host: '', port: listener.port }, () => {})), codeIs('EADDRINUSE'))
    const self = await sim.complete(network.connect({ host: 'localhost', port: listener.port }))
    assert.equal(self.remoteAddress, self.localAddress)
    await listener.close()
    await assert.rejects(sim.complete(network.connect({ host: 'localhost', port: listener.port })), codeIs('ECONNREFUSED'))
    await sim.complete(network.listen({ host: '', port: listener.port }, () => {}))
  })

  test('a cut link times out at the given time, and connects when it heals before', async () => {
    const { sim, a } = await scene()
    sim.network.partition('a', 'b')
    const start = sim.nowMs
    await assert.rejects(sim.complete(a.world.network.connect({ host: 'b', port: 9092, timeoutMs: 5000 })), codeIs('ETIMEDOUT'))
    assert.ok(Math.abs(sim.nowMs - start - 5000) < 1)
    const attempt = a.world.network.connect({ host: 'b', port: 9092, timeoutMs: 30_000 })
    await sim.advance(4000)
    sim.network.heal()
    await sim.complete(attempt)
  })

  test('refusing and stalling servers', async () => {
    const { sim, a, b } = await scene()
    sim.network.refuseConnections('b')
    await assert.rejects(sim.complete(a.world.network.connect({ host: 'b', port: 9092 })), codeIs('ECONNREFUSED'))
    sim.network.refuseConnections('b', false)
    sim.network.stallAccepts('b')
    let accepted = 0
    await sim.complete(b.world.network.listen({ host: '', port: 1 }, () => accepted++))
    await sim.complete(a.world.network.connect({ host: 'b', port: 1 }))
    await sim.advance(60_000)
    assert.equal(accepted, 0)
    sim.network.stallAccepts('b', false)
    await sim.run({ until: () => accepted === 1 })
  })
})

describe('broken links', () => {
  test('a one-way cut holds bytes one way and delivers them after healing', async () => {
    const { sim, client, server } = await scene()
    sim.network.cut('a', 'b')
    client.socket.write([Buffer.from('held')])
    server.socket.write([Buffer.from('passes')])
    await sim.advance(10_000)
    assert.equal(server.received, 0)
    assert.equal(client.text, 'passes')
    sim.network.heal('a', 'b')
    await sim.run({ until: () => server.text === 'held' })
  })

  test('a clog delays one way only', async () => {
    const { sim, client, server } = await scene({ network: { slowChance: 0 } })
    sim.network.clog('a', 'b', 5000)
    const start = sim.nowMs
    client.socket.write([Buffer.from('slow')])
    server.socket.write([Buffer.from('fast')])
    await sim.run({ until: () => client.text === 'fast' })
    assert.ok(sim.nowMs - start < 50)
    await sim.run({ until: () => server.text === 'slow' })
    assert.ok(sim.nowMs - start >= 5000)
  })

  test('isolate cuts all links of a host, heal of the host mends them', async () => {
    const { sim, client, server } = await scene()
    sim.node('c')
    sim.network.isolate('a')
    client.socket.write([Buffer.from('x')])
    await sim.advance(1000)
    assert.equal(server.received, 0)
    sim.network.heal('c')
    await sim.advance(1000)
    sim.network.heal('a')
    await sim.run({ until: () => server.received === 1 })
  })

  test('a peer cut off for too long is given up', async () => {
    const { sim, client } = await scene({ network: { giveUpMs: 60_000 } })
    sim.network.partition('a', 'b')
    client.socket.write([Buffer.from('x')])
    await sim.run({ until: () => client.closes === 1, maxVirtualMs: 70_000 })
    assert.ok(codeIs('ETIMEDOUT')(client.error))
  })

  test('a reset ends both sides, once', async () => {
    const { sim, client, server } = await scene()
    client.socket.write([Buffer.alloc(100_000)])
    sim.network.resetConnections('a', 'b')
    await sim.run()
    for (const end of [client, server]) {
      assert.equal(end.closes, 1)
      assert.ok(codeIs('ECONNRESET')(end.error))
    }
  })

  test('a silent drop tells nobody', async () => {
    const { sim, client, server } = await scene()
    sim.network.dropConnections('a', 'b')
    client.socket.write([Buffer.from('x')])
    server.socket.write([Buffer.from('y')])
    await sim.advance(60_000)
    assert.deepEqual([client.received, server.received, client.closes, server.closes], [0, 0, 0, 0])
  })

  test('chances of resets and silent drops are drawn for each segment', async () => {
    let resets = 0
    let drops = 0
    for (let seed = 1; seed <= 40; seed++) {
      const { sim, client, server } = await scene({ seed, network: { resetChance: 0.02, silentDropChance: 0.02, windowBytes: 10_000 } })
      client.socket.write([Buffer.alloc(100_000)])
      await sim.advance(10_000)
      if (client.closes > 0) resets++
      else if (server.received < 100_000) drops++
    }
    assert.ok(resets > 2 && drops > 2, `${resets} resets, ${drops} drops`)
  })
})

describe('death of a node', () => {
  test('a kill ends its connections, after what the kernel had taken', async () => {
    const { sim, a, client, server } = await scene()
    client.socket.write([Buffer.from('last')])
    a.kill()
    await sim.run({ until: () => server.closes === 1 })
    assert.equal(server.text, 'last')
    assert.equal(client.closes, 0, 'the dead are not told')
    await assert.rejects(sim.complete(sim.node('b').world.network.connect({ host: 'a', port: 1 })), codeIs('ECONNREFUSED'))
  })

  test('after a power loss peers see nothing until they write to the machine that came back', async () => {
    const { sim, a, server } = await scene()
    a.losePower()
    await sim.advance(100_000)
    assert.deepEqual([server.ends, server.closes], [0, 0])
    server.socket.write([Buffer.from('are you there')])
    await sim.advance(10_000)
    assert.equal(server.closes, 0)
    a.restart()
    await sim.run({ until: () => server.closes === 1 })
    assert.ok(codeIs('ECONNRESET')(server.error))
  })

  test('a restarted server accepts again on its port', async () => {
    const { sim, a, b } = await scene()
    b.kill()
    const world = b.restart()
    await assert.rejects(sim.complete(a.world.network.connect({ host: 'b', port: 9092 })), codeIs('ECONNREFUSED'))
    let accepted = 0
    await sim.complete(world.network.listen({ host: '', port: 9092 }, () => accepted++))
    await sim.complete(a.world.network.connect({ host: 'b', port: 9092 }))
    await sim.run({ until: () => accepted === 1 })
  })

  test('a suspended process holds the window full and goes on where it was', async () => {
    const { sim, b, client, server } = await scene()
    b.suspend()
    client.socket.write([Buffer.alloc(1_000_000)])
    await sim.advance(30_000)
    assert.equal(server.received, 0)
    assert.equal(client.socket.bufferedBytes, 1_000_000 - 256 * 1024)
    b.resume()
    await sim.run({ until: () => server.received === 1_000_000 })
  })
})

describe('simulated TLS, names and HTTP', () => {
  const connect = (a: SimNode, options: object = {}) => a.world.network.connect({ host: 'b', port: 9092, ...options })

  test('a host with a certificate takes who trusts its issuer and looks for its name, and nobody else', async () => {
    const { sim, a, b } = await scene()
    b.host.certificate = { names: ['b', 'b.example'], issuer: 'root' }
    const isTls = (error: unknown): boolean => isTlsError(error)
    const tls = { ca: ['root'] }
    await sim.complete(connect(a, { tls }))
    await sim.complete(connect(a, { tls: { ...tls, servername: 'b.example' } }))
    await sim.complete(connect(a, { tls: { ...tls, servername: 'other', checksHostName: false } }))
    await assert.rejects(sim.complete(connect(a, { tls: {} })), isTls)
    await assert.rejects(sim.complete(connect(a, { tls: { ...tls, servername: 'other' } })), isTls)
    await assert.rejects(sim.complete(connect(a)), codeIs('ECONNRESET'))
    b.host.certificate = undefined
    await assert.rejects(sim.complete(connect(a, { tls })), codeIs('ECONNRESET'))
  })

  test('names are found by alias, and exchanges over HTTP answered by the host', async () => {
    const { sim, a, b } = await scene()
    b.host.aliases = ['b.example', 'brokers.example']
    assert.deepEqual(await sim.complete(a.world.network.canonicalNames('brokers.example')), ['b.example'])
    await assert.rejects(sim.complete(a.world.network.canonicalNames('nobody')), codeIs('ENOTFOUND'))
    b.host.onRequest = ({ method }) => ({ status: 200, body: Buffer.from(method) })
    const request = { url: 'http://b.example/token', method: 'POST', headers: {}, timeoutMs: 1_000, bodyBytesMax: 100 } as const
    assert.equal(String((await sim.complete(a.world.network.request(request))).body), 'POST')
    sim.network.partition('a', 'b')
    await assert.rejects(sim.complete(a.world.network.request(request)), codeIs('ECONNREFUSED'))
  })
})
