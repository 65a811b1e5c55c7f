import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import { getCiphers } from 'node:tls'
import { createPrng } from '@odradek/base'
import { adminConfigDefinitions } from '@odradek/config'
import { loadTls, type TlsSettings } from '../../src/tls/load-tls.ts'
import { caPem, keyJks, keyPkcs12, leafKeyEncryptedPem, leafPem, oldPkcs12, trustJks, trustPkcs12 } from './stores.ts'

const files: Record<string, Buffer> = {
  '/trust.p12': trustPkcs12,
  '/key.p12': keyPkcs12,
  '/old.p12': oldPkcs12,
  '/trust.jks': trustJks,
  '/key.jks': keyJks,
  '/ca.pem': Buffer.from(`Here it comes:\n${caPem}${leafPem}`),
  '/pair.pem': Buffer.from(leafKeyEncryptedPem + leafPem + caPem)
}
const defaults = [...adminConfigDefinitions.values()].filter(({ name }) => name.startsWith('ssl.'))
const password = 'store-secret'

function load(given: Partial<Record<keyof TlsSettings, unknown>>, extra: Record<string, Buffer> = {}) {
  const settings = { ...Object.fromEntries(defaults.map(({ name, default: value }) => [name, value ?? null])), ...given } as TlsSettings
  return loadTls(settings, async (path) => {
    const found = extra[path] ?? files[path]
    if (found === undefined) throw new Error(`ENOENT: ${path}`)
    return found
  })
}

const subjects = (pems: unknown): string[] => [pems].flat().map((pem) => new X509Certificate(String(pem)).subject)
const isInvalid = (pattern: RegExp) => (error: Error & { code?: string }) =>
  error.code === 'SSL_STORE_INVALID' && pattern.test(error.message) && !error.message.includes('secret')

describe('ssl.* settings', () => {
  test('without stores trust what the runtime trusts, with TLS 1.2 and 1.3 and host names checked', async () => {
    assert.deepEqual(await load({}), { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', checksHostName: true })
    assert.equal((await load({ 'ssl.endpoint.identification.algorithm': '' })).checksHostName, false)
    assert.equal((await load({ 'ssl.enabled.protocols': ['TLSv1.2'] })).maxVersion, 'TLSv1.2')
    const suites = ['TLS_AES_128_GCM_SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'TLS_RSA_WITH_AES_128_CBC_SHA']
    const { ciphers } = await load({ 'ssl.cipher.suites': [...suites, 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256'] })
    assert.equal(ciphers, 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:AES128-SHA:ECDHE-RSA-CHACHA20-POLY1305')
    for (const name of String(ciphers).split(':')) assert.ok(getCiphers().includes(name.toLowerCase()), name)
    await assert.rejects(load({ 'ssl.enabled.protocols': ['TLSv1.1'] }), isInvalid(/ssl\.enabled\.protocols/))
  })

  test('read trust stores of each kind, PKCS #12 also where the type says JKS, as Java does', async () => {
    for (const [location, type] of [
      ['/trust.p12', 'PKCS12'],
      ['/trust.p12', 'JKS'],
      ['/trust.jks', 'JKS']
    ]) {
      const { ca } = await load({ 'ssl.truststore.location': location, 'ssl.truststore.type': type, 'ssl.truststore.password': password })
      assert.deepEqual(subjects(ca), ['CN=root'])
    }
    const { ca } = await load({ 'ssl.truststore.location': '/ca.pem', 'ssl.truststore.type': 'PEM' })
    assert.deepEqual(subjects(ca), ['CN=root', 'CN=leaf'])
    assert.deepEqual(subjects((await load({ 'ssl.truststore.certificates': caPem, 'ssl.truststore.type': 'PEM' })).ca), ['CN=root'])
  })

  test('read key stores of each kind: the key that fits, and its chain with its own certificate first', async () => {
    const kinds: Partial<Record<keyof TlsSettings, unknown>>[] = [
      { 'ssl.keystore.location': '/key.p12', 'ssl.keystore.type': 'PKCS12', 'ssl.keystore.password': password },
      { 'ssl.keystore.location': '/key.jks', 'ssl.keystore.password': password, 'ssl.key.password': 'key-secret' },
      { 'ssl.keystore.location': '/pair.pem', 'ssl.keystore.type': 'PEM', 'ssl.key.password': 'key-secret' },
      {
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.key': leafKeyEncryptedPem,
        'ssl.keystore.certificate.chain': leafPem + caPem,
        'ssl.key.password': 'key-secret'
      }
    ]
    for (const kind of kinds) {
      const { cert, key } = await load(kind)
      const chain = String(cert).match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g)
      assert.deepEqual(subjects(chain), ['CN=leaf', 'CN=root'])
      assert.ok(new X509Certificate(String(cert)).checkPrivateKey(createPrivateKey(String(key))))
    }
  })

  test('that cannot be read say which and why, and nothing of a secret', async () => {
    const trust = (location: string, word: string | null = password) =>
      load({ 'ssl.truststore.location': location, 'ssl.truststore.password': word })
    await assert.rejects(trust('/absent'), isInvalid(/ssl\.truststore\.location.*ENOENT/))
    await assert.rejects(trust('/trust.p12', 'wrong-secret'), isInvalid(/trust\.p12.*password/))
    await assert.rejects(trust('/trust.jks', 'wrong-secret'), isInvalid(/trust\.jks.*password/))
    await assert.rejects(trust('/old.p12'), isInvalid(/old\.p12.*keytool/))
    await assert.rejects(trust('/ca.pem'), isInvalid(/ca\.pem/))
    const key = { 'ssl.keystore.location': '/key.jks', 'ssl.keystore.password': password }
    await assert.rejects(load(key), isInvalid(/key\.jks.*key/))
    const pair = { 'ssl.keystore.location': '/pair.pem', 'ssl.keystore.type': 'PEM' }
    await assert.rejects(load({ ...pair, 'ssl.key.password': 'wrong-secret' }), isInvalid(/ssl\.key\.password/))
    await assert.rejects(load({ ...pair, 'ssl.keystore.password': password }), isInvalid(/PEM/))
    await assert.rejects(load({ 'ssl.truststore.certificates': caPem }), isInvalid(/ssl\.truststore\.type=PEM/))
    await assert.rejects(load({ 'ssl.truststore.location': '/ca.pem', 'ssl.truststore.type': 'BKS' }), isInvalid(/BKS/))
    await assert.rejects(load({ 'ssl.keystore.location': '/trust.jks', 'ssl.keystore.password': password }), isInvalid(/no private key/))
  })

  test('with damaged stores end in an error or in what is there, whatever the damage', async () => {
    const random = createPrng(2026)
    for (const [name, good] of Object.entries({ '/key.p12': keyPkcs12, '/trust.p12': trustPkcs12, '/key.jks': keyJks })) {
      for (let round = 0; round < 40; round++) {
        const bad = Buffer.from(good).subarray(0, round % 4 === 0 ? random.below(good.length) : good.length)
        for (let flips = 1 + random.below(3); flips > 0 && bad.length > 0; flips--)
          bad[random.below(Math.min(bad.length, 120))] = random.below(256)
        const outcome = load({ 'ssl.truststore.location': name, 'ssl.truststore.password': password }, { [name]: bad })
        await outcome.catch((error) => assert.equal(error.code, 'SSL_STORE_INVALID', String(error.stack)))
      }
    }
  })
})
