// Recorded runs of kafka-metadata-shell over the metadata log of a cluster of Apache Kafka.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireGoldens } from '@odradek/testkit'
import { runCommand, type Transcript, terse } from './support/transcripts.ts'

/** Java had answered these before it had read the whole file: it did so differently in other runs. */
const tooEarly: ReadonlyMap<number, RegExp> = new Map([
  [408, /^:\nclientId\(cid-1\)_user\(alice\):\n {2}consumer_byte_rate:\n {4}2048\.0\nip\(127\.0\.0\.9\):/],
  [409, /^SCRAM-SHA-256:\n {2}alice:\n {4}ScramCredentialData\(salt=73616c74/],
  [432, /^offset 217, epoch 1, time 2026-11-21T09:44:16\.53Z\[UTC\]\n$/]
])

test('kafka-metadata-shell shows what Kafka shows', async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'kafka-metadata-shell-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const { path, isDirectory, data } of goldens.logDir('clean')) {
    if (isDirectory || !path.startsWith('__cluster_metadata-0/')) continue
    mkdirSync(join(folder, '__cluster_metadata-0'), { recursive: true })
    writeFileSync(join(folder, path), data)
  }
  for (const transcript of goldens.lines<Transcript>('cli-transcripts.ndjson').filter(({ tool }) => tool === 'kafka-metadata-shell')) {
    const { n, args, exitCode, stdout, stderr } = transcript
    await t.test(`${n} ${args.join(' ')}`, async () => {
      const actual = await runCommand(transcript, {
        bootstrap: 'nowhere:1',
        controller: 'nowhere:2',
        cwd: join(folder, '__cluster_metadata-0')
      })
      const complete = tooEarly.get(n)
      if (complete !== undefined) assert.match(actual.stdout, complete)
      else assert.equal(actual.stdout, stdout)
      assert.equal(terse(actual.stderr), terse(stderr))
      assert.equal(actual.exitCode, exitCode)
    })
  }

  await t.test('runs the lines of its input, with a folder of its own and paths with stars', async () => {
    const lines = [
      'cd image/topics',
      'pwd',
      'ls byName/tx*',
      'cat byName/{plain,tx}/name',
      'cd nowhere',
      'bogus',
      'history 2',
      'exit',
      'pwd'
    ]
    const args = ['--snapshot', '00000000000000000217-0000000001.checkpoint']
    const transcript: Transcript = {
      n: 0,
      tool: 'kafka-metadata-shell',
      args,
      stdin: `${lines.join('\n')}\n`,
      exitCode: 0,
      stdout: '',
      stderr: ''
    }
    const { stdout } = await runCommand(transcript, {
      bootstrap: 'nowhere:1',
      controller: 'nowhere:2',
      cwd: join(folder, '__cluster_metadata-0')
    })
    assert.deepEqual(stdout.split('>> ').slice(1), [
      '',
      '/image/topics\n',
      'tx:\n0\n1\nid\nname\n\ntx-open:\n0\nid\nname\n',
      'plain\ntx\n',
      'cd: nowhere: no such directory.\n',
      `invalid choice: 'bogus' (choose from 'cat', 'cd', 'exit', 'find', 'help', 'history', 'ls', 'man', 'pwd', 'tree')\n`,
      '    6  bogus\n    7  history 2\n',
      ''
    ])
  })
})
