import type { DiskError } from './ports.ts'

/** A {@link DiskError} with `code` as its errno name. */
export function createDiskError(code: string, message: string, path?: string, cause?: unknown): DiskError {
  const text = path === undefined ? `${code}: ${message}` : `${code}: ${message} '${path}'`
  const error = new Error(text, cause === undefined ? undefined : { cause }) as DiskError
  error.code = code
  if (path !== undefined) error.path = path
  return error
}

/**
 * What the system says of a file or a socket (EACCES, EIO, …): such an error tells all in its message, and a trace of where we met it
 * nothing more. Undefined for every other error.
 */
export function systemMessageOf(error: unknown): string | undefined {
  return error instanceof Error && /^E[A-Z0-9]+$/.test(errorCodeOf(error) ?? '') ? error.message : undefined
}

/** The errno name of an error of the disk or the network; undefined when it has none. */
export function errorCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' ? code : undefined
}
