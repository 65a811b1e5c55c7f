import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BufferPool, DecodeError } from '@odradek/base'
import { FrameReader } from '../src/frame-reader.ts'
import { frame, sizePrefix } from './fakes.ts'

const reader = () => new FrameReader(() => 1000)

describe('the frame reader', () => {
  test('lets a large frame be read into its place and its buffer be used for the next one', () => {
    const pool = new BufferPool(1 << 20)
    const frames = new FrameReader(() => 1 << 20, pool)
    const body = Buffer.alloc(100_000, 'abc')
    let memory: ArrayBufferLike | undefined
    for (let round = 0; round < 3; round++) {
      assert.equal(frames.target(), undefined)
      frames.push(Buffer.concat([sizePrefix(body.length), body.subarray(0, 10_000)]))
      const target = frames.target()
      assert.equal(target?.length, 90_000)
      body.copy(target as Buffer, 0, 10_000, 60_000)
      frames.push((target as Buffer).subarray(0, 50_000))
      frames.push(body.subarray(60_000)) // a world may pass over the target
      const whole = frames.next() as Buffer
      assert.ok(whole.equals(body))
      if (memory !== undefined) assert.equal(whole.buffer, memory)
      memory = whole.buffer
      whole.fill(0)
      frames.recycle(whole)
    }
    assert.equal(frames.isMidFrame, false)
  })

  test('gives frames that are no views of the chunk', () => {
    const frames = reader()
    const chunk = Buffer.concat([frame('one'), frame('two'), frame('three').subarray(0, 6)])
    frames.push(chunk)
    const [one, two] = [frames.next(), frames.next()]
    assert.equal(frames.next(), undefined)
    chunk.fill(0)
    frames.push(frame('three').subarray(6))
    assert.deepEqual([one, two, frames.next()].map(String), ['one', 'two', 'three'])
    assert.equal(frames.bufferedBytes, 0)
  })

  test('keeps what is left while its owner takes no frames', () => {
    const frames = reader()
    const bytes = Buffer.concat(Array.from({ length: 50 }, (_, index) => frame(`frame ${index}`)))
    for (let position = 0; position < bytes.length; position += 7) {
      const chunk = Buffer.from(bytes.subarray(position, position + 7))
      frames.push(chunk)
      chunk.fill(0)
    }
    assert.equal(frames.bufferedBytes, bytes.length)
    for (let index = 0; index < 50; index++) assert.equal(String(frames.next()), `frame ${index}`)
    assert.equal(frames.next(), undefined)
  })

  test('takes frames larger than what it allocates at once', () => {
    const frames = new FrameReader(() => 100 * 1024 * 1024)
    const body = Buffer.alloc(5 * 1024 * 1024, 'abcdefghij')
    frames.push(sizePrefix(body.length))
    for (let position = 0; position < body.length; position += 1_000_003) {
      assert.equal(frames.next(), undefined)
      frames.push(body.subarray(position, position + 1_000_003))
    }
    assert.ok(frames.next()?.equals(body))
  })

  test('puts frames together whatever the cuts', () => {
    const bytes = Buffer.concat([frame('first frame'), frame('x'), frame('the third one')])
    for (let cut = 1; cut <= bytes.length; cut++) {
      const frames = reader()
      const found: string[] = []
      for (let position = 0; position < bytes.length; position += cut) {
        frames.push(bytes.subarray(position, position + cut))
        for (let next = frames.next(); next !== undefined; next = frames.next()) found.push(next.toString())
      }
      assert.deepEqual(found, ['first frame', 'x', 'the third one'], `cut ${cut}`)
      assert.equal(frames.bufferedBytes, 0)
    }
  })

  for (const size of [-1, 0, 1001, 0x47455420, -2147483648]) {
    test(`refuses a size of ${size}`, () => {
      const frames = reader()
      frames.push(sizePrefix(size))
      assert.throws(() => frames.next(), DecodeError)
    })
  }

  test('keeps no more than what came for an announced size', () => {
    const frames = new FrameReader(() => 100 * 1024 * 1024)
    frames.push(sizePrefix(100 * 1024 * 1024))
    frames.push(Buffer.alloc(10))
    assert.equal(frames.next(), undefined)
    assert.equal(frames.bufferedBytes, 14)
  })
})
