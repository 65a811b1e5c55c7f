// Recorded runs of kafka-dump-log over the files of a log directory that Apache Kafka wrote.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { requireGoldens } from '@odradek/testkit'
import { runCommand, type Transcript, terse } from './support/transcripts.ts'

test('kafka-dump-log prints what Kafka prints', async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'kafka-dump-log-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const { path, isDirectory, data } of goldens.logDir('clean')) {
    if (isDirectory) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), data)
  }
  for (const transcript of goldens.lines<Transcript>('dump-log.ndjson.gz')) {
    const { args, exitCode, stdout, stderr } = transcript
    await t.test(args.join(' ').slice(0, 150), async () => {
      const actual = await runCommand(transcript, { bootstrap: 'nowhere:1', controller: 'nowhere:2', cwd: folder })
      assert.equal(actual.stdout, stdout)
      assert.equal(terse(actual.stderr.replaceAll(folder, '<DATA>')), terse(stderr))
      assert.equal(actual.exitCode, exitCode)
    })
  }
})
