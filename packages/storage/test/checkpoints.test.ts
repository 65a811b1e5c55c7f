import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatCleanShutdown,
  formatEpochCheckpoint,
  formatMetaProperties,
  formatOffsetCheckpoint,
  formatPartitionMetadata,
  parseCleanShutdown,
  parseEpochCheckpoint,
  parseMetaProperties,
  parseOffsetCheckpoint,
  parsePartitionMetadata
} from '../src/checkpoints.ts'
import { parsePartitionDirectory, renamedDirectory } from '../src/layout.ts'
import { TOPIC_ID } from './support.ts'

const malformed = { code: 'STORAGE_CHECKPOINT_MALFORMED' }
const parse = (text: string): unknown => parseOffsetCheckpoint(Buffer.from(text), 'test')

test('offset checkpoints are written and read in their text form, an empty file is empty, others are refused', () => {
  const entries = [
    { topic: 'a', partition: 0, offset: 12 },
    { topic: 'b.c-d_e', partition: 11, offset: 9007199254740991 }
  ]
  const bytes = formatOffsetCheckpoint(entries)
  assert.equal(String(bytes), '0\n2\na 0 12\nb.c-d_e 11 9007199254740991\n')
  assert.deepEqual(parse(String(bytes)), entries)
  assert.deepEqual(parse(''), [])
  for (const text of ['1\n0\n', '0\n2\na 0 1\n', '0\nx\n', '0\n1\na 0\n', '0\n1\na 0 1 2\n', '0', 'garbage'])
    assert.throws(() => parse(text), malformed, text)
})

test('epoch checkpoints, partition.metadata and the mark of a clean stop are those of Kafka', () => {
  const epochs = [
    { epoch: 0, startOffset: 0 },
    { epoch: 3, startOffset: 40 }
  ]
  assert.equal(String(formatEpochCheckpoint(epochs)), '0\n2\n0 0\n3 40\n')
  assert.deepEqual(parseEpochCheckpoint(formatEpochCheckpoint(epochs)), epochs)
  assert.throws(() => parseEpochCheckpoint(Buffer.from('0\n1\n-1 0\n')), malformed)
  assert.equal(String(formatPartitionMetadata(TOPIC_ID)), `version: 0\ntopic_id: ${TOPIC_ID}`)
  assert.equal(parsePartitionMetadata(formatPartitionMetadata(TOPIC_ID)), TOPIC_ID)
  for (const torn of ['', 'version: 0\n', 'version: 0\ntopic_id: short', '\0\0\0'])
    assert.equal(parsePartitionMetadata(Buffer.from(torn)), undefined)
  assert.equal(String(formatCleanShutdown(11)), '{"version":0,"brokerEpoch":11}')
  assert.equal(parseCleanShutdown(Buffer.from('{"version":0,"brokerEpoch":11}')), 11)
  assert.equal(parseCleanShutdown(Buffer.alloc(0)), undefined)
})

test('meta.properties of versions 0 and 1 are read, and what is wrong is said', () => {
  const bytes = formatMetaProperties({ clusterId: 'abc', nodeId: 3, directoryId: TOPIC_ID })
  assert.deepEqual(parseMetaProperties(bytes, 'f'), { version: 1, clusterId: 'abc', nodeId: 3, directoryId: TOPIC_ID })
  const old = parseMetaProperties(Buffer.from('#comment\nversion=0\nbroker.id=4\ncluster.id=x\\=y\n'), 'f')
  assert.deepEqual(old, { version: 0, clusterId: 'x=y', nodeId: 4, directoryId: undefined })
  const invalid = (text: string, message: RegExp): void =>
    assert.throws(() => parseMetaProperties(Buffer.from(text), '/d/meta.properties'), message)
  invalid('version=7\nnode.id=1\ncluster.id=x\n', /\/d\/meta.properties: version 7/)
  invalid('version=1\ncluster.id=x\n', /node.id is missing/)
  invalid('version=1\nnode.id=1\n', /cluster.id is missing/)
  invalid('version=1\nnode.id=1\ncluster.id=x\ndirectory.id=?\n', /directory.id/)
})

test('folders of partitions are told apart by name, however long the topic', () => {
  assert.deepEqual(parsePartitionDirectory('my-topic-12'), { topic: 'my-topic', partition: 12, kind: 'live' })
  assert.deepEqual(parsePartitionDirectory('a.b-0.e1afa55562d04d07a54aeadd8085516e-delete'), { topic: 'a.b', partition: 0, kind: 'delete' })
  assert.equal(parsePartitionDirectory('meta.properties'), undefined)
  assert.equal(parsePartitionDirectory('lost+found'), undefined)
  const long = renamedDirectory('t'.repeat(249), 5, TOPIC_ID, 'future')
  assert.equal(long.length, 255)
  assert.equal(parsePartitionDirectory(long)?.kind, 'future')
})
