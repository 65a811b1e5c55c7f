// Kafka's rules for the names of topics.

const MAX_LENGTH = 249

/** What is wrong with the name of a new topic, or undefined. */
export function topicNameProblem(name: string): string | undefined {
  if (name === '') return 'Topic name is invalid: the empty string is not allowed'
  if (name === '.') return "Topic name is invalid: '.' is not allowed"
  if (name === '..') return "Topic name is invalid: '..' is not allowed"
  if (name.length > MAX_LENGTH) return `Topic name is invalid: the length of '${name}' is longer than the max allowed length ${MAX_LENGTH}`
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return `Topic name is invalid: '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  }
  return undefined
}

/** Metric names have `_` for `.`, so that two topics that differ only there look like one. */
export function hasCollisionCharacters(name: string): boolean {
  return name.includes('.') || name.includes('_')
}

export function unifyCollisionCharacters(name: string): string {
  return name.replaceAll('.', '_')
}
