// npm start [-- --port N --data DIR --override key=value …]: a broker from a fresh clone.
import { join } from 'node:path'
import { installMissing, root, runInNode } from './setup.mjs'

installMissing()
runInNode([join(root, 'packages', 'odradek', 'bin', 'odradek.mjs'), 'start', ...process.argv.slice(2)])
