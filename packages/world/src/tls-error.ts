import { errorCodeOf } from './disk-error.ts'

const CODE = 'ERR_TLS'

/** TLS did not come about, and trying again would not help. `cause` is what the TLS library said. */
export function createTlsError(cause: unknown): Error & { code: string } {
  // OpenSSL's own message has the addresses and lines of its sources around the reason.
  const error: { message: string; code?: string; reason?: string } = cause instanceof Error ? cause : { message: String(cause) }
  const { code, message, reason } = error
  const text = code?.startsWith('ERR_SSL') && reason !== undefined ? reason : message
  return Object.assign(new Error(text, { cause }), { code: CODE })
}

export function isTlsError(error: unknown): boolean {
  return errorCodeOf(error) === CODE
}
