// What happened, as one hash: equal seeds must give equal hashes, or something outside the simulation had a hand in it.
// The last entries are kept as text for the report of a failure.

const KEPT = 200

interface Entry {
  timeMs: number
  actor: string
  label: string
  numbers: readonly number[]
}

export class Trace {
  #high = 0x243f6a88
  #low = 0x85a308d3
  #count = 0
  readonly #last: Entry[] = []
  readonly #labels = new Map<string, number>()
  readonly #double = new Float64Array(1)
  readonly #words = new Uint32Array(this.#double.buffer)
  readonly #print: ((line: string) => void) | undefined

  constructor(print?: (line: string) => void) {
    this.#print = print
  }

  get count(): number {
    return this.#count
  }

  add(timeMs: number, actor: string, label: string, ...numbers: number[]): void {
    this.#mixNumber(timeMs)
    this.#mix(this.#hashOf(actor))
    this.#mix(this.#hashOf(label))
    for (const number of numbers) this.#mixNumber(number)
    const entry = { timeMs, actor, label, numbers }
    this.#last[this.#count++ % KEPT] = entry
    this.#print?.(format(entry))
  }

  /** 16 hex digits over all that was added. */
  hash(): string {
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0')
    return hex(this.#high) + hex(this.#low)
  }

  /** The last entries as lines, oldest first. */
  lastLines(): string[] {
    const start = this.#count % KEPT
    const ordered = this.#count <= KEPT ? this.#last : [...this.#last.slice(start), ...this.#last.slice(0, start)]
    return ordered.map(format)
  }

  #mixNumber(value: number): void {
    this.#double[0] = value
    this.#mix(this.#words[0])
    this.#mix(this.#words[1])
  }

  #mix(word: number): void {
    this.#high = Math.imul(this.#high ^ word, 0x9e3779b1) ^ (this.#low >>> 15)
    this.#low = Math.imul(this.#low ^ (this.#high >>> 13), 0x85ebca6b) + word
    this.#low ^= this.#low >>> 16
  }

  #hashOf(text: string): number {
    let hash = this.#labels.get(text)
    if (hash === undefined) {
      hash = hashText(text)
      if (this.#labels.size < 10_000) this.#labels.set(text, hash)
    }
    return hash
  }
}

export function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash
}

function format(entry: Entry): string {
  return `${entry.timeMs.toFixed(3).padStart(12)} ms  ${entry.actor.padEnd(12)} ${entry.label} ${entry.numbers.join(' ')}`.trimEnd()
}
