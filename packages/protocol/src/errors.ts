// Error codes: outcomes that responses carry. Values, never thrown in the core.
import { type ErrorInfo, errorTable } from './generated/tables/errors.ts'

export { ErrorCode, type ErrorInfo, type ErrorName, errorTable } from './generated/tables/errors.ts'

/** Codes are dense from -1 on, which a test holds. */
const FIRST_CODE = -1

/** A code of a newer release is UNKNOWN_SERVER_ERROR to us, as it is to Kafka's clients. */
export function errorByCode(code: number): ErrorInfo {
  return errorTable[code - FIRST_CODE] ?? errorTable[0]
}
