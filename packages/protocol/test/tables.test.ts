import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiKey, apiKeys } from '../src/api-keys.ts'
import { ErrorCode, errorByCode, errorTable } from '../src/errors.ts'
import {
  featureDefinitions,
  latestProductionMetadataVersion,
  metadataVersionByLevel,
  metadataVersionByName,
  metadataVersions,
  minimumMetadataVersion
} from '../src/features.ts'
import { AclOperation, ConfigSource, ListOffsetsTimestamp, ResourceType, Sentinel } from '../src/generated/tables/enums.ts'
import { messageNames, messageSchema, parseVersions, planMessage } from '../src/schema.ts'

test('every API has codecs of its versions', () => {
  assert.equal(apiKeys.size, 89)
  for (const [key, api] of apiKeys) {
    assert.equal(ApiKey[api.enumName as keyof typeof ApiKey], key)
    for (const codec of [api.request, api.response]) {
      assert.equal(codec.apiKey, key)
      assert.deepEqual([codec.minVersion, codec.maxVersion], [api.min, api.max], codec.name)
      for (let version = api.min; version <= api.max; version++) {
        assert.equal(codec.isFlexible(version), api.flexibleFrom !== null && version >= api.flexibleFrom, `${codec.name} ${version}`)
      }
    }
    assert.ok(api.advertisedMax <= api.max && api.maxStable <= api.max)
  }
})

test('every message of the schemas plans in each of its versions', () => {
  let plans = 0
  for (const name of messageNames) {
    const versions = parseVersions(messageSchema(name).validVersions)
    for (let version = versions?.min ?? 0; version <= (versions?.max ?? -1); version++) {
      assert.ok(planMessage(name, version, false).minSize >= 1)
      plans++
    }
  }
  assert.equal(messageNames.length, 281)
  assert.equal(plans, 739)
})

test('an error is found by its code, and an unknown code is an unknown error', () => {
  assert.equal(errorByCode(ErrorCode.NONE).name, 'NONE')
  for (const [index, error] of errorTable.entries()) {
    assert.equal(error.code, index - 1)
    assert.equal(ErrorCode[error.name], error.code)
    assert.equal(errorByCode(error.code), error)
  }
  for (const code of [9999, -2, -32768, 0.5]) assert.equal(errorByCode(code).name, 'UNKNOWN_SERVER_ERROR')
  assert.deepEqual(errorByCode(3), {
    code: 3,
    name: 'UNKNOWN_TOPIC_OR_PARTITION',
    retriable: true,
    refreshesMetadata: true,
    exception: 'UnknownTopicOrPartitionException',
    message: 'This server does not host this topic-partition.'
  })
})

test('metadata versions are found by level, by name and by release', () => {
  assert.equal(metadataVersionByName('4.3-IV0'), latestProductionMetadataVersion)
  assert.equal(metadataVersionByName('4.3'), latestProductionMetadataVersion)
  assert.equal(metadataVersionByName('4.3.1'), latestProductionMetadataVersion)
  assert.equal(metadataVersionByName('3.3'), minimumMetadataVersion)
  assert.equal(metadataVersionByName('2.8'), undefined)
  assert.equal(metadataVersionByName('4.4'), undefined, 'a release that has no production level yet')
  assert.equal(metadataVersionByLevel(latestProductionMetadataVersion.level), latestProductionMetadataVersion)
  assert.equal(metadataVersionByLevel(1), undefined)
  for (const [index, version] of metadataVersions.entries()) {
    assert.equal(version.level, metadataVersions[0].level + index)
    assert.deepEqual(
      Object.keys(version.defaults),
      featureDefinitions.map((feature) => feature.name)
    )
  }
})

test('the numbers of enumerations', () => {
  assert.deepEqual([AclOperation.TWO_PHASE_COMMIT, ResourceType.USER, ConfigSource.DEFAULT_CONFIG], [15, 7, 5])
  assert.deepEqual([ListOffsetsTimestamp.MAX_TIMESTAMP, Sentinel.AUTHORIZED_OPERATIONS_OMITTED], [-3, -2147483648])
})
