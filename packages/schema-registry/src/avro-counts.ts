// Avro's arrays and maps say how many items follow, and avsc believes them: five bytes would make it fill the memory. Where a schema has
// any, the bytes are walked first: nothing is made, every length is held against the bytes that are there, and items that take no bytes
// (nulls) have a limit of their own.
import type { Type, types } from 'avsc'

interface Walk {
  readonly bytes: Buffer
  at: number
  /** Items without bytes that may still come. */
  emptyItems: number
}

type Step = (walk: Walk) => void

const emptyItemsMax = 100_000

/** Throws where the bytes are shorter than they say. */
export function countsCheckerOf(type: Type): (payload: Buffer) => void {
  const step = stepOf(type, new Map())
  return (bytes) => step({ bytes, at: 0, emptyItems: emptyItemsMax })
}

function skip(walk: Walk, size: number): void {
  if (size < 0 || size > walk.bytes.length - walk.at)
    throw new Error(`a length of ${size} where ${walk.bytes.length - walk.at} bytes are left`)
  walk.at += size
}

/** A zigzag varint; exact as far as a length can be. */
function long(walk: Walk): number {
  let value = 0
  for (let factor = 1, index = 0; index < 10; index++, factor *= 128) {
    const byte = walk.bytes[walk.at]
    skip(walk, 1)
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
  throw new Error('a varint of more than 10 bytes')
}

const sizes: Readonly<Record<string, number>> = { null: 0, boolean: 1, float: 4, double: 8 }

/** Types refer to themselves: `known` has those that are being made. */
function stepOf(type: Type, known: Map<Type, Step>): Step {
  const found = known.get(type)
  if (found !== undefined) return found
  let made: Step = () => {}
  known.set(type, (walk) => made(walk))
  made = newStep(type, known)
  return made
}

function newStep(type: Type, known: Map<Type, Step>): Step {
  const { typeName } = type
  if (typeName in sizes) return (walk) => skip(walk, sizes[typeName])
  switch (typeName.split(':')[0]) {
    case 'bytes':
    case 'string':
      return (walk) => skip(walk, long(walk))
    case 'fixed':
      return (walk) => skip(walk, (type as types.FixedType).size)
    case 'record':
    case 'error': {
      const fields = (type as types.RecordType).fields.map((field) => stepOf(field.type, known))
      return (walk) => {
        for (const field of fields) field(walk)
      }
    }
    case 'union': {
      const branches = (type as types.UnwrappedUnionType).types.map((each) => stepOf(each, known))
      return (walk) => {
        const index = long(walk)
        if (branches[index] === undefined) throw new Error(`branch ${index} of a union of ${branches.length}`)
        branches[index](walk)
      }
    }
    case 'array':
      return blocksOf(stepOf((type as types.ArrayType).itemsType, known), false)
    case 'map':
      return blocksOf(stepOf((type as types.MapType).valuesType, known), true)
    default: // int, long, enum
      return long
  }
}

/** Blocks of items, each with its count, until an empty one; a negative count is followed by the size of the block. */
function blocksOf(item: Step, hasKeys: boolean): Step {
  return (walk) => {
    for (let count = long(walk); count !== 0; count = long(walk)) {
      if (count < 0) long(walk)
      for (let left = Math.abs(count); left > 0; left--) {
        const before = walk.at
        if (hasKeys) skip(walk, long(walk))
        item(walk)
        if (walk.at === before && --walk.emptyItems < 0) throw new Error(`more than ${emptyItemsMax} items without bytes`)
      }
    }
  }
}
