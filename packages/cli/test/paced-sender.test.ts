import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Producer, SendCallback } from '@odradek/client'
import { OPEN_RECORDS_MAX } from '../src/open-records.ts'
import { PacedSender } from '../src/paced-sender.ts'

test('short records wait when very many are under way, long before they fill the memory of the producer', async () => {
  const open: SendCallback[] = []
  // it has room without end
  const producer = {
    isFull: false,
    partitionsFor: async () => [],
    send: (_topic: string, _record: unknown, done: SendCallback) => void open.push(done)
  }
  const sender = new PacedSender(producer as unknown as Producer, 'lines')
  let acknowledged = 0
  const send = (): Promise<void> | undefined => sender.send({ value: 'short' }, () => void acknowledged++)
  await send()
  let room: Promise<void> | undefined
  while (room === undefined && open.length < 2 * OPEN_RECORDS_MAX) room = send()
  assert.equal(open.length, OPEN_RECORDS_MAX)
  let isResumed = false
  const resumed = room?.then(() => {
    isResumed = true
  })
  const acknowledge = (): void => open.shift()?.(null, null)
  while (open.length > OPEN_RECORDS_MAX / 2 + 1) acknowledge()
  await Promise.resolve()
  assert.equal(isResumed, false)
  acknowledge()
  await resumed
  assert.equal(acknowledged, OPEN_RECORDS_MAX / 2)
  assert.equal(send(), undefined)
})
