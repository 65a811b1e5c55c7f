// Acknowledgements as the broker wants them: runs of offsets with one type, in order. Synchronous.
import { AcknowledgeType } from '@odradek/protocol'

/** accept: done. release: again, for anybody. reject: never again. renew: the lock is held for longer. */
export type Acknowledgement = 'accept' | 'release' | 'reject' | 'renew'

/** An acquired offset that holds no record: compacted away, or a marker. */
const GAP = 0

export interface AcknowledgementRun {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly type: number
  /** Acquired, and never handed out. */
  readonly isUnseen: boolean
}

export function runOf(firstOffset: number, lastOffset: number, type: Acknowledgement | 'gap', isUnseen = false): AcknowledgementRun {
  const code = type === 'gap' ? GAP : AcknowledgeType[type.toUpperCase() as keyof typeof AcknowledgeType]
  return { firstOffset, lastOffset, type: code, isUnseen }
}

export function isRenewal({ type }: AcknowledgementRun): boolean {
  return type === AcknowledgeType.RENEW
}

/** Runs that do not overlap, in any order, as few as they can be. */
export function mergeRuns(runs: readonly AcknowledgementRun[]): AcknowledgementRun[] {
  const merged: AcknowledgementRun[] = []
  for (const run of runs.toSorted((a, b) => a.firstOffset - b.firstOffset)) {
    const last = merged.at(-1)
    const continues = last?.type === run.type && last.isUnseen === run.isUnseen && last.lastOffset + 1 === run.firstOffset
    if (last !== undefined && continues) merged[merged.length - 1] = { ...last, lastOffset: run.lastOffset }
    else merged.push(run)
  }
  return merged
}
