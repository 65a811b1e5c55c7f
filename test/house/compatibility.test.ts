import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

test('COMPATIBILITY.md says what the handler tables and the lists of settings say', () => {
  const script = join(import.meta.dirname, '../../scripts/generate-compatibility.ts')
  const result = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  assert.equal(result.status, 0, result.stderr)
})
