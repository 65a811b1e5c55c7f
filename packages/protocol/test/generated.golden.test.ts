// The committed tables and schemas against the facts and the tables of Apache Kafka.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { goldensFolder, requireGoldens } from '@odradek/testkit'
import { apiKeys, requestHeaderVersion, responseHeaderVersion } from '../src/api-keys.ts'
import { errorTable } from '../src/errors.ts'
import { featureDefinitions, metadataVersions } from '../src/features.ts'

function requireFacts(t: TestContext): string | undefined {
  const facts = process.env.FACTS_DIR ?? join(goldensFolder(), '../facts')
  if (existsSync(join(facts, 'messages'))) return facts
  const message = `no facts in ${facts}: set FACTS_DIR to the folder of Kafka's facts`
  if (process.env.CI === 'true') throw new Error(message)
  t.skip(message)
  return undefined
}

function isFresh(script: string, ...args: string[]): void {
  const path = join(import.meta.dirname, '../../../scripts', script)
  const { status, stderr } = spawnSync(process.execPath, [path, '--check', ...args], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}

test('the generated messages are fresh', (t) => {
  const facts = requireFacts(t)
  if (facts !== undefined) isFresh('generate-messages.ts', join(facts, 'messages'))
})

test('the generated tables are fresh', (t) => {
  const facts = requireFacts(t)
  if (facts !== undefined) isFresh('generate-tables.ts', facts, join(goldensFolder(), 'tables.json'))
})

interface Tables {
  errors: { code: number; name: string; exception: string | null; message: string; retriable: boolean; refreshesMetadata: boolean }[]
  apiKeys: {
    id: number
    name: string
    apiName: string
    oldest: number
    latestIncludingUnstable: number
    clusterAction: boolean
    forwardable: boolean
    onBroker: boolean
    onController: boolean
    requestHeaderVersions?: number[]
    responseHeaderVersions?: number[]
  }[]
  metadataVersions: { version: string; featureLevel: number; isLatestProduction: boolean }[]
  features: {
    name: string
    latestProduction: number
    latestTesting: number
    levels: { level: number; bootstrapMetadataVersion: string; dependencies: Record<string, number> }[]
  }[]
}

test('errors, APIs with their header versions and features are those of Apache Kafka', (t) => {
  const tables = requireGoldens(t)?.json<Tables>('tables.json')
  if (tables === undefined) return
  assert.equal(errorTable.length, tables.errors.length)
  for (const [index, golden] of tables.errors.entries()) assert.deepEqual(errorTable[index], golden)
  for (const golden of tables.apiKeys) {
    const api = apiKeys.get(golden.id)
    if (api === undefined) {
      assert.ok(!golden.onBroker && !golden.onController, golden.name)
      continue
    }
    assert.deepEqual(
      [api.name, api.enumName, api.clusterAction, api.forwardable],
      [golden.apiName, golden.name, golden.clusterAction, golden.forwardable]
    )
    assert.deepEqual([api.min, api.max], [golden.oldest, golden.latestIncludingUnstable], golden.name)
    assert.deepEqual(
      [api.listeners.includes('broker'), api.listeners.includes('controller')],
      [golden.onBroker, golden.onController],
      golden.name
    )
    const versions = Array.from({ length: api.max - api.min + 1 }, (_, index) => api.min + index)
    assert.deepEqual(
      versions.map((version) => requestHeaderVersion(api, version)),
      golden.requestHeaderVersions,
      golden.name
    )
    assert.deepEqual(
      versions.map((version) => responseHeaderVersion(api, version)),
      golden.responseHeaderVersions,
      golden.name
    )
  }
  assert.deepEqual(
    metadataVersions.map(({ name, level }) => [name, level]),
    tables.metadataVersions.map((row) => [row.version, row.featureLevel])
  )
  for (const feature of featureDefinitions) {
    const golden: Tables['features'][number] | undefined = tables.features.find((row) => row.name === feature.name)
    assert.ok(golden !== undefined, feature.name)
    assert.deepEqual([feature.latestProduction, feature.latestTesting], [golden.latestProduction, golden.latestTesting])
    for (const { level, bootstrapMetadataVersion, dependencies } of feature.levels) {
      assert.deepEqual(
        { level, bootstrapMetadataVersion, dependencies },
        golden.levels.find((row) => row.level === level)
      )
    }
  }
})
