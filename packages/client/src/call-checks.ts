// What a compiler says to programs in TypeScript, for those in JavaScript: a call whose options have a name that does not exist, or that
// has something else where a list belongs, is refused with what was probably meant.
import { closest } from '@odradek/base'
import { aKind, invalidConfig } from './options.ts'

type Method = (...args: never[]) => unknown
type ArgumentsOf<F> = F extends Method ? Required<Parameters<F>> : never
type Last<T> = T extends readonly [...unknown[], infer L] ? L : never
type FieldsOf<T> = T extends readonly (infer Entry)[] ? keyof Extract<Entry, object> : never
type Lists<A> = { readonly [I in keyof A as I extends `${number}` ? I : never]?: readonly FieldsOf<A[I]>[] }
/** Each name of `T`: the compiler holds a table against the type. */
export type NamesOf<T> = T extends readonly unknown[] ? object : Readonly<Record<keyof Extract<T, object>, true>>

/** How many arguments a method takes, the names of its last one, and by place the arguments that are lists: what each entry must have. */
export type Call<F> = readonly [count: ArgumentsOf<F>['length'], options: NamesOf<Last<ArgumentsOf<F>>>, lists?: Lists<ArgumentsOf<F>>]
type AnyCall = readonly [count: number, options: Readonly<Record<string, true>>, lists?: Readonly<Record<number, readonly string[]>>]
export type Calls<C> = { readonly [M in keyof C]?: Call<C[M]> }

/** Puts the checks before the methods of a class. What a call throws is rejected by what `rejected` makes of it, and thrown where that is undefined. */
export function checkCalls<C extends object>(prototype: C, calls: Calls<C>, rejected: (error: unknown, method: string) => unknown): void {
  for (const [method, [count, options, lists]] of Object.entries(calls) as [string, AnyCall][]) {
    const original = Reflect.get(prototype, method) as (...args: unknown[]) => unknown
    const checked = function (this: C, ...args: unknown[]): unknown {
      try {
        for (const [place, fields] of Object.entries(lists ?? {})) requireList(method, args[Number(place)], fields)
        const last = args[count - 1]
        // assign has no options, and poll takes a number too.
        if (last !== undefined && lists?.[count - 1] === undefined && !(method === 'poll' && typeof last === 'number'))
          requireNames(`${method}()`, last, options)
        return original.apply(this, args)
      } catch (error) {
        const outcome = rejected(error, method)
        if (outcome === undefined) throw error
        return outcome
      }
    }
    Object.defineProperty(prototype, method, { value: checked, writable: true, configurable: true })
  }
}

/** `hints`: what a name of another place is called here. */
export function requireNames(
  what: string,
  given: unknown,
  known: Readonly<Record<string, true>>,
  hints: Readonly<Record<string, string>> = {}
): void {
  if (typeof given !== 'object' || given === null) throw invalidConfig(`${what} takes an object of options, not ${aKind(given)}`)
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || Object.hasOwn(known, name)) continue
    const names = Object.keys(known)
    const meant = Object.hasOwn(hints, name) ? hints[name] : closest(name, names)
    throw invalidConfig(`${what} has no "${name}": ${meant === undefined ? `it has ${names.join(', ')}` : `did you mean ${meant}?`}`)
  }
}

function requireList(method: string, given: unknown, fields: readonly string[]): void {
  if (!Array.isArray(given)) throw invalidConfig(`${method}() takes a list here, not ${aKind(given)}`)
  for (const entry of given)
    for (const field of fields)
      if (entry === null || typeof entry !== 'object' || entry[field] === undefined)
        throw invalidConfig(`${method}(): each entry has ${fields.join(', ')}; one has no ${field}`)
}
