// npm test [-- --only unit,golden,sim,fuzz,e2e] [PATH_PART …]: see run-tests.ts.
import { join } from 'node:path'
import { installMissing, root, runInNode } from './setup.mjs'

installMissing()
runInNode([join(root, 'scripts', 'run-tests.ts'), ...process.argv.slice(2)])
