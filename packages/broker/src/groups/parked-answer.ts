// The answer of a request that a coordinator parks, for as long as someone waits for it.
import type { RequestContext } from '../handler.ts'

/**
 * A coordinator keeps a parked JoinGroup or SyncGroup also when its connection is gone, as Kafka does: the member counts until its
 * session ends. What it must not keep is the request, whose bytes no budget counts any more: who abandons the answer lets go of
 * all that hangs on it.
 */
export function whileWanted<T>(context: RequestContext, answer: T | Promise<T>): T | Promise<T> {
  if (!(answer instanceof Promise)) return answer
  const waiting: { resolve?: (value: T) => void; reject?: (error: unknown) => void } = {}
  forward(answer, waiting)
  context.onAbandoned = () => {
    waiting.resolve = undefined
    waiting.reject = undefined
  }
  return new Promise((resolve, reject) => {
    waiting.resolve = resolve
    waiting.reject = reject
  })
}

/** Apart, so that nothing else is in the scope of these functions. */
function forward<T>(answer: Promise<T>, waiting: { resolve?: (value: T) => void; reject?: (error: unknown) => void }): void {
  answer.then(
    (value) => waiting.resolve?.(value),
    (error) => waiting.reject?.(error)
  )
}
