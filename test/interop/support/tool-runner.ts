// Apache Kafka's tools by their main classes, many in one process: a tool costs milliseconds where a process for each costs seconds.
import { type ChildProcess, spawn } from 'node:child_process'
import { delimiter } from 'node:path'
import { createInterface } from 'node:readline'
import type { ToolResult } from './java-tools.ts'
import { compiledJava, quickJava } from './toolchains.ts'

const SEPARATOR = '\u001f'
const decode = (text: string): string => Buffer.from(text, 'base64').toString()

export class ToolRunner implements AsyncDisposable {
  readonly #cwd: string
  readonly #programs: readonly string[]
  #child: ChildProcess | undefined
  #onEnd: Promise<number | null> | undefined
  #onLine: ((line: string) => void) | undefined

  /** `cwd` is what paths in arguments are relative to; `programs`, of test/interop/java, run beside Apache's tools. */
  constructor(cwd: string, programs: readonly string[] = []) {
    this.#cwd = cwd
    this.#programs = ['ToolRunner', ...programs]
  }

  /** One at a time. */
  async run(mainClass: string, args: readonly string[], stdin = ''): Promise<ToolResult> {
    const child = this.#child ?? this.#start()
    const answer = new Promise<string>((resolve) => {
      this.#onLine = resolve
    })
    child.stdin?.write(`${[Buffer.from(stdin).toString('base64'), mainClass, ...args].join(SEPARATOR)}\n`)
    const line = await Promise.race([answer, this.#onEnd])
    if (typeof line !== 'string') throw new Error(`${mainClass} ended its process without a word: ${line}`)
    const [code, stdout, stderr] = line.split(SEPARATOR)
    const exitCode = code === 'exit' ? await this.#onEnd : Number(code)
    return { exitCode: exitCode ?? null, stdout: withoutEnd(decode(stdout)), stderr: withoutEnd(decode(stderr)) }
  }

  #start(): ChildProcess {
    const classPath = this.#programs.map((name) => compiledJava(name)).join(delimiter)
    const flags = ['-Xmx200m', ...quickJava(), '-Dorg.slf4j.simpleLogger.defaultLogLevel=off']
    const child = spawn('java', [...flags, '-cp', classPath, 'ToolRunner'], { cwd: this.#cwd, stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface(child.stdout).on('line', (line) => this.#onLine?.(line))
    this.#onEnd = new Promise((resolve) => {
      child.once('close', (code) => {
        this.#child = undefined
        resolve(code)
      })
    })
    this.#child = child
    return child
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.stdin?.end()
    await this.#onEnd
  }
}

/** Where a tool catches everything, also what ends it here, it prints that too. */
const withoutEnd = (text: string): string => text.replace(/^.*ENDED\n(ToolRunner.*\n\n?)?/gm, '')
