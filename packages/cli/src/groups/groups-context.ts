import type { Admin } from '@odradek/client'
import type { Options } from '../options.ts'
import type { ToolIo } from '../tool.ts'

/** What every action of a command about groups works with. */
export interface GroupsContext {
  readonly admin: Admin
  readonly options: Options
  readonly io: ToolIo
  readonly timeoutMs: number
}
