import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImageChain } from '../../src/image/image-chain.ts'
import { imageHash } from '../../src/image/image-writer.ts'
import { MetadataImage } from '../../src/image/metadata-image.ts'
import { type MetadataRecord, metadataRecord } from '../../src/records.ts'

const begin = metadataRecord('BeginTransactionRecord', 0, { name: 'test' })
const end = metadataRecord('EndTransactionRecord', 0, {})
const abort = metadataRecord('AbortTransactionRecord', 0, { reason: 'test' })
const feature = (name: string): MetadataRecord => metadataRecord('FeatureLevelRecord', 0, { name, featureLevel: 1 })

/** Appends batches one after the other. */
function chainOf(...batches: MetadataRecord[][]): ImageChain {
  const chain = new ImageChain(MetadataImage.EMPTY)
  let baseOffset = 0
  for (const records of batches) {
    chain.append({ baseOffset, lastOffset: baseOffset + records.length - 1, epoch: 1, timestampMs: 1000, records })
    baseOffset += records.length
  }
  return chain
}

const names = (image: MetadataImage): string[] => [...image.featureLevels.keys()].sort()

test('what is not committed is in the newest image only', () => {
  const chain = chainOf([feature('a')], [feature('b')])
  assert.deepEqual(names(chain.newest), ['a', 'b'])
  assert.equal(chain.published, MetadataImage.EMPTY)
  const [first, ...rest] = chain.commit(1)
  assert.deepEqual(rest, [])
  assert.deepEqual(names(first.image), ['a'])
  assert.equal(chain.published, first.image)
  assert.deepEqual(
    chain.commit(2).map(({ image }) => names(image)),
    [['a', 'b']]
  )
})

test('each publication leads from the one before it', () => {
  const publications = chainOf([feature('a')], [begin, feature('b')], [feature('c'), end], [feature('d')]).commit(100)
  assert.deepEqual(
    publications.map(({ image }) => names(image)),
    [['a'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']]
  )
  let before = MetadataImage.EMPTY
  for (const { delta, image } of publications) {
    assert.equal(delta.base, before)
    before = image
  }
  assert.deepEqual([...publications[1].delta.changedFeatures], ['b', 'c'])
})

test('a transaction is published when its end is committed, and not before', () => {
  const chain = chainOf([begin, feature('a')], [feature('b')], [end])
  assert.deepEqual(names(chain.newest), ['a', 'b'])
  assert.deepEqual(chain.commit(3), [])
  assert.deepEqual(
    chain.commit(4).map(({ image }) => names(image)),
    [['a', 'b']]
  )
})

test('an aborted transaction leaves no trace, not even of records of its own batch', () => {
  const chain = chainOf([feature('a'), begin, feature('b')], [feature('c'), abort, feature('d')])
  assert.equal(chain.isInTransaction, false)
  assert.deepEqual(names(chain.newest), ['a', 'd'])
  assert.equal(imageHash(chain.newest), imageHash(chainOf([feature('a')], [feature('d')]).newest))
  const publications = chain.commit(100)
  assert.deepEqual(
    publications.map(({ image }) => names(image)),
    [['a'], ['a', 'd']]
  )
  assert.equal(publications[1].delta.base, publications[0].image)
})

test('a run that is loaded makes one publication', () => {
  const chain = new ImageChain(MetadataImage.EMPTY)
  const batch = (offset: number, name: string) => ({
    baseOffset: offset,
    lastOffset: offset,
    epoch: 1,
    timestampMs: 1,
    records: [feature(name)]
  })
  chain.append(batch(0, 'a'), { more: true })
  chain.append(batch(1, 'b'), { more: true })
  chain.append(batch(2, 'c'))
  assert.deepEqual(chain.commit(2), [])
  assert.deepEqual(
    chain.commit(3).map(({ image }) => names(image)),
    [['a', 'b', 'c']]
  )
})

test('ends and aborts without a beginning, and a beginning inside a transaction, are faults', () => {
  for (const records of [[end], [abort], [begin, begin]]) assert.throws(() => chainOf(records), { code: 'METADATA_RECORD_INVALID' })
})
