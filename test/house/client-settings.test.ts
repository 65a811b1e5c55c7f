// docs/guides/client.md names the settings of clients that change nothing, no more and no fewer than the sources do not read, and those
// that are refused.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Kafka } from '@odradek/client'
import {
  adminConfigDefinitions,
  consumerConfigDefinitions,
  producerConfigDefinitions,
  shareConsumerConfigDefinitions
} from '@odradek/config'

const root = join(import.meta.dirname, '../..')
const sources = globSync('packages/{client,transport}/src/**/*.ts', { cwd: root })
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .join('\n')

const definitions = [adminConfigDefinitions, consumerConfigDefinitions, producerConfigDefinitions, shareConsumerConfigDefinitions]
const names = [...new Set(definitions.flatMap((each) => [...each.keys()]))].filter((name) => !name.startsWith('internal.'))

const guide = readFileSync(join(root, 'docs/guides/client.md'), 'utf8')
const [section] = guide.split('### Settings without effect')[1].split('###')
const [withoutEffect, refused] = section.split('These are refused')

function namedIn(text: string): (name: string) => boolean {
  const named = [...text.matchAll(/`([a-z.]+(?:\.\*)?)`/g)].map(([, name]) => name)
  return (name) => named.some((each) => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : each === name))
}

/** Whatever they are given. */
function isRefused(name: string): boolean {
  const kafka = new Kafka({ brokers: 'nowhere:1', securityProtocol: 'SASL_PLAINTEXT', saslJaasConfig: login, saslMechanism: 'PLAIN' })
  const definition = definitions.map((each) => each.get(name)).find((each) => each !== undefined)
  const value = definition?.type === 'BOOLEAN' ? true : (definition?.default ?? 'x')
  const makers = [kafka.admin, kafka.producer, kafka.consumer, kafka.shareConsumer] as ((options: object) => unknown)[]
  for (const [at, make] of makers.entries()) {
    if (!definitions[at].has(name)) continue
    try {
      make.call(kafka, { [name]: Array.isArray(value) || definition?.type === 'LIST' ? 'x' : value })
    } catch (error) {
      return (error as Error).message.includes(name)
    }
  }
  return false
}
const login = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b";'

test('settings of clients that no source reads are named in the guide', () => {
  // read by a name that is put together
  const isRead = (name: string): boolean => sources.includes(`'${name}'`) || /^compression\.\w+\.level$/.test(name)
  const isNamed = namedIn(withoutEffect)
  // named for what they do
  const others = new Set(['ssl.enabled.protocols', 'ssl.cipher.suites', 'sasl.mechanism'])
  const expected = names.filter((name) => !isRead(name) && !isRefused(name)).sort()
  assert.deepEqual(names.filter((name) => isNamed(name) && !others.has(name)).sort(), expected)
  assert.ok(expected.length > 10)
})

test('settings of clients that are refused are named in the guide, and those that are named are', () => {
  const isNamed = namedIn(refused)
  assert.deepEqual(names.filter(isNamed).sort(), names.filter((name) => isNamed(name) && isRefused(name)).sort())
  const unread = names.filter((name) => !sources.includes(`'${name}'`) && !/^compression\./.test(name) && isRefused(name))
  assert.deepEqual(
    unread.filter((name) => !isNamed(name)),
    []
  )
  assert.ok(unread.length > 5)
})
