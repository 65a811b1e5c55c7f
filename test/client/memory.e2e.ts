// A consumer that stops reading under full load stays near the memory that it has when idle. bench/stopped-consumer.ts does it for a minute.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type BrokerProcess, startBroker } from '../interop/support/brokers.ts'
import { type Mode, measure } from './stopped-consumer.ts'

const LIMIT_MEGABYTES = 100
const SECONDS = 3

describe('a consumer that stops reading under full load', { timeout: 120_000 }, () => {
  let broker: BrokerProcess
  before(async () => {
    broker = await startBroker({ overrides: { 'log.retention.check.interval.ms': '500', 'log.segment.delete.delay.ms': '500' } })
  })
  after(async () => {
    await broker?.[Symbol.asyncDispose]()
  })

  for (const mode of ['poll', 'stream', 'run'] as const satisfies Mode[])
    test(`(${mode}) takes at most ${LIMIT_MEGABYTES} MB more than when it is idle, and reads on afterwards`, async () => {
      const result = await measure({ brokers: broker.bootstrapServers, topic: `stopped-${mode}`, mode, seconds: SECONDS })
      assert.ok(result.producedMegabytes > 20, JSON.stringify(result))
      assert.ok(result.stoppedMegabytes - result.idleMegabytes <= LIMIT_MEGABYTES, JSON.stringify(result))
    })

  test('would show more if its bounds were larger', async () => {
    const settings = { prefetchBytes: 1_000_000_000, maxPartitionFetchBytes: 200_000_000, fetchMaxBytes: 1_000_000_000 }
    const result = await measure({ brokers: broker.bootstrapServers, topic: 'unbounded', mode: 'poll', seconds: SECONDS, settings })
    assert.ok(result.stoppedMegabytes - result.idleMegabytes > LIMIT_MEGABYTES, JSON.stringify(result))
  })
})
