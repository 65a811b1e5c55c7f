// How a client connection becomes secure: TLS while it is made, SASL before the first request of its owner.
import type { TlsOptions } from '@odradek/world'
import type { SaslMechanism } from './sasl/mechanism.ts'

export interface ClientSecurity {
  /** SSL and SASL_SSL. Asked for each connection, so that files that were replaced are seen. Rejects with SSL_STORE_INVALID. */
  readonly tls?: () => Promise<TlsOptions>
  /** SASL_PLAINTEXT and SASL_SSL. */
  readonly sasl?: SaslMechanism
}
