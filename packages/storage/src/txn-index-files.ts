// The transaction index of a segment on file: read when someone asks, made anew from the batches when it is damaged.

import { TXN_INDEX_SUFFIX } from './layout.ts'
import type { ProducerHome } from './producer-rebuild.ts'
import { loadProducers } from './producer-rebuild.ts'
import { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'
import { RESIDENT_TXNS_MAX } from './segment.ts'
import { readIfThere } from './segment-files.ts'
import { scanSegment } from './segment-scan.ts'
import type { AbortedTxn } from './txn-index.ts'
import { formatAbortedTxns, parseAbortedTxns } from './txn-index.ts'

/** The aborted transactions of a segment. A long list is not kept: it is read again when someone asks again. */
export async function abortedTxnsOf(home: ProducerHome, segment: Segment): Promise<readonly AbortedTxn[]> {
  if (segment.abortedTxns !== undefined) return segment.abortedTxns
  const bytes = await readIfThere(home, segment.path(home.path, TXN_INDEX_SUFFIX))
  const txns = bytes === undefined ? [] : (parseAbortedTxns(bytes, segment.baseOffset) ?? (await rebuild(home, segment)))
  if (txns.length <= RESIDENT_TXNS_MAX) segment.keepAbortedTxns(txns)
  return txns
}

/** For the segment that grows: it must have its list, to add to it. */
export async function loadAbortedTxns(home: ProducerHome, segment: Segment): Promise<void> {
  if (segment.abortedTxns === undefined) segment.keepAbortedTxns([...(await abortedTxnsOf(home, segment))])
}

/** Producers as they were at the segment's start, and from there its batches. */
async function rebuild(home: ProducerHome, segment: Segment): Promise<AbortedTxn[]> {
  const { node, path, indexIntervalBytes, segments, snapshots, logStartOffset } = home
  const file = segment.path(path, TXN_INDEX_SUFFIX)
  node.world.logger.log('WARN', 'kafka.log.UnifiedLog', `rebuilding ${file}: it is damaged`)
  const producers = new ProducerState()
  await loadProducers(
    { node, path, indexIntervalBytes, segments, snapshots: [...snapshots], logStartOffset, producers },
    segment.baseOffset
  )
  const txns: AbortedTxn[] = []
  await scanSegment(segment.file, node.buffers, { from: 0, to: segment.writtenSize, checkCrc: false }, (batch) => {
    const completed = batch.producerId >= 0 ? producers.apply(batch) : undefined
    if (completed?.isAborted) txns.push(completed)
  })
  await node.world.disk.writeFileAtomic(file, formatAbortedTxns(txns))
  return txns
}
