import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const { bin } = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8')) as { bin: Record<string, string> }
const names = Object.keys(bin).filter((name) => !name.endsWith('.sh'))

test('every command is there with and without .sh, and in the guide', () => {
  assert.ok(names.length > 30)
  const guide = readFileSync(join(root, 'docs/guides/commands.md'), 'utf8')
  for (const name of names) {
    assert.equal(bin[`${name}.sh`], bin[name], name)
    assert.ok(existsSync(join(root, 'packages/cli', bin[name])), name)
    assert.ok(guide.includes(`\`${name}\``), `${name} is not in docs/guides/commands.md`)
  }
})
