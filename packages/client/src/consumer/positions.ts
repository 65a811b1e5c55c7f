// Brings the positions of assigned partitions to where fetching may start: from committed offsets, by auto.offset.reset, and checked
// against the leader's log after a change of leader (KIP-320). `update` starts what is due and returns; what it learns goes into the
// states, unless the partition has jumped or gone meanwhile.
import { ErrorCode, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from '@odradek/protocol'
import type { TimerHandle } from '@odradek/world'
import { listOffsets, type OffsetSpec } from '../admin/offsets.ts'
import { KafkaError, toKafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { backoffMs } from '../network/retry.ts'
import { partitionKey } from '../types.ts'
import type { OffsetStore } from './offsets.ts'
import type { PartitionState, ResetStrategy } from './partition-state.ts'

export interface PositionsOptions {
  readonly cluster: Cluster
  readonly offsets: OffsetStore | undefined
  /** undefined: none. */
  readonly strategyOf: (topic: string) => ResetStrategy | undefined
  readonly isReadCommitted: boolean
  readonly states: () => Iterable<PartitionState>
  readonly onReady: () => void
  readonly refresh: (topic: string) => void
  readonly onError: (error: KafkaError) => void
}

export class Positions {
  readonly #options: PositionsOptions
  /** With a request under way, and the version it is for. */
  readonly #busy = new Map<PartitionState, number>()
  readonly #closing = new AbortController()
  readonly #timers = new Set<TimerHandle>()
  /** Without a place to start from: each poll looks, and says so, again. */
  readonly #placeless = new WeakSet<PartitionState>()

  constructor(options: PositionsOptions) {
    this.#options = options
  }

  /** True when every partition has its position, or needs none now. */
  get isReady(): boolean {
    for (const state of this.#options.states()) if (state.phase !== 'fetching') return false
    return true
  }

  /** `isPoll`: the user had the time to seek; what has no place to start from is an error now. */
  update(isPoll = false): void {
    if (this.#closing.signal.aborted) return
    const now = this.#options.cluster.world.clock.monotonicMs()
    const due: Record<'initializing' | 'resetting' | 'validating', PartitionState[]> = { initializing: [], resetting: [], validating: [] }
    for (const state of this.#options.states()) {
      if (state.phase === 'fetching') continue
      if (this.#busy.get(state) === state.version) continue
      if (state.retryAtMs > now && !(isPoll && this.#placeless.delete(state))) continue
      due[state.phase].push(state)
    }
    const { offsets, strategyOf } = this.#options
    const canStart = isPoll || offsets !== undefined || due.initializing.every(({ topic }) => strategyOf(topic) !== undefined)
    if (due.initializing.length > 0 && canStart) this.#initialize(due.initializing)
    this.#resetAll(due.resetting)
    if (due.validating.length > 0) this.#validateAll(due.validating)
  }

  /** Leaders may have changed. */
  onMetadata(): void {
    const { cluster } = this.#options
    for (const state of this.#options.states()) {
      if (state.phase !== 'fetching' && state.phase !== 'validating') continue
      const leader = cluster.leaderOf(state.topic, state.partition)
      if (leader === undefined || leader.leaderEpoch <= state.validatedEpoch) continue
      if (state.position.epoch >= 0 && state.position.epoch < leader.leaderEpoch) state.phase = 'validating'
      else state.validatedEpoch = leader.leaderEpoch
    }
  }

  /** The position is not in the log. */
  outOfRange(state: PartitionState): void {
    const { strategyOf, onError } = this.#options
    const strategy = strategyOf(state.topic)
    if (strategy !== undefined) {
      state.requestReset(strategy)
      // A broker that finds every position out of range is not asked without a pause.
      this.#retryLater([state])
      return
    }
    onError(
      new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, {
        message: `${state.key} has no offset ${state.fetchOffset} (auto.offset.reset is none: seek to go on)`
      })
    )
  }

  close(): void {
    this.#closing.abort()
    for (const timer of this.#timers) timer.cancel()
  }

  #run(states: readonly PartitionState[], work: () => Promise<void>): void {
    const { onReady, onError } = this.#options
    for (const state of states) this.#busy.set(state, state.version)
    const versions = states.map(({ version }) => version)
    work()
      .catch((error) => {
        if (this.#closing.signal.aborted) return
        const failure = toKafkaError(error)
        if (failure.fatal) onError(failure)
        this.#retryLater(states)
      })
      .finally(() => {
        states.forEach((state, at) => {
          if (this.#busy.get(state) === versions[at]) this.#busy.delete(state)
        })
        if (this.#closing.signal.aborted) return
        this.update()
        onReady()
      })
  }

  #retryLater(states: readonly PartitionState[]): void {
    const { world, backoff } = this.#options.cluster
    const waitMs = backoffMs(backoff, 0, world)
    for (const state of states) state.retryAtMs = world.clock.monotonicMs() + waitMs
    const timer = world.timers.schedule(waitMs + 1, () => {
      this.#timers.delete(timer)
      this.update()
    })
    this.#timers.add(timer)
  }

  #initialize(states: readonly PartitionState[]): void {
    const { offsets } = this.#options
    if (offsets === undefined) {
      for (const state of states) this.#start(state, undefined)
      this.update()
      return
    }
    this.#run(states, async () => {
      const versions = new Map(states.map((state) => [state, state.version]))
      const committed = await offsets.fetch(states, { signal: this.#closing.signal })
      for (const state of states) {
        if (state.isGone || state.phase !== 'initializing' || state.version !== versions.get(state)) continue
        const found = committed.get(state.key)
        this.#start(state, found === undefined ? undefined : { offset: found.offset, epoch: found.leaderEpoch ?? -1 })
      }
    })
  }

  #start(state: PartitionState, committed: { offset: number; epoch: number } | undefined): void {
    const { strategyOf, onError, cluster } = this.#options
    const strategy = strategyOf(state.topic)
    if (committed !== undefined) {
      state.seek(committed.offset, committed.epoch, committed.epoch >= 0 ? 'validating' : 'fetching')
    } else if (strategy !== undefined) state.requestReset(strategy)
    else {
      state.retryAtMs = cluster.world.clock.monotonicMs() + cluster.backoff.initialMs
      this.#placeless.add(state)
      const message = `${state.key} has no committed offset and auto.offset.reset is none: commit or seek to one`
      onError(new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, { code: 'NO_OFFSET_FOR_PARTITION', message, retriable: false }))
    }
  }

  /** By leader, so that no partition holds up those of another; one without a leader waits for metadata. */
  #resetAll(states: readonly PartitionState[]): void {
    const { cluster, refresh } = this.#options
    const byLeader = new Map<number, PartitionState[]>()
    for (const state of states) {
      const known = cluster.partitionOf(state.topic, state.partition)
      if (cluster.current.topics.get(state.topic) === undefined || (known?.leaderId ?? 0) < 0) {
        refresh(state.topic)
        continue
      }
      const leaderId = known?.leaderId ?? -1
      byLeader.set(leaderId, [...(byLeader.get(leaderId) ?? []), state])
    }
    for (const group of byLeader.values()) this.#run(group, () => this.#reset(group))
  }

  async #reset(states: readonly PartitionState[]): Promise<void> {
    const { cluster, isReadCommitted } = this.#options
    const now = cluster.world.clock.now()
    const specOf = (strategy: ResetStrategy | undefined): OffsetSpec =>
      strategy?.kind === 'by_duration' ? { timestamp: Math.max(0, now - strategy.durationMs) } : (strategy?.kind ?? 'latest')
    const versions = new Map(states.map((state) => [state, state.version]))
    const queries = states.map(({ topic, partition, reset }) => ({ topic, partition, spec: specOf(reset) }))
    const isolationLevel = isReadCommitted ? 'read_committed' : 'read_uncommitted'
    const { values, errors } = await listOffsets(cluster, queries, { isolationLevel, signal: this.#closing.signal }).outcomes()
    const failure = [...errors.values()].find(({ fatal }) => fatal) ?? [...errors.values()][0]
    for (const state of states) {
      const found = values.get(state.key)
      if (found === undefined || state.isGone || state.phase !== 'resetting' || state.version !== versions.get(state)) continue
      // Nothing is as young as that: what comes next is.
      if (found.offset < 0) {
        const isEmpty = state.reset?.kind === 'latest'
        state.requestReset({ kind: 'latest' })
        if (isEmpty) this.#retryLater([state])
      } else state.seek(found.offset, found.leaderEpoch ?? -1)
    }
    if (failure !== undefined) throw failure
  }

  #validateAll(states: readonly PartitionState[]): void {
    const { cluster } = this.#options
    const byNode = new Map<number, PartitionState[]>()
    for (const state of states) {
      const leader = cluster.leaderOf(state.topic, state.partition)
      if (leader === undefined) {
        this.#options.refresh(state.topic)
        continue
      }
      if (leader.leaderEpoch < 0 || state.position.epoch < 0) {
        state.phase = 'fetching'
        state.validatedEpoch = leader.leaderEpoch
        this.#options.onReady()
        continue
      }
      byNode.set(leader.nodeId, [...(byNode.get(leader.nodeId) ?? []), state])
    }
    for (const [nodeId, group] of byNode) this.#run(group, () => this.#validate(nodeId, group))
  }

  async #validate(nodeId: number, states: readonly PartitionState[]): Promise<void> {
    const { cluster } = this.#options
    const versions = new Map(states.map((state) => [state, state.version]))
    const epochs = new Map(states.map((state) => [state, cluster.leaderOf(state.topic, state.partition)?.leaderEpoch ?? -1]))
    const topics = [...Map.groupBy(states, ({ topic }) => topic)].map(([topic, group]) => ({
      topic,
      partitions: group.map((state) => ({
        partition: state.partition,
        currentLeaderEpoch: epochs.get(state) ?? -1,
        leaderEpoch: state.position.epoch
      }))
    }))
    const { signal } = this.#closing
    let response: OffsetForLeaderEpochResponse
    try {
      const body = { replicaId: -1, topics }
      response = await cluster.attempt({ node: nodeId }, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, body, {
        signal,
        minVersion: 3
      })
    } catch (error) {
      for (const { topic } of states) this.#options.refresh(topic)
      throw error
    }
    const answers = new Map(
      response.topics.flatMap(({ topic, partitions }) => partitions.map((each) => [partitionKey(topic, each.partition), each] as const))
    )
    let failure: KafkaError | undefined
    for (const state of states) {
      const answer = answers.get(state.key)
      if (state.isGone || state.phase !== 'validating' || state.version !== versions.get(state)) continue
      if (answer === undefined)
        failure ??= new KafkaError(ErrorCode.UNKNOWN_LEADER_EPOCH, { message: `${state.key}: the leader did not answer` })
      else if (answer.errorCode === ErrorCode.NONE) this.#validated(state, answer, epochs.get(state) ?? -1)
      else {
        this.#options.refresh(state.topic)
        failure ??= new KafkaError(answer.errorCode, { message: `${state.key}: ${new KafkaError(answer.errorCode).message}` })
      }
    }
    if (failure !== undefined) throw failure
  }

  #validated(state: PartitionState, answer: { endOffset: number; leaderEpoch: number }, leaderEpoch: number): void {
    const { strategyOf, onError } = this.#options
    const strategy = strategyOf(state.topic)
    const isKnown = answer.endOffset >= 0 && answer.leaderEpoch >= 0
    if (isKnown && answer.endOffset >= state.position.offset) {
      state.phase = 'fetching'
      state.validatedEpoch = leaderEpoch
      // What was fetched ahead of the place where the logs part may be of the old leader alone.
      if (answer.endOffset < state.fetchOffset) state.dropFetched()
      return
    }
    if (state.waitsForWork(this.#options.cluster.world.clock.monotonicMs())) {
      this.#retryLater([state])
      return
    }
    // The log was cut behind what was read: what follows are other records under the same offsets.
    if (strategy === undefined) {
      const place = isKnown ? `the logs part at offset ${answer.endOffset}` : 'it is not known where the logs part'
      state.phase = 'fetching'
      state.validatedEpoch = leaderEpoch
      onError(
        new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, {
          code: 'LOG_TRUNCATED',
          retriable: false,
          message: `${state.key} lost records that were read before offset ${state.position.offset} in epoch ${state.position.epoch}: ${place} (seek to go on)`
        })
      )
    } else if (isKnown) {
      state.seek(answer.endOffset, answer.leaderEpoch)
      state.validatedEpoch = leaderEpoch
    } else state.requestReset(strategy)
  }
}
