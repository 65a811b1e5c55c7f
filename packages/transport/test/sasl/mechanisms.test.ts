import assert from 'node:assert/strict'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { oauthBearerMechanism } from '../../src/sasl/oauthbearer.ts'
import { plainMechanism } from '../../src/sasl/plain.ts'
import { type ScramMechanismName, scramMechanism } from '../../src/sasl/scram.ts'

const text = (value: string): Buffer => Buffer.from(value, 'utf8')
const isFailure = (pattern: RegExp) => (error: Error & { code?: string; retriable?: boolean }) =>
  error.code === 'SASL_AUTHENTICATION_FAILED' && error.retriable === false && pattern.test(error.message)

interface Vector {
  mechanism: ScramMechanismName
  nonce: string
  serverFirst: string
  final: string
  serverFinal: string
}

// RFC 7677, 3; and the same conversation with SHA-512, computed by the formulas of RFC 5802 below.
const rfc7677: Vector = {
  mechanism: 'SCRAM-SHA-256',
  nonce: 'rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  final: 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='
}

async function pencil(vector: Pick<Vector, 'mechanism' | 'nonce'>) {
  return await scramMechanism({ mechanism: vector.mechanism, username: 'user', password: 'pencil', nonce: () => vector.nonce }).begin()
}

/** What a server that knows the password answers to the proof. */
function serverFinal(hash: string, password: string, salt: Buffer, signed: string): string {
  const bytes = hash === 'sha256' ? 32 : 64
  const serverKey = createHmac(hash, pbkdf2Sync(password, salt, 4096, bytes, hash))
    .update('Server Key')
    .digest()
  return `v=${createHmac(hash, serverKey).update(signed).digest('base64')}`
}

