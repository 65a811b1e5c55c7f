// TLS over a TCP connection that is open already, by node:tls. Imported when somebody connects that way: the module takes megabytes.

import * as net from 'node:net'
import * as tls from 'node:tls'
import type { TlsOptions } from '../ports.ts'
import { createTlsError } from '../tls-error.ts'
import { knownTlsError } from './known-tls-error.ts'

/** The options of node:tls. Throws when certificates or keys cannot be read. */
export function tlsContextOptions(options: TlsOptions): tls.ConnectionOptions {
  const { ca, cert, key, passphrase, ciphers, minVersion, maxVersion, rejectUnauthorized, checksHostName = true } = options
  const checkServerIdentity = checksHostName ? tls.checkServerIdentity : () => undefined
  return {
    ca: ca === undefined ? undefined : [...ca],
    cert,
    key,
    passphrase,
    ciphers,
    minVersion,
    maxVersion,
    rejectUnauthorized: rejectUnauthorized ?? true,
    checkServerIdentity
  }
}

/** Resolves once the peer's certificate is found good. Rejects with an error that `isTlsError` knows, or that of the connection. */
export function secure(socket: net.Socket, host: string, options: TlsOptions): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const name = options.servername ?? host
    let secured: tls.TLSSocket
    try {
      // An address is checked against the certificate, but cannot be asked for.
      const servername = net.isIP(name) === 0 ? name : ''
      secured = tls.connect({ ...tlsContextOptions(options), socket, host: name, servername })
    } catch (error) {
      socket.destroy()
      reject(createTlsError(error))
      return
    }
    const onError = (error: Error): void => reject(knownTlsError(error))
    secured.once('error', onError)
    secured.once('secureConnect', () => {
      secured.removeListener('error', onError)
      resolve(secured)
    })
  })
}
