// OAUTHBEARER (RFC 7628, KIP-255): a token in one message. A server that refuses says why as JSON, wants one byte in answer, and then
// fails the authentication.
import { authenticationFailed, type SaslExchange, type SaslMechanism } from './mechanism.ts'

export interface OAuthToken {
  readonly value: string
  /** SASL extensions (KIP-342). */
  readonly extensions?: Readonly<Record<string, string>>
}

export interface TokenSource {
  /** Rejects when none can be had. */
  token(): Promise<OAuthToken>
  /** The broker refused the last token. */
  forget(): void
}

const SEPARATOR = '\x01'
const MAX_REASON_CHARS = 500

export function oauthBearerMechanism(source: TokenSource): SaslMechanism {
  return {
    name: 'OAUTHBEARER',
    begin: async () => new OAuthBearerExchange(firstMessage(await source.token())),
    onRefused: () => source.forget()
  }
}

class OAuthBearerExchange implements SaslExchange {
  readonly #first: Buffer
  isComplete = false

  constructor(first: Buffer) {
    this.#first = first
  }

  step(challenge: Buffer | undefined): Buffer | undefined {
    if (challenge === undefined) return this.#first
    if (challenge.length > 0) return Buffer.from(SEPARATOR)
    this.isComplete = true
    return undefined
  }
}

function firstMessage({ value, extensions = {} }: OAuthToken): Buffer {
  if (!/^[\x21-\x7e]+$/.test(value)) throw authenticationFailed('The token of OAUTHBEARER is empty or has characters that no token has')
  const pairs = Object.entries(extensions).map(([key, text]) => {
    if (!/^[A-Za-z]+$/.test(key) || key === 'auth' || !/^[\x20-\x7e\t\r\n]*$/.test(text))
      throw authenticationFailed(`"${key.slice(0, MAX_REASON_CHARS)}" is no SASL extension: letters for its name, plain text for its value`)
    return `${key}=${text}${SEPARATOR}`
  })
  return Buffer.from(`n,,${SEPARATOR}auth=Bearer ${value}${SEPARATOR}${pairs.join('')}${SEPARATOR}`, 'utf8')
}
