import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')
/** First arguments of `new OdradekError(…)` and of the `super(…)` of its subclasses, by file. */
function thrown(): { file: string; argument: string }[] {
  return globSync('packages/*/src/**/*.ts', { cwd: root }).flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    const subclass = /extends OdradekError/.test(text) ? '|\\bsuper' : ''
    const calls = [...text.matchAll(new RegExp(`(?:new OdradekError${subclass})\\(\\s*([^,)\\s]+)`, 'g'))].map((match) => match[1])
    return calls.map((argument) => ({ file, argument }))
  })
}

const literals = thrown().filter(({ argument }) => /^'[A-Z][A-Z0-9_]*'$/.test(argument))
const codes = [...new Set(literals.map(({ argument }) => argument.slice(1, -1)))].sort()
const rows = [...readFileSync(join(root, 'docs/errors.md'), 'utf8').matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map((match) => match[1])

test('every error code of the sources is in docs/errors.md, once and in order, and no other is', () => {
  assert.deepEqual(rows, codes)
})

test('an error code is written where the error is made', () => {
  const files = globSync('packages/*/src/**/*.ts', { cwd: root })
  const calls = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/new OdradekError\(\s*([^,)\s]+)/g)].map((match) => `${file}: ${match[1]}`)
  )
  assert.deepEqual(
    calls.filter((call) => !/: '[A-Z][A-Z0-9_]*'$/.test(call)),
    []
  )
})
