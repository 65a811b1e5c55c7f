// The keys that Apache Kafka derives of passwords, through a whole conversation: the stored key verifies the proof, the server key signs.
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import { requireGoldens } from '@odradek/testkit'
import { type ScramMechanismName, scramMechanism } from '../../src/sasl/scram.ts'

interface GoldenKeys {
  mechanism: ScramMechanismName
  password: string
  saltHex: string
  iterations: number
  storedKeyHex: string
  serverKeyHex: string
}

test('proofs of passwords are good for the keys that Apache Kafka keeps, and its signatures for us', async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const keys = goldens.json<{ scram: GoldenKeys[] }>('tables.json').scram
  assert.ok(keys.length >= 4)
  for (const { mechanism, password, saltHex, iterations, storedKeyHex, serverKeyHex } of keys) {
    const hash = mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512'
    const exchange = await scramMechanism({ mechanism, username: 'alice', password, nonce: () => 'ours' }).begin()
    exchange.step(undefined)
    const serverFirst = `r=ourstheirs,s=${Buffer.from(saltHex, 'hex').toString('base64')},i=${iterations}`
    const [, proof64 = ''] = /,p=(.+)$/.exec(String(exchange.step(Buffer.from(serverFirst)))) ?? []
    const signed = `n=alice,r=ours,${serverFirst},c=biws,r=ourstheirs`
    const storedKey = Buffer.from(storedKeyHex, 'hex')
    const signature = createHmac(hash, storedKey).update(signed).digest()
    const clientKey = Buffer.from(proof64, 'base64').map((byte, index) => byte ^ signature[index])
    assert.deepEqual(createHash(hash).update(clientKey).digest(), storedKey)
    exchange.step(Buffer.from(`v=${createHmac(hash, Buffer.from(serverKeyHex, 'hex')).update(signed).digest('base64')}`))
    assert.ok(exchange.isComplete)
  }
})
