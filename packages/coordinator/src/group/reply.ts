/** An answer that comes now or later. Given at once it costs no promise. */
export class Reply<T> {
  #value: T | undefined
  #isSent = false
  #resolve: ((value: T) => void) | undefined

  /** The first call counts; a later one is ignored. */
  readonly send = (value: T): void => {
    if (this.#isSent) return
    this.#isSent = true
    this.#value = value
    this.#resolve?.(value)
  }

  get(): T | Promise<T> {
    if (this.#isSent) return this.#value as T
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }
}
