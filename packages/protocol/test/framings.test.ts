import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '@odradek/base'
import {
  type ControlRecord,
  decodeConsumerAssignment,
  decodeConsumerSubscription,
  decodeControlRecord,
  decodeMetadataRecordFrame,
  decodeVersioned,
  encodeConsumerAssignment,
  encodeConsumerSubscription,
  encodeControlRecord,
  encodeMetadataRecordFrame,
  encodeVersioned
} from '../src/framings.ts'
import { LeaderChangeMessage, OffsetCommitValue, TopicRecord, VotersRecord } from '../src/generated/codecs.ts'

const hex = (text: string) => Buffer.from(text, 'hex')

test('a metadata record lies behind its frame version, type and version', () => {
  const bytes = encodeMetadataRecordFrame(TopicRecord, { name: 't' }, 0)
  assert.equal(bytes.subarray(0, 3).toString('hex'), '010200')
  const { apiKey, version, body } = decodeMetadataRecordFrame(bytes)
  assert.deepEqual([apiKey, version, TopicRecord.decode(body, version).name], [2, 0, 't'])
  for (const bad of ['', '00', '020200', '01', '0102', '01ffffffffff00'])
    assert.throws(() => decodeMetadataRecordFrame(hex(bad)), DecodeError, bad)
})

test('a value of a version that is not known, or cut, is a DecodeError', () => {
  const bytes = encodeVersioned(OffsetCommitValue, { offset: 5 }, 4)
  assert.equal(decodeVersioned(OffsetCommitValue, bytes).value.offset, 5)
  bytes.writeInt16BE(5)
  for (const bad of [bytes, hex('ffff00'), hex('00'), hex('')]) assert.throws(() => decodeVersioned(OffsetCommitValue, bad), DecodeError)
})

test('a subscription of a newer version is read as the newest known one, with bytes behind it let be', () => {
  const value = {
    topics: ['a'],
    userData: Buffer.from('u'),
    ownedPartitions: [{ topic: 'a', partitions: [1] }],
    generationId: 4,
    rackId: 'r'
  }
  const bytes = encodeConsumerSubscription(value)
  assert.deepEqual(decodeConsumerSubscription(bytes), { version: 3, value })
  const newer = Buffer.concat([bytes, hex('0102')])
  newer.writeInt16BE(9)
  assert.deepEqual(decodeConsumerSubscription(newer), { version: 9, value })
  newer.writeInt16BE(-1)
  assert.throws(() => decodeConsumerSubscription(newer), DecodeError)
})

test('an assignment comes back', () => {
  const value = { assignedPartitions: [{ topic: 't', partitions: [0, 2] }], userData: null }
  assert.deepEqual(decodeConsumerAssignment(encodeConsumerAssignment(value, 1)), { version: 1, value })
})

test('control records lie as Apache Kafka writes them', () => {
  const voter = {
    voterId: 1,
    voterDirectoryId: '6k6UQV5wTMebtpRWBbZa5Q',
    endpoints: [{ name: 'CONTROLLER', host: 'localhost', port: 19501 }],
    kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 }
  }
  const vectors: [ControlRecord, string, string][] = [
    [{ type: 'COMMIT', value: { coordinatorEpoch: 0 } }, '00000001', '000000000000'],
    [
      {
        type: 'LEADER_CHANGE',
        value: LeaderChangeMessage.create({ leaderId: 1, voters: [{ voterId: 1 }], grantingVoters: [{ voterId: 1 }] })
      },
      '00000002',
      '00000000000102000000010002000000010000'
    ],
    [{ type: 'SNAPSHOT_HEADER', value: { version: 0, lastContainedLogTimestamp: 0x1a1fd7d3669 } }, '00000003', '0000000001a1fd7d366900'],
    [{ type: 'SNAPSHOT_FOOTER', value: { version: 0 } }, '00000004', '000000'],
    [{ type: 'KRAFT_VERSION', value: { version: 0, kRaftVersion: 1 } }, '00000005', '0000000100'],
    [
      { type: 'KRAFT_VOTERS', value: VotersRecord.create({ voters: [voter] }) },
      '00000006',
      '00000200000001ea4e94415e704cc79bb6945605b65ae5020b434f4e54524f4c4c45520a6c6f63616c686f73744c2d0000000001000000'
    ]
  ]
  for (const [record, key, value] of vectors) {
    const encoded = encodeControlRecord(record)
    assert.deepEqual([encoded.key.toString('hex'), encoded.value.toString('hex')], [key, value], record.type)
    assert.deepEqual(decodeControlRecord(hex(key), hex(value)), record)
  }
})

test('a control record of an unknown type is passed over, one that is cut is a DecodeError', () => {
  assert.equal(decodeControlRecord(hex('00000063'), hex('')), undefined)
  for (const key of ['', '0000', '000000', 'ffff0001']) assert.throws(() => decodeControlRecord(hex(key), hex('000000000000')), DecodeError)
  assert.throws(() => decodeControlRecord(hex('00000001'), hex('00000000')), DecodeError)
})
