import assert from 'node:assert/strict'
import * as net from 'node:net'
import { afterEach, describe, test } from 'node:test'
import type { Listener, Socket, SocketHandlers } from '@odradek/world'
import { createNodeWorld } from '@odradek/world/node'

const { network } = createNodeWorld({ logLevel: 'OFF' })
const codeIs = (code: string) => (error: unknown) => (error as { code: string }).code === code

/** Records what happens to a socket; `until` waits for a condition that events may make true. */
class Probe implements SocketHandlers {
  readonly socket: Socket
  readonly chunks: Buffer[] = []
  received = 0
  drains = 0
  ended = false
  closes = 0
  error: Error | undefined
  #check: (() => void) | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.setHandlers(this)
  }

  onData(chunk: Buffer): void {
    assert.equal(this.closes, 0, 'data after close')
    this.chunks.push(chunk)
    this.received += chunk.length
    this.#check?.()
  }
  onDrain(): void {
    this.drains++
    this.#check?.()
  }
  onEnd(): unknown {
    this.ended = true
    this.#check?.()
    return undefined
  }
  onClose(error?: Error): void {
    this.closes++
    this.error = error
    this.#check?.()
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#check = () => condition() && resolve()
      this.#check()
    })
  }
}

const listeners: Listener[] = []
const probes: Probe[] = []
afterEach(async () => {
  for (const probe of probes.splice(0)) probe.socket.destroy()
  for (const listener of listeners.splice(0)) await listener.close()
})

async function listen(onConnection: (socket: Socket) => void, port = 0): Promise<Listener> {
  const listener = await network.listen({ host: '127.0.0.1', port }, onConnection)
  listeners.push(listener)
  return listener
}

async function pair(): Promise<{ client: Probe; server: Probe; listener: Listener }> {
  let accept!: (probe: Probe) => void
  const accepted = new Promise<Probe>((resolve) => {
    accept = resolve
  })
  const listener = await listen((socket) => accept(new Probe(socket)))
  const client = new Probe(await network.connect({ host: '127.0.0.1', port: listener.port }))
  const server = await accepted
  probes.push(client, server)
  return { client, server, listener }
}

