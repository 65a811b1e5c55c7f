// Every message, version and variant against the bytes that Apache Kafka wrote.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireGoldens } from '@odradek/testkit'
import { checkLine, type Line } from './support/check-line.ts'

test('every message in every version has the bytes and the JSON of Apache Kafka, both ways', (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const lines = goldens.lines<Line>('messages.ndjson.gz')
  const checked = { lines: 0, frames: 0, framed: 0, unsafe: 0 }
  for (const line of lines) {
    const { isFrame, isFramed, isUnsafe } = checkLine(line)
    checked.lines++
    checked.frames += Number(isFrame)
    checked.framed += Number(isFramed)
    checked.unsafe += Number(isUnsafe)
  }
  t.diagnostic(JSON.stringify(checked))
  assert.ok(checked.lines > 3900 && checked.frames > 600 && checked.framed > 400 && checked.unsafe > 200, JSON.stringify(checked))
})
