// SCRAM credentials given on a command line: `SCRAM-SHA-256=[name=alice,password=alice-secret]`, with `iterations=`, and
// `salt="base64"` and `saltedpassword="base64"` in place of a password (RFC 5802).
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { OdradekError } from '@odradek/base'
import { type MetadataRecord, metadataRecord } from './records.ts'

interface Mechanism {
  readonly type: number
  readonly name: string
  readonly hash: string
  readonly hashBytes: number
  readonly minIterations: number
}

const mechanisms: readonly Mechanism[] = [
  { type: 1, name: 'SCRAM-SHA-256', hash: 'sha256', hashBytes: 32, minIterations: 4096 },
  { type: 2, name: 'SCRAM-SHA-512', hash: 'sha512', hashBytes: 64, minIterations: 4096 }
]

const MAX_ITERATIONS = 16_384
const settings = ['name', 'salt', 'iterations', 'password', 'saltedpassword']

function invalid(message: string): OdradekError {
  return new OdradekError('SCRAM_ARGUMENT_INVALID', message)
}

/** The records of the credentials. `randomBytes` makes salts where none are given. */
export function parseScramArguments(texts: readonly string[], randomBytes: (size: number) => Buffer): MetadataRecord[] {
  return texts.map((text) => parseScramArgument(text, randomBytes))
}

function parseScramArgument(text: string, randomBytes: (size: number) => Buffer): MetadataRecord {
  const trimmed = text.trim()
  const equals = trimmed.indexOf('=')
  if (equals < 0) throw invalid(`Failed to find equals sign in SCRAM argument '${trimmed}'`)
  const name = trimmed.slice(0, equals)
  const mechanism = mechanisms.find((known) => known.name === name)
  if (mechanism === undefined) throw invalid(`The add-scram mechanism ${name} is not supported.`)
  const components = parseComponents(trimmed.slice(equals + 1).trim())
  const user = components.get('name')
  const password = components.get('password')
  const saltedText = components.get('saltedpassword')
  const saltText = components.get('salt')
  if (user === undefined) throw invalid("You must supply 'name' to add-scram")
  if (password === undefined && saltedText === undefined)
    throw invalid("You must supply one of 'password' or 'saltedpassword' to add-scram")
  if (password === undefined && saltText === undefined) throw invalid("You must supply 'salt' with 'saltedpassword' to add-scram")
  const iterations = parseIterations(components.get('iterations'), mechanism)
  const salt = saltText === undefined ? randomSalt(randomBytes) : parseBase64(saltText)
  const salted =
    password === undefined
      ? parseBase64(saltedText as string)
      : pbkdf2Sync(Buffer.from(password, 'utf8'), salt, iterations, mechanism.hashBytes, mechanism.hash)
  return metadataRecord('UserScramCredentialRecord', 0, {
    name: user,
    mechanism: mechanism.type,
    salt,
    iterations,
    ...scramKeys(mechanism.hash, salted)
  })
}

/** What a server keeps of a salted password (RFC 5802, 3). */
export function scramKeys(hash: string, saltedPassword: Buffer): { storedKey: Buffer; serverKey: Buffer } {
  const clientKey = createHmac(hash, saltedPassword).update('Client Key').digest()
  return {
    storedKey: createHash(hash).update(clientKey).digest(),
    serverKey: createHmac(hash, saltedPassword).update('Server Key').digest()
  }
}

function parseComponents(text: string): Map<string, string> {
  if (!text.startsWith('[')) throw invalid('Expected configuration string to start with [')
  if (!text.endsWith(']')) throw invalid('Expected configuration string to end with ]')
  const components = new Map<string, string>()
  for (const part of text.slice(1, -1).split(',')) {
    const component = part.trim()
    const equals = component.indexOf('=')
    if (equals < 0) throw invalid(`No equals sign found in SCRAM component: ${component}`)
    const value = component.slice(equals + 1)
    components.set(
      component.slice(0, equals),
      value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
    )
  }
  const unknown = [...components.keys()].filter((name) => !settings.includes(name))
  if (unknown.length > 0) throw invalid(`Unknown SCRAM configurations: ${unknown.join(', ')}`)
  return components
}

function parseIterations(text: string | undefined, { name, minIterations }: Mechanism): number {
  if (text === undefined) return minIterations
  const iterations = Number(text)
  const shown = name.replaceAll('-', '_')
  if (!Number.isInteger(iterations)) throw invalid(`The 'iterations' value must be a whole number for add-scram, not ${text}`)
  if (iterations < minIterations) throw invalid(`The 'iterations' value must be >= ${minIterations} for add-scram using ${shown}`)
  if (iterations > MAX_ITERATIONS) throw invalid(`The 'iterations' value must be <= ${MAX_ITERATIONS} for add-scram using ${shown}`)
  return iterations
}

function parseBase64(text: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw invalid(`${text} is not base64`)
  return Buffer.from(text, 'base64')
}

/** 130 random bits as text of base 36, as Kafka's own salts are. */
function randomSalt(randomBytes: (size: number) => Buffer): Buffer {
  const bits = BigInt(`0x${randomBytes(17).toString('hex')}`) & ((1n << 130n) - 1n)
  return Buffer.from(bits.toString(36))
}
