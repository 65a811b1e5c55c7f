// What can end a request or a connection of a client. Retriable is what another connection or another moment may mend.
import { OdradekError } from '@odradek/base'
import { isTlsError } from '@odradek/world'
import { printable } from './rate-limited-log.ts'

export function connectionFailed(address: string, cause: unknown, isTls = false): OdradekError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  if (isTlsError(cause)) return tlsFailed(address, cause)
  if (isTls && (cause as { code?: unknown }).code === 'ECONNRESET')
    return new OdradekError(
      'CONNECTION_FAILED',
      `No connection to ${address}: it ended during the TLS handshake (${reason}); is it a TLS port?`,
      {
        cause,
        retriable: true
      }
    )
  return new OdradekError('CONNECTION_FAILED', `No connection to ${address}: ${reason}`, { cause, retriable: true })
}

export function connectionClosed(address: string, reason: string, cause?: unknown): OdradekError {
  return new OdradekError('CONNECTION_CLOSED', `The connection to ${address} is closed: ${reason}`, { cause, retriable: true })
}

/** A bound, not a failure: whoever sends so much without waiting for answers must wait. */
export function connectionBusy(address: string, waiting: number): OdradekError {
  return new OdradekError('CONNECTION_BUSY', `${waiting} requests wait for the connection to ${address} already`, { retriable: true })
}

export function requestTimeout(address: string, api: string, timeoutMs: number): OdradekError {
  return new OdradekError('REQUEST_TIMEOUT', `${address} did not answer ${api} within ${timeoutMs} ms`, { retriable: true })
}

/** The peer does not keep to the protocol: what it says cannot be trusted, and asking again would not help. */
export function protocolViolation(address: string, what: string, cause?: unknown): OdradekError {
  return new OdradekError('PROTOCOL_VIOLATION', `${address} does not speak Kafka's protocol: ${what}`, { cause })
}

export function unsupportedVersion(address: string, what: string): OdradekError {
  return new OdradekError('UNSUPPORTED_VERSION', `${address} ${what}`)
}

/** The two sides do not agree on TLS, or one does not trust the other. */
export function tlsFailed(address: string, cause: unknown): OdradekError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new OdradekError('SSL_AUTHENTICATION_FAILED', `TLS with ${address} failed: ${reason}`, { cause })
}

export function unsupportedMechanism(address: string, mechanism: string, enabled: readonly string[]): OdradekError {
  const names = printable(enabled.slice(0, 20).join(', ')) || 'none'
  return new OdradekError('UNSUPPORTED_SASL_MECHANISM', `${address} does not have the SASL mechanism ${mechanism}; it has: ${names}`)
}
