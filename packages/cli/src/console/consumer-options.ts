// What the options of console consumers say of groups and formatters.
import { keyValues, readSettings } from '../clients.ts'
import { type Options, type RenamingWords, UsageError } from '../options.ts'
import { messageOf, type ToolIo } from '../tool.ts'
import { type FormatterConfig, formatterNamed } from './formatters.ts'
import type { Formatter } from './printable-record.ts'

/** A group may be named in several places, but they must agree. `configOption` is how the message calls the option of the file. */
export function oneGroup(options: Options, others: readonly (string | undefined)[], configOption: string): string | undefined {
  const given = new Set([options.value('group'), ...others].filter((group) => group !== undefined))
  if (given.size > 1)
    throw new UsageError(
      `The group ids provided in different places (directly using '--group', via '--consumer-property', or via '--${configOption}') do not match. Detected group ids: ${[...given].map((group) => `'${group}'`).join(', ')}`
    )
  const [group] = given
  return group
}

export async function formatterOf(options: Options, words: RenamingWords, io: ToolIo): Promise<Formatter> {
  try {
    const property = options.renamed('property', 'formatter-property', io, words)
    const config: FormatterConfig = {
      ...(await readSettings(options.value('formatter-config'), io)),
      ...(options.value('key-deserializer') ? { 'key.deserializer': options.value('key-deserializer') } : {}),
      ...(options.value('value-deserializer') ? { 'value.deserializer': options.value('value-deserializer') } : {}),
      ...keyValues(options.values(property))
    }
    return await formatterNamed(options.value('formatter') as string, config, io)
  } catch (error) {
    throw new UsageError(messageOf(error))
  }
}
