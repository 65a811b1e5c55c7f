// The part of the Standard Schema interface (version 1) that is needed here: any validator that has `~standard` fits (zod, valibot,
// arktype, …). Written down here so that no validator and no package is a dependency.

export interface StandardSchema<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>
    readonly types?: { readonly input: In; readonly output: Out } | undefined
  }
}

export type SchemaResult<Out> = { readonly value: Out; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

export type SchemaInput<S> = S extends StandardSchema<infer In, unknown> ? In : never
export type SchemaOutput<S> = S extends StandardSchema<infer _, infer Out> ? Out : never

/** The first issues as one line: `total: Expected number; items.0: Required`. */
export function issuesText(issues: readonly SchemaIssue[]): string {
  const texts = issues.slice(0, 5).map(({ message, path = [] }) => {
    const keys = path.map((part) => String(typeof part === 'object' ? part.key : part))
    return keys.length === 0 ? message : `${keys.join('.')}: ${message}`
  })
  return issues.length > texts.length ? `${texts.join('; ')}; and ${issues.length - texts.length} more` : texts.join('; ')
}
