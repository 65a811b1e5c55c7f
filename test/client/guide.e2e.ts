// Every `ts` block of docs/guides/client.md, from-kafkajs.md and testing.md is a program: it compiles, it runs against a broker, and prints what its comments say.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { type FakeRegistry, startFakeRegistry } from '../../packages/schema-registry/test/fake-registry.ts'
import { type BrokerProcess, defaultKind, startBroker } from '../interop/support/brokers.ts'
import { kafkaClassPath, repositoryRoot, toolchain } from '../interop/support/toolchains.ts'

const run = promisify(execFile)
const pages = ['docs/guides/client.md', 'docs/guides/from-kafkajs.md', 'docs/guides/testing.md']

interface Snippet {
  heading: string
  code: string
  /** Share groups and transactions: Odradek's broker has none yet. */
  needsApache: boolean
  /** What `console.log(…) // text` promises, in order. */
  prints: string[]
}

function snippetsOf(markdown: string): Snippet[] {
  const snippets: Snippet[] = []
  let heading = ''
  for (const [, title, code] of markdown.matchAll(/^#+ (.*)$|^```ts\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title
    else
      snippets.push({
        heading,
        code,
        needsApache: /shareConsumer|kafka\.transaction/.test(code),
        prints: [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map((match) => match[1])
      })
  }
  return snippets
}

describe(`the snippets of ${pages.join(' and ')}`, { timeout: 300_000 }, () => {
  const snippets = pages.flatMap((page) => snippetsOf(readFileSync(join(repositoryRoot, page), 'utf8')))
  let broker: BrokerProcess | undefined
  let apache: BrokerProcess | undefined
  let registry: FakeRegistry | undefined
  let folder = ''

  before(async () => {
    // Inside the checkout, so that package names resolve.
    mkdirSync(join(repositoryRoot, '.cache'), { recursive: true })
    folder = mkdtempSync(join(repositoryRoot, '.cache/snippets-'))
    const hasJava = toolchain({ skip: () => {} }, 'Java with Maven', kafkaClassPath) !== undefined
    if (defaultKind === 'apache' && !hasJava) return
    broker = await startBroker()
    if (hasJava) apache = defaultKind === 'apache' ? broker : await startBroker({ kind: 'apache' })
    registry = await startFakeRegistry()
    const registryUrl = registry.url
    snippets.forEach(({ code, needsApache }, index) => {
      const { bootstrapServers } = (needsApache ? apache : broker) ?? { bootstrapServers: 'localhost:1' }
      const here = code.replaceAll('localhost:9092', bootstrapServers).replaceAll('http://localhost:8081', registryUrl)
      writeFileSync(join(folder, `snippet-${index}.ts`), `${here}\nexport {}\n`)
    })
  })
  after(async () => {
    rmSync(folder, { recursive: true, force: true })
    if (apache !== broker) await apache?.[Symbol.asyncDispose]()
    await broker?.[Symbol.asyncDispose]()
    await registry?.[Symbol.asyncDispose]()
  })

  test('compile', async (t) => {
    if (broker === undefined) return t.skip('Java with Maven is not present')
    const config = { extends: '../../tsconfig.json', include: ['*.ts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const compiler = join(repositoryRoot, 'node_modules/typescript/bin/tsc')
    await assert.doesNotReject(run(process.execPath, [compiler, '-p', relative(repositoryRoot, folder)], { cwd: repositoryRoot }))
  })

  snippets.forEach(({ heading, needsApache, prints }, index) => {
    test(`${index + 1}, under "${heading}", runs`, async (t) => {
      if (broker === undefined || (needsApache && apache === undefined)) return t.skip('Java with Maven is not present')
      const { stdout } = await run(process.execPath, [join(folder, `snippet-${index}.ts`)], { cwd: repositoryRoot, timeout: 60_000 })
      let from = 0
      for (const line of prints) {
        const at = stdout.indexOf(`${line}\n`, from)
        assert.ok(at >= 0, `"${line}" is not in the output:\n${stdout}`)
        from = at + line.length
      }
    })
  })
})
