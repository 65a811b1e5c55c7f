// Damaged batches and damaged compressed bytes: only typed errors, the fast walk agrees with the plain one, and what is
// accepted is valid. Runs FUZZ_SECONDS (2) from seed FUZZ_SEED (the time of day).
import { test } from 'node:test'
import { createPrng } from '@odradek/base'
import { compress } from '../src/compression/index.ts'
import { checkBytes, checkCodec, mutate, randomBatch } from './record-mutations.ts'

const seconds = Number(process.env.FUZZ_SECONDS ?? 2)
const seed = process.env.FUZZ_SEED ?? String(process.hrtime.bigint())

test(`batches and codecs hold for ${seconds} s of damaged bytes, FUZZ_SEED=${seed}`, (t) => {
  const end = performance.now() + seconds * 1000
  let cases = 0
  for (; performance.now() < end; cases++) {
    const prng = createPrng(`${seed}/${cases}`)
    try {
      const batch = randomBatch(prng)
      for (let i = 0; i < 20; i++) checkBytes(mutate(prng, batch), prng)
      const input = Buffer.concat([prng.bytes(prng.below(200)), Buffer.alloc(prng.below(70_000), 'pattern'), prng.bytes(prng.below(50))])
      for (const type of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
        const compressed = compress(type, input)
        for (let i = 0; i < 5; i++) checkCodec(prng, type, compressed)
      }
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed}, case ${cases}`, { cause: error })
    }
  }
  t.diagnostic(`${cases} cases`)
})
