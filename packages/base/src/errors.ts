/**
 * An operational failure (socket, disk, timeout, bad configuration, hostile bytes). `code` is unique in the
 * project and documented in docs/errors.md; the message says what happened and what to do next.
 */
export class OdradekError extends Error {
  override readonly name: string = 'OdradekError'
  readonly code: string
  readonly retriable: boolean

  constructor(code: string, message: string, options: { cause?: unknown; retriable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retriable = options.retriable ?? false
  }
}

/** Bytes that do not decode: a cut frame, a length that lies, a varint that never ends. Never a bug of ours. */
export class DecodeError extends OdradekError {
  override readonly name = 'DecodeError'
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('DECODE', message, options)
  }
}
