// What happened to records between a producer and the work of a consumer group, and whether that may have happened. Events are noted in
// the order in which they are seen; `violations` judges them together with what the log holds in the end.
//
// Rules: no acknowledged record is lost from the log, nor from the work of the group; an idempotent producer doubles nothing; an
// acknowledgement names the place where the record is; the records of a key lie in the order of their sends and are begun in that order,
// one at a time; what is committed is finished.

export interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface LoggedRecord extends Place {
  readonly id: string
  readonly key: string | undefined
}

export interface DeliveryRules {
  /** A record may lie in the log once only. */
  readonly isIdempotent: boolean
  /** A group worked on all of it; false: only the log is judged. Default true. */
  readonly isConsumed?: boolean
  /** Records of a key are worked on one at a time. Default false. */
  readonly isSerialByKey?: boolean
}

interface Sent {
  readonly key: string | undefined
  readonly sequence: number
  acknowledged: Place | undefined
  isAcknowledged: boolean
}

interface Work {
  readonly place: Place
  readonly beganAt: number
  endedAt: number
  /** Succeeded: a failure is worked on again. */
  isFinished: boolean
}

interface Commit {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly at: number
}

export class DeliveryHistory {
  readonly #sent = new Map<string, Sent>()
  readonly #works: Work[] = []
  readonly #commits: Commit[] = []
  #clock = 0

