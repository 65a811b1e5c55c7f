import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compare, measure, ratchetFile } from '../../scripts/ratchet.ts'

test('no file and no function is longer than the house allows, or than ratchet.json has it', () => {
  assert.deepEqual(compare(JSON.parse(readFileSync(ratchetFile, 'utf8')), measure()), [])
})

test('the ratchet refuses growth and asks for numbers that fell', () => {
  assert.deepEqual(compare({}, { 'a.ts': { lines: 701 } }), ['a.ts: lines 701, at most 700: split it'])
  assert.equal(compare({ 'a.ts': { functionLines: 90 } }, { 'a.ts': { functionLines: 91 } }).length, 1)
  assert.match(compare({ 'a.ts': { functionLines: 90 } }, { 'a.ts': { functionLines: 80 } })[0], /fell to 80/)
  assert.match(compare({ 'a.ts': { lines: 800 } }, {})[0], /fell to the limit/)
  assert.deepEqual(compare({ 'a.ts': { lines: 800 } }, { 'a.ts': { lines: 800 } }), [])
})
