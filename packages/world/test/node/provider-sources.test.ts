import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createNodeProviderSources } from '@odradek/world/node'

const folder = mkdtempSync(join(tmpdir(), 'odradek-sources-'))
after(() => rmSync(folder, { recursive: true }))

describe('what providers of settings read', () => {
  const sources = createNodeProviderSources({ cwd: folder, env: { A: '1' } })
  writeFileSync(join(folder, 'secret'), 'x')
  mkdirSync(join(folder, 'sub'))
  symlinkSync('secret', join(folder, 'link'))

  test('are files, links to files and directories, by a path that may be relative', () => {
    assert.deepEqual(['secret', 'link', 'sub', 'nothing', '/dev/null'].map(sources.kindOf), [
      'file',
      'file',
      'directory',
      undefined,
      'other'
    ])
    assert.equal(sources.readText('link'), 'x')
    assert.equal(sources.readText(join(folder, 'secret')), 'x')
    assert.deepEqual(sources.env, { A: '1' })
  })

  test('is no pipe that would be waited for, and of a bounded size', () => {
    execFileSync('mkfifo', [join(folder, 'pipe')])
    writeFileSync(join(folder, 'large'), Buffer.alloc(1024 * 1024 + 1))
    assert.throws(() => sources.readText('pipe'), { message: 'it is not a file' })
    assert.throws(() => sources.readText('large'), { message: 'it is larger than 1 MiB' })
    assert.throws(() => sources.readText('nothing'), { message: 'there is no such file' })
  })
})
