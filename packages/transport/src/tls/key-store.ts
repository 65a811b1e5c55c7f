// What a key store of any kind comes to.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { OdradekError } from '@odradek/base'

export interface KeyStore {
  readonly keys: readonly KeyObject[]
  /** DER. */
  readonly certificates: readonly Buffer[]
}

export function storeInvalid(what: string, cause?: unknown): OdradekError {
  return new OdradekError('SSL_STORE_INVALID', what, { cause })
}

/** PKCS #8, DER, encrypted when there is a passphrase for it. */
export function privateKeyOf(der: Buffer, passphrase?: string): KeyObject {
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8', passphrase })
}

export function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

/** The certificate of the key first, then each by its issuer: as TLS wants a chain. */
export function chainOf(key: KeyObject, certificates: readonly Buffer[]): string | undefined {
  const all = certificates.map((der) => new X509Certificate(der))
  const chain: X509Certificate[] = []
  let next = all.find((certificate) => certificate.checkPrivateKey(key))
  while (next !== undefined) {
    const last = next
    chain.push(last)
    next = all.find((each) => !chain.includes(each) && last.checkIssued(each))
  }
  return chain.length === 0 ? undefined : chain.map(({ raw }) => pemOf(raw)).join('')
}
