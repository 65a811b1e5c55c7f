// Handlers for shared records, several at once in no order: a record is accepted when its handler has succeeded, released when it threw
// (unless `onError` says otherwise). Locks of records that still wait or are worked on are renewed at half of their time.
import type { TimerHandle, World } from '@odradek/world'
import type { ConsumerRecord } from '../consumer/record.ts'
import { timedOut } from '../errors.ts'
import { invalidConfig } from '../options.ts'
import type { Acknowledgement } from './acknowledgements.ts'
import type { ShareHandler, ShareRunOptions, ShareVerdict } from './options.ts'

export interface ShareEngine<K, V> {
  readonly world: World
  take(signal: AbortSignal): Promise<Iterable<ConsumerRecord<K, V>>>
  /** False: the lock is lost. */
  acknowledge(record: ConsumerRecord<K, V>, type: Acknowledgement): boolean
  lockTimeoutMs(): number | undefined
  flush(): void
}

export async function runShareHandlers<K, V>(
  engine: ShareEngine<K, V>,
  handler: ShareHandler<K, V>,
  options: ShareRunOptions<K, V>
): Promise<void> {
  const { concurrency = 1, onError, endTimeoutMs = 30_000 } = options
  if (!Number.isInteger(concurrency) || concurrency < 1) throw invalidConfig(`concurrency is ${concurrency}: a whole number from 1 on`)
  const stop = options.signal ?? new AbortController().signal
  while (!stop.aborted) {
    let records: ConsumerRecord<K, V>[]
    try {
      records = [...(await engine.take(stop))]
    } catch (error) {
      if (stop.aborted) return
      throw error
    }
    const bounds = { concurrency, stop, endTimeoutMs }
    await handleAll(engine, records, bounds, async (record) => {
      try {
        return verdictOf(await handler(record, { signal: stop }))
      } catch (error) {
        if (onError !== undefined) return onError(error, record)
        const place = `${record.topic}-${record.partition} at offset ${record.offset}`
        engine.world.logger.log('WARN', 'odradek.client.ShareConsumer', `The handler failed for ${place}: released`, error)
        return 'release'
      }
    })
  }
}

function verdictOf(returned: unknown): ShareVerdict {
  return returned === 'release' || returned === 'reject' ? returned : 'accept'
}

/** Resolves when all are handled, or those under way when `stop` aborts: the rest is left as it is. */
async function handleAll<K, V>(
  engine: ShareEngine<K, V>,
  records: readonly ConsumerRecord<K, V>[],
  { concurrency, stop, endTimeoutMs }: { concurrency: number; stop: AbortSignal; endTimeoutMs: number },
  handle: (record: ConsumerRecord<K, V>) => Promise<ShareVerdict>
): Promise<void> {
  const open = new Set(records)
  const lockTimeoutMs = engine.lockTimeoutMs()
  const renew = (): void => {
    for (const record of open) engine.acknowledge(record, 'renew')
    engine.flush()
    if (lockTimeoutMs !== undefined) timer = engine.world.timers.schedule(lockTimeoutMs / 2, renew)
  }
  let timer = lockTimeoutMs === undefined ? undefined : engine.world.timers.schedule(lockTimeoutMs / 2, renew)
  let at = 0
  const worker = async (): Promise<void> => {
    while (at < records.length && !stop.aborted) {
      const record = records[at++]
      const verdict = await handle(record)
      open.delete(record)
      engine.acknowledge(record, verdict)
    }
  }
  try {
    await unlessHanging(
      engine.world,
      Promise.all(Array.from({ length: Math.min(concurrency, records.length) }, worker)),
      stop,
      endTimeoutMs
    )
  } finally {
    timer?.cancel()
  }
}

async function unlessHanging(world: World, work: Promise<unknown>, stop: AbortSignal, endTimeoutMs: number): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>()
  let timer: TimerHandle | undefined
  const onStop = (): void => {
    timer = world.timers.schedule(endTimeoutMs, () => reject(timedOut('Ending handlers that still run', endTimeoutMs)))
  }
  if (stop.aborted) onStop()
  else stop.addEventListener('abort', onStop, { once: true })
  try {
    await Promise.race([work, promise])
  } finally {
    timer?.cancel()
    stop.removeEventListener('abort', onStop)
  }
}
