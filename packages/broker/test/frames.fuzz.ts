// Damaged and invented requests on a whole broker: it answers or closes, logs no error of its own, takes no lasting memory,
// and serves the next healthy client. Runs FUZZ_SECONDS (52) from seed FUZZ_SEED (the time of day).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrng } from '@odradek/base'
import { ApiVersionsRequest, ApiVersionsResponse, encodeRequestFrame, type MessageCodec } from '@odradek/protocol'
import type { BrokerContext } from '../src/broker-context.ts'
import type { Handler } from '../src/handler.ts'
import { brokerHandlers, controllerHandlers } from '../src/handler-tables.ts'
import { RawClient } from './support/raw-client.ts'
import { requestBodies } from './support/requests.ts'
import { createTopic, startBroker } from './support/test-broker.ts'

type Prng = ReturnType<typeof createPrng>

const seconds = Number(process.env.FUZZ_SECONDS ?? 52)
const seed = process.env.FUZZ_SEED ?? String(process.hrtime.bigint())
const FRAMES_PER_CONNECTION = 40
/** Requests that wait for others by their nature are not waited for. */
const ANSWER_MS = 50

const EXTREMES = [0, 1, -1, 127, -128, 255, 0x7fff, -0x8000, 0x7fffffff, -0x80000000]

/** A good request of any API and version, with its header, as bytes behind the size. */
function someRequest(prng: Prng, handlers: readonly Handler<BrokerContext>[], topicId: string): Buffer {
  const handler = handlers[prng.below(handlers.length)]
  const version = handler.api.min + prng.below(handler.maxVersion - handler.api.min + 1)
  const bodies = requestBodies({ topicId })[handler.api.name](version)
  const body = prng.below(2) === 0 ? bodies.good : bodies.bad
  const header = { apiVersion: version, correlationId: prng.below(1 << 30), clientId: prng.below(5) === 0 ? null : 'fuzz' }
  return Buffer.concat(encodeRequestFrame(handler.request as MessageCodec<object>, header, body as never)).subarray(4)
}

function damage(prng: Prng, request: Buffer): Buffer {
  const bytes = Buffer.from(request)
  const at = () => prng.below(bytes.length)
  switch (prng.below(8)) {
    case 0:
      return bytes.subarray(0, at())
    case 1:
      bytes[at()] ^= 1 << prng.below(8)
      return bytes
    case 2: {
      // where a body begins lie its first lengths
      const position = Math.min(bytes.length - 4, 8 + prng.below(24))
      if (position >= 0) bytes.writeInt32BE(EXTREMES[prng.below(EXTREMES.length)], position)
      return bytes
    }
    case 3: {
      const position = at()
      bytes.writeInt8((EXTREMES[prng.below(EXTREMES.length)] << 24) >> 24, position)
      return bytes
    }
    case 4:
      return Buffer.concat([bytes, prng.bytes(1 + prng.below(50))])
    case 5: {
      const position = at()
      return Buffer.concat([bytes.subarray(0, position), prng.bytes(prng.below(9)), bytes.subarray(position)])
    }
    case 6:
      return Buffer.concat([bytes.subarray(0, Math.min(bytes.length, 14)), prng.bytes(prng.below(200))])
    default:
      return prng.bytes(prng.below(100))
  }
}

async function attack(prng: Prng, port: number, requests: () => Buffer): Promise<void> {
  const client = await RawClient.connect(port)
  for (let i = 0; i < FRAMES_PER_CONNECTION && !client.isClosed; i++) {
    const request = requests()
    client.sendFrame(prng.below(4) === 0 ? request : damage(prng, request))
    await Promise.race([client.nextFrame().catch(() => undefined), new Promise((resolve) => setTimeout(resolve, ANSWER_MS).unref())])
  }
  client.close()
}

test(`the broker holds for ${seconds} s of damaged requests, FUZZ_SEED=${seed}`, async (t) => {
  await using broker = await startBroker({ overrides: { 'group.min.session.timeout.ms': '10', 'auto.create.topics.enable': 'false' } })
  const healthy = await broker.connect()
  const topicId = await createTopic(healthy, 'topic')
  const tables = [
    { port: broker.port, handlers: [...brokerHandlers().values()] },
    { port: broker.controllerPort, handlers: [...controllerHandlers().values()] }
  ]
  const end = performance.now() + seconds * 1000
  let rounds = 0
  for (; performance.now() < end; rounds++) {
    const prng = createPrng(`${seed}/${rounds}`)
    const { port, handlers } = tables[prng.below(5) === 0 ? 1 : 0]
    await Promise.all(Array.from({ length: 4 }, () => attack(prng, port, () => someRequest(prng, handlers, topicId))))
    const answer = await healthy.call(ApiVersionsRequest, ApiVersionsResponse, 0, {})
    assert.equal(answer.errorCode, 0, `FUZZ_SEED=${seed}, round ${rounds}`)
    const errors = broker.lines.filter((line) => / (ERROR|FATAL) /.test(line))
    assert.deepEqual(errors, [], `FUZZ_SEED=${seed}, round ${rounds}`)
    assert.deepEqual(broker.halted, [], `FUZZ_SEED=${seed}, round ${rounds}`)
    broker.lines.length = 0
  }
  t.diagnostic(`${rounds} rounds`)
})
