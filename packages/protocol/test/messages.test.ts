import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseExact } from '@odradek/testkit'
import { checkLine, type Line } from './support/check-line.ts'

test('a sample of messages has the bytes and the JSON of Apache Kafka, both ways', () => {
  const lines = readFileSync(join(import.meta.dirname, 'samples/messages.ndjson'), 'utf8')
    .trim()
    .split('\n')
  for (const line of lines) checkLine(parseExact(line) as Line)
  assert.ok(lines.length > 30)
})
