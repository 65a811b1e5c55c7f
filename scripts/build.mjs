// npm run build [-- --pack] [-- --out FOLDER]: see build.ts.
import { join } from 'node:path'
import { installMissing, root, runInNode } from './setup.mjs'

installMissing()
runInNode([join(root, 'scripts', 'build.ts'), ...process.argv.slice(2)])
