// What both sides of kafka-configs work with: what is asked for, and how a call of the admin fails.
import type { Admin } from '@odradek/client'
import { executionException, wrapped } from '../java.ts'
import type { Options } from '../options.ts'
import { call, firstOf, ToolError, type ToolIo } from '../tool.ts'
import type { Entities } from './kafka-configs-options.ts'

export interface ConfigsContext extends Entities {
  readonly admin: Admin
  readonly options: Options
  readonly io: ToolIo
}

export interface Change {
  readonly add: ReadonlyMap<string, string>
  readonly remove: readonly string[]
}

/** A failure of the broker or controller, as Kafka's tool tells it. */
export function asked<T>(options: Options, name: string, made: PromiseLike<T>): Promise<T> {
  const hasController = options.has('bootstrap-controller')
  const cause = (error: unknown): unknown =>
    hasController && (firstOf(error) as { code?: string }).code === 'UNSUPPORTED_VERSION' ? notOfControllers : error
  return wrapped(call(name, made), (error) => executionException(cause(error)))
}

const notOfControllers = new ToolError(
  'This Admin API is not yet supported when communicating directly with the controller quorum.',
  'org.apache.kafka.common.errors.UnsupportedEndpointTypeException'
)
