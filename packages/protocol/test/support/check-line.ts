// Checks a line of the golden messages: bytes that Apache Kafka wrote, with their JSON.
import assert from 'node:assert/strict'
import { apiKeys } from '../../src/api-keys.ts'
import type { ExactMessage, MessageCodec } from '../../src/codec.ts'
import { codec, exactCodec } from '../../src/codec.ts'
import { decodeRequestHeader, decodeResponseHeader, encodeRequestFrame, encodeResponseFrame } from '../../src/frames.ts'
import {
  decodeMetadataRecordFrame,
  decodeRecordType,
  decodeVersioned,
  encodeMetadataRecordFrame,
  encodeRecordKey,
  encodeVersioned
} from '../../src/framings.ts'
import { type JsonValue, messageFromJson, messageToJson } from '../../src/json.ts'

export interface Line {
  message: string
  package: string
  apiKey: number
  version: number
  flexible: boolean
  variant: string
  json: JsonValue
  hex: string
  framedHex?: string
  unknownTags?: { tag: number; hex: string }[]
  api: string
  headerVersion: number
  header: { correlationId: number; clientId: string | null }
}

/** Where the goldens' name is not the schema's. */
const schemaName = (name: string) => (name === 'DefaultPrincipal' ? 'DefaultPrincipalData' : name)

const exactCodecs = new Map<string, MessageCodec<ExactMessage>>()
function exact(name: string): MessageCodec<ExactMessage> {
  const found = exactCodecs.get(name) ?? exactCodec(name)
  exactCodecs.set(name, found)
  return found
}

/** Every int64 in the JSON is one that a double holds (or a sentinel), so that the number flavour must take it. */
function isSafe(json: JsonValue): boolean {
  if (typeof json === 'bigint') return json === 9223372036854775807n || json === -9223372036854775808n
  if (Array.isArray(json)) return json.every(isSafe)
  if (typeof json === 'object' && json !== null) return Object.values(json).every(isSafe)
  return true
}

const hasBigInt = (json: JsonValue): boolean =>
  typeof json === 'bigint' || (typeof json === 'object' && json !== null && Object.values(json).some(hasBigInt))

function checkMessage(line: Line): void {
  const name = schemaName(line.message)
  const bytes = Buffer.from(line.hex, 'hex')
  const message = exact(name)
  assert.equal(message.isFlexible(line.version), line.flexible)
  const { value, end } = message.decodeAt(bytes, 0, line.version)
  assert.equal(end, bytes.length)
  assert.deepEqual(messageToJson(name, value, line.version), line.json)
  assert.equal(message.encode(value, line.version).toString('hex'), line.hex)
  assert.equal(Buffer.concat(message.encodeChunks(value, line.version)).toString('hex'), line.hex)

  const unknownTaggedFields = line.unknownTags?.map(({ tag, hex }) => ({ tag, data: Buffer.from(hex, 'hex') }))
  if (unknownTaggedFields !== undefined) assert.deepEqual(value.unknownTaggedFields, unknownTaggedFields)
  const fromJson = messageFromJson(name, line.json, line.version) as ExactMessage
  if (unknownTaggedFields !== undefined) fromJson.unknownTaggedFields = unknownTaggedFields
  assert.equal(message.encode(fromJson, line.version).toString('hex'), line.hex)
  assert.deepEqual(message.create(fromJson), value)

  if (!isSafe(line.json)) return
  const numbers = codec<ExactMessage>(name)
  const decoded = numbers.decode(bytes, line.version)
  assert.deepEqual(messageToJson(name, decoded, line.version), line.json)
  assert.equal(numbers.encode(decoded, line.version).toString('hex'), line.hex)
}

function checkUnsafe(line: Line): void {
  if (/MetadataValue$/.test(line.message)) return
  assert.throws(() => codec(schemaName(line.message)).decode(Buffer.from(line.hex, 'hex'), line.version), {
    code: 'DECODE',
    message: /beyond what is supported/
  })
}

function checkFramed(line: Line): void {
  const message = exact(schemaName(line.message))
  const value = message.decode(Buffer.from(line.hex, 'hex'), line.version)
  const framed = Buffer.from(line.framedHex as string, 'hex')
  if (line.package === 'org.apache.kafka.common.metadata' || line.package.endsWith('remote.metadata.storage.generated')) {
    assert.equal(encodeMetadataRecordFrame(message, value, line.version).toString('hex'), line.framedHex)
    const frame = decodeMetadataRecordFrame(framed)
    assert.deepEqual({ ...frame, body: frame.body.toString('hex') }, { apiKey: line.apiKey, version: line.version, body: line.hex })
  } else if (line.message.endsWith('Key')) {
    assert.equal(encodeRecordKey(message, value).toString('hex'), line.framedHex)
    assert.equal(decodeRecordType(framed), line.apiKey)
  } else {
    assert.equal(encodeVersioned(message, value, line.version).toString('hex'), line.framedHex)
    assert.deepEqual(decodeVersioned(message, framed), { version: line.version, value })
  }
}

function checkFrame(line: Line): void {
  const api = apiKeys.get(line.apiKey)
  assert.ok(api !== undefined && api.enumName === line.api)
  const bytes = Buffer.from(line.hex, 'hex')
  assert.equal(bytes.readInt32BE(0), bytes.length - 4)
  const frame = bytes.subarray(4)
  const isRequest = line.message === 'RequestFrame'
  const message = exact(isRequest ? api.request.name : api.response.name)
  const header = isRequest ? decodeRequestHeader(frame) : decodeResponseHeader(frame, { apiKey: line.apiKey, apiVersion: line.version })
  assert.equal(header.headerVersion, line.headerVersion)
  assert.equal(header.correlationId, line.header.correlationId)
  const { value, end } = message.decodeAt(frame, header.bodyOffset, line.version)
  assert.equal(end, frame.length)
  assert.deepEqual(messageToJson(message.name, value, line.version), line.json)
  const clientId = line.header.clientId
  const { correlationId } = header
  if (isRequest) assert.equal((header as { clientId: string | null }).clientId, clientId)
  const again = isRequest
    ? encodeRequestFrame(message, { apiVersion: line.version, correlationId, clientId }, value)
    : encodeResponseFrame(message, { apiVersion: line.version, correlationId }, value)
  assert.equal(Buffer.concat(again).toString('hex'), line.hex)
}

/** Throws with the line's name; tells what was checked. */
export function checkLine(line: Line): { isFrame: boolean; isFramed: boolean; isUnsafe: boolean } {
  const isFrame = line.variant === 'frame'
  const isFramed = line.framedHex !== undefined
  const isUnsafe = !isFrame && hasBigInt(line.json) && !isSafe(line.json)
  try {
    if (isFrame) checkFrame(line)
    else checkMessage(line)
    if (isFramed) checkFramed(line)
    if (isUnsafe) checkUnsafe(line)
  } catch (error) {
    throw new Error(`${line.message} ${line.api ?? ''} version ${line.version} ${line.variant}`, { cause: error })
  }
  return { isFrame, isFramed, isUnsafe }
}
