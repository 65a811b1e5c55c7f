import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokerEffects, groupEffects, topicEffects } from '@odradek/config'
import { settingsInUse } from '../../scripts/settings-in-use.ts'

const inUse = settingsInUse()
const lists = [
  ['brokerEffects', brokerEffects, inUse.broker],
  ['topicEffects', topicEffects, inUse.topic],
  ['groupEffects', groupEffects, inUse.group]
] as const

for (const [list, listed, read] of lists) {
  test(`every setting in ${list} is read by a source outside of config`, () => {
    const unread = listed.filter((name) => !read.includes(name))
    assert.deepEqual(unread, [], `remove them from packages/config/src/effects.ts: nothing reads them`)
  })

  test(`every setting that a source reads is in ${list}`, () => {
    const names: readonly string[] = listed
    assert.deepEqual(
      read.filter((name) => !names.includes(name)),
      [],
      `add them to packages/config/src/effects.ts`
    )
  })
}
