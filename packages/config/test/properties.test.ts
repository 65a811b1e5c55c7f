import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseProperties, settingsFromEnvironment } from '../src/index.ts'

const parsed = (text: string) => Object.fromEntries(parseProperties(text))

describe('a properties file', () => {
  test('has keys and values apart at the first =, : or blank', () => {
    assert.deepEqual(parsed('a=1\nb:2\nc 3\n d = 4 \ne\t:\t5\nf\ng=h=i\nj==k'), {
      a: '1',
      b: '2',
      c: '3',
      d: '4 ',
      e: '5',
      f: '',
      g: 'h=i',
      j: '=k'
    })
  })

  test('skips comments and blank lines, also indented ones', () => {
    assert.deepEqual(parsed('# a=1\n! b=2\n  # c=3\n\n   \nd=4#not a comment'), { d: '4#not a comment' })
  })

  test('continues a line that ends with an odd number of backslashes, without the next indentation', () => {
    assert.deepEqual(parsed('a=1,\\\n   2,\\\r\n\t3\nb=x\\\\\nc=y'), { a: '1,2,3', b: 'x\\', c: 'y' })
    assert.deepEqual(parsed('a=1\\\n# still the value'), { a: '1# still the value' })
    assert.deepEqual(parsed('a=1\\'), { a: '1' })
  })

  test('decodes escapes and unicode in keys and values', () => {
    assert.deepEqual(parsed('a\\ b\\=c=\\tx\\n\\u00e9\\q\\\\\ncaf\\u00E9=y'), { 'a b=c': '\tx\né' + 'q\\', café: 'y' })
  })

  test('keeps the last value of a key, and no key reaches a prototype', () => {
    assert.deepEqual(
      [...parseProperties('a=1\na=2\n__proto__=x\nconstructor=y')],
      [
        ['a', '2'],
        ['__proto__', 'x'],
        ['constructor', 'y']
      ]
    )
  })

  test('takes every line end', () => {
    assert.deepEqual(parsed('a=1\rb=2\r\nc=3\n'), { a: '1', b: '2', c: '3' })
  })
})

test('the environment names settings with one, two and three underscores', () => {
  const settings = settingsFromEnvironment({
    KAFKA_LOG_DIRS: '/a',
    KAFKA_CONNECTION__RATE: '1',
    KAFKA_SSL___X_Y: '2',
    KAFKA_LISTENER_NAME_INTERNAL_MAX_CONNECTIONS: '3',
    KAFKA_HEAP_OPTS: '-Xmx1g',
    KAFKA_JMX_PORT: '1',
    kafka_foo: 'x',
    OTHER: 'x',
    KAFKA_UNSET: undefined
  })
  assert.deepEqual(Object.fromEntries(settings), {
    'log.dirs': '/a',
    connection_rate: '1',
    'ssl-x.y': '2',
    'listener.name.internal.max.connections': '3'
  })
})
