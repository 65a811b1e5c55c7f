// Which unfenced brokers the controller has heard of lately, and how far each has read the metadata log. Soft state: a
// new leader grants every unfenced broker a fresh session. A fenced broker has none, so another incarnation of it may
// register at once. Times are monotonic ms.

interface BrokerSession {
  readonly brokerId: number
  lastContactMs: number
  metadataOffset: number
  /** While it shuts down: the offset that every other live broker must reach before it may go. */
  controlledShutdownOffset: number | undefined
}

export class BrokerSessions {
  readonly #timeoutMs: number
  readonly #sessions = new Map<number, BrokerSession>()
  /** Offsets of the registration records replayed here. */
  readonly #registrationOffsets = new Map<number, number>()

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** A new leader knows no sessions but grants each broker in `brokerIds` one. */
  reset(brokerIds: Iterable<number>, now: number): void {
    this.#sessions.clear()
    for (const brokerId of brokerIds) this.touch(brokerId, -1, now)
  }

  touch(brokerId: number, metadataOffset: number, now: number): void {
    const session = this.#sessions.get(brokerId)
    if (session === undefined)
      this.#sessions.set(brokerId, { brokerId, lastContactMs: now, metadataOffset, controlledShutdownOffset: undefined })
    else {
      session.lastContactMs = now
      session.metadataOffset = metadataOffset
    }
  }

  remove(brokerId: number): void {
    this.#sessions.delete(brokerId)
  }

  hasValidSession(brokerId: number, now: number): boolean {
    const session = this.#sessions.get(brokerId)
    return session !== undefined && now - session.lastContactMs < this.#timeoutMs
  }

  /** A broker whose session ran out, or undefined. */
  findStale(now: number): number | undefined {
    return this.#sessions.values().find((session) => now - session.lastContactMs >= this.#timeoutMs)?.brokerId
  }

  /** When the next session runs out if no one is heard, or undefined without sessions. */
  get nextExpiryMs(): number | undefined {
    let next: number | undefined
    for (const session of this.#sessions.values()) {
      if (next === undefined || session.lastContactMs + this.#timeoutMs < next) next = session.lastContactMs + this.#timeoutMs
    }
    return next
  }

  setControlledShutdownOffset(brokerId: number, offset: number): void {
    const session = this.#sessions.get(brokerId)
    if (session !== undefined) session.controlledShutdownOffset = offset
  }

  /** Whether every broker that is not itself shutting down has read past the leader changes of this one's shutdown. */
  areOthersPastShutdownOf(brokerId: number): boolean {
    const offset = this.#sessions.get(brokerId)?.controlledShutdownOffset
    if (offset === undefined) return true
    for (const session of this.#sessions.values()) {
      if (session.controlledShutdownOffset === undefined && session.metadataOffset < offset) return false
    }
    return true
  }

  registered(brokerId: number, offset: number): void {
    this.#registrationOffsets.set(brokerId, offset)
  }

  /** The offset that a broker must have read before it can be unfenced. */
  registrationOffset(brokerId: number, brokerEpoch: number): number {
    return this.#registrationOffsets.get(brokerId) ?? brokerEpoch
  }
}
