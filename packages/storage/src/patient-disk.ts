// A disk whose operations wait while the process has no file descriptor left: that says nothing of the disk, and others give theirs
// back. Only when it lasts does the operation fail, like any other.
import type { Disk, DiskError, World } from '@odradek/world'

const RETRY_MS = 50
const PATIENCE_MS = 60_000
const LOGGER = 'kafka.log.LogManager'

/** `release` closes the descriptors that can be done without. */
export function patientDisk(world: World, release: () => void): Disk {
  const { disk, logger, clock, timers } = world
  let isTold = false

  async function wait(operation: () => Promise<unknown>, sinceMs: number): Promise<unknown> {
    for (;;) {
      release()
      await new Promise<void>((resolve) => timers.schedule(RETRY_MS, resolve))
      try {
        const result = await operation()
        isTold = false
        return result
      } catch (error) {
        if (!isOutOfDescriptors(error) || clock.monotonicMs() - sinceMs >= PATIENCE_MS) throw error
      }
    }
  }

  function onFailed(operation: () => Promise<unknown>, error: unknown): Promise<unknown> {
    if (!isOutOfDescriptors(error)) throw error
    if (!isTold) {
      logger.log('WARN', LOGGER, 'No file descriptor is left and the logs wait for one; raise ulimit -n or lower max.connections', error)
    }
    isTold = true
    return wait(operation, clock.monotonicMs())
  }

  return new Proxy(disk, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target)
      if (typeof method !== 'function') return method
      return (...args: readonly unknown[]): Promise<unknown> => {
        const operation = (): Promise<unknown> => Reflect.apply(method, target, args)
        return operation().catch((error: unknown) => onFailed(operation, error))
      }
    }
  })
}

function isOutOfDescriptors(error: unknown): boolean {
  const code = (error as Partial<DiskError> | undefined)?.code
  return code === 'EMFILE' || code === 'ENFILE'
}