describe('node network', () => {
  test('carries vectored writes in order, both ways', async () => {
    const { client, server } = await pair()
    assert.equal(client.socket.remoteAddress, '127.0.0.1')
    assert.equal(client.socket.localPort, server.socket.remotePort)
    const buffers = Array.from({ length: 2500 }, (_, index) => Buffer.from(index % 5 === 0 ? '' : `${index};`))
    const expected = Buffer.concat(buffers)
    client.socket.write(buffers)
    client.socket.write([Buffer.from('end')])
    server.socket.write([Buffer.from('ans'), Buffer.from('wer')])
    await server.until(() => server.received === expected.length + 3)
    assert.equal(Buffer.concat(server.chunks).toString(), `${expected}end`)
    await client.until(() => client.received === 6)
    assert.equal(Buffer.concat(client.chunks).toString(), 'answer')
  })

  test('an accepted socket whose owner wants it so stays open when the peer has sent all', async () => {
    const { client, server } = await pair()
    server.onEnd = () => {
      server.ended = true
      setImmediate(() => {
        server.socket.write([Buffer.from('last ')])
        server.socket.write([Buffer.from('words')])
        server.socket.end()
      })
      return true
    }
    client.socket.end()
    await client.until(() => client.closes === 1)
    assert.equal(Buffer.concat(client.chunks).toString(), 'last words')
  })

  test('a peer that does not read fills the buffer, and reading again drains it', async () => {
    const { client, server } = await pair()
    server.socket.pause()
    const block = Buffer.alloc(256 * 1024, 1)
    let written = 0
    // The kernel takes some megabytes on both sides; after that the same bytes stay queued.
    for (let turnsStuck = 0, before = 0; turnsStuck < 20; before = client.socket.bufferedBytes) {
      if (client.socket.bufferedBytes === 0) {
        client.socket.write([block])
        written += block.length
      }
      await new Promise((resolve) => setImmediate(resolve))
      turnsStuck = client.socket.bufferedBytes > 0 && client.socket.bufferedBytes === before ? turnsStuck + 1 : 0
    }
    assert.equal(server.received, 0)
    assert.equal(client.socket.write([block]), false)
    written += block.length
    server.socket.resume()
    await client.until(() => client.drains > 0 && client.socket.bufferedBytes === 0)
    await server.until(() => server.received === written)
  })

  test('a vectored write above the high-water mark that the kernel takes whole needs no drain', async () => {
    const { client, server } = await pair()
    const answers: boolean[] = []
    for (let index = 0; index < 8; index++) {
      answers.push(client.socket.write([Buffer.alloc(100_000), Buffer.alloc(0), Buffer.alloc(200_000)]))
      assert.equal(answers[index], client.socket.bufferedBytes < 256 * 1024)
      await server.until(() => server.received === 300_000 * (index + 1))
    }
    assert.equal(client.drains, answers.filter((isBelowMark) => !isBelowMark).length)
  })

  test('pausing inside a chunk stops the next one', async () => {
    const { client, server } = await pair()
    server.onData = (chunk) => {
      server.chunks.push(chunk)
      server.received += chunk.length
      server.socket.pause()
    }
    const total = 4 * 1024 * 1024
    client.socket.write([Buffer.alloc(total, 2)])
    let turns = 0
    while (server.received < total) {
      const before = server.chunks.length
      server.socket.resume()
      while (server.chunks.length === before) await new Promise((resolve) => setImmediate(resolve))
      assert.equal(server.chunks.length, before + 1)
      turns++
    }
    assert.ok(turns > 1)
  })

  test('end sends what is queued and then closes both sides without an error', async () => {
    const { client, server } = await pair()
    client.socket.write([Buffer.alloc(3_000_000, 3)])
    client.socket.end()
    assert.equal(client.socket.write([Buffer.from('too late')]), false)
    await server.until(() => server.ended && server.closes === 1)
    assert.equal(server.received, 3_000_000)
    await client.until(() => client.closes === 1)
    assert.equal(client.error, undefined)
    assert.equal(server.error, undefined)
  })

  test('a reset by the peer is one onClose with the error', async () => {
    let server: Probe | undefined
    const listener = await listen((socket) => {
      server = new Probe(socket)
      probes.push(server)
    })
    const raw = net.connect(listener.port, '127.0.0.1', () => raw.write('x'))
    while (server === undefined || server.received === 0) await new Promise((resolve) => setImmediate(resolve))
    raw.resetAndDestroy()
    const probe = server
    await probe.until(() => probe.closes === 1)
    assert.ok(codeIs('ECONNRESET')(probe.error))
    assert.equal(probe.socket.write([Buffer.from('x')]), false)
    probe.socket.destroy()
    probe.socket.end()
  })

  test('destroy closes with the given error and nothing arrives afterwards', async () => {
    const { client, server } = await pair()
    server.socket.write([Buffer.from('late')])
    const reason = new Error('limit')
    client.socket.destroy(reason)
    client.socket.destroy()
    assert.equal(client.closes, 0, 'onClose must not run inside destroy')
    await client.until(() => client.closes === 1)
    assert.equal(client.error, reason)
    assert.equal(client.received, 0)
    await server.until(() => server.closes === 1)
  })

  test('handlers set after the socket died still learn of it', async () => {
    let socket: Socket | undefined
    const listener = await listen((accepted) => {
      socket = accepted
    })
    const raw = net.connect(listener.port, '127.0.0.1')
    while (socket === undefined) await new Promise((resolve) => setImmediate(resolve))
    const accepted = socket
    accepted.destroy()
    raw.on('error', () => {})
    await new Promise((resolve) => raw.on('close', resolve))
    const probe = new Probe(accepted)
    await probe.until(() => probe.closes === 1)
  })

  test('connect rejects with the code: refused, bad port, unknown host', async () => {
    const listener = await listen(() => {})
    await listener.close()
    await assert.rejects(network.connect({ host: '127.0.0.1', port: listener.port }), codeIs('ECONNREFUSED'))
    await assert.rejects(network.connect({ host: '127.0.0.1', port: 70_000 }), codeIs('ERR_SOCKET_BAD_PORT'))
  })

  test('listen rejects with EADDRINUSE and frees the port on close while sockets live on', async () => {
    const { client, server, listener } = await pair()
    await assert.rejects(
      network.listen({ host: '127.0.0.1', port: listener.port }, () => {}),
      codeIs('EADDRINUSE')
    )
    await listener.close()
    const second = await listen(() => {}, listener.port)
    assert.equal(second.port, listener.port)
    client.socket.write([Buffer.from('still')])
    await server.until(() => server.received === 5)
  })

  test('an IPv4 peer of a dual-stack listener shows its IPv4 address', async () => {
    let address = ''
    const listener = await network.listen({ host: '', port: 0 }, (socket) => {
      address = socket.remoteAddress
      socket.destroy()
    })
    listeners.push(listener)
    const client = new Probe(await network.connect({ host: '127.0.0.1', port: listener.port }))
    await client.until(() => client.closes === 1)
    assert.equal(address, '127.0.0.1')
  })

  test('serves many connections at once', async () => {
    const total = 400
    const servers: Probe[] = []
    const listener = await listen((socket) => {
      const probe = new Probe(socket)
      servers.push(probe)
      probe.onData = (chunk) => void socket.write([chunk])
    })
    const clients = await Promise.all(
      Array.from({ length: total }, async () => new Probe(await network.connect({ host: '127.0.0.1', port: listener.port })))
    )
    probes.push(...clients, ...servers)
    for (const [index, client] of clients.entries()) client.socket.write([Buffer.from(`hello ${index}`)])
    for (const [index, client] of clients.entries()) {
      await client.until(() => client.received === `hello ${index}`.length)
      assert.equal(Buffer.concat(client.chunks).toString(), `hello ${index}`)
    }
  })
})
