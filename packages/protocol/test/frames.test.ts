import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '@odradek/base'
import { apiKeys } from '../src/api-keys.ts'
import { decodeRequestHeader, decodeResponseHeader, encodeRequestFrame, encodeResponseFrame } from '../src/frames.ts'
import {
  ApiVersionsRequest,
  ApiVersionsResponse,
  FetchResponse,
  MetadataRequest,
  MetadataResponse,
  SaslHandshakeRequest
} from '../src/generated/codecs.ts'

const frameOf = (buffers: Buffer[]) => {
  const bytes = Buffer.concat(buffers)
  assert.equal(bytes.readInt32BE(0), bytes.length - 4)
  return bytes.subarray(4)
}

test('a request frame has the size before it and the header of its version', () => {
  const sent = { apiVersion: 12, correlationId: -5, clientId: 'client' }
  const frame = frameOf(encodeRequestFrame(MetadataRequest, sent, { topics: null }))
  const header = decodeRequestHeader(frame)
  assert.deepEqual(header, { ...sent, apiKey: 3, headerVersion: 2, bodyOffset: 17 })
  assert.equal(MetadataRequest.decodeAt(frame, header.bodyOffset, 12).value.topics, null)
  assert.equal(decodeRequestHeader(frameOf(encodeRequestFrame(MetadataRequest, { ...sent, apiVersion: 8 }, {}))).headerVersion, 1)
  assert.equal(decodeRequestHeader(frameOf(encodeRequestFrame(SaslHandshakeRequest, { ...sent, apiVersion: 1 }, {}))).headerVersion, 1)
})

test('a response header is flexible with its body, but never that of ApiVersions', () => {
  const metadata = frameOf(encodeResponseFrame(MetadataResponse, { apiVersion: 12, correlationId: 9 }, {}))
  assert.deepEqual(decodeResponseHeader(metadata, { apiKey: 3, apiVersion: 12 }), { correlationId: 9, headerVersion: 1, bodyOffset: 5 })
  const versions = frameOf(encodeResponseFrame(ApiVersionsResponse, { apiVersion: 3, correlationId: 9 }, {}))
  assert.deepEqual(decodeResponseHeader(versions, { apiKey: 18, apiVersion: 3 }), { correlationId: 9, headerVersion: 0, bodyOffset: 4 })
})

test('the header of an ApiVersions request from the future can be read', () => {
  const frame = frameOf(encodeRequestFrame(ApiVersionsRequest, { apiVersion: 4, correlationId: 3, clientId: 'new' }, {}))
  frame.writeInt16BE(99, 2)
  const { apiVersion, correlationId, clientId } = decodeRequestHeader(frame)
  assert.deepEqual({ apiVersion, correlationId, clientId }, { apiVersion: 99, correlationId: 3, clientId: 'new' })
})

test('an unknown key, a removed one and a header that is cut are DecodeErrors', () => {
  for (const key of [-1, 4, 5, 6, 7, 93, 32767]) {
    const frame = Buffer.alloc(20)
    frame.writeInt16BE(key)
    assert.throws(() => decodeRequestHeader(frame), DecodeError)
    assert.equal(apiKeys.has(key), false)
  }
  for (let length = 0; length < 11; length++) assert.throws(() => decodeRequestHeader(hexFrame.subarray(0, length)), DecodeError)
  assert.equal(decodeRequestHeader(hexFrame).bodyOffset, 11)
})
const hexFrame = Buffer.from('0003000100000001000161' + '00000000', 'hex')

test('records stay uncopied between the size and the rest of a response', () => {
  const records = Buffer.alloc(4096)
  const buffers = encodeResponseFrame(FetchResponse, { apiVersion: 12, correlationId: 1 }, { responses: [{ partitions: [{ records }] }] })
  assert.equal(buffers[1], records)
  frameOf(buffers)
})
