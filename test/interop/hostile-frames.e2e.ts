// Bad input to the real process, rows 1-3, 5-18 and 47 of the table: frames, headers, and bodies that lie about themselves.
// Rows 4, 19-25 (SASL), 39 (ACLs) and 48-50 (JAAS and URLs in settings, Connect, regular expressions of subscriptions) are of
// what is not built, or not of the wire.
import assert from 'node:assert/strict'
import {
  ApiVersionsRequest,
  ApiVersionsResponse,
  decodeResponseHeader,
  ErrorCode,
  encodeRequestFrame,
  MetadataResponse
} from '@odradek/protocol'
import { hostileSuite, type Victim } from './support/hostile.ts'
import { frameOf, int16, int32, type RawClient } from './support/raw-client.ts'

const FRAME_DEADLINE_MS = 2_000
const { row } = hostileSuite({ 'odradek.frame.timeout.ms': String(FRAME_DEADLINE_MS) })

const nullClientId = Buffer.from([0xff, 0xff])
/** Metadata in a version without and with flexible fields. */
const metadataV1 = (body: Buffer, clientId = nullClientId) => frameOf(3, 1, Buffer.concat([int32(7), clientId, body]))
const metadataV9 = (body: Buffer) => frameOf(3, 9, Buffer.concat([int32(7), nullClientId, Buffer.from([0]), body]))
const noTopics = int32(0)

async function isAnswered(victim: Victim, frame: Buffer, version: number): Promise<boolean> {
  const attacker = await victim.connect()
  attacker.sendFrame(frame)
  const answer = await attacker.response(MetadataResponse, version)
  attacker.close()
  return answer.correlationId === 7
}

for (const [number, size] of [
  [1, -1],
  [1, -2147483648],
  [2, 104857601],
  [2, 2147483647],
  [3, 0]
]) {
  row(`row ${number}: a frame of size ${size} closes the connection`, async (victim) => {
    assert.equal(await victim.isClosedBy(int32(size)), true)
  })
}

row(
  'row 2: sizes that are only announced take no memory',
  async (victim) => {
    const attackers = await Promise.all(Array.from({ length: 50 }, () => victim.connect()))
    for (const attacker of attackers) attacker.send(int32(104857600), Buffer.alloc(10))
    await victim.servesAll()
    for (const attacker of attackers) attacker.close()
  },
  // Apache Kafka takes the memory at once: 5 GB here
  { isOurs: true }
)

row(
  'row 5: a frame that comes byte by byte is given up after the deadline',
  async (victim) => {
    const attacker = await victim.connect()
    attacker.send(int32(100_000_000))
    const started = performance.now()
    const drip = setInterval(() => attacker.send(Buffer.alloc(1)), 100)
    try {
      assert.equal(await attacker.isEndedByBroker(), true)
      const elapsedMs = performance.now() - started
      assert.ok(elapsedMs >= FRAME_DEADLINE_MS * 0.9 && elapsedMs < FRAME_DEADLINE_MS * 3, `closed after ${elapsedMs} ms`)
    } finally {
      clearInterval(drip)
    }
  },
  { isOurs: true }
)

row('row 6: frames cut by an end or a reset are dropped, without a line of the log for each', async (victim) => {
  const outputBefore = victim.broker.output().length
  for (let round = 0; round < 100; round++) {
    const [ended, reset] = await Promise.all([victim.connect(), victim.connect()])
    for (const attacker of [ended, reset]) attacker.send(int32(1000), Buffer.alloc(500))
    ended.socket.end()
    reset.socket.resetAndDestroy()
    assert.equal(await ended.isEndedByBroker(), true)
  }
  if (victim.broker.kind === 'odradek') assert.ok(victim.broker.output().slice(outputBefore).split('\n').length < 20)
})

for (const [what, bytes] of [
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ['a TLS hello', Buffer.from('16030100f8010000f40303', 'hex')],
  ['an SSH banner', Buffer.from('SSH-2.0-OpenSSH_9.9\r\n')]
] as const) {
  row(`row 7: ${what} closes the connection`, async (victim) => {
    assert.equal(await victim.isClosedBy(bytes), true)
  })
}

row('row 8: API keys that nobody knows close the connection', async (victim) => {
  for (const key of [999, -1, 4, 5, 6, 7, 32767]) assert.equal(await victim.isClosedByFrame(frameOf(key, 0)), true, `key ${key}`)
})

