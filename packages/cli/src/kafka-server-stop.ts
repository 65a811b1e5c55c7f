/** kafka-server-stop: asks the brokers of this machine to shut down in order (SIGTERM), as Kafka's script does. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parseProperties } from '@odradek/config'

const usage = 'usage: kafka-server-stop [--process-role broker|controller] [--node-id N]'

interface RunningServer {
  readonly pid: number
  readonly roles: readonly string[]
  readonly nodeId: string
}

/** Exit code 0 when something was told to stop, 1 when nothing runs or the arguments are wrong. */
export async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv)
  if (options === undefined) {
    console.error(usage)
    return 1
  }
  const servers = runningServers()
    .filter((server) => options.role === undefined || server.roles.includes(options.role))
    .filter((server) => options.nodeId === undefined || server.nodeId === options.nodeId)
  if (servers.length === 0) {
    console.log('No kafka server to stop')
    return 1
  }
  for (const { pid } of servers) process.kill(pid, 'SIGTERM')
  return 0
}

function readOptions(argv: readonly string[]): { role?: string; nodeId?: string } | undefined {
  const options: { role?: string; nodeId?: string } = {}
  const rest = argv.flatMap((argument) => argument.split('='))
  for (let index = 0; index < rest.length; index += 2) {
    const value = rest[index + 1]
    if (value === undefined) return undefined
    if (rest[index] === '--process-role') options.role = value
    else if (rest[index] === '--node-id') options.nodeId = value
    else return undefined
  }
  return options
}

function runningServers(): RunningServer[] {
  const table = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
  return table.split('\n').flatMap((line) => {
    const [, pid, program, args] = /^\s*(\d+)\s+(.*?(?:kafka-server-start|odradek)\.mjs)\s*(.*)$/.exec(line) ?? []
    // The program is a Node that runs the file itself; a shell or npm that has the name in its arguments is not.
    if (pid === undefined || !/node(\.exe)?( --\S+)* \S+$/.test(program) || Number(pid) === process.pid) return []
    if (program.endsWith('odradek.mjs') && !args.startsWith('start')) return []
    return [{ pid: Number(pid), ...rolesOf(args) }]
  })
}

/** From the properties file and the overrides on its command line; a server without a file is the development node. */
function rolesOf(args: string): { roles: readonly string[]; nodeId: string } {
  const words = args.split(/\s+/)
  const file = words.find((word) => word.endsWith('.properties'))
  const properties = new Map([['process.roles', 'broker,controller'], ['node.id', '1'], ...readFile(file)])
  for (const [index, word] of words.entries()) {
    const [key, value] = word === '--override' ? (words[index + 1] ?? '').split('=') : []
    if (key !== undefined && value !== undefined) properties.set(key, value)
  }
  return { roles: (properties.get('process.roles') ?? '').split(',').map((role) => role.trim()), nodeId: properties.get('node.id') ?? '' }
}

function readFile(file: string | undefined): Map<string, string> {
  if (file === undefined) return new Map()
  try {
    return parseProperties(readFileSync(file, 'utf8'))
  } catch {
    return new Map() // Relative to another working folder, or gone: then only the defaults are known.
  }
}
