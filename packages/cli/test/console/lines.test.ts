import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesOf } from '../../src/console/lines.ts'

async function linesIn(...chunks: (string | Buffer)[]): Promise<string[]> {
  const input = (async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk as string)
  })()
  const lines: string[] = []
  for await (const some of linesOf(input)) lines.push(...some)
  return lines
}

test('lines end with a newline, a return, or both, wherever the chunks are cut', async () => {
  const text = 'one\ntwo\r\nthree\rfour\n\n\r\nfive'
  const expected = ['one', 'two', 'three', 'four', '', '', 'five']
  assert.deepEqual(await linesIn(text), expected)
  assert.deepEqual(await linesIn(...text), expected)
  for (let at = 1; at < text.length; at++) assert.deepEqual(await linesIn(text.slice(0, at), text.slice(at)), expected, `cut at ${at}`)
})

test('the last line needs no end, and an end makes no line after it', async () => {
  assert.deepEqual(await linesIn('a\n'), ['a'])
  assert.deepEqual(await linesIn('a'), ['a'])
  assert.deepEqual(await linesIn(''), [])
  assert.deepEqual(await linesIn('\n'), [''])
})

test('characters of several bytes survive a cut within them', async () => {
  const bytes = Buffer.from('셋째 이벤트\n')
  assert.deepEqual(await linesIn(...[...bytes].map((byte) => Buffer.of(byte))), ['셋째 이벤트'])
})

test('lines are handed out while the input goes on', async () => {
  const lines = linesOf(
    (async function* () {
      yield Buffer.from('first\nsecond\nrest')
      await new Promise(() => {})
    })()
  )
  assert.deepEqual((await lines.next()).value, ['first', 'second'])
})
