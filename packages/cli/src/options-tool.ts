// What the commands with options only (options.ts) have in common from their arguments to their exit code.
import { OdradekError } from '@odradek/base'
import { helpTable, type OptionSpec, Options, UsageError } from './options.ts'
import { javaError, KAFKA_VERSION, logError, messageOf, type ToolIo } from './tool.ts'

export interface OptionsTool {
  readonly specs: readonly OptionSpec[]
  /** The same with descriptions that are looked up when they are shown. */
  described?(): Promise<readonly OptionSpec[]>
  /** What --help, and the command without arguments, begins with. */
  readonly purpose: string
  /** An option that does not exist or lacks its value: Kafka's tools tell it in three ways. Absent: the message alone. */
  readonly malformed?: 'with table' | 'as uncaught'
  /** Looks at the options. Throws a UsageError for what does not go together. */
  run(options: Options, io: ToolIo): Promise<number>
}

export async function runOptionsTool(tool: OptionsTool, argv: readonly string[], io: ToolIo): Promise<number> {
  const usage = async (message: string): Promise<number> => {
    io.err(`${message}\n${helpTable((await tool.described?.()) ?? tool.specs)}`)
    return 1
  }
  let options: Options
  try {
    options = new Options(tool.specs, argv)
  } catch (error) {
    // Kafka's tools look for --help only in what they could parse.
    if (tool.malformed === 'with table') return await usage(messageOf(error))
    io.err(`${tool.malformed === 'as uncaught' ? `Exception in thread "main" ${javaError(error)}` : messageOf(error)}\n`)
    return 1
  }
  if (argv.length === 0 || options.has('help')) return await usage(tool.purpose)
  if (options.has('version')) {
    io.out(`${KAFKA_VERSION}\n`)
    return 0
  }
  try {
    return await tool.run(options, io)
  } catch (error) {
    if (error instanceof UsageError) return await usage(error.message)
    if (!(error instanceof OdradekError)) throw error
    io.err(`${messageOf(error)}\n`)
    return 1
  }
}

/** One action of several must be asked for. */
export function oneAction<A extends string>(options: Options, actions: readonly A[], message: string): A {
  const [action, ...more] = actions.filter((one) => options.has(one))
  if (action === undefined || more.length > 0) throw new UsageError(message)
  return action
}

/** As the tools do that tell a failure on standard output and log it. */
export async function reportFailure(io: ToolIo, { what, logger }: { what: string; logger: string }, work: Promise<void>): Promise<number> {
  try {
    await work
    return 0
  } catch (error) {
    if (!(error instanceof OdradekError)) throw error
    io.out(`Error while executing ${what} command : ${messageOf(error)}\n`)
    logError(io, `${javaError(error)}\n`, logger)
    return 1
  }
}
