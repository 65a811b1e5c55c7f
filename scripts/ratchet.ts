// Sizes that may only fall. A file has at most 700 lines, a function at most 70 (in sources and scripts; a test suite is one function).
// ratchet.json holds what is larger today; test/house/ratchet.test.ts compares. After making something smaller:
//
//   node scripts/ratchet.ts --write
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const linesMax = 700
export const functionLinesMax = 70
const root = join(import.meta.dirname, '..')
export const ratchetFile = join(root, 'ratchet.json')

/** By path: lines of a file that is too long, lines of its longest function when that is too long. */
export type Ratchet = Record<string, { lines?: number; functionLines?: number }>

export function measure(): Ratchet {
  const ratchet: Ratchet = {}
  for (const file of globSync('{packages/*/{src,test,bin},scripts,test,bench}/**/*.{ts,mjs}', {
    cwd: root,
    exclude: ['**/node_modules/**', '**/generated/**']
  }).sort()) {
    const lines = readFileSync(join(root, file), 'utf8').split('\n').length - 1
    if (lines > linesMax) ratchet[file] = { lines }
  }
  for (const [file, functionLines] of longestFunctions()) ratchet[file] = { ...ratchet[file], functionLines }
  return ratchet
}

/** What Biome finds; its own limit is the house's (biome.json does not turn the rule on, or every breach would be a lint error). */
function longestFunctions(): Map<string, number> {
  const rule = 'complexity/noExcessiveLinesPerFunction'
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
  const args = [
    biome,
    'lint',
    `--only=${rule}`,
    '--config-path=scripts/ratchet-biome.json',
    '--reporter=json',
    '--max-diagnostics=none',
    'packages',
    'scripts',
    'bench'
  ]
  let output: string
  try {
    output = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 28 })
  } catch (error) {
    output = (error as { stdout: string }).stdout
  }
  const longest = new Map<string, number>()
  for (const { message, location } of JSON.parse(output).diagnostics) {
    const file = typeof location.path === 'string' ? location.path : location.path.file
    const lines = Number(
      /\((\d+)\)|has (\d+)/
        .exec(typeof message === 'string' ? message : JSON.stringify(message))
        ?.slice(1)
        .find(Boolean)
    )
    if (!/\/test\//.test(file)) longest.set(file, Math.max(longest.get(file) ?? 0, lines))
  }
  return longest
}

/** What grew or could be lowered, one line each. */
export function compare(committed: Ratchet, actual: Ratchet): string[] {
  const limits = { lines: linesMax, functionLines: functionLinesMax }
  return [...new Set([...Object.keys(committed), ...Object.keys(actual)])].flatMap((file) =>
    (['lines', 'functionLines'] as const).flatMap((key) => {
      const allowed = committed[file]?.[key] ?? limits[key]
      const now = actual[file]?.[key] ?? limits[key]
      if (now > allowed) return [`${file}: ${key} ${now}, at most ${allowed}: split it`]
      return now < allowed ? [`${file}: ${key} fell to ${actual[file]?.[key] ?? 'the limit'}: run node scripts/ratchet.ts --write`] : []
    })
  )
}

if (process.argv.includes('--write')) writeFileSync(ratchetFile, `${JSON.stringify(measure(), null, 2)}\n`)
