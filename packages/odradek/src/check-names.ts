import { closest, OdradekError } from '@odradek/base'

/** For those whom no compiler tells. */
export function checkNames(what: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    const meant = closest(name, known)
    throw new OdradekError(
      'CONFIG_INVALID',
      `${what} has no option ${name}: ${meant === undefined ? `it has ${known.join(', ')}` : `did you mean ${meant}?`}`
    )
  }
}
