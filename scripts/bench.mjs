// npm run bench [-- ARGUMENTS]: see bench/run.ts.
import { join } from 'node:path'
import { installMissing, root, runInNode } from './setup.mjs'

installMissing()
runInNode([join(root, 'bench', 'run.ts'), ...process.argv.slice(2)])