  /** Before a record is given to the producer. Ids are the test's, one a record. */
  sending(id: string, key?: string): void {
    if (this.#sent.has(id)) throw new Error(`${id} is sent twice: give each record an id of its own`)
    this.#sent.set(id, { key, sequence: this.#sent.size, acknowledged: undefined, isAcknowledged: false })
  }

  /** Without a place, or with an offset below 0, only that it was acknowledged. */
  acknowledged(id: string, place?: Place): void {
    const sent = this.#sent.get(id)
    if (sent === undefined) throw new Error(`${id} was never sent`)
    sent.isAcknowledged = true
    sent.acknowledged = place === undefined || place.offset < 0 ? undefined : place
  }

  /** Work on a record begins. The result ends it: `true` when it is done for good. */
  begins(place: Place): (isFinished: boolean) => void {
    const work: Work = { place, beganAt: this.#clock++, endedAt: Infinity, isFinished: false }
    this.#works.push(work)
    return (isFinished) => {
      work.endedAt = this.#clock++
      work.isFinished = isFinished
    }
  }

  /** A commit of the group is on its way to the coordinator. */
  commits(topic: string, partition: number, offset: number): void {
    this.#commits.push({ topic, partition, offset, at: this.#clock++ })
  }

  get acknowledgedCount(): number {
    return [...this.#sent.values()].filter(({ isAcknowledged }) => isAcknowledged).length
  }

  get commitCount(): number {
    return this.#commits.length
  }

  /** Places of finished work, each once. */
  get finishedCount(): number {
    return new Set(this.#works.filter(({ isFinished }) => isFinished).map(({ place }) => text(place))).size
  }

  /** One line each, the first twenty; none: all is well. */
  violations(log: readonly LoggedRecord[], rules: DeliveryRules): string[] {
    const found = [
      ...this.#judgeLog(log, rules),
      ...this.#judgeOrder(log),
      ...(rules.isConsumed === false ? [] : [...this.#judgeWork(log), ...this.#judgeCommits(log)]),
      ...(rules.isSerialByKey === true ? this.#judgeKeys(log) : [])
    ]
    return found.slice(0, 20)
  }

  /** Throws with the violations. */
  check(log: readonly LoggedRecord[], rules: DeliveryRules): void {
    const found = this.violations(log, rules)
    if (found.length > 0) throw new Error(`${found.length} violation(s):\n${found.join('\n')}`)
  }

  *#judgeLog(log: readonly LoggedRecord[], { isIdempotent }: DeliveryRules): Generator<string> {
    const byId = Map.groupBy(log, ({ id }) => id)
    for (const [id, places] of byId) {
      if (!this.#sent.has(id)) yield `invented: ${id} at ${text(places[0])} was never sent`
      if (isIdempotent && places.length > 1) yield `doubled: ${id} is at ${places.map(text).join(' and ')}`
    }
    for (const [id, { isAcknowledged, acknowledged }] of this.#sent) {
      if (!isAcknowledged) continue
      const places = byId.get(id)
      if (places === undefined)
        yield `lost: ${id} was acknowledged${acknowledged === undefined ? '' : ` at ${text(acknowledged)}`} and is not there`
      else if (acknowledged !== undefined && !places.some((place) => text(place) === text(acknowledged)))
        yield `misplaced: ${id} was acknowledged at ${text(acknowledged)} and is at ${places.map(text).join(', ')}`
    }
  }

  /** Of each key, by the first place of each record. */
  *#judgeOrder(log: readonly LoggedRecord[]): Generator<string> {
    const lanes = Map.groupBy(
      log.filter(({ key }) => key !== undefined),
      ({ topic, key }) => `${topic}/${key}`
    )
    for (const [lane, records] of lanes) {
      if (new Set(records.map(({ partition }) => partition)).size > 1) yield `scattered: records of ${lane} lie in several partitions`
      const firsts = new Map<string, LoggedRecord>()
      for (const record of records.toSorted((a, b) => a.offset - b.offset)) if (!firsts.has(record.id)) firsts.set(record.id, record)
      let last = -1
      for (const { id } of firsts.values()) {
        const sequence = this.#sent.get(id)?.sequence ?? last
        if (sequence < last) yield `out of order: ${id} of ${lane} lies behind a later one`
        last = Math.max(last, sequence)
      }
    }
  }

  *#judgeWork(log: readonly LoggedRecord[]): Generator<string> {
    const finished = new Set(this.#works.filter(({ isFinished }) => isFinished).map(({ place }) => text(place)))
    for (const record of log) if (!finished.has(text(record))) yield `not worked on: ${record.id} at ${text(record)}`
  }

  *#judgeCommits(log: readonly LoggedRecord[]): Generator<string> {
    const doneAt = new Map<string, number>()
    for (const { place, endedAt, isFinished } of this.#works) {
      const key = text(place)
      if (isFinished) doneAt.set(key, Math.min(doneAt.get(key) ?? Infinity, endedAt))
    }
    const partitions = Map.groupBy(log, ({ topic, partition }) => `${topic}-${partition}`)
    for (const { topic, partition, offset, at } of this.#commits) {
      for (const record of partitions.get(`${topic}-${partition}`) ?? []) {
        if (record.offset >= offset || (doneAt.get(text(record)) ?? Infinity) < at) continue
        yield `committed ahead: ${offset} of ${topic}-${partition} when ${record.id} at ${text(record)} was not finished`
      }
    }
  }

  /** First tries of a key begin in the order of the log, and none while another record of it is worked on by the same lane. */
  *#judgeKeys(log: readonly LoggedRecord[]): Generator<string> {
    const keys = new Map(log.map((record) => [text(record), record.key === undefined ? undefined : `${record.topic}/${record.key}`]))
    const lanes = Map.groupBy(this.#works, ({ place }) => keys.get(text(place)))
    for (const [lane, works] of lanes) {
      if (lane === undefined) continue
      let open: Work | undefined
      let highest = -1
      for (const work of works) {
        if (open !== undefined && open.endedAt > work.beganAt)
          yield `overlapping: ${text(work.place)} of ${lane} was begun while ${text(open.place)} was worked on`
        if (work.place.offset > highest + 1 && this.#isSkipped(log, lane, highest, work, works))
          yield `skipped ahead: ${text(work.place)} of ${lane} was begun before what lies before it was finished`
        highest = Math.max(highest, work.place.offset)
        open = work
      }
    }
  }

  /** True when a record of the lane between the two was not finished when the work began. */
  #isSkipped(log: readonly LoggedRecord[], lane: string, highest: number, work: Work, works: readonly Work[]): boolean {
    return log.some(
      (record) =>
        `${record.topic}/${record.key}` === lane &&
        record.partition === work.place.partition &&
        record.offset > highest &&
        record.offset < work.place.offset &&
        !works.some((other) => other.isFinished && other.endedAt < work.beganAt && other.place.offset === record.offset)
    )
  }
}

function text({ topic, partition, offset }: Place): string {
  return `${topic}-${partition}:${offset}`
}
