// Where the replicas of new partitions go: evenly over racks first, then evenly over the brokers of a rack, in stripes,
// so that partition after partition starts one rack and one broker further. Fenced brokers are taken last and never
// lead. The places to start are random; everything after them follows.
import { type ApiError, apiError } from './api-error.ts'

export interface UsableBroker {
  readonly id: number
  readonly rack: string | null
  readonly fenced: boolean
}

export interface PlacementRequest {
  readonly partitions: number
  readonly replicationFactor: number
  readonly brokers: readonly UsableBroker[]
  /** A whole number in [0, bound). */
  randomBelow(bound: number): number
}

/** Brokers of one kind in one rack, given out in a ring whose start moves on with every partition. */
class BrokerRing {
  readonly #ids: number[]
  #start: number
  #given = 0
  #round = 0

  constructor(ids: readonly number[], randomBelow: (bound: number) => number) {
    this.#ids = [...ids].sort((a, b) => a - b)
    this.#start = ids.length === 0 ? 0 : randomBelow(ids.length)
  }

  /** The next broker of this round, or undefined when each was given in it. */
  next(round: number): number | undefined {
    const size = this.#ids.length
    if (this.#round !== round) {
      this.#round = round
      this.#given = 0
      this.#start = (this.#start + 1) % size
    }
    return this.#given < size ? this.#ids[(this.#start + this.#given++) % size] : undefined
  }

  shuffle(randomBelow: (bound: number) => number): void {
    shuffle(this.#ids, randomBelow)
  }
}

interface Rack {
  readonly unfenced: BrokerRing
  readonly fenced: BrokerRing
}

/** The replicas of each partition, the leader first; an error when the brokers cannot hold them. */
export function placeReplicas(request: PlacementRequest): { replicas: number[][] } | { error: ApiError } {
  const { brokers, replicationFactor } = request
  const unfencedCount = brokers.filter((broker) => !broker.fenced).length
  const problem = placementProblem(replicationFactor, brokers.length, unfencedCount)
  if (problem !== undefined) return { error: apiError('INVALID_REPLICATION_FACTOR', problem) }
  const randomBelow = (bound: number): number => request.randomBelow(bound)
  const racks = racksOf(brokers, randomBelow)
  const replicas: number[][] = []
  let rackStart = randomBelow(racks.length)
  let round = 0
  for (let partition = 0; partition < request.partitions; partition++) {
    // Each broker has led once: new neighbours for the next ones.
    if (round === unfencedCount && unfencedCount > 1) {
      shuffle(racks, randomBelow)
      for (const rack of racks) for (const ring of [rack.unfenced, rack.fenced]) ring.shuffle(randomBelow)
      round = 0
    }
    replicas.push(placePartition(racks, rackStart, round, replicationFactor))
    rackStart = (rackStart + 1) % racks.length
    round++
  }
  return { replicas }
}

function placementProblem(replicationFactor: number, brokers: number, unfenced: number): string | undefined {
  if (replicationFactor <= 0) return `Invalid replication factor ${replicationFactor}: the replication factor must be positive.`
  if (unfenced === 0) return 'All brokers are currently fenced, or have all their log directories cordoned.'
  if (replicationFactor > brokers) {
    return (
      `The target replication factor of ${replicationFactor} cannot be reached because only ${brokers} broker(s) are registered ` +
      'or some brokers have all their log directories cordoned.'
    )
  }
  return undefined
}

function racksOf(brokers: readonly UsableBroker[], randomBelow: (bound: number) => number): Rack[] {
  // A broker without a rack shares one with all others without, sorted before the named ones.
  const byRack = Map.groupBy(brokers, (broker) => broker.rack ?? '')
  return [...byRack]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, members]) => ({
      unfenced: new BrokerRing(
        members.filter((broker) => !broker.fenced).map((broker) => broker.id),
        randomBelow
      ),
      fenced: new BrokerRing(
        members.filter((broker) => broker.fenced).map((broker) => broker.id),
        randomBelow
      )
    }))
}

/** There are unfenced brokers, and no fewer brokers than replicas. */
function placePartition(racks: readonly Rack[], rackStart: number, round: number, replicationFactor: number): number[] {
  let leaderRack = rackStart
  let leader = racks[leaderRack].unfenced.next(round)
  while (leader === undefined) {
    leaderRack = (leaderRack + 1) % racks.length
    leader = racks[leaderRack].unfenced.next(round)
  }
  const replicas = [leader]
  // Once around, the leader's rack is passed over: it has its replica.
  let isLeaderRackDue = true
  for (let rack = rackStart; replicas.length < replicationFactor; rack = (rack + 1) % racks.length) {
    if (rack === leaderRack && isLeaderRackDue) {
      isLeaderRackDue = false
      continue
    }
    const replica = racks[rack].unfenced.next(round) ?? racks[rack].fenced.next(round)
    if (replica !== undefined) replicas.push(replica)
  }
  return replicas
}

function shuffle<T>(list: T[], randomBelow: (bound: number) => number): void {
  for (let index = list.length - 1; index > 0; index--) {
    const other = randomBelow(index + 1)
    ;[list[index], list[other]] = [list[other], list[index]]
  }
}
