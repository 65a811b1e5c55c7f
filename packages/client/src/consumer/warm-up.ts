// Deserializers that have to fetch something before they can read (a schema): `load` is awaited before records are handed out, so that
// those who read them need not know of it. A load that fails, or takes too long, says nothing here: `deserialize` will.
import type { World } from '@odradek/world'
import type { Taken } from './consumer-records.ts'
import type { Deserializers } from './fetched-records.ts'
import type { PollWait } from './poll-wait.ts'

interface RawRecord {
  readonly rawKey: Buffer | null
  readonly rawValue: Buffer | null
}

type Any = Deserializers<unknown, unknown>

/** Bytes may ask for anything: so many loads at once. */
const AT_ONCE = 16

/** undefined: all is there. The promise never rejects. */
export function warmUp(
  records: readonly RawRecord[],
  taken: readonly Taken[],
  deserializersOf: (topic: string) => Any
): Promise<void> | undefined {
  const loads = missing(records, taken, deserializersOf)
  const { value: first } = loads.next()
  return first === undefined ? undefined : settleAll(first, loads)
}

function* missing(
  records: readonly RawRecord[],
  taken: readonly Taken[],
  deserializersOf: (topic: string) => Any
): Generator<Promise<void>, undefined> {
  for (const { state, from, to } of taken) {
    const { key, value } = deserializersOf(state.topic)
    if (key?.load === undefined && value?.load === undefined) continue
    for (let at = from; at < to; at++) {
      const { rawKey, rawValue } = records[at]
      for (const load of [loadOne(key, rawKey, state.topic), loadOne(value, rawValue, state.topic)]) if (load !== undefined) yield load
    }
  }
}

function loadOne(deserializer: Any['key'], bytes: Buffer | null, topic: string): Promise<void> | undefined {
  if (bytes === null) return undefined
  try {
    return deserializer?.load?.(bytes, topic)?.catch(() => {})
  } catch {
    return undefined
  }
}

async function settleAll(first: Promise<void>, loads: Iterable<Promise<void>>): Promise<void> {
  let waiting = [first]
  for (const load of loads) {
    waiting.push(load)
    if (waiting.length < AT_ONCE) continue
    await Promise.all(waiting)
    waiting = []
  }
  await Promise.all(waiting)
}

/** Until it is loaded, or the time is over, or the poll is to end: then the records are handed out as they are, for they are taken already. */
export async function untilLoaded(
  loading: Promise<void>,
  {
    world,
    wait,
    timeoutMs,
    signal,
    isClosed
  }: { world: World; wait: PollWait; timeoutMs: number; signal?: AbortSignal; isClosed: () => boolean }
): Promise<void> {
  if (signal?.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = world.timers.schedule(timeoutMs, resolve)
  const onAbort = (): void => resolve()
  signal?.addEventListener('abort', onAbort, { once: true })
  wait.onWake(() => {
    if (wait.isWokenUp || isClosed()) resolve()
  })
  void loading.then(resolve)
  await promise
  wait.onWake(undefined)
  signal?.removeEventListener('abort', onAbort)
  timer.cancel()
}
