import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { dateFormat } from '../../src/perf/date-format.ts'
import { filePayloads, randomPayloads } from '../../src/perf/payloads.ts'
import { ProducerStats } from '../../src/perf/producer-stats.ts'
import { Throttle } from '../../src/perf/throttle.ts'
import { memoryIo } from '../support/memory-io.ts'

test('random payloads are capital letters, differ from record to record and are never written again', () => {
  const payloads = randomPayloads(1000)
  const kept = Array.from({ length: 3000 }, (_, index) => payloads(index) as Buffer)
  const copies = kept.map(String)
  for (let index = 0; index < 3000; index++) payloads(index)
  assert.deepEqual(kept.map(String), copies)
  assert.equal(new Set(copies).size, copies.length)
  assert.ok(copies.every((text) => /^[A-Z]{1000}$/.test(text)))
  assert.equal(new Set(copies.join('')).size, 26)
})

test('payloads of a file lie between its delimiters', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'payloads-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'p.txt'), 'one;two;;three;')
  const io = memoryIo({ cwd: folder })
  const payloads = filePayloads('p.txt', ';', io)
  assert.equal(io.stdout(), `Reading payloads from: ${join(folder, 'p.txt')}\nNumber of records read: 4\n`)
  const seen = new Set(Array.from({ length: 500 }, (_, index) => String(payloads(index))))
  assert.deepEqual([...seen].sort(), ['', 'one', 'three', 'two'])
  assert.throws(() => filePayloads('none.txt', ';', io), { message: 'File does not exist or empty file provided.' })
})

test('statistics tell counts, averages and percentiles', () => {
  const io = memoryIo()
  const stats = new ProducerStats({ recordCount: 1000, reportingIntervalMs: 3_600_000, isSteadyState: true, io })
  const now = Date.now()
  for (let latency = 1000; latency >= 1; latency--) stats.record(latency, 100, now)
  stats.printTotal()
  assert.match(
    io.stdout(),
    /^1000 steady state records sent, \S+ records\/sec \(\S+ MB\/sec\), 500\.50 ms avg latency, 1000\.00 ms max latency, 501 ms 50th, 951 ms 95th, 991 ms 99th, 1000 ms 99\.9th\.\n$/
  )
})

test('statistics report each interval with what came in it', () => {
  const io = memoryIo()
  const stats = new ProducerStats({ recordCount: 10, reportingIntervalMs: 1000, isSteadyState: false, io })
  stats.record(4, 100, Date.now())
  stats.record(8, 100, Date.now() + 1000)
  stats.record(2, 100, Date.now())
  assert.match(io.stdout(), /^2 records sent, [\d.a-z]+ records\/sec \([\d.a-z]+ MB\/sec\), 6\.0 ms avg latency, 8\.0 ms max latency\.\n$/i)
})

test('a throttle holds a sender back to its rate, and lets the loop breathe when there is none', async () => {
  const [count, perSecond] = [60, 1000]
  const start = Date.now()
  const throttle = new Throttle(perSecond, start)
  for (let index = 0; index < count; index++) await throttle.after(index, Date.now())
  const elapsed = Date.now() - start
  assert.ok(elapsed >= (count / perSecond) * 1000 * 0.8, `${elapsed} ms`)
  const free = new Throttle(-1, start)
  assert.equal(free.after(1, start), undefined)
  assert.notEqual(free.after(2, start + 1000), undefined)
})

test('times are told in the patterns of Java', () => {
  const at = new Date(2026, 10, 3, 14, 5, 9, 7).getTime()
  const cases = [
    ['yyyy-MM-dd HH:mm:ss:SSS', '2026-11-03 14:05:09:007'],
    ["yy/M/d 'at' h:m a", '26/11/3 at 2:5 PM'],
    ["EEE, d MMM yyyy ''kk''", "Tue, 3 Nov 2026 '14'"],
    ['EEEE MMMM D u', 'Tuesday November 307 2']
  ]
  for (const [pattern, expected] of cases) assert.equal(dateFormat(pattern)(at), expected)
  assert.throws(() => dateFormat('yyyy b'), { message: "Illegal pattern character 'b'" })
})
