/** kafka-metadata-shell: walks through the metadata of a cluster as a snapshot, or a segment of the metadata log, holds it. */
import { resolve } from 'node:path'
import { loadImage } from '../metadata-shell/load-image.ts'
import { rootOf } from '../metadata-shell/nodes.ts'
import { remember, runShellCommand, type ShellState, wordsOf } from '../metadata-shell/shell.ts'
import { javaError, processIo, ToolError, type ToolIo } from '../tool.ts'

const usage = `usage: kafka-metadata-shell [-h] --snapshot SNAPSHOT
                            [command [command ...]]
`
const help = `${usage}
The Apache Kafka metadata shell

positional arguments:
  command                The command to run.

optional arguments:
  -h, --help             show this help message and exit
  --snapshot SNAPSHOT, -s SNAPSHOT
                         The metadata snapshot file to read.
`

interface CommandLine {
  readonly snapshot: string
  readonly words: readonly string[]
}

export async function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  const line = parse(argv)
  if (line === 'help') {
    io.out(help)
    return 1
  }
  if (typeof line === 'string') {
    io.err(`${usage}kafka-metadata-shell: error: ${line}\n`)
    return 1
  }
  try {
    const image = loadImage(resolve(io.cwd, line.snapshot), line.snapshot)
    const state: ShellState = { root: rootOf(image), folder: '', history: [], out: (text) => io.out(text) }
    if (line.words.length > 0) runShellCommand(line.words, state, true)
    else await interact(state, io)
    return 0
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const known = code === 'ENOENT' ? new ToolError(line.snapshot, 'java.nio.file.NoSuchFileException') : error
    io.err(`Unexpected error: ${javaError(known)}\n`)
    return 1
  }
}

/** A string is what is wrong. What begins with a minus and a digit is a word, as it is to Kafka's parser. */
function parse(argv: readonly string[]): CommandLine | string {
  const words: string[] = []
  let snapshot: string | undefined
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index]
    const [, attached] = /^(?:--snapshot=|-s(?=.))(.*)$/s.exec(argument) ?? []
    if (argument === '-h' || argument === '--help') return 'help'
    if (attached !== undefined) snapshot = attached
    else if (argument === '--snapshot' || argument === '-s') {
      snapshot = argv[++index]
      if (snapshot === undefined) return 'argument --snapshot/-s: expected one argument'
    } else if (/^-\D/.test(argument)) return `unrecognized arguments: '${argument}'`
    else words.push(argument)
  }
  return snapshot === undefined ? 'argument --snapshot/-s is required' : { snapshot, words }
}

async function interact(state: ShellState, io: ToolIo): Promise<void> {
  io.out('Loading...\nStarting...\n[ Kafka Metadata Shell ]\n')
  const { createInterface } = await import('node:readline')
  const { Readable } = await import('node:stream')
  const isTerminal = io.isTerminal === true
  const lines = isTerminal
    ? createInterface({ input: process.stdin, output: process.stdout, prompt: '>> ' })
    : createInterface({ input: Readable.from(io.input), prompt: '>> ' })
  const prompt = (): void => {
    if (isTerminal) lines.prompt()
    else io.out('>> ')
  }
  prompt()
  for await (const line of lines) {
    remember(line, state)
    if (runShellCommand(wordsOf(line), state, false)) break
    prompt()
  }
  lines.close()
}
