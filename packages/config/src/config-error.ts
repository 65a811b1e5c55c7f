import { OdradekError } from '@odradek/base'

/** The one way a setting is refused: the message names the setting, the value (never a secret) and what is allowed. */
export function configInvalid(message: string): OdradekError {
  return new OdradekError('CONFIG_INVALID', message)
}

/** Settings that contradict each other. */
export class RequirementFailed extends OdradekError {
  constructor(message: string) {
    super('CONFIG_INVALID', message)
  }
}

export function invalidValue(name: string, shown: string, reason: string): OdradekError {
  return configInvalid(`Invalid value ${shown} for configuration ${name}: ${reason}`)
}

/** Runs a check that throws and gives its message, for callers that answer a client instead of failing. */
export function messageOf(check: () => void): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof OdradekError && error.code === 'CONFIG_INVALID') return error.message
    throw error
  }
}
