// Every codec under random values and damaged bytes. FUZZ_SECONDS (default 4; every message and version is visited at
// least once whatever it says) and FUZZ_SEED are read from the environment.
//
// Held: what is encoded decodes to the same value and is what a naive interpreter writes; damaged bytes give a
// DecodeError or a value, the same as the interpreter's, in bounded time and memory.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrng, DecodeError, type Prng } from '@odradek/base'
import { apiKeys } from '../src/api-keys.ts'
import { codec, type ExactMessage, exactCodec, type MessageCodec } from '../src/codec.ts'
import { decodeRequestHeader, encodeRequestFrame } from '../src/frames.ts'
import { decodeConsumerAssignment, decodeConsumerSubscription, decodeControlRecord, decodeMetadataRecordFrame } from '../src/framings.ts'
import { messageNames, planMessage } from '../src/schema.ts'
import { generateValue } from './support/generate-value.ts'
import { type Interpreter, interpret } from './support/interpreter.ts'

const seconds = Number(process.env.FUZZ_SECONDS ?? 4)
const seed = process.env.FUZZ_SEED ?? String(Date.now())
const DECODE_MS_MAX = 1000

interface Target {
  name: string
  version: number
  isExact: boolean
  message: MessageCodec<ExactMessage>
  naive: Interpreter
}

function targets(): Target[] {
  const all: Target[] = []
  for (const name of messageNames) {
    const codecs = [codec<ExactMessage>(name), exactCodec(name)]
    for (let version = codecs[0].minVersion; version <= codecs[0].maxVersion; version++) {
      const isExact = version % 2 === 1
      all.push({ name, version, isExact, message: codecs[Number(isExact)], naive: interpret(name, version, isExact) })
    }
  }
  return all
}

function tryDecode(decode: () => unknown): { value?: unknown; error?: DecodeError } {
  const start = performance.now()
  try {
    return { value: decode() }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { error }
  } finally {
    const took = performance.now() - start
    assert.ok(took < DECODE_MS_MAX, `decoding took ${took} ms`)
  }
}

function checkDamaged(target: Target, bytes: Buffer): void {
  const compiled = tryDecode(() => {
    const { value, end } = target.message.decodeAt(bytes, 0, target.version)
    return { value, end }
  })
  const naive = tryDecode(() => target.naive.decode(bytes))
  if (naive.error !== undefined || compiled.error !== undefined) {
    assert.equal(compiled.error !== undefined, naive.error !== undefined, `compiled: ${compiled.error}, naive: ${naive.error}`)
    return
  }
  assert.deepEqual(compiled.value, naive.value)
}

const lies = [
  'ff',
  '80',
  '00',
  '7f',
  'ffff',
  '7fff',
  '8000',
  'fffe',
  '7fffffff',
  'ffffffff',
  '80000000',
  'fffffffe',
  'ffffffff0f',
  'ffffffff7f',
  '8080808080',
  'ffffffffffff',
  'ffffffffff01',
  '808001'
]

function damage(bytes: Buffer, random: Prng): Buffer {
  const at = random.below(bytes.length + 1)
  switch (random.below(6)) {
    case 0:
      return bytes.subarray(0, at)
    case 1: {
      const copy = Buffer.from(bytes)
      if (at < copy.length) copy[at] ^= 1 << random.below(8)
      return copy
    }
    case 2: {
      const lie = Buffer.from(random.pick(lies), 'hex')
      return Buffer.concat([bytes.subarray(0, at), lie, bytes.subarray(at + lie.length)])
    }
    case 3:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(random.between(1, 8)), bytes.subarray(at)])
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.between(1, 8))])
    default:
      return damage(damage(bytes, random), random)
  }
}

function visit(target: Target, random: Prng): void {
  const value = generateValue(planMessage(target.name, target.version, target.isExact), random) as ExactMessage
  const bytes = target.message.encode(value, target.version)
  assert.equal(bytes.toString('hex'), target.naive.encode(value).toString('hex'))
  assert.ok(Buffer.concat(target.message.encodeChunks(value, target.version)).equals(bytes))
  const decoded = target.message.decodeAt(bytes, 0, target.version)
  assert.equal(decoded.end, bytes.length)
  assert.deepEqual(decoded.value, target.message.create(value))
  for (let i = 0; i < 6; i++) checkDamaged(target, damage(bytes, random))
  checkDamaged(target, random.bytes(random.between(0, 64)))
}

test('codecs agree with a naive interpreter on random values and on damaged bytes', (t) => {
  const random = createPrng(seed)
  const all = targets()
  const deadline = performance.now() + seconds * 1000
  let visits = 0
  const heapBefore = process.memoryUsage().heapUsed
  for (let round = 0; round === 0 || performance.now() < deadline; round++) {
    for (const target of random.shuffle(all)) {
      if (round > 0 && performance.now() >= deadline) break
      try {
        visit(target, random.fork(`${round}/${target.name}/${target.version}`))
      } catch (error) {
        throw new Error(`${target.name} version ${target.version}, FUZZ_SEED=${seed} round ${round}`, { cause: error })
      }
      visits++
    }
  }
  const grown = process.memoryUsage().heapUsed - heapBefore
  assert.ok(grown < 512 * 1024 * 1024, `the heap grew by ${grown} bytes`)
  t.diagnostic(`${visits} visits to ${all.length} codecs, seed ${seed}`)
})

test('request frames, whole or damaged, give a request or a DecodeError', (t) => {
  const random = createPrng(`${seed}/frames`)
  const apis = [...apiKeys.values()]
  const deadline = performance.now() + (seconds * 1000) / 4
  let frames = 0
  let decoded = 0
  for (; frames < 2000 || performance.now() < deadline; frames++) {
    const api = random.pick(apis)
    const apiVersion = random.between(api.min, api.max)
    const body = generateValue(planMessage(api.request.name, apiVersion, false), random)
    const clientId = random.pick([null, '', 'client', '\u0000\r\n', '주제'])
    const whole = Buffer.concat(
      encodeRequestFrame(api.request, { apiVersion, correlationId: random.uint32() | 0, clientId }, body)
    ).subarray(4)
    const frame = random.chance(0.1) ? random.bytes(random.between(0, 40)) : random.chance(0.9) ? damage(whole, random) : whole
    try {
      const header = decodeRequestHeader(frame)
      apiKeys.get(header.apiKey)?.request.decodeAt(frame, header.bodyOffset, header.apiVersion)
      decoded++
    } catch (error) {
      if (!(error instanceof DecodeError)) throw new Error(`FUZZ_SEED=${seed} frame ${frame.toString('hex')}`, { cause: error })
    }
  }
  t.diagnostic(`${frames} frames, ${decoded} of them decoded, seed ${seed}`)
  assert.ok(decoded > frames / 20 && decoded < frames)
})

test('the framings of records give a value or a DecodeError', () => {
  const random = createPrng(`${seed}/framings`)
  for (let i = 0; i < 5000; i++) {
    const bytes = random.bytes(random.between(0, 60))
    if (random.chance(0.5) && bytes.length > 2) bytes.writeInt16BE(random.between(0, 3))
    tryDecode(() => decodeConsumerSubscription(bytes))
    tryDecode(() => decodeConsumerAssignment(bytes))
    tryDecode(() => decodeMetadataRecordFrame(bytes))
    tryDecode(() => decodeControlRecord(Buffer.of(0, 0, 0, random.below(8)), bytes))
  }
})
