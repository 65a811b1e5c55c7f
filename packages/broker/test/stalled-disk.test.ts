// A disk that stands still: those who write are stopped before memory is, whether they wait for an answer or not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProduceRequest, ProduceResponse } from '@odradek/protocol'
import { createMemoryDisk } from '@odradek/world/node'
import { batchOf, createTopic, produce, startBroker } from './support/test-broker.ts'

const MIB = 1024 * 1024
const BUDGET_BYTES = 8 * MIB
const SENT = 64

/** A disk on which the log of `topic` is written only after `letGo`. */
function stallableDisk(topic: string) {
  const disk = createMemoryDisk()
  let letGo!: () => void
  const gate = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const open = disk.open.bind(disk)
  disk.open = async (path, mode) => {
    const file = await open(path, mode)
    if (!path.includes(`/${topic}-0/`) || !path.endsWith('.log')) return file
    const write = file.write.bind(file)
    file.write = async (position, buffers) => {
      await gate
      return write(position, buffers)
    }
    return file
  }
  return { disk, letGo }
}

for (const { label, acks, timeoutMs } of [
  { label: 'acks 0', acks: 0, timeoutMs: 0 },
  { label: 'acks 1 and no time', acks: 1, timeoutMs: 1 }
]) {
  test(`a disk that stands still stops a producer with ${label}, and goes on where it was`, async () => {
    const { disk, letGo } = stallableDisk('stalled')
    const overrides = { 'queued.max.request.bytes': String(BUDGET_BYTES), 'socket.request.max.bytes': String(2 * MIB) }
    await using broker = await startBroker({ disk, overrides })
    const admin = await broker.connect()
    await createTopic(admin, 'stalled')
    const producer = await broker.connect()
    const records = batchOf('x'.repeat(MIB - 100))
    const topicData = [{ name: 'stalled', partitionData: [{ index: 0, records }] }]
    let answers = 0
    const sending = (async () => {
      for (let i = 0; i < SENT; i++) {
        producer.request(ProduceRequest, 12, { acks, timeoutMs, topicData })
        if (acks !== 0) {
          await producer.response(ProduceResponse, 12)
          answers++
        }
      }
    })()
    sending.catch(() => undefined)
    const log = broker.server.replicas.get('stalled', 0)?.log
    assert.ok(log !== undefined)
    let [before, quietTurns] = [-1, 0]
    while (quietTurns < 50) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      quietTurns = log.logEndOffset === before ? quietTurns + 1 : 0
      before = log.logEndOffset
    }
    letGo()
    assert.ok(before >= 4 && before <= 2 + (2 * BUDGET_BYTES) / MIB, `${before} MiB were taken, ${answers} answers given`)
    await sending
    while (log.logEndOffset < SENT) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal((await produce(admin, 'stalled', batchOf('last'))).baseOffset, SENT)
  })
}
