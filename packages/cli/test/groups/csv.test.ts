import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatRow, parseRows } from '../../src/groups/csv.ts'

test('rows are read as they were written', () => {
  const rows = [
    { group: 'billing', topic: 'orders', partition: 0, offset: 5 },
    { group: 'odd, "group"', topic: 'a-topic-with-a-rather-long-name', partition: 12, offset: 0 }
  ]
  const text = rows.map(formatRow).join('')
  assert.equal(text, 'billing,orders,0,5\n"odd, ""group""","a-topic-with-a-rather-long-name",12,0\n')
  assert.deepEqual(parseRows(text, undefined), rows)
})

test('with one group the rows may leave it out, and the first of them decides', () => {
  const expected = [{ group: 'billing', topic: 'orders', partition: 0, offset: 5 }]
  assert.deepEqual(parseRows('orders,0,5\r\n', 'billing'), expected)
  assert.deepEqual(parseRows('billing,orders,0,5\n', 'billing'), expected)
  assert.throws(
    () => parseRows('orders,0,5\nbilling,orders,0,5\n', 'billing'),
    /^ToolError: Line 2 of the file is not topic,partition,offset$/
  )
})

test('a line that is not whole is refused by its number', () => {
  for (const text of ['', '\n', 'orders', 'orders,0', 'orders,x,5', 'orders,0,x', 'orders,-1,5', '"orders,0,5', 'orders,0,5\n\norders,1,5'])
    assert.throws(() => parseRows(text, 'billing'), /^ToolError: Line \d+ of the file is not /, text)
  assert.throws(() => parseRows('orders,0,5', undefined), /^ToolError: Line 1 of the file is not group,topic,partition,offset$/)
})

test('a long line takes time by its length only', () => {
  assert.throws(() => parseRows('"'.repeat(200_001), 'billing'), /^ToolError: Line 1/)
  assert.throws(() => parseRows(','.repeat(200_000), 'billing'), /^ToolError: Line 1/)
})
