// Scripts of group requests, and what Apache Kafka 4.3.1 answered to each (recorded by record.ts).
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { CoordinatorTarget } from './coordinator-target.ts'
import { edgeScenarios } from './edge-scenarios.ts'
import { play } from './scenario.ts'
import { scenarios } from './scenarios.ts'

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/classic-groups.apache.json'), 'utf8')) as Record<
  string,
  unknown[]
>

describe('the group coordinator answers as Apache Kafka does', () => {
  for (const scenario of [...scenarios, ...edgeScenarios]) {
    test(scenario.name, async () => {
      const transcript = JSON.parse(JSON.stringify(await play(scenario, await CoordinatorTarget.start())))
      const expected = recorded[scenario.name]
      assert.ok(expected !== undefined, 'nothing is recorded of this script')
      for (const [index, entry] of expected.entries()) assert.deepEqual(transcript[index], entry)
      assert.equal(transcript.length, expected.length)
    })
  }
})
