// Records that were sent and are not acknowledged yet. buffer.memory bounds their bytes; of short records it lets a program have some
// hundred thousand under way, each with its objects and its callback, which is ten times the memory and no faster.
import type { SendCallback } from '@odradek/client'

export const OPEN_RECORDS_MAX = 20_000

export class OpenRecords {
  #count = 0
  #resume: (() => void) | undefined

  /** The callback of one more record. */
  add(done: SendCallback): SendCallback {
    this.#count++
    return (error, metadata) => {
      this.#count--
      if (this.#resume !== undefined && this.#count <= OPEN_RECORDS_MAX / 2) this.#resume()
      done(error, metadata)
    }
  }

  /** A promise: too many; wait for it before the next record. */
  room(): Promise<void> | undefined {
    if (this.#count < OPEN_RECORDS_MAX) return undefined
    return new Promise((resolve) => {
      this.#resume = () => {
        this.#resume = undefined
        resolve()
      }
    })
  }
}
