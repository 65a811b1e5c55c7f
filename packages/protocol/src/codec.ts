// The face of message codecs. A codec is compiled from the schema on the first use of a (message, version) pair.

/** A tagged field that the schema does not know, kept so that a re-write gives the same bytes. */
export interface UnknownTaggedField {
  tag: number
  data: Buffer
}

/**
 * What an encoder takes: every field may be left out and then has the schema's default. A `records` field also takes
 * a list of buffers, written one after the other without a copy.
 */
export type Input<T> = T extends Buffer
  ? Buffer | readonly Buffer[]
  : T extends readonly (infer E)[]
    ? readonly Input<E>[]
    : T extends object
      ? { [K in keyof T]?: Input<T[K]> }
      : T
