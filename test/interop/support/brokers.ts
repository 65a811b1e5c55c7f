// Starts a broker as users do, in a process of its own, on a free loopback port: Odradek by its command, or Apache
// Kafka from its published jars (the judge: ODRADEK_INTEROP_BROKER=apache runs the same tests against it).
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kafkaClassPath, quickJava, repositoryRoot } from './toolchains.ts'

export type BrokerKind = 'odradek' | 'apache'

export interface BrokerProcess extends AsyncDisposable {
  readonly kind: BrokerKind
  readonly bootstrapServers: string
  readonly port: number
  readonly controllerPort: number
  readonly dataDir: string
  readonly pid: number
  /** Standard output and error so far. */
  output(): string
  /** SIGTERM and wait: a clean stop. Resolves to the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL and wait. */
  kill(): Promise<void>
}

export interface BrokerOptions {
  kind?: BrokerKind
  /** Kept across restarts; a folder of its own is made (and removed at the end) when absent. */
  dataDir?: string
  port?: number
  overrides?: Record<string, string>
  /** Beside the plain one, all on localhost, by name. */
  listeners?: Record<string, { port: number; protocol: string }>
  /** Of Java, with plugins: default kafkaClassPath(). */
  classPath?: string
  /** Of Java: default are flags that start it soon and make it slow. */
  javaFlags?: readonly string[]
  /** Time to the first accepted connection, ms. */
  startTimeoutMs?: number
  /** Called right before the process is started. */
  onSpawn?: () => void
}

/** Of Java as an operator runs a broker, for what measures. */
export const serverJavaFlags: readonly string[] = ['-Xmx1g', '-Xms1g', '-XX:+UseG1GC']

export const defaultKind: BrokerKind = process.env.ODRADEK_INTEROP_BROKER === 'apache' ? 'apache' : 'odradek'

export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}

function serverProperties(
  port: number,
  controllerPort: number,
  dataDir: string,
  { overrides = {}, listeners = {} }: BrokerOptions
): string {
  const others = Object.entries(listeners)
  const othersAt = others.map(([name, { port }]) => `,${name}://localhost:${port}`).join('')
  const othersMap = others.map(([name, { protocol }]) => `,${name}:${protocol}`).join('')
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@localhost:${controllerPort}`,
    listeners: `PLAINTEXT://localhost:${port},CONTROLLER://localhost:${controllerPort}${othersAt}`,
    'advertised.listeners': `PLAINTEXT://localhost:${port}${othersAt}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': `CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT${othersMap}`,
    'log.dirs': dataDir,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '8',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '2',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '2',
    'group.initial.rebalance.delay.ms': '0',
    ...overrides
  }
  return `${Object.entries(properties)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`
}

const command = (name: string) => join(repositoryRoot, 'node_modules/.bin', name)
export const interopClusterId = '4L6g3nShT-eMCtK--X86sw'

interface Launch {
  program: string
  args: string[]
  env?: Record<string, string>
}

function launches(kind: BrokerKind, file: string, { classPath, javaFlags }: BrokerOptions): { format: Launch; start: Launch } {
  if (kind === 'odradek') {
    return {
      format: {
        program: command('kafka-storage'),
        args: ['format', '--cluster-id', interopClusterId, '--config', file, '--ignore-formatted']
      },
      start: { program: command('kafka-server-start'), args: [file] }
    }
  }
  const onClassPath = ['-cp', classPath ?? kafkaClassPath()]
  const quick = ['-Xmx1g', ...quickJava()]
  return {
    format: {
      program: 'java',
      args: [
        ...quick,
        ...onClassPath,
        'kafka.tools.StorageTool',
        'format',
        '--cluster-id',
        interopClusterId,
        '--config',
        file,
        '--ignore-formatted'
      ]
    },
    start: { program: 'java', args: [...(javaFlags ?? quick), ...onClassPath, 'kafka.Kafka', file] }
  }
}

async function acceptsConnections(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

class SpawnedBroker implements BrokerProcess {
  readonly kind: BrokerKind
  readonly port: number
  readonly controllerPort: number
  readonly dataDir: string
  readonly #child: ChildProcess
  readonly #exit: Promise<number | null>
  readonly #cleanup: () => void
  #output = ''
  exited = false

  constructor(kind: BrokerKind, ports: { port: number; controllerPort: number }, dataDir: string, launch: Launch, cleanup: () => void) {
    this.kind = kind
    this.port = ports.port
    this.controllerPort = ports.controllerPort
    this.dataDir = dataDir
    this.#cleanup = cleanup
    this.#child = spawn(launch.program, launch.args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...launch.env } })
    const collect = (chunk: Buffer) => {
      if (this.#output.length < 4_000_000) this.#output += chunk.toString('utf8')
    }
    this.#child.stdout?.on('data', collect)
    this.#child.stderr?.on('data', collect)
    this.#exit = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#output += `${error.message}\n`
        this.exited = true
        resolve(null)
      })
      this.#child.once('exit', (code) => {
        this.exited = true
        resolve(code)
      })
    })
  }

  get bootstrapServers(): string {
    return `localhost:${this.port}`
  }
  get pid(): number {
    return this.#child.pid ?? -1
  }
  output(): string {
    return this.#output
  }

  async stop(): Promise<number | null> {
    if (!this.exited) this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 60_000)
    try {
      return await this.#exit
    } finally {
      clearTimeout(timer)
    }
  }

  async kill(): Promise<void> {
    if (!this.exited) this.#child.kill('SIGKILL')
    await this.#exit
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    this.#cleanup()
  }
}

export function temporaryDir(name: string): string {
  return mkdtempSync(join(tmpdir(), `odradek-${name}-`))
}

/** Formats the folder when it is new, starts the broker and resolves when its port accepts connections. */
export async function startBroker(options: BrokerOptions = {}): Promise<BrokerProcess> {
  const kind = options.kind ?? defaultKind
  const port = options.port ?? (await freePort())
  const controllerPort = await freePort()
  const workDir = temporaryDir('interop')
  const dataDir = options.dataDir ?? join(workDir, 'data')
  mkdirSync(dataDir, { recursive: true })
  const file = join(workDir, `server-${randomUUID()}.properties`)
  writeFileSync(file, serverProperties(port, controllerPort, dataDir, options))
  const { format, start } = launches(kind, file, options)
  const formatted = spawnSync(format.program, format.args, { encoding: 'utf8' })
  if (formatted.status !== 0)
    throw new Error(`${kind}: format failed: ${formatted.error?.message ?? ''}${formatted.stdout}${formatted.stderr}`)
  options.onSpawn?.()
  const broker = new SpawnedBroker(kind, { port, controllerPort }, dataDir, start, () => rmSync(workDir, { recursive: true, force: true }))
  const deadline = performance.now() + (options.startTimeoutMs ?? 60_000)
  while (!(await acceptsConnections(port))) {
    if (broker.exited || performance.now() > deadline) {
      await broker.kill()
      throw new Error(`${kind} did not start on port ${port}:\n${broker.output().slice(-4000)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return broker
}
