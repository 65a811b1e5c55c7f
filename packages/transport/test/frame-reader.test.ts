import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DecodeError } from '@odradek/base'
import { FrameReader } from '../src/frame-reader.ts'
import { frame, sizePrefix } from './fakes.ts'

const reader = () => new FrameReader(() => 1000)

describe('the frame reader', () => {
  test('gives a frame that lies in one chunk as a view of it', () => {
    const frames = reader()
    const chunk = Buffer.concat([frame('one'), frame('two')])
    frames.push(chunk)
    const one = frames.next()
    assert.equal(one?.toString(), 'one')
    assert.equal(one?.buffer, chunk.buffer)
    assert.equal(frames.next()?.toString(), 'two')
    assert.equal(frames.next(), undefined)
    assert.equal(frames.isMidFrame, false)
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
    assert.equal(frames.bufferedBytes, 10)
    assert.equal(frames.isMidFrame, true)
  })
})
