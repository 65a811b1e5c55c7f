/**
 * Which dynamic texts can be used. Metadata may hold what this broker would refuse (another version wrote it); a broker starts and
 * runs all the same, as Kafka's does.
 */
import { checkAllowed } from './allow-list.ts'
import { messageOf } from './config-error.ts'
import { baseName, brokerConfigDefinitions } from './definitions.ts'
import { parseValue } from './value.ts'

/** Throws an OdradekError with code CONFIG_INVALID at the first text that its setting does not take. */
export function checkDynamicTexts(texts: ReadonlyMap<string, string>): void {
  for (const [name, text] of texts) {
    checkAllowed(name, text)
    const definition = brokerConfigDefinitions.get(baseName(name))
    if (definition !== undefined) parseValue(definition, text)
  }
}

export function usableDynamicConfigs(texts: ReadonlyMap<string, string>): { texts: Map<string, string>; ignored: string[] } {
  const usable = new Map<string, string>()
  const ignored: string[] = []
  for (const [name, text] of texts) {
    const isReadOnly = brokerConfigDefinitions.get(name)?.dynamicMode === 'read-only'
    if (isReadOnly || messageOf(() => checkDynamicTexts(new Map([[name, text]]))) !== undefined) ignored.push(name)
    else usable.set(name, text)
  }
  return { texts: usable, ignored }
}
