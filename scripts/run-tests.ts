// Everything that `npm test` means: types, lint, then every test file (the layer, ratchet and document checks are tests too).
//
//   node scripts/run-tests.ts [--only KIND[,KIND]] [PATH_PART …]
//
// Kinds are suffixes: unit (*.test.ts), golden (*.golden.test.ts), sim (*.sim.ts), fuzz (*.fuzz.ts), e2e (*.e2e.ts). With a kind or a part of
// a path only matching test files run. Quiet when green; the last line is `N passed, N failed, N skipped`.
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { run } from 'node:test'
import { kafkaLibs, quickJava, ToolchainMissing } from '../test/interop/support/toolchains.ts'

type Kind = 'unit' | 'golden' | 'sim' | 'fuzz' | 'e2e'
interface TestEvent {
  name: string
  file?: string
  nesting: number
  skip?: string | boolean
  todo?: string | boolean
  details?: { type?: string; duration_ms?: number; error?: Error & { cause?: unknown } }
}

const root = join(import.meta.dirname, '..')
const totals = { passed: 0, failed: 0, skipped: 0 }
const skips = new Map<string, number>()
/** Seconds of the tests of a file: TEST_TIMES=1 tells the slowest. */
const times = new Map<string, number>()

// Test files share most of what they import: the first to compile it does so for all.
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules/.cache/odradek')
const { kinds, parts } = readArguments(process.argv.slice(2))
if (kinds === undefined && parts.length === 0) {
  await Promise.all([
    check('types', [join(root, 'node_modules/typescript/bin/tsc'), '-p', root]),
    check('lint', [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'check', '--reporter=github', root])
  ])
}
const files = findFiles()
// What takes long comes first: a long file at the end would leave a core idle.
const ofKind = (kind: Kind): string[] => files.filter((file) => kindOf(file) === kind)
await runFiles([...ofKind('sim'), ...ofKind('golden'), ...ofKind('unit')], availableParallelism())
// Tests with real sockets, disks and other programs mostly wait for these: two at a time.
const real = [...ofKind('fuzz'), ...ofKind('e2e').reverse()]
if (ofKind('e2e').length > 0) findKafkaLibs()
await runFiles(
  real.filter((file) => !measures(file)),
  Math.min(2, availableParallelism())
)
// Those that measure time or memory get the machine for themselves.
await runFiles(real.filter(measures), 1)

if (process.env.TEST_TIMES !== undefined) {
  const slowest = [...times].sort(([, a], [, b]) => b - a).slice(0, 40)
  for (const [file, seconds] of slowest) console.log(`${seconds.toFixed(1).padStart(7)} s  ${relative(root, file)}`)
}
for (const [reason, count] of skips) console.log(`skipped ${count}: ${reason}`)
if (files.length === 0) console.log('No test file matches.')
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
process.exit(totals.failed > 0 || files.length === 0 ? 1 : 0)

/** Apache Kafka's jars and the archive of their classes are there once, for every test. Where they cannot be had, those tests say so themselves. */
function findKafkaLibs(): void {
  try {
    process.env.KAFKA_LIBS = kafkaLibs()
    process.env.KAFKA_JAVA_FLAGS = quickJava().join('\n')
  } catch (error) {
    if (!(error instanceof ToolchainMissing)) throw error
  }
}

function readArguments(args: string[]): { kinds: Set<string> | undefined; parts: string[] } {
  const at = args.indexOf('--only')
  if (at < 0) return { kinds: undefined, parts: args }
  return { kinds: new Set(args[at + 1]?.split(',')), parts: args.toSpliced(at, 2) }
}

function kindOf(file: string): Kind {
  const suffix = /\.(golden\.test|test|sim|fuzz|e2e)\.ts$/.exec(file)?.[1]
  if (suffix === 'golden.test') return 'golden'
  return suffix === 'test' ? 'unit' : (suffix as Kind)
}

function measures(file: string): boolean {
  return /(event-loop|memory|hostile-\w+)\.e2e\.ts$/.test(file)
}

function findFiles(): string[] {
  const patterns = ['packages/*/test/**/*.{test,sim,fuzz,e2e}.ts', 'test/**/*.{test,sim,fuzz,e2e}.ts']
  return globSync(patterns, { cwd: root, exclude: ['**/node_modules/**'] })
    .filter((file) => kinds === undefined || kinds.has(kindOf(file)))
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part) || join(root, file) === part))
    .sort()
    .map((file) => join(root, file))
}

async function check(name: string, args: string[]): Promise<void> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  child.stderr.on('data', (text) => (output += text))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  if (code === 0) totals.passed += 1
  else {
    totals.failed += 1
    // Biome's one-line report is made for an action's log: file and line first read better.
    console.log(
      `${name} failed\n${output.replaceAll(/^::error title=([^,]*),file=([^,]*),line=(\d+).*?::/gm, '$2:$3 $1: ').replaceAll(`${root}/`, '')}`
    )
  }
}

async function runFiles(chosen: string[], concurrency: number): Promise<void> {
  if (chosen.length === 0) return
  const output = new Map<string, string>()
  const failed = new Set<string>()
  const stream = run({ files: chosen, concurrency, cwd: root })
  const keep = ({ file, message }: { file?: string; message: string }) => output.set(file ?? '', (output.get(file ?? '') ?? '') + message)
  stream.on('test:stdout', keep)
  stream.on('test:stderr', keep)
  stream.on('test:pass', (event) => onPass(event as TestEvent))
  for (const name of ['test:pass', 'test:fail'] as const) stream.on(name, (event) => addTime(event as TestEvent))
  stream.on('test:fail', (event) => {
    if (onFail(event as TestEvent)) failed.add(event.file ?? '')
  })
  for await (const _ of stream);
  for (const file of failed) {
    const text = output.get(file)
    if (text !== undefined) console.log(`output of ${relative(root, file)}:\n${text}`)
  }
}

/** The runner reports a file as a test of its own when it has none inside; suites are counted by their tests. */
function isContainer(event: TestEvent): boolean {
  return event.details?.type === 'suite' || event.name === event.file || join(root, event.name) === event.file
}

function addTime({ file, nesting, details }: TestEvent): void {
  if (nesting > 0 || file === undefined) return
  times.set(file, (times.get(file) ?? 0) + (details?.duration_ms ?? 0) / 1000)
}

function onPass(event: TestEvent): void {
  if (isContainer(event) && event.skip === undefined) return
  if (event.skip === undefined && event.todo === undefined) totals.passed += 1
  else {
    totals.skipped += 1
    const reason = `${event.file === undefined ? '' : `${relative(root, event.file)}: `}${event.skip || event.todo || event.name}`
    skips.set(reason, (skips.get(reason) ?? 0) + 1)
  }
}

/** False for a test or suite that failed only because one inside did: that one is counted. */
function onFail(event: TestEvent): boolean {
  const error = event.details?.error
  if (/^\d+ subtests? failed$/.test(String(error?.message))) return false
  totals.failed += 1
  const cause = error?.cause instanceof Error ? error.cause : error
  const stack = (cause?.stack ?? String(cause)).replaceAll(/\n\s+at [^\n]*node:internal[^\n]*/g, '')
  console.log(`failed: ${event.file === undefined ? '' : `${relative(root, event.file)}: `}${event.name}\n${stack}\n`)
  return true
}
