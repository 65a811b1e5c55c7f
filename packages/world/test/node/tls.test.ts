import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import * as net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import * as tls from 'node:tls'
import { isTlsError, type Socket, type TlsOptions } from '@odradek/world'
import { createNodeWorld } from '@odradek/world/node'

const { network } = createNodeWorld({ logLevel: 'OFF' })
const ofTls = (pattern: RegExp) => (error: unknown) => isTlsError(error) && pattern.test((error as Error).message)

/** Sends back what it gets; `close` resolves with what came when its socket is gone. */
function talk(socket: Socket, send: Buffer[], bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let received = 0
    socket.setHandlers({
      onData(chunk) {
        chunks.push(chunk)
        received += chunk.length
        if (received === bytes) resolve(Buffer.concat(chunks))
      },
      onDrain() {},
      onEnd() {},
      onClose: (error) => reject(error ?? new Error('closed'))
    })
    socket.write(send)
  })
}

describe('TLS of the node network', () => {
  const dir = mkdtempSync(join(tmpdir(), 'odradek-tls-'))
  const pem = (name: string): string => readFileSync(join(dir, name), 'utf8')
  const servers: (tls.Server | net.Server | Server)[] = []
  let key = ''
  let cert = ''

  before(() => {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const files = ['-keyout', 'key.pem', '-out', 'cert.pem']
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    execFileSync('openssl', [...args, ...subject, ...files], { cwd: dir, stdio: 'pipe' })
    key = pem('key.pem')
    cert = pem('cert.pem')
  })
  after(() => {
    for (const server of servers) server.close()
    rmSync(dir, { recursive: true, force: true })
  })

  async function listening(server: tls.Server | net.Server | Server): Promise<number> {
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as net.AddressInfo).port
  }
  const echo = (options: tls.TlsOptions = {}): Promise<number> =>
    listening(tls.createServer({ key, cert, ...options }, (socket) => socket.on('error', () => {}).pipe(socket)))
  const connect = (port: number, options: TlsOptions, host = 'localhost') => network.connect({ host, port, tls: options, timeoutMs: 5_000 })

  test('carries bytes both ways, in many buffers and more than fit at once', async () => {
    const socket = await connect(await echo(), { ca: [cert] })
    const sent = Array.from({ length: 200 }, (_, index) => Buffer.alloc(10_000, index))
    assert.deepEqual(await talk(socket, sent, 2_000_000), Buffer.concat(sent))
    assert.equal(socket.remoteAddress, '127.0.0.1')
    socket.destroy()
  })

  test('refuses authorities that are not trusted, and names that are not in the certificate unless told not to look', async () => {
    const port = await echo()
    await assert.rejects(connect(port, {}), ofTls(/self-signed/))
    await assert.rejects(connect(port, { ca: [cert] }, '127.0.0.1'), ofTls(/127\.0\.0\.1/))
    for (const options of [
      { ca: [cert], checksHostName: false },
      { ca: [cert], servername: 'localhost' },
      { rejectUnauthorized: false, checksHostName: false }
    ])
      (await connect(port, options, '127.0.0.1')).destroy()
  })

  test('fails as TLS where protocol versions, keys or certificates are wrong, on either side', async () => {
    const port = await echo({ maxVersion: 'TLSv1.2' })
    await assert.rejects(connect(port, { ca: [cert], minVersion: 'TLSv1.3' }), ofTls(/version/))
    await assert.rejects(connect(port, { ca: [cert], key: 'nonsense', cert }), ofTls(/./))
    const strict = await echo({ requestCert: true, rejectUnauthorized: true, ca: cert })
    const socket = await connect(strict, { ca: [cert] })
    await assert.rejects(talk(socket, [Buffer.from('x')], 1), ofTls(/certificate/))
  })

  test('ends in bounded time with a peer that does not speak it or says nothing', async () => {
    const rude = await listening(net.createServer((socket) => socket.on('error', () => {}).once('data', () => socket.destroy())))
    await assert.rejects(connect(rude, { ca: [cert] }), (error: { code?: string }) => error.code === 'ECONNRESET')
    const plain = await listening(net.createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')))
    await assert.rejects(connect(plain, { ca: [cert] }), ofTls(/./))
    const held: net.Socket[] = []
    const silent = await listening(net.createServer((socket) => held.push(socket.on('error', () => {}))))
    const began = performance.now()
    await assert.rejects(
      network.connect({ host: 'localhost', port: silent, tls: {}, timeoutMs: 200 }),
      (error: { code?: string }) => error.code === 'ETIMEDOUT'
    )
    assert.ok(performance.now() - began < 3_000)
    for (const socket of held) socket.destroy()
  })

  test('requests over HTTPS are answered, bounded in bytes and time, and checked as connections are', async () => {
    const server = createServer({ key, cert }, (request, response) => {
      if (request.url === '/silent') return
      request
        .on('data', () => {})
        .on('end', () => response.writeHead(request.method === 'POST' ? 201 : 302, { location: '/x' }).end('answer'))
    })
    const port = await listening(server)
    const ask = (path: string, extra: object = {}) =>
      network.request({
        url: `https://localhost:${port}${path}`,
        method: 'POST',
        headers: {},
        body: 'a=b',
        tls: { ca: [cert] },
        timeoutMs: 5_000,
        bodyBytesMax: 100,
        ...extra
      })
    const { status, body } = await ask('/')
    assert.deepEqual([status, body.toString()], [201, 'answer'])
    assert.equal((await ask('/', { method: 'GET', body: undefined })).status, 302)
    await assert.rejects(ask('/', { tls: {} }), ofTls(/self-signed/))
    await assert.rejects(ask('/', { bodyBytesMax: 3 }), /longer than 3/)
    await assert.rejects(ask('/silent', { timeoutMs: 100 }), (error: { code?: string }) => error.code === 'ETIMEDOUT')
    await assert.rejects(ask('/', { url: 'https://localhost:1/' }), (error: { code?: string }) => error.code === 'ECONNREFUSED')
    server.closeAllConnections()
  })

  test('the canonical names of a host are those of its addresses', async () => {
    assert.ok((await network.canonicalNames('localhost')).length > 0)
    await assert.rejects(network.canonicalNames('no-such-host.invalid'), (error: { code?: string }) => /^E/.test(error.code ?? ''))
  })
})
