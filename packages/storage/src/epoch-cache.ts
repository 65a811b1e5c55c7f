// Which leader epoch began at which offset (KIP-101, KIP-279). In memory here; the log writes it to
// leader-epoch-checkpoint when `version` moved. Entries strictly increase in epoch and never decrease in offset.

import type { EpochEntry } from './checkpoints.ts'

export const UNDEFINED_EPOCH = -1
export const UNDEFINED_EPOCH_OFFSET = -1

export class EpochCache {
  private list: EpochEntry[] = []
  /** Moves with every change, so that the owner knows when the file is behind. */
  version = 0

  get entries(): readonly EpochEntry[] {
    return this.list
  }

  get latestEpoch(): number {
    return this.list.length === 0 ? UNDEFINED_EPOCH : this.list[this.list.length - 1].epoch
  }

  reset(entries: readonly EpochEntry[]): void {
    this.list = []
    for (const { epoch, startOffset } of entries) this.assign(epoch, startOffset)
  }

  /** `epoch` begins at `startOffset`. Entries that this proves wrong (same or greater epoch, or same or greater offset) go. */
  assign(epoch: number, startOffset: number): void {
    const { list } = this
    const last = list.length - 1
    if (last >= 0 && list[last].epoch === epoch && list[last].startOffset <= startOffset) return
    if (epoch < 0) return
    while (list.length > 0 && (list[list.length - 1].epoch >= epoch || list[list.length - 1].startOffset >= startOffset)) list.pop()
    list.push({ epoch, startOffset })
    this.version++
  }

  /** The epoch of the record at `offset`, -1 when unknown. */
  epochForOffset(offset: number): number {
    for (let i = this.list.length - 1; i >= 0; i--) if (this.list[i].startOffset <= offset) return this.list[i].epoch
    return UNDEFINED_EPOCH
  }

  /** Where `epoch` ends: the greatest known epoch that is not greater than it, and the offset after its last record. */
  endOffsetFor(epoch: number, logEndOffset: number): { epoch: number; endOffset: number } {
    const { list } = this
    if (epoch === UNDEFINED_EPOCH || list.length === 0) return { epoch: UNDEFINED_EPOCH, endOffset: UNDEFINED_EPOCH_OFFSET }
    if (epoch === this.latestEpoch) return { epoch, endOffset: logEndOffset }
    const higher = list.findIndex((entry) => entry.epoch > epoch)
    if (higher < 0) return { epoch: UNDEFINED_EPOCH, endOffset: UNDEFINED_EPOCH_OFFSET }
    return { epoch: higher === 0 ? epoch : list[higher - 1].epoch, endOffset: list[higher].startOffset }
  }

  /** No record at or after `offset` exists any more. */
  truncateFromEnd(offset: number): void {
    const { list } = this
    if (list.length === 0 || list[list.length - 1].startOffset < offset) return
    while (list.length > 0 && list[list.length - 1].startOffset >= offset) list.pop()
    this.version++
  }

  /** No record before `offset` exists any more: the epoch that holds it begins there. */
  truncateFromStart(offset: number): void {
    const { list } = this
    let first = 0
    while (first + 1 < list.length && list[first + 1].startOffset <= offset) first++
    if (list.length === 0 || (first === 0 && list[0].startOffset >= offset)) return
    const { epoch, startOffset } = list[first]
    this.list = [{ epoch, startOffset: Math.max(startOffset, offset) }, ...list.slice(first + 1)]
    this.version++
  }

  clear(): void {
    if (this.list.length === 0) return
    this.list = []
    this.version++
  }
}
