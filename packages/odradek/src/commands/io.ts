// What the commands see of the world, so that tests run them in their own process.
import type { ToolIo } from '@odradek/cli/tool'
import { processIo as toolIo } from '@odradek/cli/tool'

export interface CommandIo extends ToolIo {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Colours and progress are for people only. */
  readonly isOutputTerminal: boolean
  readonly isErrorTerminal: boolean
  readonly isInputTerminal: boolean
}

export const processIo: CommandIo = Object.create(toolIo, {
  env: { value: process.env },
  isOutputTerminal: { get: () => process.stdout.isTTY === true },
  isErrorTerminal: { get: () => process.stderr.isTTY === true },
  isInputTerminal: { get: () => process.stdin.isTTY === true }
}) as CommandIo
