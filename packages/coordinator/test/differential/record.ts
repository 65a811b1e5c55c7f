// Records what a broker answers to the scripts: node record.ts HOST:PORT > ../fixtures/classic-groups.apache.json
// The broker is a fresh Apache Kafka with the settings named in scenarios.ts.
import { setTimeout } from 'node:timers/promises'
import { CreateTopicsRequest, CreateTopicsResponse, FindCoordinatorRequest, FindCoordinatorResponse } from '@odradek/protocol'
import type { AnyCodec } from './apis.ts'
import { play } from './scenario.ts'
import { scenarios } from './scenarios.ts'
import { SocketTarget } from './socket-target.ts'

const [host, port] = (process.argv[2] ?? '').split(':')
const target = new SocketTarget(host, Number(port))
const ask = (codecs: readonly [unknown, unknown], version: number, body: object) =>
  target.request(codecs as [AnyCodec, AnyCodec], version, body).answer()

await ask([CreateTopicsRequest, CreateTopicsResponse], 7, {
  topics: [{ name: 't', numPartitions: 3, replicationFactor: 1 }],
  timeoutMs: 10_000
})
// Until every partition of __consumer_offsets has its coordinator.
const keys = scenarios.map(({ name }) => name)
for (;;) {
  const { coordinators } = (await ask([FindCoordinatorRequest, FindCoordinatorResponse], 4, { keyType: 0, coordinatorKeys: keys })) as {
    coordinators: { errorCode: number }[]
  }
  if (coordinators.every(({ errorCode }) => errorCode === 0)) break
  await setTimeout(500)
}
await setTimeout(3_000)

const transcripts: Record<string, unknown> = {}
await Promise.all(
  scenarios.map(async (scenario) => {
    transcripts[scenario.name] = await play(scenario, target)
    console.error(scenario.name)
  })
)
target.close()
const ordered = Object.fromEntries(scenarios.map(({ name }) => [name, transcripts[name]]))
console.log(JSON.stringify(ordered, null, 1))
