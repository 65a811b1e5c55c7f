// npm run mutants [-- --only REGEXP] [--write]: the test of the tests. Plants one known bug after the other in a copy of the
// sources (scripts/mutants/), runs the quick tests that should notice, and names those that did not. Ends with 1 when a bug
// lived, or when its place in the sources is not there any more. --write puts the result into docs/internals/mutants.md.
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { clientMutants } from './mutants/client.ts'
import type { Mutant } from './mutants/mutant.ts'
import { otherMutants } from './mutants/others.ts'
import { storageMutants } from './mutants/storage.ts'

const ROOT = join(import.meta.dirname, '..')
const RESULT = join(ROOT, 'docs', 'internals', 'mutants.md')
const TEST_TIMEOUT_MS = 60_000
const WORKERS = 2

/** Process groups of the tests that run. */
const running = new Set<number>()

interface Outcome {
  readonly mutant: Mutant
  /** The test file that noticed; undefined when none did. */
  readonly killedBy: string | undefined
  /** Why it could not be tried. */
  readonly problem?: string
  readonly seconds: number
}

/** A copy of the packages in which the workspace's names lead to the copies. */
function copySources(): string {
  const copy = mkdtempSync(join(tmpdir(), 'odradek-mutants-'))
  cpSync(join(ROOT, 'packages'), join(copy, 'packages'), { recursive: true })
  cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'))
  cpSync(join(ROOT, 'test', 'client'), join(copy, 'test', 'client'), { recursive: true })
  const modules = join(copy, 'node_modules')
  mkdirSync(join(modules, '@odradek'), { recursive: true })
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '@odradek' && !name.startsWith('.') && !existsSync(join(ROOT, 'packages', name)))
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  for (const name of readdirSync(join(ROOT, 'packages'))) {
    symlinkSync(join(copy, 'packages', name), name === 'odradek' ? join(modules, name) : join(modules, '@odradek', name))
  }
  return copy
}

/** True when the test file passes. */
function passes(copy: string, test: string): Promise<boolean> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(process.execPath, ['--test', '--test-reporter=dot', test], {
    cwd: copy,
    env: { GOLDENS_DIR: join(ROOT, '..', 'shared', 'goldens'), ...env },
    stdio: 'ignore',
    detached: true
  })
  const pid = child.pid as number
  running.add(pid)
  // a bug may be an endless loop, which only the end of its process ends: that of the file, not that of the runner
  const timer = setTimeout(() => process.kill(-pid, 'SIGKILL'), TEST_TIMEOUT_MS)
  return new Promise((resolve) =>
    child.on('exit', (code) => {
      clearTimeout(timer)
      running.delete(pid)
      resolve(code === 0)
    })
  )
}

function plant(original: string, { edits }: Mutant): { text: string } | { problem: string } {
  let text = original
  for (const [find, replace] of edits) {
    const count = text.split(find).length - 1
    if (count !== 1) return { problem: `found ${count} times: ${find.trim().split('\n')[0]}` }
    text = text.replace(find, () => replace)
  }
  try {
    stripTypeScriptTypes(text)
  } catch (error) {
    return { problem: `does not parse: ${(error as Error).message.split('\n')[0]}` }
  }
  return { text }
}

async function tryMutant(copy: string, mutant: Mutant): Promise<Outcome> {
  const started = performance.now()
  const path = join(copy, mutant.file)
  const original = readFileSync(path, 'utf8')
  const planted = plant(original, mutant)
  const outcome = (killedBy: string | undefined, problem?: string): Outcome => ({
    mutant,
    killedBy,
    ...(problem === undefined ? {} : { problem }),
    seconds: Math.round((performance.now() - started) / 1000)
  })
  if ('problem' in planted) return outcome(undefined, planted.problem)
  writeFileSync(path, planted.text)
  try {
    for (const test of mutant.tests) if (!(await passes(copy, test))) return outcome(test)
    return outcome(undefined)
  } finally {
    writeFileSync(path, original)
  }
}

async function failingWithoutMutant(copy: string, mutants: readonly Mutant[]): Promise<string[]> {
  const failing: string[] = []
  for (const test of new Set(mutants.flatMap(({ tests }) => tests))) if (!(await passes(copy, test))) failing.push(test)
  return failing
}

function format(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ mutant, killedBy, problem }) => {
    const found = killedBy === undefined ? `**${problem ?? 'not found'}**` : `\`${killedBy.replace('packages/', '')}\``
    return `| ${mutant.name} | ${mutant.breaks} | \`${mutant.file.replace('packages/', '').replace('/src', '')}\` | ${found} |`
  })
  const found = outcomes.filter(({ killedBy }) => killedBy !== undefined).length
  return [
    '# Planted bugs',
    '',
    'The test of the tests: `npm run mutants` plants each of these bugs in a copy of the sources and runs the quick tests that should',
    'notice. The letters are the invariants: D no acknowledged record lost, O offsets and compaction, R what readers see, L logs and',
    'epochs, P idempotence, T transactions, G groups, K the quorum, X liveness and bounds. Made by `npm run mutants -- --write`.',
    '',
    `Found: ${found} of ${outcomes.length}.`,
    '',
    '| bug | breaks | where | found by |',
    '|---|---|---|---|',
    ...rows,
    ''
  ].join('\n')
}

const { values } = parseArgs({ options: { only: { type: 'string' }, write: { type: 'boolean', default: false } } })
const chosen = [...storageMutants, ...otherMutants, ...clientMutants].filter(
  ({ name, file }) => values.only === undefined || new RegExp(values.only).test(`${name} ${file}`)
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const pid of running) process.kill(-pid, 'SIGKILL')
    for (const copy of copies) rmSync(copy, { recursive: true, force: true })
    process.exit(1)
  })
}
const copies = Array.from({ length: WORKERS }, copySources)
try {
  const failing = await failingWithoutMutant(copies[0], chosen)
  if (failing.length > 0) throw new Error(`these tests fail without any planted bug: ${failing.join(', ')}`)
  const outcomes: Outcome[] = []
  let next = 0
  const work = async (copy: string): Promise<void> => {
    while (next < chosen.length) {
      const index = next++
      outcomes[index] = await tryMutant(copy, chosen[index])
      const { mutant, killedBy, problem, seconds } = outcomes[index]
      console.log(`${killedBy === undefined ? 'LIVES ' : 'found '} ${mutant.name} (${problem ?? killedBy ?? mutant.file}, ${seconds} s)`)
    }
  }
  await Promise.all(copies.map(work))
  const alive = outcomes.filter(({ killedBy }) => killedBy === undefined)
  console.log(`${outcomes.length - alive.length} of ${outcomes.length} planted bugs found`)
  if (values.write && values.only === undefined) writeFileSync(RESULT, format(outcomes))
  if (alive.length > 0) process.exitCode = 1
} finally {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true })
}
