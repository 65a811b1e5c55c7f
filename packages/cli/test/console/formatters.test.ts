import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeRecordKey, encodeVersioned, OffsetCommitKey, OffsetCommitValue } from '@odradek/protocol'
import { formatterNamed } from '../../src/console/formatters.ts'
import { OutputBuffer } from '../../src/console/output-buffer.ts'
import type { PrintableRecord } from '../../src/console/printable-record.ts'
import { memoryIo } from '../support/memory-io.ts'

const base: PrintableRecord = {
  topic: 'orders',
  partition: 2,
  offset: 41,
  timestamp: 1700,
  timestampType: 'CreateTime',
  rawKey: Buffer.from('key'),
  rawValue: Buffer.from('value'),
  headers: []
}

const PACKAGE = 'org.apache.kafka.tools.consumer.'
const SERDES = 'org.apache.kafka.common.serialization.'

async function print(config: Record<string, string>, record: Partial<PrintableRecord> = {}, name = 'DefaultMessageFormatter') {
  const io = memoryIo()
  const output = new OutputBuffer(io)
  const formatter = await formatterNamed(PACKAGE + name, config, io)
  try {
    formatter({ ...base, ...record }, output)
  } finally {
    await output.flush()
  }
  return { text: io.stdout(), log: io.stderr() }
}

const valueAs = async (deserializer: string, bytes: Buffer): Promise<string> =>
  (await print({ 'value.deserializer': `${SERDES}${deserializer}`, 'line.separator': '' }, { rawValue: bytes })).text

test('columns stand in the order of Kafka, whatever the order of the properties', async () => {
  const all = ['value', 'key', 'headers', 'epoch', 'delivery', 'offset', 'partition', 'timestamp']
  const config = Object.fromEntries(all.map((name) => [`print.${name}`, 'true']))
  const { text } = await print(config, { deliveryCount: 3, headers: [{ key: 'a', value: Buffer.from('1') }] })
  assert.equal(text, 'CreateTime:1700\tPartition:2\tOffset:41\tDelivery:3\tEpoch:NOT_PRESENT\ta:1\tkey\tvalue\n')
})

test('what is not printed leaves no separator, and a record of which nothing is printed leaves nothing', async () => {
  assert.equal((await print({ 'print.value': 'false' })).text, '')
  assert.equal((await print({ 'print.value': 'false', 'print.offset': 'true' })).text, 'Offset:41\n')
  assert.equal((await print({ 'print.timestamp': 'true' }, { timestampType: 'NoTimestampType' })).text, 'NO_TIMESTAMP\tvalue\n')
})

test('bytes that are no text are printed as they are', async () => {
  const io = memoryIo()
  const chunks: Uint8Array[] = []
  const output = new OutputBuffer({ ...io, out: (data) => void chunks.push(data as Uint8Array) })
  const formatter = await formatterNamed(`${PACKAGE}DefaultMessageFormatter`, { 'line.separator': '' }, io)
  const bytes = Buffer.from([0, 255, 254, 10, 128])
  formatter({ ...base, rawValue: bytes }, output)
  await output.flush()
  assert.deepEqual(Buffer.concat(chunks), bytes)
})

test('output of any size comes out whole', async () => {
  const rawValue = Buffer.alloc(300_000, 'ab')
  assert.equal((await print({}, { rawValue })).text, `${rawValue}\n`)
  assert.equal(
    (await print({ 'key.separator': '한'.repeat(100_000), 'print.key': 'true' })).text.length,
    'key\tvalue\n'.length - 1 + 100_000
  )
})

test("values are read by Kafka's deserializers and printed as Java prints them", async () => {
  const double = Buffer.alloc(8)
  double.writeDoubleBE(1e10)
  const float = Buffer.alloc(4)
  float.writeFloatBE(0.1)
  const long = Buffer.alloc(8)
  long.writeBigInt64BE(-9007199254740993n)
  assert.equal(await valueAs('IntegerDeserializer', Buffer.from([255, 255, 255, 254])), '-2')
  assert.equal(await valueAs('ShortDeserializer', Buffer.from([1, 2])), '258')
  assert.equal(await valueAs('LongDeserializer', long), '-9007199254740993')
  assert.equal(await valueAs('DoubleDeserializer', double), '1.0E10')
  assert.equal(await valueAs('FloatDeserializer', float), '0.1')
  assert.equal(await valueAs('BooleanDeserializer', Buffer.from([1])), 'true')
  assert.equal(await valueAs('UUIDDeserializer', Buffer.from('1-2-3-4-5')), '00000001-0002-0003-0004-000000000005')
  assert.equal(await valueAs('BytesDeserializer', Buffer.from([0x41, 0x5c, 0x0a])), 'A\\x5C\\x0A')
  assert.equal(await valueAs('StringDeserializer', Buffer.from([0xff, 0x41])), '\ufffdA')
})

test('bytes that are not of the type are an error, after the columns before them', async () => {
  const config = { 'value.deserializer': `${SERDES}LongDeserializer`, 'print.key': 'true' }
  await assert.rejects(print(config), { message: 'Size of data received by LongDeserializer is not 8' })
})

test('a deserializer is configured by the properties under its name', async () => {
  const config = {
    'value.deserializer': `${SERDES}StringDeserializer`,
    'value.deserializer.value.deserializer.encoding': 'ISO-8859-1',
    'line.separator': ''
  }
  assert.equal((await print(config, { rawValue: Buffer.from([0xe9]) })).text, 'é')
})

test('a deserializer that does not exist is logged, and the bytes are printed', async () => {
  const { text, log } = await print({ 'value.deserializer': 'no.such.Deserializer' })
  assert.equal(text, 'value\n')
  assert.match(log, /ERROR Unable to instantiate a deserializer from no\.such\.Deserializer/)
})

test('records of the offsets topic are printed as JSON, those of other kinds are passed over', async () => {
  const rawKey = encodeRecordKey(OffsetCommitKey, { group: 'g', topic: 't', partition: 1 })
  const rawValue = encodeVersioned(OffsetCommitValue, { offset: 5, leaderEpoch: 2, metadata: 'm', commitTimestamp: 99 }, 3)
  const { text } = await print({}, { rawKey, rawValue }, 'OffsetsMessageFormatter')
  const value = '{"version":3,"data":{"offset":5,"leaderEpoch":2,"metadata":"m","commitTimestamp":99}}'
  assert.equal(text, `{"key":{"type":1,"data":{"group":"g","topic":"t","partition":1}},"value":${value}}`)
  assert.match((await print({}, { rawKey, rawValue: null }, 'OffsetsMessageFormatter')).text, /"value":null\}$/)
  assert.equal((await print({}, { rawKey, rawValue }, 'GroupMetadataMessageFormatter')).text, '')
  assert.equal((await print({}, { rawKey: null }, 'OffsetsMessageFormatter')).text, '')
})

test('a record of a coordinator that cannot be read is an error with its offset', async () => {
  const rawKey = encodeRecordKey(OffsetCommitKey, { group: 'g', topic: 't', partition: 1 })
  const failing = (bytes: Partial<PrintableRecord>) => print({}, bytes, 'OffsetsMessageFormatter')
  await assert.rejects(failing({ rawKey: rawKey.subarray(0, 6) }), /Could not read record at offset 41 due to: /)
  await assert.rejects(failing({ rawKey, rawValue: Buffer.from([0, 99]) }), /Found an unknown record version 99 for 1 type/)
})

test('a formatter that does not exist is refused by its name', async () => {
  await assert.rejects(formatterNamed('no.such.Formatter', {}, memoryIo()), { message: 'no.such.Formatter' })
})