describe('SCRAM', () => {
  test('speaks the conversation of RFC 7677', async () => {
    const exchange = await pencil(rfc7677)
    assert.equal(String(exchange.step(undefined)), 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
    assert.equal(String(exchange.step(text(rfc7677.serverFirst))), rfc7677.final)
    assert.equal(exchange.isComplete, false)
    assert.equal(exchange.step(text(rfc7677.serverFinal)), undefined)
    assert.equal(exchange.isComplete, true)
  })

  test('with SHA-512 proves what a server recovers the stored key from', async () => {
    const exchange = await pencil({ mechanism: 'SCRAM-SHA-512', nonce: 'abc' })
    exchange.step(undefined)
    const serverFirst = 'r=abcdef,s=c2FsdHNhbHQ=,i=4096'
    const final = String(exchange.step(text(serverFirst)))
    const [, proof64 = ''] = /,p=(.+)$/.exec(final) ?? []
    const signed = `n=user,r=abc,${serverFirst},c=biws,r=abcdef`
    const clientKey = createHmac('sha512', pbkdf2Sync('pencil', 'saltsalt', 4096, 64, 'sha512'))
      .update('Client Key')
      .digest()
    const storedKey = createHash('sha512').update(clientKey).digest()
    const signature = createHmac('sha512', storedKey).update(signed).digest()
    const recovered = Buffer.from(proof64, 'base64').map((byte, index) => byte ^ signature[index])
    assert.deepEqual(createHash('sha512').update(recovered).digest(), storedKey)
    exchange.step(text(serverFinal('sha512', 'pencil', text('saltsalt'), signed)))
    assert.equal(exchange.isComplete, true)
  })

  test('escapes the signs of the protocol in names, and says when the credentials are of a delegation token', async () => {
    const odd = await scramMechanism({ mechanism: 'SCRAM-SHA-256', username: 'a=b,c', password: 'x', nonce: () => 'n' }).begin()
    assert.equal(String(odd.step(undefined)), 'n,,n=a=3Db=2Cc,r=n')
    const token = await scramMechanism({
      mechanism: 'SCRAM-SHA-256',
      username: 'id',
      password: 'x',
      isToken: true,
      nonce: () => 'n'
    }).begin()
    assert.equal(String(token.step(undefined)), 'n,,n=id,r=n,tokenauth=true')
  })

  test('finds out a server that does not know the password', async () => {
    const exchange = await pencil(rfc7677)
    exchange.step(undefined)
    exchange.step(text(rfc7677.serverFirst))
    const wrong = Buffer.alloc(32, 1).toString('base64')
    assert.throws(() => exchange.step(text(`v=${wrong}`)), isFailure(/signature is wrong/))
    assert.equal(exchange.isComplete, false)
  })

  test('refuses nonces that do not go on, iterations out of bounds and messages that are none', async () => {
    const nonce = rfc7677.nonce
    const cases: [string, RegExp][] = [
      [`r=other,s=c2FsdA==,i=4096`, /nonce/],
      [`r=${nonce},s=c2FsdA==,i=4096`, /nonce/],
      [`r=${nonce}x,s=c2FsdA==,i=4095`, /4095 iterations/],
      [`r=${nonce}x,s=c2FsdA==,i=1000001`, /1000001 iterations/],
      [`r=${nonce}x,s=c2FsdA==,i=99999999999`, /malformed/],
      [`r=${nonce}x,s=,i=4096`, /malformed/],
      [`m=ext,r=${nonce}x,s=c2FsdA==,i=4096`, /malformed/],
      ['', /malformed/],
      ['r='.padEnd(10_000, 'x'), /malformed/],
      ['\0\xff', /malformed/]
    ]
    for (const [serverFirst, pattern] of cases) {
      const exchange = await pencil(rfc7677)
      exchange.step(undefined)
      assert.throws(() => exchange.step(text(serverFirst)), isFailure(pattern), serverFirst.slice(0, 80))
    }
    for (const [final, pattern] of [
      ['e=invalid-proof', /refuses the credentials/],
      ['v=', /malformed/],
      ['v=AAAA', /signature/],
      ['nonsense', /malformed/]
    ] as const) {
      const exchange = await pencil(rfc7677)
      exchange.step(undefined)
      exchange.step(text(rfc7677.serverFirst))
      assert.throws(() => exchange.step(text(final)), isFailure(pattern))
    }
  })
})

describe('PLAIN', () => {
  test('is one message, and an empty answer to it', async () => {
    const exchange = await plainMechanism('alice', 'pässword').begin()
    assert.deepEqual(exchange.step(undefined), text('\0alice\0pässword'))
    assert.equal(exchange.step(Buffer.alloc(0)), undefined)
    assert.equal(exchange.isComplete, true)
  })
})

describe('OAUTHBEARER', () => {
  const of = (value: string, extensions?: Record<string, string>) =>
    oauthBearerMechanism({ token: async () => ({ value, extensions }), forget() {} })

  test('sends the token with its extensions', async () => {
    const exchange = await of('a.b.c', { traceId: '1 2' }).begin()
    assert.equal(String(exchange.step(undefined)), 'n,,\x01auth=Bearer a.b.c\x01traceId=1 2\x01\x01')
    assert.equal(exchange.step(Buffer.alloc(0)), undefined)
    assert.equal(exchange.isComplete, true)
  })

  test('answers the reason of a refusal with one byte and waits for the error', async () => {
    const exchange = await of('a.b.c').begin()
    exchange.step(undefined)
    assert.deepEqual(exchange.step(text('{"status":"invalid_token"}')), Buffer.from([1]))
    assert.equal(exchange.isComplete, false)
  })

  test('takes no token or extension that could bring in fields of its own', async () => {
    for (const token of ['', 'a b', 'a\x01auth=x', 'ü']) await assert.rejects(of(token).begin(), isFailure(/token/))
    for (const extensions of [{ auth: 'x' }, { 'a-b': 'x' }, { a: 'x\x01y' }])
      await assert.rejects(of('t', extensions as never).begin(), isFailure(/extension/))
  })
})

test('what is inspected of a mechanism shows no secret', async () => {
  const mechanisms = [
    plainMechanism('alice', 'the-secret'),
    scramMechanism({ mechanism: 'SCRAM-SHA-256', username: 'alice', password: 'the-secret', nonce: () => 'n' }),
    oauthBearerMechanism({ token: async () => ({ value: 'the-secret' }), forget() {} })
  ]
  for (const mechanism of mechanisms) {
    const exchange = await mechanism.begin()
    assert.doesNotMatch(inspect([mechanism, exchange], { depth: 9, showHidden: true }), /the-secret/)
  }
})
