// The client's side of a share session with one leader (KIP-932): which partitions the broker knows, and the epoch that each request of the
// session carries. Synchronous; one request at a time. A session begins with epoch 0, which may not carry acknowledgements: beginning anew
// ends what was before, and with it every lock that the broker held for this member.
import { ZERO_UUID } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'

export interface SharePartitionId {
  readonly topicId: string
  readonly partition: number
}

const INITIAL_EPOCH = 0
const FINAL_EPOCH = -1

export class ShareSession {
  #epoch = INITIAL_EPOCH
  #partitions = new Map<string, SharePartitionId>()

  /** Of the next request. */
  get epoch(): number {
    return this.#epoch
  }

  get isOpen(): boolean {
    return this.#epoch !== INITIAL_EPOCH
  }

  get finalEpoch(): number {
    return FINAL_EPOCH
  }

  /** What the next fetch has to say so that the broker knows just these. */
  next(wanted: readonly SharePartitionId[]): { added: SharePartitionId[]; forgotten: SharePartitionId[] } {
    const next = new Map(wanted.filter(({ topicId }) => topicId !== ZERO_UUID).map((each) => [shareKey(each), each]))
    const known = this.isOpen ? this.#partitions : new Map<string, SharePartitionId>()
    this.#partitions = next
    return {
      added: [...next].filter(([key]) => !known.has(key)).map(([, each]) => each),
      forgotten: [...known].filter(([key]) => !next.has(key)).map(([, each]) => each)
    }
  }

  /** False: the session is over. */
  onAnswer(errorCode: number): boolean {
    if (errorCode === ErrorCode.SHARE_SESSION_NOT_FOUND || errorCode === ErrorCode.INVALID_SHARE_SESSION_EPOCH) {
      this.reset()
      return false
    }
    // A request that was refused as a whole may not have told the broker of its partitions.
    if (errorCode !== ErrorCode.NONE) this.reset()
    else this.#epoch = this.#epoch === 0x7fffffff ? 1 : this.#epoch + 1
    return errorCode === ErrorCode.NONE
  }

  /** Nobody knows what the broker got. */
  reset(): void {
    this.#epoch = INITIAL_EPOCH
    this.#partitions = new Map()
  }
}

export function shareKey({ topicId, partition }: SharePartitionId): string {
  return `${topicId}/${partition}`
}
