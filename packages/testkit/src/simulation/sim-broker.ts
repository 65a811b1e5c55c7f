// The real broker on a node of the simulated world, under its host name, with its log on that node's disk. It is killed and started again;
// its lives share the disk.
import { randomUuid } from '@odradek/base'
import { BrokerServer } from '@odradek/broker'
import { developmentProperties, loadBrokerConfig } from '@odradek/config'
import { writeMetaProperties } from '@odradek/storage'
import type { World } from '@odradek/world'
import type { SimNode, Simulation } from '@odradek/world/sim'

const DATA_DIR = '/data'
const PORT = 9092

type Settings = Readonly<Record<string, string>>

/** Makes the log directory of a new node. */
export async function formatSimDisk({ disk, random }: World): Promise<void> {
  const uuid = (): string => randomUuid((size) => random.bytes(size))
  await disk.mkdir(DATA_DIR)
  await writeMetaProperties(disk, DATA_DIR, { clusterId: uuid(), nodeId: 1, directoryId: uuid() })
  await disk.syncDir('/')
}

export function startSimBroker(world: World, host: string, settings: Settings): Promise<BrokerServer> {
  const { 'controller.quorum.bootstrap.servers': address, ...development } = developmentProperties({ port: PORT, host, dataDir: DATA_DIR })
  const { config } = loadBrokerConfig({ properties: { ...development, 'controller.quorum.voters': `1@${address}`, ...settings } })
  return BrokerServer.start({ world, config })
}

export class SimBroker {
  readonly node: SimNode
  readonly host: string
  readonly port = PORT
  server: BrokerServer | undefined
  readonly #sim: Simulation
  readonly #settings: Settings

  /** Formatted, and started. */
  static async start(sim: Simulation, name = 'broker', settings: Settings = {}): Promise<SimBroker> {
    const broker = new SimBroker(sim, name, settings)
    await sim.complete(formatSimDisk(broker.node.world))
    broker.boot()
    await broker.ready()
    return broker
  }

  constructor(sim: Simulation, name: string, settings: Settings) {
    this.#sim = sim
    this.#settings = settings
    this.node = sim.node(name)
    this.host = name
  }

  /** Starts in the world of the node's life now; a failure that is not its death fails the seed. */
  boot(world: World = this.node.world): void {
    const { process } = this.node
    this.server = undefined
    startSimBroker(world, this.host, this.#settings).then(
      (server) => {
        if (process.isAlive) this.server = server
      },
      (error) => {
        if (process.isAlive) this.#sim.fail(error)
      }
    )
  }

  /** Until it serves. */
  ready(): Promise<void> {
    return this.#sim.run({ until: () => this.server !== undefined, maxVirtualMs: 60_000 })
  }

  kill(): void {
    this.node.kill()
    this.server = undefined
  }

  restart(): void {
    this.boot(this.node.restart())
  }
}
