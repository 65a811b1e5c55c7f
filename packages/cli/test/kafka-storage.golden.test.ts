// The recorded runs of Apache Kafka's kafka-storage, run again here in their order on one folder.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireGoldens } from '@odradek/testkit'
import { main } from '../src/kafka-storage.ts'

interface Transcript {
  n: number
  tool: string
  args: string[]
  exitCode: number
  stdout: string
  stderr: string
  files?: Record<string, string>
  note?: string
}

const CLUSTER_ID = 'Z29sZGVuLWNsdXN0ZXItMQ'

async function run(args: readonly string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ['', '']
  const exitCode = await main(args, { out: (text) => (stdout += text), err: (text) => (stderr += text) })
  return { exitCode, stdout, stderr }
}

test('kafka-storage answers as Apache Kafka 4.3 does', async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'kafka-storage-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const transcripts = goldens
    .lines<Transcript>('cli-transcripts.ndjson')
    .filter(({ tool, note }) => tool === 'kafka-storage' && note !== 'help text')
  assert.ok(transcripts.length >= 12)
  for (const { n, args, files = {}, ...expected } of transcripts) {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text.replaceAll('<CWD>', folder))
    const actual = await run(
      args.map((argument) => (argument === '<ID>' ? CLUSTER_ID : argument.endsWith('.properties') ? join(folder, argument) : argument))
    )
    const shown = (text: string): string => text.replaceAll(folder, '<CWD>').replace(/(?<![-\w])[A-Za-z0-9_-]{22}(?![-\w])/g, '<ID>')
    assert.equal(actual.exitCode, expected.exitCode, `run ${n}`)
    assert.equal(shown(actual.stdout), expected.stdout, `run ${n}`)
    // An uncaught exception of Java comes with its class and stack; here only what it says.
    const terse = expected.stderr.replace(/^Exception in thread "main" [\w.]+: /, '').replace(/\t<STACK>\n/, '')
    if (args.includes('missing.properties')) assert.match(actual.stderr, /missing\.properties does not exist/)
    else assert.equal(shown(actual.stderr), terse, `run ${n}`)
  }
})
