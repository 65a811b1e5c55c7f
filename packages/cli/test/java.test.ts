import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  copiedMapSize,
  executionException,
  javaDouble,
  nameOrder,
  parseDateTime,
  parseDuration,
  partitionOrder,
  runtimeException,
  wrapped
} from '../src/java.ts'
import { ToolError } from '../src/tool.ts'

test("partitions come in the order of Java's hash map", () => {
  const order = partitionOrder([0, 1, 2, 3, 4].map((partition) => ({ topic: 'three', partition })))
  assert.deepEqual(
    order.map(({ partition }) => partition),
    [4, 0, 1, 2, 3]
  )
})

test('names of one place in a map keep their order, whatever its size', () => {
  // "Aa" and "BB" have the same hash.
  const same = (name: string): string => name
  assert.deepEqual(nameOrder(['BB', 'Aa'], same), ['BB', 'Aa'])
  assert.deepEqual(nameOrder(['Aa', 'BB'], same, 1), ['Aa', 'BB'])
})

test('a copied map begins as big as its keys need', () => {
  assert.deepEqual([0, 1, 3, 6, 7, 12].map(copiedMapSize), [16, 2, 8, 16, 16, 32])
})

test('doubles are printed as Java does', () => {
  const printed: readonly (readonly [number, string])[] = [
    [0, '0.0'],
    [1024, '1024.0'],
    [12.5, '12.5'],
    [0.001, '0.001'],
    [1e-4, '1.0E-4'],
    [9_999_999, '9999999.0'],
    [1e7, '1.0E7'],
    [2.55e7, '2.55E7'],
    [-3, '-3.0']
  ]
  for (const [value, text] of printed) assert.equal(javaDouble(value), text)
})

test('a time is of UTC unless it names its zone', () => {
  const at = Date.UTC(2026, 0, 3, 2)
  assert.equal(parseDateTime('2026-01-03T02:00:00.000'), at)
  assert.equal(parseDateTime('2026-01-03T02:00:00.000Z'), at)
  assert.equal(parseDateTime('2026-01-03T02:00:00.000+05:30'), at - 5.5 * 3_600_000)
  assert.equal(parseDateTime('2026-01-03T02:00:00.000-05'), at + 5 * 3_600_000)
  assert.equal(parseDateTime('2026-1-3T2:0:0.5'), at + 5)
})

test('a time that is none is refused', () => {
  for (const text of ['junk', '2026-01-03', '2026-01-03T', '2026-01-03T02:00:00', '2026-13-03T02:00:00.000', '2026-02-30T02:00:00.000'])
    assert.throws(() => parseDateTime(text), { javaClass: 'java.text.ParseException' }, text)
})

test('a duration is of days, hours, minutes and seconds', () => {
  assert.equal(parseDuration('P1D'), 86_400_000)
  assert.equal(parseDuration('PT1H2M3.5S'), 3_723_500)
  assert.equal(parseDuration('-P1DT1S'), -86_401_000)
  assert.equal(parseDuration('pt-1.5s'), -1500)
  for (const text of ['', 'P', 'PT', 'P1DT', '1D', 'P1Y', 'P1.5D']) assert.throws(() => parseDuration(text), /Text cannot be parsed/, text)
})

test('a cause is told within what is around it', async () => {
  const cause = new ToolError('It is gone', 'org.apache.kafka.common.errors.TimeoutException')
  await assert.rejects(wrapped(Promise.reject(cause), executionException, runtimeException), {
    javaClass: 'java.lang.RuntimeException',
    message: 'java.util.concurrent.ExecutionException: org.apache.kafka.common.errors.TimeoutException: It is gone'
  })
})
