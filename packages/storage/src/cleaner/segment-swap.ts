// Puts a cleaned segment in the place of those it was made of, in Kafka's steps, each of which a crash may follow:
// `.cleaned` becomes `.swap` (from here on the new one counts), the old ones become `.deleted`, `.swap` loses its suffix.

import { CLEANED_SUFFIX, LOG_SUFFIX, SEGMENT_SUFFIXES, SWAP_SUFFIX } from '../layout.ts'
import type { PartitionLog } from '../partition-log.ts'
import { deleteSegment } from '../retention.ts'
import type { Segment } from '../segment.ts'
import { unlinkIfThere } from '../segment-files.ts'

/** False when the old segments are not all there any more: the cleaned one is dropped. */
export async function swapSegments(log: PartitionLog, cleaned: Segment, old: readonly Segment[]): Promise<boolean> {
  let isSwapped = false
  const release = await cleaned.file.hold()
  try {
    await log.runTask(async () => {
      const index = log.segments.indexOf(old[0])
      const isThere = index >= 0 && old.every((segment, i) => log.segments[index + i] === segment)
      if (!isThere) {
        await dropCleaned(log, cleaned)
        return
      }
      isSwapped = true
      await renameSegment(log, cleaned, CLEANED_SUFFIX, SWAP_SUFFIX)
      log.replaceSegments(index, old.length, cleaned)
      for (const segment of old) await deleteSegment(log, segment, { keepSnapshot: segment.baseOffset === cleaned.baseOffset })
      await renameSegment(log, cleaned, SWAP_SUFFIX, '')
      await log.node.world.disk.syncDir(log.path)
      cleaned.isNameSynced = true
    })
  } finally {
    release()
  }
  return isSwapped
}

async function renameSegment(log: PartitionLog, segment: Segment, from: string, to: string): Promise<void> {
  const { disk } = log.node.world
  await segment.file.rename(segment.path(log.path, LOG_SUFFIX + to))
  for (const suffix of SEGMENT_SUFFIXES) {
    if (suffix === LOG_SUFFIX) continue
    const path = segment.path(log.path, suffix)
    if (await disk.exists(path + from)) await disk.rename(path + from, path + to)
  }
}

/** Its folder may be gone with the log: then it went along. */
export async function dropCleaned(log: PartitionLog, cleaned: Segment): Promise<void> {
  await cleaned.file.close()
  await unlinkIfThere(log.node, cleaned.file.path)
  for (const suffix of SEGMENT_SUFFIXES) await unlinkIfThere(log.node, cleaned.path(log.path, suffix + CLEANED_SUFFIX))
}
