/** A bug planted in a copy of the sources: each edit must find its text exactly once. */
export interface Mutant {
  /** What is broken, in a few words. */
  readonly name: string
  /** The invariants of docs/internals/mutants.md that it breaks. */
  readonly breaks: string
  readonly file: string
  readonly edits: readonly (readonly [find: string, replace: string])[]
  /** The quick test files of which one at least must fail. */
  readonly tests: readonly string[]
}
