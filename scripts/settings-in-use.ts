// Which settings the sources read: what packages/config/src/effects.ts is held against.
//
//   node scripts/settings-in-use.ts [--write]
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConfigDefinition } from '@odradek/config'
import { brokerConfigDefinitions, groupConfigDefinitions, topicConfigDefinitions } from '@odradek/config'
import { effectsByProperty } from '../packages/config/src/effects.ts'

const root = join(import.meta.dirname, '..')

/** Names of broker, topic and group settings that a source outside of packages/config reads. */
export function settingsInUse(): { broker: string[]; topic: string[]; group: string[] } {
  const files = globSync('packages/*/src/**/*.ts', { cwd: root }).filter(
    (file) => !file.startsWith('packages/config/') && !file.includes('generated')
  )
  const text = files.map((file) => readFileSync(join(root, file), 'utf8')).join('\n')
  const read = new Set(
    [...text.matchAll(/\b(?:get|getForListener|isSet|resolveGroupConfig)\(\s*(?:[\w.#]+,\s*){0,2}'([a-z0-9.]+)'/g)].map((match) => match[1])
  )
  const properties = Object.entries(effectsByProperty).filter(([property]) => new RegExp(`onfig\\.${property}\\b`).test(text))
  const within = (definitions: ReadonlyMap<string, ConfigDefinition>, names: Iterable<string>) =>
    [...new Set(names)].filter((name) => definitions.has(name)).sort()
  return {
    broker: within(brokerConfigDefinitions, [...read, ...properties.flatMap(([, names]) => names)]),
    topic: within(topicConfigDefinitions, read),
    group: within(groupConfigDefinitions, read)
  }
}

/** Writes what is read into the lists of effects.ts. Look at the change: a setting that is read but does nothing does not belong there. */
function writeEffects(): void {
  const path = join(root, 'packages/config/src/effects.ts')
  let source = readFileSync(path, 'utf8')
  for (const [kind, names] of Object.entries(settingsInUse())) {
    const list = names.length === 0 ? '[]' : `[\n${names.map((name) => `  '${name}'`).join(',\n')}\n]`
    source = source.replace(new RegExp(`(${kind}Effects: [^=]*= )\\[[^\\]]*\\]`), (_, head: string) => head + list)
  }
  writeFileSync(path, source)
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes('--write')) writeEffects()
  else console.log(JSON.stringify(settingsInUse(), null, 2))
}
