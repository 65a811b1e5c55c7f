// A consumer as the coordinator sees it, driven by a simulation: joins, syncs, beats, commits, goes away, and does all of
// it late, twice or not at all. It assigns partitions when it leads.
import type { Prng } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'
import type { GroupBench, GroupDsl } from './group-bench.ts'

export const PARTITIONS = 6

/** What the simulation is told; it checks the invariants. */
export interface SimObserver {
  onAssigned(consumer: SimConsumer, generationId: number, partitions: readonly number[]): void
  onHeartbeat(consumer: SimConsumer, generationId: number): void
  nextOffset(): number
  onCommitted(partition: number, offset: number): void
}

type State = 'out' | 'joining' | 'joined' | 'syncing' | 'stable'

export class SimConsumer {
  readonly name: string
  readonly groupInstanceId: string | null
  readonly #bench: GroupBench
  readonly #group: GroupDsl
  readonly #random: Prng
  readonly #observer: SimObserver
  readonly #version: number
  state: State = 'out'
  memberId = ''
  generationId = -1
  partitions: readonly number[] = []
  /** A request whose answer is awaited; one that was given up has another number. */
  #turn = 0
  #subscription = 0
  #toAssign: readonly string[] | undefined

  constructor(options: { name: string; isStatic: boolean; bench: GroupBench; group: GroupDsl; random: Prng; observer: SimObserver }) {
    this.name = options.name
    this.groupInstanceId = options.isStatic ? options.name : null
    this.#bench = options.bench
    this.#group = options.group
    this.#random = options.random
    this.#observer = options.observer
    this.#version = options.random.pick([3, 5, 8, 9])
    if (options.isStatic) this.#version = options.random.pick([5, 8, 9])
  }

  /** Does what its state asks for. */
  step(): void {
    switch (this.state) {
      case 'out':
        this.#join()
        break
      case 'joined':
        this.#sync()
        break
      case 'stable':
        if (this.#random.chance(0.5)) this.#heartbeat()
        else this.#commit()
    }
  }

  /** Its process is gone without a word; the next step is that of a new one. */
  crash(): void {
    this.#reset()
  }

  leave(): void {
    if (this.memberId !== '') this.#group.leave({ memberId: this.memberId, groupInstanceId: this.groupInstanceId })
    this.#reset()
  }

  /** The answer comes too late for it: it asks again. */
  retry(): void {
    if (this.state === 'joining') this.#join()
    else if (this.state === 'syncing') this.#sync()
  }

  /** Its metadata changes: it has to join again. */
  resubscribe(): void {
    this.#subscription++
    if (this.state === 'stable') this.#join()
  }

  #reset(): void {
    this.#turn++
    this.state = 'out'
    this.memberId = ''
    this.generationId = -1
    this.partitions = []
    this.#toAssign = undefined
  }

  #join(): void {
    this.state = 'joining'
    this.partitions = []
    const turn = ++this.#turn
    const answer = this.#group.join(this.memberId, {
      version: this.#version,
      groupInstanceId: this.groupInstanceId,
      protocols: [{ name: 'range', metadata: Buffer.from(`${this.name} ${this.#subscription}`) }]
    })
    answer.whenCome((response) => {
      if (turn !== this.#turn) return
      if (response.errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
        this.memberId = response.memberId
        this.#join()
      } else if (response.errorCode === ErrorCode.NONE) {
        this.state = 'joined'
        this.memberId = response.memberId
        this.generationId = response.generationId
        const leads = response.leader === response.memberId && !response.skipAssignment
        this.#toAssign = leads ? response.members.map(({ memberId }) => memberId) : undefined
      } else {
        this.#onError(response.errorCode)
      }
    })
  }

  #sync(): void {
    this.state = 'syncing'
    const turn = ++this.#turn
    const { generationId } = this
    const assignments: Record<string, string> = {}
    for (let partition = 0; this.#toAssign !== undefined && partition < PARTITIONS; partition++) {
      const memberId = this.#toAssign[partition % this.#toAssign.length]
      assignments[memberId] = [assignments[memberId], partition].filter((part) => part !== undefined).join(',')
    }
    const answer = this.#group.sync(this.memberId, generationId, assignments, { groupInstanceId: this.groupInstanceId })
    answer.whenCome((response) => {
      if (turn !== this.#turn) return
      if (response.errorCode !== ErrorCode.NONE) {
        this.#onError(response.errorCode)
        return
      }
      this.state = 'stable'
      const text = response.assignment.toString()
      this.partitions = text === '' ? [] : text.split(',').map(Number)
      this.#observer.onAssigned(this, generationId, this.partitions)
    })
  }

  #heartbeat(): void {
    const turn = this.#turn
    const { generationId } = this
    this.#group.heartbeat(this.memberId, generationId, this.groupInstanceId).whenCome(({ errorCode }) => {
      if (turn !== this.#turn) return
      if (errorCode === ErrorCode.NONE) {
        if (this.#bench.coordinator.availability(0) === 0) this.#observer.onHeartbeat(this, generationId)
      } else if (errorCode === ErrorCode.REBALANCE_IN_PROGRESS) {
        this.#join()
      } else {
        this.#onError(errorCode)
      }
    })
  }

  #commit(): void {
    if (this.partitions.length === 0) return
    const partition = this.#random.pick(this.partitions)
    const offset = this.#observer.nextOffset()
    const { memberId, generationId, groupInstanceId } = this
    const answer = this.#group.commit({ [partition]: offset }, { memberId, generationIdOrMemberEpoch: generationId, groupInstanceId })
    answer.whenCome(({ topics }) => {
      if (topics[0].partitions[0].errorCode === ErrorCode.NONE) this.#observer.onCommitted(partition, offset)
    })
  }

  #onError(errorCode: number): void {
    switch (errorCode) {
      case ErrorCode.NOT_COORDINATOR:
      case ErrorCode.COORDINATOR_NOT_AVAILABLE:
      case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
        // The member goes on with what it has; a join or sync under way starts over.
        if (this.state !== 'stable') this.state = 'out'
        return
      case ErrorCode.REBALANCE_IN_PROGRESS:
        this.state = 'out'
        return
      default:
        this.#reset()
    }
  }
}
