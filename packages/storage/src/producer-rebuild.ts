// Producer state from the newest usable snapshot and the batches after it.

import { offsetName, SNAPSHOT_SUFFIX } from './layout.ts'
import { type ProducerStateEntry, parseProducerSnapshot } from './producer-snapshot.ts'
import type { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'
import type { SegmentHome } from './segment-files.ts'
import { locate, unlinkIfThere } from './segment-files.ts'
import { scanSegment } from './segment-scan.ts'

export interface ProducerHome extends SegmentHome {
  readonly producers: ProducerState
  readonly segments: readonly Segment[]
  readonly logStartOffset: number
  snapshots: number[]
}

/** The state of everything below `offset`. Snapshots that do not read are removed. */
export async function loadProducers(home: ProducerHome, offset: number): Promise<void> {
  const { producers } = home
  producers.clear(home.logStartOffset)
  for (const at of home.snapshots.filter((snapshot) => snapshot <= offset && snapshot > home.logStartOffset).reverse()) {
    const entries = await readSnapshot(home, at)
    if (entries === undefined) continue
    producers.load(entries, at)
    producers.expire(home.node.world.clock.now(), home.node.producerIdExpirationMs)
    break
  }
  await replayProducers(home, producers.mapEndOffset, offset)
  producers.mapEndOffset = offset
}

async function readSnapshot(home: ProducerHome, offset: number): Promise<ProducerStateEntry[] | undefined> {
  const path = `${home.path}/${offsetName(offset)}${SNAPSHOT_SUFFIX}`
  const entries = parseProducerSnapshot(await home.node.world.disk.readFile(path))
  if (entries !== undefined) return entries
  home.node.world.logger.log(
    'WARN',
    'kafka.log.UnifiedLog',
    `removing ${path}: it is damaged; the state comes from an older one and the batches`
  )
  await unlinkIfThere(home.node, path)
  home.snapshots = home.snapshots.filter((at) => at !== offset)
  return undefined
}

async function replayProducers(home: ProducerHome, from: number, to: number): Promise<void> {
  if (from >= to) return
  for (let i = 0; i < home.segments.length; i++) {
    const segment = home.segments[i]
    const next = home.segments[i + 1]
    if ((next !== undefined && next.baseOffset <= from) || segment.baseOffset >= to || segment.writtenSize === 0) continue
    const { position } = from <= segment.baseOffset ? { position: 0 } : await locate(home, segment, from)
    await scanSegment(segment.file, home.node.buffers, { from: position, to: segment.writtenSize, checkCrc: false }, (batch) => {
      if (batch.baseOffset >= to) return false
      if (batch.producerId >= 0 && batch.lastOffset >= from) home.producers.apply(batch)
    })
  }
}
