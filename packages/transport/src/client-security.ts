// The one place where a client connection becomes secure: between the TCP connect and the first request. TLS and SASL are
// not built yet, so that anything but PLAINTEXT is refused before a socket is opened: never a silent fall back to plain text.
import { OdradekError } from '@odradek/base'

export interface ClientSecurity {
  /** security.protocol */
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
}

export const PLAINTEXT: ClientSecurity = { protocol: 'PLAINTEXT' }

export function requireSupported(security: ClientSecurity): void {
  if (security.protocol === 'PLAINTEXT') return
  throw new OdradekError('SECURITY_UNSUPPORTED', `security.protocol=${security.protocol} is not built yet: only PLAINTEXT is`)
}
