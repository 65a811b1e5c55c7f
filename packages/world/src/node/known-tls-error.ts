import { errorCodeOf } from '../disk-error.ts'
import { createTlsError } from '../tls-error.ts'

/** Errors of TLS by one name; those of the network (ECONNRESET) as they are. */
export function knownTlsError(error: Error): Error {
  const code = errorCodeOf(error) ?? 'ERR_UNKNOWN'
  // What is wrong with a certificate has a name of its own (CERT_HAS_EXPIRED).
  const isOfTls = /^(ERR_SSL|ERR_TLS|EPROTO$)/.test(code) || !/^(E[A-Z]+$|ERR_|ABORT_)/.test(code)
  return isOfTls ? createTlsError(error) : error
}
