// What failed, a line for each; for a topic that is not there what may have been meant.
import { closest } from '@odradek/base'
import type { Admin } from '@odradek/client'

export function noSuchTopic(name: string, topics: readonly string[]): string {
  const meant = closest(name, topics)
  return `There is no topic ${name}: ${meant === undefined ? 'odradek topic ls tells which there are' : `did you mean ${meant}?`}`
}

/** By topic, configuration (`TOPIC:orders`) or whatever else the call was about. */
export async function failureLines(
  errors: ReadonlyMap<string, { readonly code: string; readonly message: string }>,
  admin: Admin
): Promise<string[]> {
  let topics: Promise<string[]> | undefined
  const lines: string[] = []
  for (const [key, { code, message }] of errors) {
    const name = key.replace(/^TOPIC:/, '')
    if (code === 'UNKNOWN_TOPIC_OR_PARTITION') topics ??= topicNames(admin)
    const known = code === 'UNKNOWN_TOPIC_OR_PARTITION' ? await topics : undefined
    // of a partition the topic may be there
    const isThere = known === undefined || known.includes(name) || known.includes(name.replace(/-\d+$/, ''))
    lines.push(isThere ? `${key}: ${message} (${code})` : noSuchTopic(name, known))
  }
  return lines
}

/** None when they cannot be had: what failed is told all the same. */
async function topicNames(admin: Admin): Promise<string[]> {
  try {
    return [...(await admin.listTopics()).keys()]
  } catch {
    return []
  }
}
