// The rule of RELIABILITY: time, chance, disk and network are reached through the World only, so that everything can be
// simulated. This reads the sources and fails on anything else.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'

const packages = join(import.meta.dirname, '../..')

/** Not simulated: the real world itself, the test kit, the commands, and the package that makes the real world for them and for embedders. */
const EXEMPT = [/^world\/src\/node\//, /^testkit\//, /^cli\//, /^odradek\//]
/** What a single file may have, and why. */
const ALLOWED: Record<string, RegExp> = {
  // settles promises between two events; taken before the guard replaces it
  'world/src/sim/simulation.ts': /^setImmediate$/,
  // catches what nobody caught
  'world/src/sim/guard.ts': /^process\.on$/
}

const FORBIDDEN_MODULES =
  /^(node:)?(fs|fs\/promises|net|tls|dgram|dns|dns\/promises|http|https|http2|timers|timers\/promises|child_process|cluster|worker_threads|os|perf_hooks|inspector|readline|repl|tty|v8|sqlite|test)$/
const FORBIDDEN_NAMES =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\b|\bperformance\.now\b|\bprocess\.(?:hrtime|nextTick|env|memoryUsage|exit|uptime|cwd|argv|on)\b|\bcrypto\.(?:random|getRandom)\w+|\b(?:WeakRef|FinalizationRegistry|Intl)\b|\.toLocale\w*\b|\blocaleCompare\b/g

interface Finding {
  line: number
  what: string
}

function scan(source: string): Finding[] {
  const findings: Finding[] = []
  const lineOf = (index: number): number => source.slice(0, index).split('\n').length
  const blank = (text: string): string => text.replace(/[^\n]/g, ' ')
  const withoutComments = source.replace(/\/\*[\s\S]*?\*\/|(?<=^|[\s;{}(),])\/\/[^\n]*/g, blank)
  for (const match of withoutComments.matchAll(/(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"]([^'"]+)['"]/g)) {
    if (FORBIDDEN_MODULES.test(match[1])) findings.push({ line: lineOf(match.index), what: match[1] })
  }
  for (const match of withoutComments.matchAll(/import\s*(\*[^'"]*|\{[^}]*\brandom[^}]*\})\s*from\s*['"](?:node:)?crypto['"]/g)) {
    findings.push({ line: lineOf(match.index), what: 'random of node:crypto' })
  }
  // the code inside ${…} of a template stays
  const withoutStrings = withoutComments.replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, blank)
  for (const match of withoutStrings.matchAll(FORBIDDEN_NAMES)) findings.push({ line: lineOf(match.index), what: match[0] })
  return findings
}

test('nothing outside world/node reaches for time, chance, disk or network', () => {
  const problems: string[] = []
  for (const name of readdirSync(packages).sort()) {
    const folder = join(packages, name, 'src')
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
      const path = join(entry.parentPath, entry.name)
      const shown = relative(packages, path)
      if (EXEMPT.some((pattern) => pattern.test(shown))) continue
      for (const { line, what } of scan(readFileSync(path, 'utf8'))) {
        if (ALLOWED[shown]?.test(what) !== true) problems.push(`packages/${shown}:${line}: ${what}`)
      }
    }
  }
  assert.deepEqual(problems, [], `use the World (packages/world/src/ports.ts) instead:\n${problems.join('\n')}`)
})

test('the scan sees through comments and strings, and into templates', () => {
  const found = (source: string): string[] => scan(source).map(({ line, what }) => `${line} ${what}`)
  assert.deepEqual(found("import * as fs from 'node:fs'\nimport { x } from './fs.ts'"), ['1 node:fs'])
  assert.deepEqual(found('const net = await import(\'net\')\nconst tls = require("node:tls")'), ['1 net', '2 node:tls'])
  assert.deepEqual(found("import { createHash } from 'node:crypto'"), [])
  assert.deepEqual(found("import { createHash, randomBytes } from 'node:crypto'"), ['1 random of node:crypto'])
  assert.deepEqual(found("import * as crypto from 'node:crypto'\ncrypto.randomUUID()"), ['1 random of node:crypto', '2 crypto.randomUUID'])
  assert.deepEqual(found('// Date.now()\n/* Math.random()\n */ const at = Date.now()'), ['3 Date.now'])
  assert.deepEqual(found("const url = 'http://x' + Math.random() // setTimeout"), ['1 Math.random'])
  assert.deepEqual(found("const text = 'Date.now'"), [])
  assert.deepEqual(found(`const text = \`\${Date.now()}\``), ['1 Date.now'])
  assert.deepEqual(found('new Date(5); new Date()'), ['1 new Date()'])
  assert.deepEqual(found('timers.schedule(1, f); setTimeout(f, 1); clock.now()'), ['1 setTimeout'])
  assert.deepEqual(found('[].sort((a, b) => a.localeCompare(b))'), ['1 localeCompare'])
})
