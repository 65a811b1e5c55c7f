// partition.assignment.strategy: by Kafka's class names, by the assignor's own name, or an object with an assign method.
import { invalidConfig } from '../../options.ts'
import { rangeAssignor } from './range.ts'
import { roundRobinAssignor } from './round-robin.ts'
import { createCooperativeStickyAssignor, createStickyAssignor } from './sticky.ts'
import type { ConsumerAssignor } from './types.ts'

export type { ConsumerAssignor } from './types.ts'

const byName: Readonly<Record<string, () => ConsumerAssignor>> = {
  range: () => rangeAssignor,
  RangeAssignor: () => rangeAssignor,
  roundrobin: () => roundRobinAssignor,
  RoundRobinAssignor: () => roundRobinAssignor,
  sticky: createStickyAssignor,
  StickyAssignor: createStickyAssignor,
  'cooperative-sticky': createCooperativeStickyAssignor,
  CooperativeStickyAssignor: createCooperativeStickyAssignor
}

/** Each consumer gets its own: some remember what they assigned. */
export function resolveAssignors(given: readonly unknown[]): ConsumerAssignor[] {
  const assignors = given.map((each): ConsumerAssignor => {
    if (typeof each === 'object' && each !== null && 'assign' in each && 'name' in each) return each as ConsumerAssignor
    const name = String(each)
      .replace(/^.*\./, '')
      .replace(/^class /, '')
    const make = byName[name]
    if (make === undefined)
      throw invalidConfig(`partition.assignment.strategy: "${String(each)}" is none of ${Object.keys(byName).join(', ')}`)
    return make()
  })
  const names = new Set(assignors.map(({ name }) => name))
  if (names.size !== assignors.length) throw invalidConfig('partition.assignment.strategy has an assignor twice')
  return assignors
}
