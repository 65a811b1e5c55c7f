// Partitions and times as the commands name them. Small, so that help and completion need not load the client for them.
import type { TopicPartition } from '@odradek/client'
import { usageError } from './arguments.ts'

/** The key of a partition in what the client gives. */
export const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

/** `1700000000000` or `2026-11-21T10:00:00Z`, as ms. */
export function timeOf(text: string, option: string): number {
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isNaN(time)) throw usageError(`${option} wants ms or ISO 8601, not ${text}`)
  return time
}
