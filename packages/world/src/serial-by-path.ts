/**
 * Runs actions on one path one after the other, in the order of the calls, and those on different paths side by side. Two
 * replacements of one file would otherwise write into the same temporary file and rename it away from each other.
 */
export class SerialByPath {
  readonly #last = new Map<string, Promise<void>>()

  run(path: string, action: () => Promise<void>): Promise<void> {
    const before = this.#last.get(path)
    const done = before === undefined ? action() : before.then(action, action)
    this.#last.set(path, done)
    const forget = (): void => {
      if (this.#last.get(path) === done) this.#last.delete(path)
    }
    done.then(forget, forget)
    return done
  }
}
