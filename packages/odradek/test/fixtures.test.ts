import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Kafka } from '@odradek/client'
import type { EmbeddedKafka } from '../src/index.ts'
import { useKafka } from '../src/node-test.ts'
import { kafkaFixture } from '../src/vitest.ts'

async function topicsOf(kafka: EmbeddedKafka): Promise<string[]> {
  await using client = new Kafka({ brokers: kafka.bootstrapServers })
  await using admin = client.admin()
  return [...(await admin.listTopics()).keys()]
}

let closed: (() => EmbeddedKafka) | undefined

describe('useKafka', () => {
  const kafka = useKafka({ topics: ['orders'] })
  closed = kafka
  assert.throws(kafka, /within tests/, 'it does not run before the tests')
  let port = 0

  test('gives the tests of a suite a broker', async () => {
    port = kafka().port
    assert.deepEqual(await topicsOf(kafka()), ['orders'])
  })

  test('gives them all the same', () => assert.equal(kafka().port, port))
})

test('useKafka closes its broker after the suite', async () => {
  assert.ok(closed !== undefined)
  await assert.rejects(closed().start(), { code: 'BROKER_NOT_RUNNING' })
})

test('the fixture of vitest names no other fixture, uses a broker and closes it', async () => {
  const fixture = kafkaFixture({ topics: ['orders'] })
  // so does vitest look for the names
  assert.match(fixture.toString(), /^async \(\{\s*\}\s*,/)
  let used: EmbeddedKafka | undefined
  await fixture({}, async (kafka) => {
    used = kafka
    assert.deepEqual(await topicsOf(kafka), ['orders'])
  })
  await assert.rejects((used as unknown as EmbeddedKafka).start(), { code: 'BROKER_NOT_RUNNING' })
})
