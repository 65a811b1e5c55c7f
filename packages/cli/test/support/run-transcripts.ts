// Runs the recorded runs in their order: each sees what the runs before it did. What is not compared is made only where it changes
// something.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Goldens } from '@odradek/testkit'
import { type LiveConsumers, startLiveConsumers } from './live-consumers.ts'
import { assertSameText, type Outcome, runCommand, type Surroundings, type Transcript } from './transcripts.ts'

export type NodeAddresses = Pick<Surroundings, 'bootstrap' | 'controller'>

export interface TranscriptRun {
  /** A fresh node; called for the runs with an authorizer, and for those without. */
  startNode(hasAuthorizer: boolean): Promise<NodeAddresses>
  isCompared(transcript: Transcript): boolean
  /** Not run. */
  isLeft(transcript: Transcript): boolean
}

/** The settings under which the transcripts were recorded. */
export const recordedSettings = {
  'log.retention.ms': '-1',
  'log.index.size.max.bytes': '131072',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.num.partitions': '4',
  'share.coordinator.state.topic.num.partitions': '2',
  'log.cleaner.enable': 'true'
}
export const recordedAuthorizer = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS'
}

/** How the note of a run begins that is made while consumers run. */
export const liveConsumers = 'a console consumer'

const isBuilt = (tool: string): boolean => existsSync(new URL(`../../src/commands/${tool}.ts`, import.meta.url))

/** Tools that need no node have tests of their own. */
export const isRunHere = (tool: string): boolean => isBuilt(tool) && tool !== 'kafka-metadata-shell'

/** Runs whose exit code is compared and whose text is not: text that is ours (docs/guides/commands.md). */
const ownText: ReadonlySet<number> = new Set([53, 243, 287])

/** The first console consumer of a topic that does not exist makes it. */
const makesTopic = 89
const readers = ['kafka-get-offsets', 'kafka-log-dirs', 'kafka-broker-api-versions', 'kafka-metadata-shell', 'kafka-dump-log']
const readingWords = ['--list', '--describe', '--dry-run', '--version', '--verify', '--generate', 'describe', 'list']

/** What a run leaves behind may show in a later one. */
function changesSomething({ n, tool, args, exitCode, note }: Transcript): boolean {
  if (exitCode !== 0 || note === 'help text' || note === 'no broker runs' || readers.includes(tool)) return false
  if (tool === 'kafka-console-consumer') return args.includes('--group') || n === makesTopic
  return !args.some((one) => readingWords.includes(one))
}

/** Where each run is made. Nodes and live consumers are started when the first run needs them. */
class Stage {
  readonly #startNode: TranscriptRun['startNode']
  readonly #folder = mkdtempSync(join(tmpdir(), 'kafka-transcripts-'))
  readonly #started = new Date()
  #node: Promise<NodeAddresses> | undefined
  #hasAuthorizer = true
  #live: LiveConsumers | undefined

  constructor(t: TestContext, logDir: string, startNode: TranscriptRun['startNode']) {
    this.#startNode = startNode
    t.after(() => rmSync(this.#folder, { recursive: true }))
    t.after(() => this.#live?.stop())
    spawnSync('tar', ['-xzf', logDir, '-C', this.#folder])
  }

  async prepare({ files = {}, note = '' }: Transcript): Promise<Surroundings> {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.#folder, name), text)
    if (note === 'broker without an authorizer' && this.#hasAuthorizer) {
      this.#hasAuthorizer = false
      this.#node = undefined
    }
    this.#node ??= this.#startNode(this.#hasAuthorizer)
    const node = await this.#node
    if (note.startsWith(liveConsumers)) this.#live ??= await startLiveConsumers(node.bootstrap)
    else await this.#live?.stop()
    return {
      bootstrap: note === 'no broker runs' ? 'localhost:1' : node.bootstrap,
      controller: node.controller,
      cwd: note.startsWith('run in data/') ? join(this.#folder, 'data/__cluster_metadata-0') : this.#folder,
      startedAt: this.#started
    }
  }
}

/** What a run has changed takes a moment until it shows. Kafka's tools need a second to start. */
const TRIES = 4

async function untilSame(tries: number, compare: () => Promise<void>): Promise<void> {
  for (let left = tries; left > 1; left--) {
    try {
      await compare()
      return
    } catch {
      await setTimeout(300)
    }
  }
  await compare()
}

export async function runTranscripts(t: TestContext, goldens: Goldens, run: TranscriptRun): Promise<void> {
  const stage = new Stage(t, join(goldens.folder, 'log-dir-clean.tar.gz'), run.startNode)
  const transcripts = goldens.lines<Transcript>('cli-transcripts.ndjson').filter((transcript) => !run.isLeft(transcript))
  const last = transcripts.findLastIndex(run.isCompared)
  for (const transcript of transcripts.slice(0, last + 1)) {
    const { n, tool, args, note = '' } = transcript
    if (!run.isCompared(transcript)) {
      if (!changesSomething(transcript)) continue
      const around = await stage.prepare(transcript)
      if (isBuilt(tool)) await runCommand(transcript, around).catch(() => {})
      continue
    }
    const around = await stage.prepare(transcript)
    await t.test(`${n} ${tool} ${args.join(' ').slice(0, 100)}`, { timeout: 60_000 }, async () => {
      await untilSame(changesSomething(transcript) ? 1 : TRIES, async () => {
        const actual: Outcome = await runCommand(transcript, around)
        assert.equal(actual.exitCode, transcript.exitCode, actual.stdout + actual.stderr)
        if (!ownText.has(n) && note !== 'the numbers are volatile') assertSameText(transcript, actual)
      })
    })
  }
}
