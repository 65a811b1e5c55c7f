import assert from 'node:assert/strict'
import { test } from 'node:test'
import { re2Problem } from '../src/re2-syntax.ts'

const valid = [
  '',
  'orders.*',
  '^(?:a|b)+?$',
  '(?P<n>a)(?<m>b)',
  '(?i)a',
  '[[:alpha:]_-]',
  '[]a]',
  '[^a-z\\d]',
  '\\p{Greek}\\pL',
  'a{2,3}',
  'a{2',
  '\\Q*(\\E',
  '\\x{41}\\x41\\07',
  '\\z'
]
const invalid: readonly (readonly [string, string])[] = [
  ['(a', 'missing closing )'],
  ['a)', 'regexp/syntax: internal error'],
  ['[a', 'missing closing ]'],
  ['*a', 'missing argument to repetition operator'],
  ['a|*', 'missing argument to repetition operator'],
  ['a**', 'invalid nested repetition operator'],
  ['a{+?', 'invalid nested repetition operator'],
  ['a{1001}', 'invalid repeat count'],
  ['a{3,2}', 'invalid repeat count'],
  ['(?=a)', 'invalid or unsupported Perl syntax'],
  ['(?P<a b>c)', 'invalid named capture'],
  ['(?<n>a)(?<n>b)', 'duplicate capture group name'],
  ['[z-a]', 'invalid character class range'],
  ['[[:letter:]]', 'invalid character class range'],
  ['\\p{Klingon}', 'invalid character class range'],
  ['(a)\\1', 'invalid escape sequence'],
  ['a\\', 'trailing backslash at end of expression']
]

test("an expression is what RE2 takes, and what is wrong is told in RE2's words", () => {
  for (const source of valid) assert.equal(re2Problem(source), undefined, source)
  for (const [source, problem] of invalid) assert.equal(re2Problem(source), problem, source)
})

test('a long expression takes time by its length only', () => {
  assert.equal(re2Problem('('.repeat(50_000)), 'missing closing )')
  assert.equal(re2Problem('a{'.repeat(50_000)), undefined)
})
