import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Admin } from '../../src/admin/admin.ts'
import { authorizedOperations, configSourceName } from '../../src/admin/names.ts'
import { alterUserScramCredentials } from '../../src/admin/scram.ts'
import type { CreatedTopic, KafkaError, KeyedResult, ListedOffset, Outcomes, PartialFailureError, TopicListing } from '../../src/index.ts'

const facts = join(process.env.FACTS_DIR ?? join(import.meta.dirname, '../../../../../shared/facts'), 'admin.md')

test("the admin has every method of Java's Admin", {
  skip: existsSync(facts) ? false : 'no facts: set FACTS_DIR to the folder of facts about Kafka'
}, () => {
  const section = readFileSync(facts, 'utf8').split('#### Admin (interface')[1].split('####')[0]
  const names = new Set([...section.matchAll(/^- (?!static)(\w+)\(/gm)].map((match) => match[1]))
  assert.ok(names.size > 60)
  // its own, and those that all clients share
  const ours = [Admin.prototype, Object.getPrototypeOf(Admin.prototype)].flatMap((one) => Object.getOwnPropertyNames(one))
  assert.deepEqual(
    [...names].filter((name) => !ours.includes(name)),
    []
  )
})

test('authorized operations are the names of the bits', () => {
  assert.deepEqual(authorizedOperations((1 << 3) | (1 << 8)), ['READ', 'DESCRIBE'])
  assert.deepEqual(authorizedOperations(0), [])
  assert.equal(authorizedOperations(-2147483648), undefined)
})

test("sources of configurations have Java's names", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 99].map(configSourceName), [
    'UNKNOWN',
    'DYNAMIC_TOPIC_CONFIG',
    'DYNAMIC_BROKER_CONFIG',
    'DYNAMIC_DEFAULT_BROKER_CONFIG',
    'STATIC_BROKER_CONFIG',
    'DEFAULT_CONFIG',
    'DYNAMIC_BROKER_LOGGER_CONFIG',
    'DYNAMIC_CLIENT_METRICS_CONFIG',
    'DYNAMIC_GROUP_CONFIG',
    'UNKNOWN'
  ])
})

test('a SCRAM credential that a broker would refuse, or could not see to be empty, is refused before anything is sent', async () => {
  const nowhere = {} as Parameters<typeof alterUserScramCredentials>[0]
  const alter = (upsert: { password: string; iterations?: number }): Promise<unknown> =>
    alterUserScramCredentials(nowhere, [{ user: 'alice', mechanism: 'SCRAM-SHA-256', upsert }]).then()
  const refused = (message: string) => ({ code: 'UNACCEPTABLE_CREDENTIAL', message })
  await assert.rejects(alter({ password: '' }), refused('Password must not be empty'))
  await assert.rejects(alter({ password: 'secret', iterations: 4095 }), refused('Too few iterations'))
  await assert.rejects(alter({ password: 'secret', iterations: 16_385 }), refused('Too many iterations'))
})

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <_ extends true>(): void => {}

test('results have the types that a user reads off the names', () => {
  holds<Equal<ReturnType<Admin['createTopics']>, KeyedResult<CreatedTopic>>>()
  holds<Equal<Awaited<ReturnType<Admin['createTopics']>>, ReadonlyMap<string, CreatedTopic>>>()
  holds<Equal<Awaited<ReturnType<ReturnType<Admin['listOffsets']>['outcomes']>>, Outcomes<ListedOffset>>>()
  holds<Equal<Awaited<ReturnType<Admin['listTopics']>>, ReadonlyMap<string, TopicListing>>>()
  holds<Equal<PartialFailureError<number>['values'], ReadonlyMap<string, number>>>()
  holds<Equal<PartialFailureError['errors'], ReadonlyMap<string, KafkaError>>>()
  const use = (admin: Admin): unknown => [
    admin.listOffsets([{ topic: 'a', partition: 0, spec: { timestamp: 1 } }]),
    // @ts-expect-error no such place
    admin.listOffsets([{ topic: 'a', partition: 0, spec: 'middle' }]),
    // @ts-expect-error a topic has a name
    admin.createTopics([{ numPartitions: 1 }]),
    // @ts-expect-error no such operation
    admin.incrementalAlterConfigs([{ type: 'TOPIC', name: 'a', ops: [{ name: 'b', value: '1', op: 'REPLACE' }] }])
  ]
  assert.equal(typeof use, 'function')
})
