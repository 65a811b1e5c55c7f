// From Kafka's ssl.* settings to the options of a TLS connection. Stores are PEM (in the setting or in a file), PKCS #12 or JKS; which
// of the last two a file is, it says itself, as Java lets it.
import { createPrivateKey } from 'node:crypto'
import type { AdminSettings } from '@odradek/config'
import type { TlsOptions } from '@odradek/world'
import { JKS_MAGIC, readJks } from './jks.ts'
import { chainOf, type KeyStore, pemOf, storeInvalid } from './key-store.ts'
import { readPkcs12 } from './pkcs12.ts'

export type TlsSettings = Pick<
  AdminSettings,
  | 'ssl.cipher.suites'
  | 'ssl.enabled.protocols'
  | 'ssl.endpoint.identification.algorithm'
  | 'ssl.key.password'
  | 'ssl.keystore.certificate.chain'
  | 'ssl.keystore.key'
  | 'ssl.keystore.location'
  | 'ssl.keystore.password'
  | 'ssl.keystore.type'
  | 'ssl.truststore.certificates'
  | 'ssl.truststore.location'
  | 'ssl.truststore.password'
  | 'ssl.truststore.type'
>

type ReadFile = (path: string) => Promise<Buffer>
type Version = 'TLSv1.2' | 'TLSv1.3'

const versions: readonly string[] = ['TLSv1.2', 'TLSv1.3'] satisfies Version[]

/** Rejects with SSL_STORE_INVALID: what is missing, cannot be read or does not fit its password. */
export async function loadTls(settings: TlsSettings, readFile: ReadFile): Promise<TlsOptions> {
  const trusted = await loadTrusted(settings, readFile)
  const own = await loadOwn(settings, readFile)
  const enabled = settings['ssl.enabled.protocols'].filter((name): name is Version => versions.includes(name)).sort()
  if (enabled.length === 0) throw storeInvalid(`ssl.enabled.protocols has none of ${versions.join(', ')}`)
  const suites = settings['ssl.cipher.suites']
  return {
    ...(trusted === undefined ? {} : { ca: trusted }),
    ...own,
    ...(suites.length === 0 ? {} : { ciphers: suites.map(openSslName).join(':') }),
    minVersion: enabled[0],
    maxVersion: enabled.at(-1),
    checksHostName: settings['ssl.endpoint.identification.algorithm'].trim() !== ''
  }
}

/** undefined: those that the runtime trusts. */
async function loadTrusted(settings: TlsSettings, readFile: ReadFile): Promise<string[] | undefined> {
  const inline = settings['ssl.truststore.certificates']
  const location = settings['ssl.truststore.location']
  if (inline !== null) {
    if (location !== null) throw storeInvalid('ssl.truststore.certificates and ssl.truststore.location are both given: give one')
    requireType(settings, 'ssl.truststore', 'PEM')
    return certificatesOf(inline, 'ssl.truststore.certificates')
  }
  if (location === null) return undefined
  const bytes = await read('ssl.truststore.location', location, readFile)
  const type = requireType(settings, 'ssl.truststore')
  if (type === 'PEM') return certificatesOf(bytes.toString('utf8'), location)
  const password = settings['ssl.truststore.password'] ?? undefined
  const { certificates } = readStore(bytes, location, password, password ?? '')
  if (certificates.length === 0) throw storeInvalid(`${location} holds no certificate`)
  return certificates.map(pemOf)
}

