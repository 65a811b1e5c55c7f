// The state of one member of a classic group: who it is, what it has to do next, what an answer means for it. Synchronous; the shell
// (classic-membership.ts) sends what `next` says and tells how it went.
//
// unjoined → joining → syncing → stable; every answer that says that the group moved on leads back to unjoined. `epochOfState`
// counts those ways back, so that answers to requests of an earlier life change nothing.
import { ErrorCode } from '@odradek/protocol'
import { KafkaError } from '../errors.ts'

export type ClassicPhase = 'unjoined' | 'joining' | 'syncing' | 'stable'

export type Verdict =
  | { readonly kind: 'ok' }
  /** Again, at once or after a back-off. */
  | { readonly kind: 'retry'; readonly isSoon: boolean }
  | { readonly kind: 'fatal'; readonly error: KafkaError }

const NO_GENERATION = -1

export class ClassicMember {
  phase: ClassicPhase = 'unjoined'
  memberId = ''
  generationId = NO_GENERATION
  /** Assignor that the group agreed on. */
  protocolName: string | undefined
  reason = ''
  /** What it owned was given to others: its generation is gone. */
  hasLostPartitions = false
  #lost = { memberId: '', generationId: NO_GENERATION }

  get isMember(): boolean {
    return this.generationId !== NO_GENERATION
  }

  /** Who commits what was read: as long as poll has not told of a loss, the one who is gone, so that the coordinator refuses it. */
  get committer(): { readonly memberId: string; readonly generationId: number } {
    const { memberId, generationId } = this.hasLostPartitions ? this.#lost : this
    return { memberId, generationId }
  }

  requestRejoin(reason: string): void {
    if (this.phase === 'stable') this.reason = reason
    this.phase = 'unjoined'
  }

  /** The group does not know us: everything anew. */
  reset(reason: string, keepsId = false): void {
    if (this.isMember) {
      this.hasLostPartitions = true
      this.#lost = { memberId: this.memberId, generationId: this.generationId }
    }
    if (!keepsId) this.memberId = ''
    this.generationId = NO_GENERATION
    this.requestRejoin(reason)
  }

  onJoin(errorCode: number, answer: { memberId: string; generationId: number; protocolName: string | null }): Verdict {
    switch (errorCode) {
      case ErrorCode.NONE:
        this.memberId = answer.memberId
        this.generationId = answer.generationId
        this.protocolName = answer.protocolName ?? undefined
        this.phase = 'syncing'
        return { kind: 'ok' }
      case ErrorCode.MEMBER_ID_REQUIRED:
        this.memberId = answer.memberId
        return { kind: 'retry', isSoon: true }
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.reset('the group does not know this member')
        return { kind: 'retry', isSoon: true }
      case ErrorCode.ILLEGAL_GENERATION:
        this.reset('the generation of this member is over', true)
        return { kind: 'retry', isSoon: true }
      default:
        return this.#other(errorCode)
    }
  }

  onSync(errorCode: number): Verdict {
    switch (errorCode) {
      case ErrorCode.NONE:
        this.phase = 'stable'
        this.reason = ''
        return { kind: 'ok' }
      case ErrorCode.REBALANCE_IN_PROGRESS:
        this.phase = 'unjoined'
        return { kind: 'retry', isSoon: true }
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.reset('the group does not know this member')
        return { kind: 'retry', isSoon: true }
      case ErrorCode.ILLEGAL_GENERATION:
        this.reset('the generation of this member is over', true)
        return { kind: 'retry', isSoon: true }
      default:
        this.phase = 'unjoined'
        return this.#other(errorCode)
    }
  }

  /** `sentGeneration`: of the request; answers to an older one change nothing. */
  onHeartbeat(errorCode: number, sentGeneration: number): Verdict {
    if (sentGeneration !== this.generationId || errorCode === ErrorCode.NONE) return { kind: 'ok' }
    switch (errorCode) {
      case ErrorCode.REBALANCE_IN_PROGRESS:
        if (this.phase === 'stable') this.requestRejoin('the group rebalances')
        return { kind: 'ok' }
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.reset('the group does not know this member')
        return { kind: 'ok' }
      case ErrorCode.ILLEGAL_GENERATION:
        this.reset('the generation of this member is over', true)
        return { kind: 'ok' }
      default:
        return this.#other(errorCode)
    }
  }

  #other(errorCode: number): Verdict {
    const error = new KafkaError(errorCode)
    if (errorCode === ErrorCode.REBALANCE_IN_PROGRESS) return { kind: 'retry', isSoon: true }
    if (errorCode === ErrorCode.FENCED_INSTANCE_ID) this.reset('another member took this group.instance.id')
    return error.retriable ? { kind: 'retry', isSoon: false } : { kind: 'fatal', error }
  }
}
