// Apache's tools in one JVM that stays: what a test runs many of costs one start of Java.
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type javaTools, javaTools as mainClasses, type ToolResult } from './java-tools.ts'
import { compiledJava } from './toolchains.ts'

/** Java's log goes to standard error too; without it that is what the tool itself writes. */
const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=off'

export class JavaRunner implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>

  constructor({ cwd }: { cwd: string }) {
    const classPath = compiledJava('ToolRunner')
    this.#child = spawn('java', ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', quiet, '-cp', classPath, 'ToolRunner'], {
      cwd,
      stdio: ['pipe', 'pipe', 'inherit']
    })
    const output = this.#child.stdout as NodeJS.ReadableStream
    this.#answers = createInterface({ input: output })[Symbol.asyncIterator]()
  }

  /** One after the other. */
  async run(tool: keyof typeof javaTools, args: readonly string[]): Promise<ToolResult> {
    const call = Buffer.from([mainClasses[tool], ...args].join('\u0001')).toString('base64')
    this.#child.stdin?.write(`${call}\n`)
    const answer = await this.#answers.next()
    if (answer.done === true) throw new Error('Java has ended')
    const [code, out, err] = answer.value.split(' ').map((part) => part)
    const text = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8')
    return { exitCode: code === 'timeout' ? null : Number(code), stdout: text(out), stderr: text(err) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }
}
