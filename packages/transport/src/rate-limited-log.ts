// Log lines that a stranger can cause: at most one a reason and window, with the number of those left out.
import type { LogLevel, World } from '@odradek/world'

const WINDOW_MS = 10_000

interface Entry {
  sinceMs: number
  suppressed: number
}

export class RateLimitedLog {
  readonly #world: World
  readonly #logger: string
  readonly #entries = new Map<string, Entry>()

  constructor(world: World, logger: string) {
    this.#world = world
    this.#logger = logger
  }

  /** `reason` is one of few fixed words; the message may hold what the peer sent and is made safe here. */
  log(level: LogLevel, reason: string, message: string): void {
    const now = this.#world.clock.monotonicMs()
    const entry = this.#entries.get(reason)
    if (entry !== undefined && now - entry.sinceMs < WINDOW_MS) {
      entry.suppressed++
      return
    }
    const more = entry !== undefined && entry.suppressed > 0 ? ` (${entry.suppressed} more like this were not logged)` : ''
    this.#entries.set(reason, { sinceMs: now, suppressed: 0 })
    this.#world.logger.log(level, this.#logger, printable(message) + more)
  }
}

/** No control characters (log injection) and no endless lines. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be replaced
  return text.slice(0, 500).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?')
}
