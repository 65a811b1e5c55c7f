import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { brokerDocs } from '../src/docs/broker.ts'
import { clientMetricsDocs, groupDocs, quotaDocs } from '../src/docs/group.ts'
import { topicDocs } from '../src/docs/topic.ts'
import {
  brokerConfigDefinitions,
  clientMetricsConfigDefinitions,
  groupConfigDefinitions,
  quotaConfigDefinitions,
  topicConfigDefinitions
} from '../src/index.ts'

const root = join(import.meta.dirname, '../../..')
const facts = join(process.env.FACTS_DIR ?? join(root, '../shared/facts'), 'configs')

test('the generated tables are fresh', {
  skip: existsSync(facts) ? false : 'no facts: set FACTS_DIR to the folder of facts about Kafka'
}, () => {
  const result = spawnSync(process.execPath, ['scripts/generate-configs.ts', '--check', facts], { cwd: root, encoding: 'utf8' })
  assert.equal(result.status, 0, result.stderr)
})

test('no doc line stands for a setting that does not exist', () => {
  const pairs: [Readonly<Record<string, string>>, ReadonlyMap<string, unknown>][] = [
    [brokerDocs, brokerConfigDefinitions],
    [topicDocs, topicConfigDefinitions],
    [groupDocs, groupConfigDefinitions],
    [clientMetricsDocs, clientMetricsConfigDefinitions],
    [quotaDocs, quotaConfigDefinitions]
  ]
  for (const [docs, definitions] of pairs) for (const name of Object.keys(docs)) assert.ok(definitions.has(name), name)
})
