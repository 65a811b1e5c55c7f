import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLineReader } from '../../src/console/line-reader.ts'

const read = (config: Record<string, string>, line: string) => createLineReader(config)(line, 7)

test('a line is a value', () => {
  assert.deepEqual(read({}, 'a\tb'), { value: 'a\tb' })
})

test('headers, key and value come in this order', () => {
  const config = { 'parse.headers': 'true', 'parse.key': 'TRUE ' }
  assert.deepEqual(read(config, 'h1:v1,h2:a:b\tkey\tval\tue'), {
    headers: [
      { key: 'h1', value: 'v1' },
      { key: 'h2', value: 'a:b' }
    ],
    key: 'key',
    value: 'val\tue'
  })
})

test('the null marker stands for no headers, no key, no value and a header without a value', () => {
  const config = { 'parse.headers': 'true', 'parse.key': 'true', 'null.marker': '-' }
  assert.deepEqual(read(config, '-\t-\t-'), { headers: undefined, key: null, value: null })
  assert.deepEqual(read(config, 'h:-\tk\tv').headers, [{ key: 'h', value: null }])
  assert.throws(() => read(config, '-:v\tk\tv'), /Header keys should not be equal to the null marker '-'/)
})

test('separators may be of several characters, that of headers a regular expression', () => {
  const config = {
    'parse.headers': 'true',
    'parse.key': 'true',
    'key.separator': '::',
    'headers.delimiter': '>>',
    'headers.separator': '[;|]'
  }
  assert.deepEqual(read(config, 'a:1;b:2|c:3;>>k::v'), {
    headers: [
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
      { key: 'c', value: '3' }
    ],
    key: 'k',
    value: 'v'
  })
})

test('a missing separator is an error that names the line, or is let pass where errors are ignored', () => {
  const config = { 'parse.key': 'true', 'key.separator': ':' }
  assert.throws(() => read(config, 'plain'), { message: "No key separator found on line number 7: 'plain'" })
  assert.throws(() => read({ 'parse.headers': 'true' }, 'plain'), { message: "No headers delimiter found on line number 7: 'plain'" })
  assert.throws(() => read({ 'parse.headers': 'true' }, 'a,b:c\tv'), {
    message: "No header key separator found in pair 'a' on line number 7"
  })
  assert.deepEqual(read({ ...config, 'ignore.error': 'true' }, 'plain'), { key: null, value: 'plain', headers: undefined })
  assert.deepEqual(read({ 'parse.headers': 'true', 'ignore.error': 'true' }, 'a,b:c\tv').headers, [
    { key: 'a', value: null },
    { key: 'b', value: 'c' }
  ])
})

test('separators that cannot be told apart are refused', () => {
  assert.throws(() => createLineReader({ 'headers.delimiter': ',' }), {
    message: 'headers.delimiter and headers.separator may not be equal'
  })
  assert.throws(() => createLineReader({ 'headers.separator': ':' }), {
    message: 'headers.separator and headers.key.separator may not be equal'
  })
  assert.throws(() => createLineReader({ 'null.marker': '\t' }), { message: 'null.marker and key.separator may not be equal' })
})
