// Java's own key store (JKS): what `ssl.truststore.type` is by default, though keytool has written PKCS #12 since Java 9. Its digest shows
// a wrong password; keys are hidden by a stream of SHA-1.
import { createHash, type KeyObject } from 'node:crypto'
import { children, derNodes, expect, oidOf, Tag } from './der.ts'
import { type KeyStore, privateKeyOf, storeInvalid } from './key-store.ts'

export const JKS_MAGIC = 0xfeedfeed
const KEY_ENTRY = 1
const SUN_KEY_PROTECTOR = '1.3.6.1.4.1.42.2.17.1.1'
const DIGEST_BYTES = 20

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int(): number {
    this.#at += 4
    return this.#bytes.readUInt32BE(this.#at - 4)
  }

  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new RangeError('a length goes beyond the end')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  text(): Buffer {
    return this.take(this.take(2).readUInt16BE(0))
  }
}

/** Without a password the digest is not looked at. Throws SSL_STORE_INVALID for a wrong one, and what the bytes make the readers throw. */
export function readJks(bytes: Buffer, password: string | undefined, keyPassword: string): KeyStore {
  const content = bytes.subarray(0, Math.max(0, bytes.length - DIGEST_BYTES))
  if (password !== undefined) {
    const digest = sha1(utf16(password), Buffer.from('Mighty Aphrodite'), content)
    if (!digest.equals(bytes.subarray(content.length))) throw storeInvalid('its password is another one, or it was changed')
  }
  const reader = new Reader(content)
  reader.int() // the magic
  if (reader.int() !== 2) throw new RangeError('its version is not 2')
  const keys: KeyObject[] = []
  const certificates: Buffer[] = []
  for (let left = reader.int(); left > 0; left--) {
    const kind = reader.int()
    reader.text() // alias
    reader.take(8) // time
    let count = 1
    if (kind === KEY_ENTRY) {
      keys.push(unhidden(reader.take(reader.int()), keyPassword))
      count = reader.int()
    }
    for (; count > 0; count--) {
      reader.text() // X.509
      certificates.push(reader.take(reader.int()))
    }
  }
  return { keys, certificates }
}

function unhidden(der: Buffer, password: string): KeyObject {
  const [algorithm, octets] = children(derNodes(der)[0])
  if (oidOf(children(algorithm)[0]) !== SUN_KEY_PROTECTOR) throw new RangeError('a key is protected in a way of which nothing is known')
  const data = expect(octets, Tag.OCTET_STRING).content
  const secret = utf16(password)
  const hidden = data.subarray(DIGEST_BYTES, data.length - DIGEST_BYTES)
  const plain = Buffer.alloc(hidden.length)
  let stream = data.subarray(0, DIGEST_BYTES)
  for (let at = 0; at < hidden.length; at++) {
    if (at % DIGEST_BYTES === 0) stream = sha1(secret, stream)
    plain[at] = hidden[at] ^ stream[at % DIGEST_BYTES]
  }
  if (!sha1(secret, plain).equals(data.subarray(data.length - DIGEST_BYTES))) throw storeInvalid('the password of its key is another one')
  return privateKeyOf(plain)
}

function sha1(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha1')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Two bytes a character, the higher first. */
function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}
