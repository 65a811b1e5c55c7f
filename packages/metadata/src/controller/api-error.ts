// The outcome of one item of a request, as a value.
import { ErrorCode, errorByCode } from '@odradek/protocol'

export interface ApiError {
  readonly errorCode: number
  readonly errorMessage: string | null
}

export const NO_ERROR: ApiError = { errorCode: 0, errorMessage: null }

/** Without a message of its own, an error carries the one that Kafka gives its code. */
export function apiError(code: keyof typeof ErrorCode, message?: string | null): ApiError {
  const errorCode = ErrorCode[code]
  return { errorCode, errorMessage: message === undefined ? errorByCode(errorCode).message : message }
}
