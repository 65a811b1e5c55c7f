// Brokers whose answers to the requests of share groups are changed at random: every call ends in bounded time with a value or a KafkaError,
// memory stays small, and nothing is left behind.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPrng, type Prng } from '@odradek/base'
import { type ShareConsumerSettings, shareConsumerConfigDefinitions } from '@odradek/config'
import { ApiKey } from '@odradek/protocol'
import { KafkaError } from '../../src/errors.ts'
import { resolveOptions } from '../../src/options.ts'
import { ShareConsumer } from '../../src/share/share-consumer.ts'
import { settled } from '../support/fake-cluster.ts'
import { ShareCluster } from '../support/share-log.ts'

const lied: ReadonlySet<number> = new Set([ApiKey.SHARE_GROUP_HEARTBEAT, ApiKey.SHARE_FETCH, ApiKey.SHARE_ACKNOWLEDGE])
const uuids = ['AAAAAAAAQACAAAAAAAAAAQ', 'BBBBBBBBQACAAAAAAAAAAQ', 'AAAAAAAAAAAAAAAAAAAAAA']
const edges = [-1, 0, 1, 7, 120, 121, 122, 123, 3, 9999]

/** Offsets go to the ends of what a number may be; other fields are small. */
function changed(value: unknown, name: string, prng: Prng): unknown {
  if (Buffer.isBuffer(value)) {
    if (!prng.chance(0.1)) return value
    const bytes = Buffer.from(value)
    for (let i = 0; i < 3 && bytes.length > 0; i++) bytes[prng.below(bytes.length)] = prng.below(256)
    return bytes.subarray(0, prng.chance(0.5) ? bytes.length : prng.below(bytes.length + 1))
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => changed(item, name, prng))
    if (prng.chance(0.05)) return [...items, ...items]
    return prng.chance(0.05) ? [] : items
  }
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, changed(field, key, prng)]))
  if (typeof value === 'number' && prng.chance(0.04))
    return /Offset$/.test(name) ? Number.MAX_SAFE_INTEGER - prng.below(3) : prng.pick(edges)
  if (typeof value === 'string' && name === 'topicId' && prng.chance(0.05)) return prng.pick(uuids)
  return value
}

describe('a share consumer among brokers that lie', () => {
  for (let seed = 1; seed <= Number(process.env.SEEDS ?? 40); seed++) {
    test(`ends every call with a value or a KafkaError (seed ${seed})`, async () => {
      const prng = createPrng(`share-hostile-${seed}`)
      const cluster = await ShareCluster.start({ brokers: 2, partitions: 3, perPartition: 200, seed })
      // The honest part of the answer keeps its own rules; a client that was lied to may break them.
      cluster.isStrict = false
      cluster.fake.lie = ({ apiKey }, honest) =>
        lied.has(apiKey) && typeof honest === 'object' ? (changed(honest, '', prng) as object) : undefined
      const isExplicit = prng.chance(0.5)
      const { settings } = resolveOptions<ShareConsumerSettings>('share consumer', shareConsumerConfigDefinitions, {
        groupId: 'g',
        maxPollRecords: 10,
        shareAcknowledgementMode: isExplicit ? 'explicit' : 'implicit'
      })
      const consumer = new ShareConsumer({ cluster: cluster.fake.connect(), settings })
      consumer.subscribe('t')
      const calls = [
        async () => {
          for (const record of await consumer.poll({ timeoutMs: 300 }))
            if (isExplicit) consumer.acknowledge(record, prng.pick(['accept', 'release', 'reject', 'renew']))
        },
        () => consumer.commitSync({ timeoutMs: 2000 }),
        () => Promise.resolve(consumer.commitAsync())
      ]
      for (let i = 0; i < 60; i++) {
        const before = cluster.fake.sim.nowMs
        const { error } = await cluster.fake.sim.complete(settled(prng.pick(calls)() as Promise<unknown>))
        assert.ok(error === undefined || error instanceof KafkaError, String(error))
        assert.ok(cluster.fake.sim.nowMs - before < 10_000, 'it took long')
      }
      await cluster.fake.sim.complete(consumer.close({ timeoutMs: 5000 }))
      assert.equal(await cluster.fake.openSockets(), 0)
    })
  }
})
