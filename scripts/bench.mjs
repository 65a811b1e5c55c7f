// npm run bench [-- --part brokers|clients] [-- ARGUMENTS]: see bench/run.ts and bench/clients.ts; both without --part.
import { join } from 'node:path'
import { installMissing, root, runInNode } from './setup.mjs'

const args = process.argv.slice(2)
const at = args.indexOf('--part')
const part = at < 0 ? undefined : args.splice(at, 2)[1]
if (part !== undefined && part !== 'brokers' && part !== 'clients') {
  console.error(`--part is brokers or clients, not ${part}`)
  process.exit(2)
}
installMissing()
runInNode([join(root, 'bench', part === 'clients' ? 'clients.ts' : 'run.ts'), ...args, ...(part === 'brokers' ? ['--brokers-only'] : [])])
