// Apicurio Registry, which speaks the REST interface of Confluent's, with its schemas in a broker; and a door before it that counts
// requests and asks for a password, which Apicurio alone does not.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from '../../client/eventually.ts'
import { freePort } from './brokers.ts'

export interface RegistryProcess extends AsyncDisposable {
  readonly url: string
}

const path = '/apis/ccompat/v7'

export async function startApicurio(jar: string, bootstrapServers: string): Promise<RegistryProcess> {
  const port = await freePort()
  const env = {
    ...process.env,
    APICURIO_STORAGE_KIND: 'kafkasql',
    APICURIO_KAFKASQL_BOOTSTRAP_SERVERS: bootstrapServers,
    QUARKUS_HTTP_HOST: '127.0.0.1',
    QUARKUS_HTTP_PORT: String(port)
  }
  const flags = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  const child = spawn('java', [...flags, '-jar', jar], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const collect = (chunk: Buffer): void => {
    if (output.length < 1_000_000) output += chunk.toString('utf8')
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const exit = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exit
  }
  const url = `http://127.0.0.1:${port}${path}`
  try {
    await eventually(async () => {
      if ((await fetch(`${url}/subjects`)).status !== 200) throw new Error('it is not ready')
    }, 90_000)
  } catch (error) {
    await stop()
    throw new Error(`Apicurio Registry does not start: ${output.slice(-3000)}`, { cause: error })
  }
  return { url, [Symbol.asyncDispose]: stop }
}

export interface Door extends AsyncDisposable {
  readonly url: string
  /** `METHOD /path`, in order, of those that were let in. */
  readonly requests: string[]
}

export async function startDoor(registry: string, { username, password }: { username: string; password: string }): Promise<Door> {
  const { hostname, port } = new URL(registry)
  const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const requests: string[] = []
  const server = createServer((incoming, answer) => {
    if (incoming.headers.authorization !== wanted) {
      answer.writeHead(401, { 'content-type': 'application/json' }).end('{"error_code":401,"message":"Unauthorized"}')
      return
    }
    requests.push(`${incoming.method} ${incoming.url?.slice(path.length)}`)
    const { method, headers, url } = incoming
    const onwards = request({ hostname, port, method, headers, path: url }, (answered) => {
      answer.writeHead(answered.statusCode ?? 500, answered.headers)
      answered.pipe(answer)
    })
    onwards.on('error', () => answer.destroy())
    incoming.pipe(onwards)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, requests, [Symbol.asyncDispose]: close }
}
