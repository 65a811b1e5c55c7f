import { test } from 'node:test'
import { createPrng } from '@odradek/base'
import { requireGoldens } from '@odradek/testkit'
import { checkBytes, mutate, randomBatch } from './record-mutations.ts'

test('damaged batches end in typed errors, and the fast walk agrees with the plain one', () => {
  for (let i = 0; i < 300; i++) {
    const prng = createPrng(`records/${i}`)
    const batch = randomBatch(prng)
    checkBytes(batch, prng)
    for (let j = 0; j < 10; j++) checkBytes(mutate(prng, batch), prng)
  }
})

test('so do damaged golden batches', (t) => {
  const lines = requireGoldens(t)?.lines<{ name: string; hex: string }>('record-batches.ndjson.gz') ?? []
  for (const { name, hex } of lines) {
    const prng = createPrng(name)
    const bytes = Buffer.from(hex, 'hex')
    checkBytes(bytes, prng)
    for (let i = 0; i < 10; i++) checkBytes(mutate(prng, bytes), prng)
  }
})
