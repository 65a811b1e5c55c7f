// docs/guides/client.md names the settings of clients that change nothing: no more and no fewer than the sources do not read.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
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

test('settings of clients that no source reads are named in the guide', () => {
  // read by a name that is put together
  const isRead = (name: string): boolean => sources.includes(`'${name}'`) || /^compression\.\w+\.level$/.test(name)
  const [section] = readFileSync(join(root, 'docs/guides/client.md'), 'utf8').split('### Settings without effect')[1].split('###')
  const named = [...section.matchAll(/`([a-z.]+(?:\.\*)?)`/g)].map(([, name]) => name)
  const isNamed = (name: string): boolean => named.some((each) => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : each === name))
  // named for what they do
  const others = new Set(['ssl.enabled.protocols', 'ssl.cipher.suites'])
  assert.deepEqual(names.filter((name) => isNamed(name) && !others.has(name)).sort(), names.filter((name) => !isRead(name)).sort())
  assert.ok(named.length > 10)
})
