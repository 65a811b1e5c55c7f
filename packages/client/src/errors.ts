// What a client throws. `code` and `name` are Kafka's name of the error (TOPIC_ALREADY_EXISTS), `errorCode` its number; a failure that
// Kafka has no number for (PROTOCOL_VIOLATION, NO_RESOLVABLE_BOOTSTRAP, …) has the number of UNKNOWN_SERVER_ERROR and its own name.
import { OdradekError } from '@odradek/base'
import { ErrorCode, errorByCode } from '@odradek/protocol'

export interface KafkaErrorOptions {
  message?: string | null
  cause?: unknown
  /** For failures that Kafka has no number for. */
  code?: string
  retriable?: boolean
}

export class KafkaError extends OdradekError {
  override readonly name: string
  readonly errorCode: number

  constructor(errorCode: number, options: KafkaErrorOptions = {}) {
    const info = errorByCode(errorCode)
    const unknown = info.code === errorCode ? '' : ` (the broker sent code ${errorCode}, which is newer than this client)`
    const code = options.code ?? info.name
    super(code, `${options.message || info.message}${unknown}`, { cause: options.cause, retriable: options.retriable ?? info.retriable })
    this.name = code
    this.errorCode = errorCode
  }

  /** Trying again cannot help. */
  get fatal(): boolean {
    return !this.retriable
  }
}

/** Some of the items of one call failed; the others are done. `errors` and `values` are keyed as the result of the call. */
export class PartialFailureError<V = unknown> extends KafkaError {
  readonly errors: ReadonlyMap<string, KafkaError>
  readonly values: ReadonlyMap<string, V>

  constructor(errors: ReadonlyMap<string, KafkaError>, values: ReadonlyMap<string, V>) {
    const [[key, first]] = errors
    const rest = errors.size + values.size > 1 ? ` (${errors.size} of ${errors.size + values.size} failed; see errors)` : ''
    super(first.errorCode, { code: first.code, message: `${key}: ${first.message}${rest}`, cause: first, retriable: first.retriable })
    this.errors = errors
    this.values = values
  }
}

const transportCodes: Readonly<Record<string, number>> = {
  CONNECTION_BUSY: ErrorCode.NETWORK_EXCEPTION,
  CONNECTION_CLOSED: ErrorCode.NETWORK_EXCEPTION,
  CONNECTION_FAILED: ErrorCode.NETWORK_EXCEPTION,
  REQUEST_TIMEOUT: ErrorCode.REQUEST_TIMED_OUT,
  SASL_AUTHENTICATION_FAILED: ErrorCode.SASL_AUTHENTICATION_FAILED,
  UNSUPPORTED_SASL_MECHANISM: ErrorCode.UNSUPPORTED_SASL_MECHANISM,
  UNSUPPORTED_VERSION: ErrorCode.UNSUPPORTED_VERSION
}

/** Any failure of this side or of the connection as a KafkaError; what an AbortSignal gave as its reason stays what it is. */
export function toKafkaError(error: unknown): KafkaError {
  if (error instanceof KafkaError) return error
  const { code, message } = error instanceof OdradekError ? error : { code: 'UNKNOWN_SERVER_ERROR', message: String(error) }
  const errorCode = transportCodes[code]
  if (errorCode !== undefined) return new KafkaError(errorCode, { message, cause: error })
  return new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, { code, message, cause: error, retriable: false })
}

/** undefined for NONE. */
export function errorOf(errorCode: number, message?: string | null): KafkaError | undefined {
  return errorCode === ErrorCode.NONE ? undefined : new KafkaError(errorCode, { message })
}

export function timedOut(what: string, timeoutMs: number, cause?: unknown): KafkaError {
  const last = cause instanceof Error ? `; the last failure was: ${cause.message}` : ''
  return new KafkaError(ErrorCode.REQUEST_TIMED_OUT, {
    message: `${what} did not succeed within ${Math.round(timeoutMs)} ms${last}`,
    cause
  })
}

export function closedError(): KafkaError {
  return new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, { code: 'CLIENT_CLOSED', message: 'This client is closed', retriable: false })
}
