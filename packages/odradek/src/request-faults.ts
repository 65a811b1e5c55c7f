// The faults that a test asks of an embedded broker: requests that fail, come late, or lose their answer, and a broker that hangs.
import { closest, OdradekError } from '@odradek/base'
import type { InterceptedRequest, RequestInterceptor } from '@odradek/broker'
import { type ApiKey, apiKeys, ErrorCode, type ErrorName } from '@odradek/protocol'
import type { TimerHandle, Timers } from '@odradek/world'
import { checkNames } from './check-names.ts'

type FrameResult = ReturnType<InterceptedRequest['fail']>
type Words<S extends string> = S extends `${infer First}_${infer Rest}`
  ? `${Capitalize<Lowercase<First>>}${Words<Rest>}`
  : Capitalize<Lowercase<S>>
/** The name of a request in Kafka's protocol: `Produce`, `Fetch`, `FindCoordinator`. */
export type ApiName = Words<keyof typeof ApiKey>

export interface RequestFault {
  /** The request is answered with this error and does nothing. Where its answer has no place for an error, the connection closes. */
  readonly error?: ErrorName
  /** It is handled so many ms later, on the clock of the broker; those behind it on its connection wait. */
  readonly delayMs?: number
  /** Its connection is closed: `before` the request is handled, or `after`, so that only the answer is lost. */
  readonly close?: 'before' | 'after'
  /** For so many requests; for all until it is removed when absent. */
  readonly times?: number
  /** For requests of this client id only. */
  readonly clientId?: string
}

export interface ActiveFault extends Disposable {
  /** How many requests it has met. */
  readonly count: number
  /** Ends it. Idempotent. */
  remove(): void
}

interface Rule extends RequestFault {
  readonly apiKey: number
  count: number
}

const faultNames: readonly (keyof RequestFault)[] = ['error', 'delayMs', 'close', 'times', 'clientId']

interface Gate {
  readonly opened: Promise<void>
  open(): void
}

export class RequestFaults implements RequestInterceptor {
  readonly #timers: Timers
  readonly #rules = new Set<Rule>()
  readonly #waits = new Map<TimerHandle, () => void>()
  #gate: Gate | undefined
  #held = 0

  constructor(timers: Timers) {
    this.#timers = timers
  }

  get mayHold(): boolean {
    return this.#rules.size > 0 || this.#held > 0 || this.#gate !== undefined
  }

  add(api: ApiName, fault: RequestFault): ActiveFault {
    const rule: Rule = { ...fault, apiKey: keyOf(api), count: 0 }
    checkFault(fault)
    this.#rules.add(rule)
    const remove = () => void this.#rules.delete(rule)
    return {
      get count() {
        return rule.count
      },
      remove,
      [Symbol.dispose]: remove
    }
  }

  /** From now on nothing is answered, until {@link resume}. */
  pause(): void {
    if (this.#gate !== undefined) return
    let open = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    this.#gate = { opened, open }
  }

  resume(): void {
    this.#gate?.open()
    this.#gate = undefined
  }

  /** No fault any more, and nobody waits for one. */
  clear(): void {
    this.#rules.clear()
    this.resume()
    for (const [timer, resolve] of this.#waits) {
      timer.cancel()
      resolve()
    }
    this.#waits.clear()
  }

  intercept(request: InterceptedRequest): FrameResult | Promise<FrameResult> {
    const rule = this.#take(request)
    const delayMs = rule?.delayMs ?? 0
    if (this.#gate === undefined && delayMs === 0) return this.#handle(request, rule)
    this.#held++
    return this.#delay(delayMs)
      .then(() => this.#whenRunning())
      .then(() => this.#handle(request, rule))
      .finally(() => {
        this.#held--
      })
  }

  #take({ apiKey, clientId }: InterceptedRequest): Rule | undefined {
    for (const rule of this.#rules) {
      if (rule.apiKey !== apiKey || (rule.clientId !== undefined && rule.clientId !== clientId)) continue
      rule.count++
      if (rule.count === rule.times) this.#rules.delete(rule)
      return rule
    }
    return undefined
  }

  #handle(request: InterceptedRequest, rule: Rule | undefined): FrameResult | Promise<FrameResult> {
    if (rule?.close === 'before') return 'close'
    if (rule?.error !== undefined) return request.fail(ErrorCode[rule.error])
    const result = request.proceed()
    if (!(result instanceof Promise)) return rule?.close === 'after' ? dropped(result) : result
    return result.then(async (answer) => {
      await this.#whenRunning()
      return rule?.close === 'after' ? dropped(answer) : answer
    })
  }

  async #whenRunning(): Promise<void> {
    while (this.#gate !== undefined) await this.#gate.opened
  }

  #delay(ms: number): Promise<void> {
    if (ms === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#timers.schedule(ms, () => {
        this.#waits.delete(timer)
        resolve()
      })
      this.#waits.set(timer, resolve)
    })
  }
}

/** The answer gives back what it has borrowed, and nobody hears it. */
function dropped(answer: FrameResult): 'close' {
  if (typeof answer === 'object' && 'onSent' in answer) answer.onSent()
  return 'close'
}

function keyOf(api: ApiName): number {
  const names: string[] = []
  for (const { name, key } of apiKeys.values()) {
    if (name === api) return key
    names.push(name)
  }
  throw unknown(`Kafka has no request ${api}`, closest(api, names))
}

/** For those whom no compiler tells. */
function checkFault(fault: RequestFault): void {
  const { error, delayMs = 0, close = 'after', times = 1 } = fault
  checkNames('A fault', fault, faultNames)
  if (error !== undefined && !(error in ErrorCode)) throw unknown(`Kafka has no error ${error}`, closest(error, Object.keys(ErrorCode)))
  if (!(delayMs >= 0)) throw unknown(`delayMs is ${delayMs}: it must be 0 or more`)
  if (close !== 'before' && close !== 'after') throw unknown(`close is ${close}: it must be 'before' or 'after'`)
  if (!(Number.isInteger(times) && times > 0)) throw unknown(`times is ${times}: it must be a whole number from 1`)
}

function unknown(what: string, meant?: string): OdradekError {
  return new OdradekError('CONFIG_INVALID', meant === undefined ? what : `${what}: did you mean ${meant}?`)
}