row('row 9: versions out of range close the connection', async (victim) => {
  for (const [key, version] of [
    [3, 99],
    [3, -1],
    [0, 2],
    [1, 3],
    [1, 99],
    [22, 6]
  ])
    assert.equal(await victim.isClosedByFrame(frameOf(key, version)), true, `key ${key} version ${version}`)
})

row('row 9: ApiVersions of an unknown version is answered in version 0, with the ranges', async (victim) => {
  const attacker = await victim.connect()
  attacker.sendFrame(frameOf(18, 99, Buffer.concat([int32(77), nullClientId, Buffer.from([0]), Buffer.from('a body of the future')])))
  const { correlationId, body } = await attacker.response(ApiVersionsResponse, 0)
  assert.equal(correlationId, 77)
  assert.equal(body.errorCode, ErrorCode.UNSUPPORTED_VERSION)
  assert.deepEqual(
    body.apiKeys.filter(({ apiKey }) => apiKey === 18),
    [{ apiKey: 18, minVersion: 0, maxVersion: 4 }]
  )
  await victim.serves(attacker)
  attacker.close()
})

row('row 10: APIs between controllers and brokers are not served to clients', async (victim) => {
  for (const key of [52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 80, 82])
    assert.equal(await victim.isClosedByFrame(frameOf(key, 0)), true, `key ${key}`)
})

row('row 11: names of client software that are none are refused, and the connection goes on', async (victim) => {
  const attacker = await victim.connect()
  for (const [clientSoftwareName, clientSoftwareVersion] of [
    ['', '1'],
    ['name', ''],
    ['a name', '1'],
    ['-name', '1'],
    ['name\r\n[2026-01-01 00:00:00,000] ERROR forged', '1'],
    ['n'.repeat(20_000), '1\u0000'],
    [`${'a-'.repeat(15_000)}!`, '1']
  ]) {
    const answer = await attacker.call(ApiVersionsRequest, ApiVersionsResponse, 3, { clientSoftwareName, clientSoftwareVersion })
    assert.equal(answer.errorCode, ErrorCode.INVALID_REQUEST, JSON.stringify(clientSoftwareName.slice(0, 40)))
  }
  await victim.serves(attacker)
  attacker.close()
})

row('row 12: a client id may be null or no UTF-8', async (victim) => {
  assert.equal(await isAnswered(victim, metadataV1(noTopics), 1), true)
  assert.equal(await isAnswered(victim, metadataV1(noTopics, Buffer.concat([int16(3), Buffer.from([0xc3, 0x28, 0xff])])), 1), true)
})

row('row 12: a client id longer than the bytes closes the connection', async (victim) => {
  assert.equal(await victim.isClosedByFrame(metadataV1(Buffer.from('A'), int16(32767))), true)
  assert.equal(await victim.isClosedByFrame(frameOf(3, 1, Buffer.alloc(0))), true)
})

row(
  'row 12: a client id of length -2 closes the connection',
  async (victim) => assert.equal(await victim.isClosedByFrame(metadataV1(noTopics, int16(-2))), true),
  { isOurs: true }
)

row('row 12: a client id cannot forge a line of the log', async (victim) => {
  const forged = Buffer.from('x\r\n[2026-01-01 00:00:00,000] FATAL forged-by-client-id')
  const attacker = await victim.connect()
  attacker.sendFrame(metadataV1(int32(99), Buffer.concat([int16(forged.length), forged])))
  assert.equal(await attacker.isEndedByBroker(), true)
  await victim.servesAll()
  if (victim.broker.kind === 'odradek') assert.doesNotMatch(victim.broker.output(), /^\[2026-01-01 00:00:00,000\] FATAL forged/m)
})

row('row 13: varints without an end close the connection', async (victim) => {
  assert.equal(await victim.isClosedByFrame(metadataV9(Buffer.alloc(12, 0xff))), true)
  assert.equal(await victim.isClosedByFrame(metadataV9(Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x00]))), true)
})

row(
  'whole numbers beyond 2^53 close the connection, the ends of int64 do not',
  async (victim) => {
    const topic = Buffer.concat([int32(1), int16(7), Buffer.from('healthy'), int32(1), int32(0)])
    const listOffsets = (timestamp: string) =>
      frameOf(2, 1, Buffer.concat([int32(7), nullClientId, int32(-1), topic, Buffer.from(timestamp, 'hex')]))
    for (const timestamp of ['1000000000000000', '7ffffffffffffffe'])
      assert.equal(await victim.isClosedByFrame(listOffsets(timestamp)), true)
    for (const timestamp of ['7fffffffffffffff', '8000000000000000']) {
      const attacker = await victim.connect()
      attacker.sendFrame(listOffsets(timestamp))
      assert.ok((await attacker.nextFrame()) !== undefined, timestamp)
      attacker.close()
    }
  },
  { isOurs: true }
)

