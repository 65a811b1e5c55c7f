// node bench/stopped-consumer.ts [SECONDS]: memory of a consumer that stops reading for a minute (or so long) under full load, for poll,
// stream and run: at most 100 MB above idle.

import { measure } from '../test/client/stopped-consumer.ts'
import { serverJavaFlags, startBroker } from '../test/interop/support/brokers.ts'

const seconds = Number(process.argv[2] ?? 60)
await using broker = await startBroker({
  javaFlags: serverJavaFlags,
  overrides: { 'log.retention.check.interval.ms': '1000', 'log.segment.delete.delay.ms': '1000' }
})
for (const mode of ['poll', 'stream', 'run'] as const) {
  const result = await measure({ brokers: broker.bootstrapServers, topic: `stopped-${mode}`, mode, seconds })
  const aboveIdleMegabytes = result.stoppedMegabytes - result.idleMegabytes
  console.log(JSON.stringify({ mode, seconds, ...result, aboveIdleMegabytes, isMet: aboveIdleMegabytes <= 100 }))
}
