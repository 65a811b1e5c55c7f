// Requests and responses as they travel: int32 size, header, body. Frames go out as lists of buffers for one vectored
// write, large records among them uncopied; a frame that came in is one buffer without its size (the transport cuts them).
import { DecodeError } from '@odradek/base'
import { ApiKey, apiKeys, requestHeaderVersion, responseHeaderVersion } from './api-keys.ts'
import type { Input, MessageCodec } from './codec.ts'
import { RequestHeader, ResponseHeader } from './generated/codecs.ts'
import type { Writer } from './writer.ts'

export interface DecodedRequestHeader {
  apiKey: number
  apiVersion: number
  correlationId: number
  clientId: string | null
  headerVersion: 1 | 2
  /** Where the body begins in the frame. */
  bodyOffset: number
}

/** The API key, version and correlation id: without them there is nobody to answer. */
const FIXED_BYTES = 8

/**
 * Throws DecodeError on an unknown key and on bytes that lie. The version is not checked: an unsupported ApiVersions
 * request still has a header that can be read, and an answer.
 */
export function decodeRequestHeader(frame: Buffer): DecodedRequestHeader {
  if (frame.length < FIXED_BYTES) throw new DecodeError(`a request of ${frame.length} bytes has no header`)
  const apiKey = frame.readInt16BE(0)
  const apiVersion = frame.readInt16BE(2)
  const api = apiKeys.get(apiKey)
  if (api === undefined) throw new DecodeError(`unknown API key ${apiKey}`)
  const headerVersion = requestHeaderVersion(api, apiVersion)
  const { value, end } = RequestHeader.decodeAt(frame, 0, headerVersion)
  return { apiKey, apiVersion, correlationId: value.correlationId, clientId: value.clientId, headerVersion, bodyOffset: end }
}

export function decodeResponseHeader(
  frame: Buffer,
  request: { apiKey: number; apiVersion: number }
): { correlationId: number; headerVersion: 0 | 1; bodyOffset: number } {
  const api = apiKeys.get(request.apiKey)
  if (api === undefined) throw new DecodeError(`unknown API key ${request.apiKey}`)
  const headerVersion = responseHeaderVersion(api, request.apiVersion)
  const { value, end } = ResponseHeader.decodeAt(frame, 0, headerVersion)
  return { correlationId: value.correlationId, headerVersion, bodyOffset: end }
}

export function encodeRequestFrame<T>(
  codec: MessageCodec<T>,
  header: { apiVersion: number; correlationId: number; clientId: string | null },
  body: Input<T>
): Buffer[] {
  const requestApiKey = codec.apiKey ?? -1
  const { apiVersion: requestApiVersion, correlationId, clientId } = header
  const headerVersion = codec.isFlexible(requestApiVersion) ? 2 : 1
  return frame(codec, body, requestApiVersion, (writer) => {
    RequestHeader.encodeInto(writer, { requestApiKey, requestApiVersion, correlationId, clientId }, headerVersion)
  })
}

export function encodeResponseFrame<T>(
  codec: MessageCodec<T>,
  header: { apiVersion: number; correlationId: number },
  body: Input<T>
): Buffer[] {
  const { apiVersion, correlationId } = header
  const hasTags = codec.isFlexible(apiVersion) && codec.apiKey !== ApiKey.API_VERSIONS
  return frame(codec, body, apiVersion, (writer) => {
    writer.int32(correlationId)
    if (hasTags) writer.unsignedVarint(0)
  })
}

function frame<T>(codec: MessageCodec<T>, body: Input<T>, version: number, writeHeader: (writer: Writer) => void): Buffer[] {
  const buffers = codec.encodeChunks(body, version, (writer) => {
    writer.int32(0)
    writeHeader(writer)
  })
  let size = -4
  for (const buffer of buffers) size += buffer.length
  buffers[0].writeInt32BE(size, 0)
  return buffers
}
