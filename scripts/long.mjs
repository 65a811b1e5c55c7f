// npm run fuzz, npm run sim [-- SECONDS PATH_PART …]: the same tests as in npm test, each for so many seconds (600 when not said).
import { join } from 'node:path'
import { installMissing, root, runInNode } from './setup.mjs'

const [kind, ...rest] = process.argv.slice(2)
const seconds = /^\d+$/.test(rest[0] ?? '') ? rest.shift() : '600'
process.env[kind === 'fuzz' ? 'FUZZ_SECONDS' : 'ODRADEK_TEST_SECONDS'] ??= seconds
installMissing()
runInNode([join(root, 'scripts', 'run-tests.ts'), '--only', kind, ...rest])
