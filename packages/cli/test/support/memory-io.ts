// A command's surroundings in memory.
import type { ToolIo } from '../../src/tool.ts'

export interface MemoryIo extends ToolIo {
  readonly stdout: () => string
  readonly stderr: () => string
}

export function memoryIo(more: Partial<ToolIo> = {}): MemoryIo {
  const out: Buffer[] = []
  const err: string[] = []
  return {
    out: (data) => void out.push(Buffer.from(data as string)),
    drained: async () => true,
    err: (text) => void err.push(text),
    input: (async function* () {})(),
    signal: new AbortController().signal,
    cwd: '.',
    ...more,
    stdout: () => Buffer.concat(out).toString(),
    stderr: () => err.join('')
  }
}