row('row 14: arrays longer than the bytes close the connection', async (victim) => {
  for (let round = 0; round < 20; round++) {
    assert.equal(await victim.isClosedByFrame(metadataV1(int32(2147483647))), true)
    assert.equal(await victim.isClosedByFrame(metadataV9(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07]))), true)
  }
})

row('row 15: null where there is no null closes the connection', async (victim) => {
  assert.equal(await victim.isClosedByFrame(metadataV1(Buffer.concat([int32(1), int16(-1)]))), true)
  assert.equal(await victim.isClosedByFrame(metadataV9(Buffer.from([2, 0, 0, 1, 0, 0, 0]))), true)
  // the array of topics of CreateTopics
  assert.equal(
    await victim.isClosedByFrame(frameOf(19, 2, Buffer.concat([int32(7), nullClientId, int32(-1), int32(1), Buffer.from([0])]))),
    true
  )
})

row('row 16: strings and bytes longer than what is there close the connection', async (victim) => {
  assert.equal(await victim.isClosedByFrame(metadataV1(Buffer.concat([int32(1), int16(32767), Buffer.from('A')]))), true)
  // a compact string of 40,000 bytes, all of them there
  const tooLong = Buffer.concat([
    Buffer.from([2]),
    Buffer.from([0xc1, 0xb8, 0x02]),
    Buffer.alloc(40_000, 'a'),
    Buffer.from([0, 1, 0, 0, 0])
  ])
  assert.equal(await victim.isClosedByFrame(metadataV9(tooLong)), true)
  // the records of Produce
  const produce = Buffer.concat([int32(7), nullClientId, int16(-1), int16(1), int32(1000), int32(1), int16(1), Buffer.from('t')])
  const partition = Buffer.concat([int32(1), int32(0), int32(2147483647), Buffer.alloc(10)])
  assert.equal(await victim.isClosedByFrame(frameOf(0, 7, Buffer.concat([produce, partition]))), true)
})

row('row 17: unknown tagged fields are skipped, also a million and twice the same; those that lie close the connection', async (victim) => {
  const tagged = (tags: Buffer) => metadataV9(Buffer.concat([Buffer.from([1, 1, 0, 0]), tags]))
  assert.equal(await isAnswered(victim, tagged(Buffer.from([1, 77, 3, 1, 2, 3])), 9), true)
  assert.equal(await isAnswered(victim, tagged(Buffer.from([2, 77, 1, 1, 77, 1, 1])), 9), true)
  assert.equal(await victim.isClosedByFrame(tagged(Buffer.from([1, 77, 100, 1]))), true)
  const million = Buffer.concat([Buffer.from([0xc0, 0x84, 0x3d]), Buffer.alloc(2_000_000)])
  const attacker = await victim.connect()
  attacker.sendFrame(tagged(million))
  // more objects than one message may make; Apache Kafka makes them
  assert.equal((await attacker.nextFrame()) === undefined, victim.broker.kind === 'odradek')
  attacker.close()
})

row('row 18: bytes behind the body are let be', async (victim) => {
  assert.equal(await isAnswered(victim, metadataV1(Buffer.concat([noTopics, Buffer.from('trailing')])), 1), true)
})

row(
  'row 47: 100,000 requests of a peer that does not read take no memory, harm nobody, and are answered in order when it does',
  async (victim) => {
    const attacker = await victim.connect()
    attacker.socket.pause()
    const total = 100_000
    const frames = Array.from({ length: total }, (_, index) =>
      Buffer.concat(encodeRequestFrame(ApiVersionsRequest, { apiVersion: 0, correlationId: index, clientId: null }, {}))
    )
    attacker.socket.write(Buffer.concat(frames))
    for (let round = 0; round < 50; round++) await victim.serves(victim.client)
    attacker.socket.resume()
    await readInOrder(attacker, total)
    attacker.close()
  }
)

async function readInOrder(attacker: RawClient, total: number): Promise<void> {
  for (let index = 0; index < total; index++) {
    const frame = await attacker.nextFrame()
    assert.ok(frame !== undefined, `closed after ${index} answers`)
    const { correlationId } = decodeResponseHeader(frame, { apiKey: 18, apiVersion: 0 })
    if (correlationId !== index) assert.equal(correlationId, index)
  }
}