async function loadOwn(settings: TlsSettings, readFile: ReadFile): Promise<Pick<TlsOptions, 'cert' | 'key' | 'passphrase'>> {
  const inlineKey = settings['ssl.keystore.key']
  const chain = settings['ssl.keystore.certificate.chain']
  const location = settings['ssl.keystore.location']
  const keyPassword = settings['ssl.key.password'] ?? undefined
  if (inlineKey !== null || chain !== null) {
    if (inlineKey === null || chain === null) throw storeInvalid('ssl.keystore.key and ssl.keystore.certificate.chain need each other')
    if (location !== null) throw storeInvalid('ssl.keystore.key and ssl.keystore.location are both given: give one')
    requireType(settings, 'ssl.keystore', 'PEM')
    return pemPair(inlineKey, chain, keyPassword, 'ssl.keystore.key')
  }
  if (location === null) return {}
  const bytes = await read('ssl.keystore.location', location, readFile)
  if (requireType(settings, 'ssl.keystore') === 'PEM') {
    const text = bytes.toString('utf8')
    return pemPair(text, text, keyPassword, location)
  }
  const password = settings['ssl.keystore.password'] ?? undefined
  if (password === undefined) throw storeInvalid('ssl.keystore.password is missing')
  const { keys, certificates } = readStore(bytes, location, password, keyPassword ?? password)
  for (const key of keys) {
    const cert = chainOf(key, certificates)
    if (cert !== undefined) return { cert, key: key.export({ format: 'pem', type: 'pkcs8' }) }
  }
  throw storeInvalid(`${location} holds no private key with its certificate`)
}

function requireType(settings: TlsSettings, store: 'ssl.truststore' | 'ssl.keystore', wanted?: 'PEM'): string {
  const type = settings[`${store}.type`].toUpperCase()
  if (!['PEM', 'PKCS12', 'JKS'].includes(type)) throw storeInvalid(`${store}.type=${type} is not built: use PEM, PKCS12 or JKS`)
  if (wanted !== undefined && type !== wanted) throw storeInvalid(`Certificates in a setting are PEM: set ${store}.type=PEM`)
  if (type === 'PEM' && settings[`${store}.password`] !== null)
    throw storeInvalid(`${store}.password means nothing with PEM: a private key has ssl.key.password`)
  return type
}

function certificatesOf(text: string, where: string): string[] {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
  if (found === null) throw storeInvalid(`${where} holds no certificate in PEM`)
  return found
}

function pemPair(keyText: string, chainText: string, passphrase: string | undefined, where: string): { cert: string; key: string } {
  const [pem] = keyText.match(/-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]+?-----END \1PRIVATE KEY-----/) ?? []
  if (pem === undefined) throw storeInvalid(`${where} holds no private key in PEM`)
  try {
    const key = createPrivateKey({ key: pem, passphrase }).export({ format: 'pem', type: 'pkcs8' }) as string
    return { cert: certificatesOf(chainText, where).join('\n'), key }
  } catch (error) {
    throw storeInvalid(`The private key in ${where} cannot be read: is ssl.key.password right?`, error)
  }
}

async function read(setting: string, path: string, readFile: ReadFile): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw storeInvalid(`${setting}: ${error instanceof Error ? error.message : String(error)}`, error)
  }
}

function readStore(bytes: Buffer, path: string, password: string | undefined, keyPassword: string): KeyStore {
  try {
    const isJks = bytes.length > 4 && bytes.readUInt32BE(0) === JKS_MAGIC
    return isJks ? readJks(bytes, password, keyPassword) : readPkcs12(bytes, password ?? '', keyPassword)
  } catch (error) {
    const isSaid = (error as { code?: unknown }).code === 'SSL_STORE_INVALID'
    const reason = isSaid ? (error as Error).message : 'is it a PKCS #12 or JKS file, and its password right?'
    throw storeInvalid(`The key store ${path} cannot be read: ${reason}`, error)
  }
}

/** TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 → ECDHE-RSA-AES128-GCM-SHA256: what node:tls takes; the names of TLS 1.3 are the same in both. */
function openSslName(name: string): string {
  const [, exchange, cipher] = /^TLS_(.+)_WITH_(.+)$/.exec(name) ?? []
  if (cipher === undefined) return name
  const short = cipher
    .replace(/^AES_(\d+)/, 'AES$1')
    .replace('_CBC', '')
    .replace('CHACHA20_POLY1305_SHA256', 'CHACHA20-POLY1305')
  return `${exchange === 'RSA' ? '' : `${exchange}-`}${short}`.replaceAll('_', '-')
}
