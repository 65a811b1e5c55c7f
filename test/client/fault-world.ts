// A simulated world for tests of the client among faults: Odradek's broker, a fault proxy before it that looks like three brokers, and
// clients on nodes of their own. Everything that can go wrong is drawn from the seed.
import { Kafka, type KafkaOptions } from '@odradek/client'
import { ApiKey, decodeRecords, iterateBatches, type OffsetCommitRequest, type ProduceRequest } from '@odradek/protocol'
import { SimBroker } from '@odradek/testkit/broker'
import { DeliveryHistory, type LoggedRecord, readLog } from '@odradek/testkit/delivery'
import { FaultProxy, type ProxyFault, type ProxyRequest } from '@odradek/testkit/proxy'
import type { SimNode, Simulation } from '@odradek/world/sim'

const NODES = 3

export class FaultWorld {
  readonly sim: Simulation
  readonly broker: SimBroker
  readonly proxy: FaultProxy
  readonly history = new DeliveryHistory()
  /** Seen on their way. */
  deadLetters = 0
  #isQuiet = true

  static async start(sim: Simulation): Promise<FaultWorld> {
    const broker = await SimBroker.start(sim, 'broker', { 'group.min.session.timeout.ms': '1000', 'offsets.topic.num.partitions': '3' })
    const { world } = sim.node('proxy')
    const proxy = await sim.complete(FaultProxy.start({ world, broker, host: 'proxy', nodes: NODES }))
    return new FaultWorld(sim, broker, proxy)
  }

  private constructor(sim: Simulation, broker: SimBroker, proxy: FaultProxy) {
    this.sim = sim
    this.broker = broker
    this.proxy = proxy
    proxy.onRequest = (request) => this.#watch(request)
  }

  /** A client on a node of its own. */
  kafka(node: SimNode, options: Partial<KafkaOptions> = {}): Kafka {
    return new Kafka({
      brokers: this.proxy.bootstrapServers,
      world: node.world,
      requestTimeoutMs: 3_000,
      reconnectBackoffMaxMs: 500,
      retryBackoffMaxMs: 500,
      ...options
    })
  }

  async createTopics(...names: string[]): Promise<void> {
    const kafka = this.kafka(this.sim.node('admin'))
    const topics = names.map((name) => ({ name, numPartitions: 3, replicationFactor: 1 }))
    await this.sim.complete(kafka.admin().createTopics(topics))
    await this.sim.complete(kafka.close())
  }

  /** Faults of all kinds from now on, one every `meanMs` or so, until `calm`. */
  storm({ meanMs = 1_500, topics }: { meanMs?: number; topics: readonly string[] }): void {
    this.#isQuiet = false
    const random = this.sim.prng.fork('storm')
    const drops = this.sim.prng.fork('drops')
    this.proxy.fault = ({ apiKey }): ProxyFault | undefined => {
      const isRare = apiKey === ApiKey.FETCH || apiKey === ApiKey.METADATA || apiKey === ApiKey.API_VERSIONS
      if (!drops.chance(isRare ? 0.01 : 0.04)) return undefined
      return drops.pick(['cut before', 'cut after', 'cut inside', 'swallow', { lateMs: drops.below(2_000) }] as const)
    }
    const next = (): void => {
      this.sim.at(Math.ceil(-Math.log(1 - random.float()) * meanMs), 'storm', () => {
        if (this.#isQuiet) return
        this.#strike(random, topics)
        next()
      })
    }
    next()
  }

  /** Everything is mended, and runs again. */
  async calm(): Promise<void> {
    this.#isQuiet = true
    this.proxy.fault = undefined
    this.sim.network.heal()
    this.proxy.heal()
    for (const { id, isUp } of this.proxy.cluster.nodes) if (!isUp) await this.sim.complete(this.proxy.startNode(id))
    if (!this.broker.node.isAlive) this.broker.restart()
    await this.broker.ready()
  }

  async log(topic: string): Promise<LoggedRecord[]> {
    const { host, port } = this.broker
    const { world } = this.sim.node('reader')
    const records = await this.sim.complete(readLog({ world, host, port, topic, partitions: 3 }))
    return records.map(({ key, value, ...place }) => ({ ...place, id: String(value), key: key === null ? undefined : String(key) }))
  }

  #strike(random: Simulation['prng'], topics: readonly string[]): void {
    const { proxy, sim, broker } = this
    const later = (end: () => void): void => void sim.at(100 + random.below(4_000), 'storm.end', end)
    const node = 1 + random.below(NODES)
    const strikes: (() => void)[] = [
      () => proxy.cut(random.chance(0.5) ? node : undefined),
      () => {
        proxy.stall(random.pick(['up', 'down', 'both']))
        later(() => proxy.heal())
      },
      () => {
        Object.assign(random.pick([proxy.up, proxy.down]), { lateMs: random.below(1_000), pieceBytes: random.pick([0, 1, 7, 1_000]) })
        later(() => proxy.heal())
      },
      () => proxy.cluster.moveLeader(random.pick(topics), random.below(3), node),
      () => proxy.cluster.moveCoordinator(node),
      () => {
        if (proxy.cluster.nodes.filter(({ isUp }) => isUp).length < 2) return
        void proxy.stopNode(node)
        later(() => void proxy.startNode(node))
      },
      () => {
        if (!broker.node.isAlive || broker.server === undefined) return
        broker.kill()
        later(() => {
          if (!broker.node.isAlive) broker.restart()
        })
      },
      () => {
        for (const client of sim.nodes()) if (client.name !== 'broker') sim.network.resetConnections(client.name, 'proxy')
      }
    ]
    random.pick(strikes)()
  }

  /** Commits are seen on their way: what the client thinks of them does not matter. */
  #watch(request: ProxyRequest): void {
    if (request.apiKey === ApiKey.PRODUCE) this.#watchCopies(request.body)
    if (request.apiKey !== ApiKey.OFFSET_COMMIT) return
    const { topics } = request.body as OffsetCommitRequest
    for (const { name, topicId, partitions } of topics) {
      const topic = name === '' ? this.proxy.cluster.topicName(topicId) : name
      if (topic === undefined) throw new Error(`a commit for the topic ${topicId}, which nobody was told of`)
      for (const { partitionIndex, committedOffset } of partitions) this.history.commits(topic, partitionIndex, committedOffset)
    }
  }

  /** A dead letter, or a copy for a retry topic, that is on its way is the end of the work on its record. */
  #watchCopies({ topicData }: ProduceRequest): void {
    for (const { name, topicId, partitionData } of topicData) {
      const kind = /\.(dlq|retry)(\.\d+)?$/.exec(name || (this.proxy.cluster.topicName(topicId) ?? ''))?.[1]
      if (kind === undefined) continue
      for (const batch of partitionData.flatMap(({ records }) => [...iterateBatches(records ?? Buffer.alloc(0))]))
        for (const { headers } of decodeRecords(batch)) {
          const header = (key: string): string => String(headers.find((each) => each.key === `${kind}.original.${key}`)?.value)
          this.history.begins({ topic: header('topic'), partition: Number(header('partition')), offset: Number(header('offset')) })(true)
          if (kind === 'dlq') this.deadLetters++
        }
    }
  }
}
