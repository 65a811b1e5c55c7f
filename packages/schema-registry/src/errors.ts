// What this package throws, each code in one place (docs/errors.md lists them).
import { OdradekError } from '@odradek/base'

/** The registry answered with an error: `status` is that of HTTP, `errorCode` the registry's own (40401: no such subject). */
export class RegistryError extends OdradekError {
  readonly status: number
  readonly errorCode: number

  constructor(message: string, { status, errorCode }: { status: number; errorCode: number }) {
    super('REGISTRY_REFUSED', message, { retriable: isPassing(status) })
    this.status = status
    this.errorCode = errorCode
  }
}

/** 40401 to 40403: the registry has no such subject, version or schema. Another 404 is that of a server that has no such path. */
export function isAbsence(errorCode: unknown): boolean {
  return typeof errorCode === 'number' && Math.floor(errorCode / 100) === 404
}

/** Too many requests, a registry that elects its leader, a proxy without a registry behind it. */
function isPassing(status: number): boolean {
  return status === 429 || status >= 500
}

export function registryUnreachable(message: string, cause: unknown): OdradekError {
  return new OdradekError('REGISTRY_UNREACHABLE', message, { cause, retriable: true })
}

export function schemaInvalid(message: string, cause?: unknown): OdradekError {
  return new OdradekError('SCHEMA_INVALID', message, { cause })
}

export function schemaNotLoaded(id: number): OdradekError {
  const message = `The schema with id ${id} is being asked for: await loadSchemas(topic, record) before the record is read, or try again`
  return new OdradekError('SCHEMA_NOT_LOADED', message, { retriable: true })
}

export function serializationFailed(message: string, cause?: unknown): OdradekError {
  return new OdradekError('SERIALIZATION_FAILED', message, { cause })
}

export function configInvalid(message: string): OdradekError {
  return new OdradekError('CONFIG_INVALID', message)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
