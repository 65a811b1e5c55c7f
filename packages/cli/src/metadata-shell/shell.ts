// The commands of the metadata shell, on one line each: cat, cd, exit, find, help, history, ls, man, pwd, tree. Paths may have `*`, `?`
// and `{a,b}`. Words and errors are those of Kafka's shell.
import { isFolder, type Node } from './nodes.ts'

export interface ShellState {
  readonly root: Node
  folder: string
  readonly history: string[]
  out(text: string): void
}

interface ShellCommand {
  readonly help: string
  readonly usage: string
  readonly argument?: readonly [name: string, help: string]
  readonly least: number
  readonly most: number
  /** Not of use for one command alone. */
  readonly isInteractive?: boolean
  /** True: the shell ends. */
  run(args: readonly string[], state: ShellState): boolean | undefined
}

const HISTORY_MAX = 1000
const NAME_COLUMN = 25
const WIDTH = 75

interface Found {
  /** From the root, without a slash at the end; empty for the root. */
  readonly path: string
  readonly node: Node
}

export function absolute(path: string, folder: string): string {
  const parts: string[] = []
  for (const part of (path.startsWith('/') ? path : `${folder}/${path}`).split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.map((part) => `/${part}`).join('')
}

/** `*`, `?` and `{a,b}` of one part of a path; undefined when it has none of them. */
function globOf(part: string): RegExp | undefined {
  if (!/[*?{]/.test(part)) return undefined
  let depth = 0
  const source = part.replace(/[\\^$.|+()[\]*?{},]/g, (letter) => {
    if (letter === '*') return '.*'
    if (letter === '?') return '.'
    if (letter === '{') {
      depth++
      return '(?:'
    }
    if (letter === '}' && depth > 0) {
      depth--
      return ')'
    }
    if (letter === ',' && depth > 0) return '|'
    return `\\${letter}`
  })
  return depth === 0 ? new RegExp(`^${source}$`, 's') : undefined
}

function resolve(path: string, state: ShellState): Found[] {
  let found: Found[] = [{ path: '', node: state.root }]
  for (const part of absolute(path, state.folder).split('/').slice(1)) {
    const glob = globOf(part)
    found = found.flatMap(({ path: above, node }) => {
      if (!isFolder(node)) return []
      const names = glob === undefined ? (node.children.has(part) ? [part] : []) : sorted(node).filter((name) => glob.test(name))
      return names.map((name) => ({ path: `${above}/${name}`, node: child(node, name) }))
    })
  }
  return found
}

type Folder = Extract<Node, { children: unknown }>
const sorted = (node: Folder): string[] => [...node.children.keys()].sort()
const child = (node: Folder, name: string): Node => (node.children.get(name) as () => Node)()

function list(targets: readonly string[], state: ShellState): void {
  const files: string[] = []
  const folders: [string, string[]][] = []
  for (const target of targets.length === 0 ? [''] : targets) {
    const found = resolve(target, state)
    if (found.length === 0) state.out(`ls: ${target}: no such file or directory.\n`)
    for (const { path, node } of found) {
      const name = path.slice(path.lastIndexOf('/') + 1)
      if (isFolder(node)) folders.push([name, sorted(node)])
      else files.push(name)
    }
  }
  for (const name of files) state.out(`${name}\n`)
  const hasTitles = files.length > 0 || folders.length > 1
  folders.forEach(([name, names], index) => {
    if (index > 0 || files.length > 0) state.out('\n')
    if (hasTitles) state.out(`${name}:\n`)
    state.out(names.map((one) => `${one}\n`).join(''))
  })
}

function show(targets: readonly string[], state: ShellState): void {
  for (const target of targets) {
    const found = resolve(target, state)
    if (found.length === 0) state.out(`cat: ${target}: No such file or directory.\n`)
    for (const { path, node } of found) state.out(isFolder(node) ? `cat: ${path === '' ? '/' : path}: Is a directory\n` : `${node.text}\n`)
  }
}

function tree(node: Node, indent: string, state: ShellState): void {
  if (!isFolder(node)) {
    state.out(`${indent}${node.text}\n`)
    return
  }
  for (const name of sorted(node)) {
    state.out(`${indent}${name}:\n`)
    tree(child(node, name), `${indent}  `, state)
  }
}

function find(path: string, node: Node, state: ShellState): void {
  state.out(`${path === '' ? '/' : path}\n`)
  if (isFolder(node)) for (const name of sorted(node)) find(`${path}/${name}`, child(node, name), state)
}

function each(command: string, targets: readonly string[], state: ShellState, visit: (found: Found) => void): undefined {
  for (const target of targets) {
    const found = resolve(target, state)
    if (found.length === 0) state.out(`${command}: ${target}: no such file or directory.\n`)
    found.forEach(visit)
  }
}

const many = (name: string): string => `[${name} [${name} ...]]`

export const shellCommands: Readonly<Record<string, ShellCommand>> = {
  cat: {
    help: 'Show the contents of metadata files.',
    usage: 'targets [targets ...]',
    argument: ['targets', 'The metadata files to display.'],
    least: 1,
    most: Number.POSITIVE_INFINITY,
    run: (args, state) => void show(args, state)
  },
  cd: {
    help: 'Set the current working directory.',
    usage: '[target]',
    argument: ['target', 'The directory to change to.'],
    least: 0,
    most: 1,
    isInteractive: true,
    run([target = '/'], state) {
      const [found] = resolve(target, state)
      if (found === undefined) state.out(`cd: ${target}: no such directory.\n`)
      else if (!isFolder(found.node)) state.out(`cd: ${target}: not a directory.\n`)
      else state.folder = found.path
      return undefined
    }
  },
  exit: { help: 'Exit the metadata shell.', usage: '', least: 0, most: 0, isInteractive: true, run: () => true },
  find: {
    help: 'Search for nodes in the directory hierarchy.',
    usage: many('paths'),
    argument: ['paths', 'The paths to start at.'],
    least: 0,
    most: Number.POSITIVE_INFINITY,
    run: (args, state) => each('find', args.length === 0 ? [''] : args, state, ({ path, node }) => find(path, node, state))
  },
  help: {
    help: 'Display this help message.',
    usage: '',
    least: 0,
    most: 0,
    isInteractive: true,
    run: (_args, state) => void state.out(helpText())
  },
  history: {
    help: 'Print command history.',
    usage: '[numEntriesToShow]',
    argument: ['numEntriesToShow', 'The number of entries to show.'],
    least: 0,
    most: 1,
    isInteractive: true,
    run([count], state) {
      if (count !== undefined && !/^\d+$/.test(count)) {
        state.out(`argument numEntriesToShow: could not convert '${count}' to Integer (32 bits)\n`)
        return undefined
      }
      const { history } = state
      const first = count === undefined ? 0 : Math.max(0, history.length - Number(count))
      for (let index = first; index < history.length; index++) state.out(`${String(index + 1).padStart(5)}  ${history[index]}\n`)
      return undefined
    }
  },
  ls: {
    help: 'List metadata nodes.',
    usage: many('targets'),
    argument: ['targets', 'The metadata node paths to list.'],
    least: 0,
    most: Number.POSITIVE_INFINITY,
    run: (args, state) => void list(args, state)
  },
  man: {
    help: 'Show the help text for a specific command.',
    usage: 'cmd',
    argument: ['cmd', 'The command to get help text for.'],
    least: 1,
    most: 1,
    isInteractive: true,
    run([name], state) {
      const command = shellCommands[name]
      if (command === undefined) state.out(`man: unknown command ${name}. Type help to get a list of commands.\n`)
      else state.out(`${name}: ${command.help}\n\n${usageText(name, command)}`)
      return undefined
    }
  },
  pwd: {
    help: 'Print the current working directory.',
    usage: '',
    least: 0,
    most: 0,
    isInteractive: true,
    run: (_args, state) => void state.out(`${state.folder === '' ? '/' : state.folder}\n`)
  },
  tree: {
    help: 'Show the contents of metadata nodes in a tree structure.',
    usage: 'targets [targets ...]',
    argument: ['targets', 'The metadata nodes to display.'],
    least: 1,
    most: Number.POSITIVE_INFINITY,
    run: (args, state) => each('tree', args, state, ({ node }) => tree(node, '', state))
  }
}

function usageText(name: string, { usage, argument }: ShellCommand): string {
  const line = `usage: ${name}${usage === '' ? '' : ` ${usage}`}\n`
  return argument === undefined ? line : `${line}\npositional arguments:\n${entry(...argument, 2)}`
}

function helpText(): string {
  const names = `{${Object.keys(shellCommands).join(',')}}`
  const entries = Object.entries(shellCommands).map(([name, { help }]) => entry(name, help, 4))
  return `Welcome to the Apache Kafka metadata shell.\n\nusage:  ${names} ...\n\npositional arguments:\n  ${names}\n${entries.join('')}`
}

/** A name and what it is for, broken into lines. */
function entry(name: string, help: string, indent: number): string {
  const lines = ['']
  for (const word of help.split(' ')) {
    const last = lines.length - 1
    if (lines[last] !== '' && NAME_COLUMN + lines[last].length + 1 + word.length > WIDTH) lines.push(word)
    else lines[last] += lines[last] === '' ? word : ` ${word}`
  }
  return lines.map((line, index) => `${(index === 0 ? ' '.repeat(indent) + name : '').padEnd(NAME_COLUMN)}${line}\n`).join('')
}

/** Words, with quotes around those that have spaces. */
export const wordsOf = (line: string): string[] =>
  Array.from(line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g), ([, double, single, plain]) => double ?? single ?? plain)

/** True: the shell is to end. `isAlone`: it is the only command, given on the command line. */
export function runShellCommand(words: readonly string[], state: ShellState, isAlone: boolean): boolean {
  const [name, ...args] = words
  if (name === undefined) return false
  const command = shellCommands[name]
  if (command === undefined || (isAlone && command.isInteractive === true)) {
    const choices = Object.keys(shellCommands).filter((one) => !isAlone || shellCommands[one].isInteractive !== true)
    state.out(`invalid choice: '${name}' (choose from ${choices.map((one) => `'${one}'`).join(', ')})\n`)
    return false
  }
  if (args.length < command.least) state.out('too few arguments\n')
  else if (args.length > command.most) state.out(`unrecognized arguments: '${args.slice(command.most).join(' ')}'\n`)
  else return command.run(args, state) === true
  return false
}

export function remember(line: string, state: ShellState): void {
  if (line.trim() === '') return
  state.history.push(line)
  if (state.history.length > HISTORY_MAX) state.history.shift()
}
