// What every test of bad input does: it starts the real broker by its command, and after each row asks whether others were
// harmed: a connection that was there before and a new one are answered ApiVersions and write and read a record, the
// broker's memory has not grown by more than RSS_GROWTH_MAX, and it has logged no error of its own.
// ODRADEK_INTEROP_BROKER=apache runs the same rows against Apache Kafka, but those whose answer is ours alone.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { ApiVersionsRequest, ApiVersionsResponse, ErrorCode, encodeRequestFrame } from '@odradek/protocol'
import { type BrokerProcess, defaultKind, startBroker } from './brokers.ts'
import { batchOf, createTopic, fetchOne, int32, produce, RawClient, valuesOf } from './raw-client.ts'

const RSS_GROWTH_MAX = 32 * 1024 * 1024
const HEALTHY_TOPIC = 'healthy'
/** Load before the first row: what a broker needs for its work anyway (young heap, pools) is not the growth of a row. */
const WARM_UP_ROUNDS = 200
const WARM_UP_PIPELINED = 100_000

export class Victim {
  readonly broker: BrokerProcess
  /** Connected from the beginning. */
  readonly client: RawClient

  constructor(broker: BrokerProcess, client: RawClient) {
    this.broker = broker
    this.client = client
  }

  connect(): Promise<RawClient> {
    return RawClient.connect(this.broker.port)
  }

  /** True when the broker answers these bytes by the end of the connection. */
  async isClosedBy(...bytes: Buffer[]): Promise<boolean> {
    const attacker = await this.connect()
    attacker.send(...bytes)
    const isClosed = await attacker.isEndedByBroker()
    attacker.close()
    return isClosed
  }

  isClosedByFrame(frame: Buffer): Promise<boolean> {
    return this.isClosedBy(int32(frame.length), frame)
  }

  async serves(client: RawClient): Promise<void> {
    const versions = await client.call(ApiVersionsRequest, ApiVersionsResponse, 3, {
      clientSoftwareName: 'healthy',
      clientSoftwareVersion: '1'
    })
    assert.equal(versions.errorCode, ErrorCode.NONE)
    const value = `record ${performance.now()}`
    const written = await produce(client, HEALTHY_TOPIC, batchOf(value))
    assert.equal(written.errorCode, ErrorCode.NONE)
    const read = await fetchOne(client, HEALTHY_TOPIC, written.baseOffset)
    assert.equal(read.errorCode, ErrorCode.NONE)
    assert.deepEqual(valuesOf(read.records), [value])
  }

  async servesAll(): Promise<void> {
    await this.serves(this.client)
    const newcomer = await this.connect()
    await this.serves(newcomer)
    newcomer.close()
  }

  /** Resident bytes of the broker; 0 where the system does not tell, or where a Java heap says nothing. */
  rss(): number {
    return this.broker.kind === 'odradek' ? statusBytes(this.broker.pid, 'VmRSS') : 0
  }
}

function statusBytes(pid: number, field: string): number {
  if (process.platform !== 'linux') return 0
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1] ?? 0) * 1024
}

async function pipeline(client: RawClient): Promise<void> {
  const frame = Buffer.concat(encodeRequestFrame(ApiVersionsRequest, { apiVersion: 0, correlationId: 0, clientId: null }, {}))
  client.send(Buffer.concat(Array.from({ length: WARM_UP_PIPELINED }, () => frame)))
  for (let answered = 0; answered < WARM_UP_PIPELINED; answered++) assert.ok((await client.nextFrame()) !== undefined)
}

export interface RowOptions {
  /** Apache Kafka answers otherwise, or not at all: the row is ours. */
  readonly isOurs?: boolean
  /** For rows whose one request fills the heap with what it asks for: the garbage goes when the heap wants it back. */
  readonly rssGrowthMax?: number
  /** Lines of the level ERROR that the broker may log for this row; none by default. */
  readonly mayLog?: RegExp
}

/** A suite's broker, and `row`, which is a test with the questions above behind it. */
export function hostileSuite(overrides: Record<string, string> = {}) {
  let victim: Victim | undefined
  before(async () => {
    const broker = await startBroker({ overrides })
    victim = new Victim(broker, await RawClient.connect(broker.port))
    await createTopic(victim.client, HEALTHY_TOPIC)
    for (let round = 0; round < WARM_UP_ROUNDS; round++) await victim.serves(victim.client)
    await pipeline(victim.client)
  })
  after(async () => {
    victim?.client.close()
    await victim?.broker[Symbol.asyncDispose]()
  })

  const row = (name: string, run: (victim: Victim) => Promise<void>, options: RowOptions = {}) => {
    const skip = options.isOurs === true && defaultKind === 'apache' ? 'the answer is Odradek’s own' : false
    test(name, { skip, timeout: 60_000 }, async () => {
      assert.ok(victim !== undefined)
      const rssBefore = victim.rss()
      const outputBefore = victim.broker.output().length
      await run(victim)
      await victim.servesAll()
      const growth = victim.rss() - rssBefore
      assert.ok(growth <= (options.rssGrowthMax ?? RSS_GROWTH_MAX), `the broker's memory grew by ${(growth / 1048576).toFixed(1)} MiB`)
      if (victim.broker.kind === 'odradek') assertQuiet(victim.broker.output().slice(outputBefore), options.mayLog)
    })
  }
  return { row }
}

function assertQuiet(output: string, mayLog: RegExp | undefined): void {
  const errors = output.split('\n').filter((line) => / (ERROR|FATAL) /.test(line) && mayLog?.test(line) !== true)
  assert.deepEqual(errors, [])
}
