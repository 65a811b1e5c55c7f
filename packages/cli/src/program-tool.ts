// What the programs of Kafka's newer kind that have no commands (command-line.ts) have in common from their arguments to their exit code.
import { type Arguments, parseCommandLine, programHelp, UsageError } from './command-line.ts'
import type { CommandLine } from './command-line-definition.ts'
import { javaError, type ToolIo } from './tool.ts'

export async function runProgram(
  line: CommandLine,
  argv: readonly string[],
  io: ToolIo,
  run: (args: Arguments) => Promise<number>
): Promise<number> {
  if (argv.length === 0) {
    io.out(programHelp(line))
    return 0
  }
  try {
    const parsed = parseCommandLine(line, argv)
    if (!('help' in parsed)) return await run(parsed.arguments)
    io.out(parsed.help)
    // So it is with Kafka's tools.
    return 1
  } catch (error) {
    io.err(error instanceof UsageError ? `${error.message}\n` : `Exception in thread "main" ${javaError(error)}\n`)
    return 1
  }
}
