// The recorded runs of Apache Kafka's tools, in their order, run again with our commands against Apache Kafka: the same text, the same
// exit codes. TRANSCRIPT_TOOLS=kafka-configs,kafka-acls compares only those; of the others only the runs that change something are
// made then.
import { test } from 'node:test'
import { requireGoldens } from '@odradek/testkit'
import { isRunHere, recordedAuthorizer, recordedSettings, runTranscripts } from '../../packages/cli/test/support/run-transcripts.ts'
import { startBroker } from './support/brokers.ts'
import { kafkaClassPath, toolchain } from './support/toolchains.ts'

const asked = process.env.TRANSCRIPT_TOOLS?.split(',')

/** Not run, and why. */
const left: ReadonlyMap<number, string> = new Map([
  [312, 'Java asks for a topic that does not exist until it is stopped'],
  [346, 'shows a transaction that no recorded run made'],
  [347, 'shows a transaction that no recorded run made']
])

/** Members of share groups get their partitions with their second heartbeat; no recorded text tells of these settings. */
const soonShared = { 'group.share.min.heartbeat.interval.ms': '500', 'group.share.heartbeat.interval.ms': '500' }

test("our commands answer as Apache Kafka 4.3's do, against Apache Kafka", { timeout: 600_000 }, async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined || toolchain(t, 'Java and Apache Kafka', kafkaClassPath) === undefined) return
  await runTranscripts(t, goldens, {
    isLeft: ({ n }) => left.has(n),
    isCompared: ({ tool }) => isRunHere(tool) && (asked === undefined || asked.includes(tool)),
    async startNode(hasAuthorizer) {
      const overrides = { ...recordedSettings, ...soonShared, ...(hasAuthorizer ? recordedAuthorizer : {}) }
      const node = await startBroker({ kind: 'apache', overrides })
      t.after(async () => await node[Symbol.asyncDispose]())
      return { bootstrap: node.bootstrapServers, controller: `localhost:${node.controllerPort}` }
    }
  })
})
