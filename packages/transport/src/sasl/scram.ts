// SCRAM (RFC 5802, RFC 7677) without channel binding, as Kafka has it: passwords are UTF-8 as they are, without SASLprep. The server's
// signature is verified: a server that does not know the password is found out. Iterations are bounded on both sides: few would
// make the password guessable for who listens, many would let a server keep this process busy.
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { authenticationFailed, type SaslExchange, type SaslMechanism } from './mechanism.ts'

export type ScramMechanismName = 'SCRAM-SHA-256' | 'SCRAM-SHA-512'

export interface ScramOptions {
  readonly mechanism: ScramMechanismName
  readonly username: string
  readonly password: string
  /** The credentials are those of a delegation token (KIP-48). */
  readonly isToken?: boolean
  readonly nonce: () => string
}

const MIN_ITERATIONS = 4096
const MAX_ITERATIONS = 1_000_000
/** Of a message of the server. */
const MAX_MESSAGE_BYTES = 8192
const hashes = { 'SCRAM-SHA-256': { hash: 'sha256', bytes: 32 }, 'SCRAM-SHA-512': { hash: 'sha512', bytes: 64 } } as const

export function scramMechanism(options: ScramOptions): SaslMechanism {
  const salted = new SaltedPassword(options)
  return { name: options.mechanism, begin: async () => new ScramExchange(options, salted) }
}

/** The last one is kept: connections to the brokers of a cluster ask for the same, and each costs thousands of hashes. */
class SaltedPassword {
  readonly #password: string
  readonly #hash: (typeof hashes)[ScramMechanismName]
  #last: { salt: Buffer; iterations: number; key: Buffer } | undefined

  constructor({ mechanism, password }: ScramOptions) {
    this.#password = password
    this.#hash = hashes[mechanism]
  }

  get(salt: Buffer, iterations: number): Buffer {
    const { hash, bytes } = this.#hash
    if (this.#last?.iterations !== iterations || !this.#last.salt.equals(salt))
      this.#last = { salt, iterations, key: pbkdf2Sync(Buffer.from(this.#password, 'utf8'), salt, iterations, bytes, hash) }
    return this.#last.key
  }
}

class ScramExchange implements SaslExchange {
  readonly #options: ScramOptions
  readonly #salted: SaltedPassword
  readonly #nonce: string
  readonly #firstBare: string
  #serverSignature: Buffer | undefined
  isComplete = false

  constructor(options: ScramOptions, salted: SaltedPassword) {
    this.#options = options
    this.#salted = salted
    this.#nonce = options.nonce()
    const name = options.username.replaceAll('=', '=3D').replaceAll(',', '=2C')
    this.#firstBare = `n=${name},r=${this.#nonce}${options.isToken ? ',tokenauth=true' : ''}`
  }

  step(challenge: Buffer | undefined): Buffer | undefined {
    if (challenge === undefined) return Buffer.from(`n,,${this.#firstBare}`, 'utf8')
    if (challenge.length > MAX_MESSAGE_BYTES || this.isComplete) throw this.#invalid()
    const message = challenge.toString('utf8')
    if (this.#serverSignature === undefined) return this.#proof(message)
    this.#verify(message, this.#serverSignature)
    this.isComplete = true
    return undefined
  }

  #proof(serverFirst: string): Buffer {
    const [, nonce, salt64, digits] = /^r=([!-+\--~]+),s=([A-Za-z0-9+/]+={0,2}),i=(\d{1,10})(?:,.*)?$/.exec(serverFirst) ?? []
    if (nonce === undefined) throw this.#invalid()
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length)
      throw authenticationFailed(`The broker's nonce of ${this.#options.mechanism} does not go on from ours`)
    const iterations = Number(digits)
    if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
      const { mechanism } = this.#options
      throw authenticationFailed(
        `The broker asks for ${iterations} iterations of ${mechanism}; ${MIN_ITERATIONS} to ${MAX_ITERATIONS} are done`
      )
    }
    const { hash } = hashes[this.#options.mechanism]
    const salted = this.#salted.get(Buffer.from(salt64, 'base64'), iterations)
    const finalWithoutProof = `c=biws,r=${nonce}`
    const signed = `${this.#firstBare},${serverFirst},${finalWithoutProof}`
    const clientKey = createHmac(hash, salted).update('Client Key').digest()
    const signature = createHmac(hash, createHash(hash).update(clientKey).digest()).update(signed).digest()
    const serverKey = createHmac(hash, salted).update('Server Key').digest()
    this.#serverSignature = createHmac(hash, serverKey).update(signed).digest()
    const proof = clientKey.map((byte, index) => byte ^ signature[index])
    return Buffer.from(`${finalWithoutProof},p=${Buffer.from(proof).toString('base64')}`, 'utf8')
  }

  #verify(serverFinal: string, expected: Buffer): void {
    if (serverFinal.startsWith('e=')) throw authenticationFailed(`The broker refuses the credentials of ${this.#options.mechanism}`)
    const [, signature64] = /^v=([A-Za-z0-9+/]+={0,2})(?:,.*)?$/.exec(serverFinal) ?? []
    if (signature64 === undefined) throw this.#invalid()
    const signature = Buffer.from(signature64, 'base64')
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected))
      throw authenticationFailed('The broker does not know the password itself: its signature is wrong')
  }

  #invalid(): Error {
    return authenticationFailed(`The broker's message of ${this.#options.mechanism} is malformed`)
  }
}
