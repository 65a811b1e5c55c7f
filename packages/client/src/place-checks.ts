// What a call says of partitions and offsets, checked where it is called: a broker would take an offset of -1 for none, and wait for a
// partition that cannot be.
import { invalidConfig } from './options.ts'
import type { TopicPartition } from './types.ts'

export function requirePartitions(partitions: readonly TopicPartition[]): void {
  for (const { topic, partition } of partitions) {
    if (typeof topic !== 'string' || topic.trim() === '') throw invalidConfig('A partition needs the name of its topic')
    if (!Number.isInteger(partition) || partition < 0) throw invalidConfig(`A partition is a whole number from 0 on, not ${partition}`)
  }
}

/** Of records to read next. */
export function requireOffsets(offsets: readonly (TopicPartition & { readonly offset: number })[]): void {
  requirePartitions(offsets)
  for (const { offset } of offsets) requireOffset(offset)
}

export function requireOffset(offset: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0) throw invalidConfig(`An offset is a whole number from 0 on, not ${offset}`)
}
