// PKCS #12 (RFC 7292) as keytool and OpenSSL write it: node:tls reads such files only when they hold a key, and a trust store holds none.
// Encryption is that of PBES2; the older RC2 and Triple DES of PKCS #12 itself are refused with what to do.
import { createDecipheriv, type KeyObject, pbkdf2Sync } from 'node:crypto'
import { children, type DerNode, derNodes, expect, integerOf, oidOf, Tag } from './der.ts'
import { type KeyStore, privateKeyOf, storeInvalid } from './key-store.ts'

const DATA = '1.2.840.113549.1.7.1'
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6'
const KEY_BAG = '1.2.840.113549.1.12.10.1.1'
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2'
const CERT_BAG = '1.2.840.113549.1.12.10.1.3'
const PBES2 = '1.2.840.113549.1.5.13'
const PBKDF2 = '1.2.840.113549.1.5.12'
/** keytool and OpenSSL do thousands. */
const MAX_ITERATIONS = 10_000_000
const prfs: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512'
}
const ciphers: Readonly<Record<string, { name: string; keyBytes: number }>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyBytes: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyBytes: 24 },
  '2.16.840.1.101.3.4.1.42': { name: 'aes-256-cbc', keyBytes: 32 }
}

/** Throws SSL_STORE_INVALID for another form of encryption, and what the bytes make the readers throw. */
export function readPkcs12(bytes: Buffer, password: string, keyPassword: string): KeyStore {
  const [, authSafe] = children(derNodes(bytes)[0])
  const [type, content] = children(authSafe)
  if (oidOf(type) !== DATA) throw new RangeError('it is signed by a public key')
  const [octets] = children(content, Tag.CONTEXT_0)
  const safes = children(derNodes(expect(octets, Tag.OCTET_STRING).content)[0])
  const keys: KeyObject[] = []
  const certificates: Buffer[] = []
  for (const safe of safes) {
    for (const bag of children(derNodes(contentOf(safe, password))[0])) {
      const [id, value] = children(bag)
      const bagId = oidOf(id)
      const [inner] = children(value, Tag.CONTEXT_0)
      if (bagId === KEY_BAG) keys.push(privateKeyOf(inner.bytes))
      else if (bagId === SHROUDED_KEY_BAG) keys.push(privateKeyOf(inner.bytes, keyPassword))
      else if (bagId === CERT_BAG) certificates.push(certificateOf(inner))
    }
  }
  return { keys, certificates }
}

function contentOf(contentInfo: DerNode, password: string): Buffer {
  const [type, content] = children(contentInfo)
  const [inner] = children(content, Tag.CONTEXT_0)
  if (oidOf(type) === DATA) return expect(inner, Tag.OCTET_STRING).content
  if (oidOf(type) !== ENCRYPTED_DATA) throw new RangeError('it has a part that is encrypted for a public key')
  const [, encrypted] = children(inner)
  const [, algorithm, bytes] = children(encrypted)
  return decrypted(algorithm, expect(bytes, Tag.CONTEXT_0_PRIMITIVE).content, password)
}

function certificateOf(certBag: DerNode): Buffer {
  const [, value] = children(certBag)
  const [octets] = children(value, Tag.CONTEXT_0)
  return expect(octets, Tag.OCTET_STRING).content
}

function decrypted(algorithm: DerNode, bytes: Buffer, password: string): Buffer {
  const [scheme, parameters] = children(algorithm)
  if (oidOf(scheme) !== PBES2)
    throw storeInvalid('its encryption is an old one (RC2 or Triple DES): write it anew with `keytool -importkeystore` of Java 17 or later')
  const [derivation, encryption] = children(parameters)
  const [kdf, kdfParameters] = children(derivation)
  const [cipherId, iv] = children(encryption)
  const [salt, iterations, ...rest] = children(kdfParameters)
  const prf = rest.find(({ tag }) => tag === Tag.SEQUENCE)
  const hash = prf === undefined ? 'sha1' : prfs[oidOf(children(prf)[0])]
  const cipher = ciphers[oidOf(cipherId)]
  if (oidOf(kdf) !== PBKDF2 || hash === undefined || cipher === undefined) throw storeInvalid('its encryption is none that is known here')
  const rounds = integerOf(iterations)
  if (rounds < 1 || rounds > MAX_ITERATIONS) throw storeInvalid(`its key is to be derived by ${rounds} iterations`)
  const saltBytes = expect(salt, Tag.OCTET_STRING).content
  const key = pbkdf2Sync(Buffer.from(password, 'utf8'), saltBytes, rounds, cipher.keyBytes, hash)
  const decipher = createDecipheriv(cipher.name, key, expect(iv, Tag.OCTET_STRING).content)
  return Buffer.concat([decipher.update(bytes), decipher.final()])
}
