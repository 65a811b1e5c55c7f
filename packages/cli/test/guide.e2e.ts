// The command lines of docs/guides/commands.md, run as they stand there.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startNode } from './support/node.ts'

const page = fileURLToPath(new URL('../../../docs/guides/commands.md', import.meta.url))
const bin = fileURLToPath(new URL('../bin', import.meta.url))

/** Several brokers, an authorizer, or files that a reader makes up: not here. The odradek command has tests of its own. */
const needsMore = /kafka-acls|kafka-reassign-partitions|^odradek /m

test('the command lines of the guide do what they say', { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kafka-guide-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const file of readdirSync(bin)) symlinkSync(join(bin, file), join(folder, basename(file, '.mjs')))
  const { bootstrap } = await startNode(t)
  const blocks = [...readFileSync(page, 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code]) => code)
  const runnable = blocks.filter((code) => !needsMore.test(code))
  assert.ok(runnable.length >= 2, 'the guide has command lines')
  for (const code of runnable) {
    const script = code.replaceAll('localhost:9092', bootstrap)
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
    const { stdout, stderr } = await promisify(execFile)('sh', ['-e', '-c', script], { env, cwd: folder })
    if (code.includes('kafka-console-consumer')) {
      assert.match(stdout, /^Offset:\d\to-1\tthree apples\nOffset:\d\to-2\ta pear\n/)
      assert.match(stdout, /^100000 records sent, /m)
      assert.match(stderr, /^Processed a total of 2 messages$/m)
    }
  }
})
