// What a client reads of a JWT: when it ends. Nothing is verified here; that is the broker's affair.

export interface JwtTimes {
  readonly issuedAtMs: number | undefined
  readonly expiresAtMs: number
}

/** undefined: it is no JWT, or does not say. */
export function jwtTimes(token: string): JwtTimes | undefined {
  const [, payload, ...rest] = token.split('.')
  if (payload === undefined || rest.length !== 1) return undefined
  try {
    const { exp, iat } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp?: unknown; iat?: unknown }
    if (typeof exp !== 'number' || !Number.isFinite(exp)) return undefined
    return { expiresAtMs: exp * 1000, issuedAtMs: typeof iat === 'number' && iat < exp ? iat * 1000 : undefined }
  } catch {
    return undefined
  }
}

/** A token without signature (`alg: none`): for development, as Kafka's own login without further settings makes it. */
export function unsecuredJwt(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part(claims)}.`
}
