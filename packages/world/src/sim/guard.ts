// While a simulation runs, real time, real chance and real timers are bugs: the globals throw. Errors that nobody
// catches are taken from whoever listens (the test runner) and fail the seed.

const GUARDED: readonly [target: object, name: string][] = [
  [Date, 'now'],
  [Math, 'random'],
  [performance, 'now'],
  [globalThis, 'setTimeout'],
  [globalThis, 'setInterval'],
  [globalThis, 'setImmediate']
]

/** Returns the function that puts everything back. */
export function forbidRealWorld(): () => void {
  const undo = GUARDED.map(([target, name]) => {
    const before = Object.getOwnPropertyDescriptor(target, name)
    const forbidden = (): never => {
      throw new Error(`${name} of the real world was called in a simulation: use the World`)
    }
    Object.defineProperty(target, name, { value: forbidden, configurable: true, writable: true })
    return () => {
      // performance.now is inherited
      if (before === undefined) delete (target as Record<string, unknown>)[name]
      else Object.defineProperty(target, name, before)
    }
  })
  return () => {
    for (const restore of undo) restore()
  }
}

const FATAL_EVENTS = ['unhandledRejection', 'uncaughtException'] as const

/** Hands errors that nobody caught to `onError`; returns the function that gives them back to their former listeners. */
export function takeUncaughtErrors(onError: (error: unknown) => void): () => void {
  const listener = (error: unknown): void => onError(error)
  const former = FATAL_EVENTS.map((event) => {
    const listeners = process.listeners(event as 'uncaughtException')
    process.removeAllListeners(event)
    process.on(event, listener)
    return { event, listeners }
  })
  return () => {
    for (const { event, listeners } of former) {
      process.removeListener(event, listener)
      for (const each of listeners) process.on(event as 'uncaughtException', each)
    }
  }
}
