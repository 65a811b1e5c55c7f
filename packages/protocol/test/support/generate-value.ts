// Random values of a message that its encoder must take, for fuzz tests.
import type { Prng } from '@odradek/base'
import type { FieldPlan, StructPlan } from '../../src/schema.ts'

const texts = [
  '',
  'a',
  'topic',
  'x'.repeat(47),
  'x'.repeat(48),
  'y'.repeat(49),
  'z'.repeat(126),
  'z'.repeat(127),
  'naïve',
  '주제',
  '😀'.repeat(40),
  'w'.repeat(200)
]

export function generateValue(plan: StructPlan, random: Prng, depth = 0): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (const field of plan.fields) if (field.isPresent) value[field.name] = generateField(field, random, depth)
  if (plan.isFlexible && random.chance(0.1)) value.unknownTaggedFields = generateTags(random)
  return value
}

function generateTags(random: Prng): { tag: number; data: Buffer }[] {
  let tag = 100
  return Array.from({ length: random.between(1, 3) }, () => {
    tag += random.between(1, 20_000)
    return { tag, data: random.bytes(random.pick([0, 1, 5, 130])) }
  })
}

function generateField(field: FieldPlan, random: Prng, depth: number): unknown {
  if (field.nullable && random.chance(0.2)) return null
  if (!field.isArray) return generateElement(field, random, depth)
  const most = depth > 2 ? 1 : 3
  const length = field.struct === undefined && random.chance(0.02) ? 130 : random.between(0, most)
  return Array.from({ length }, () => generateElement(field, random, depth))
}

function generateElement(field: FieldPlan, random: Prng, depth: number): unknown {
  switch (field.type) {
    case 'bool':
      return random.chance(0.5)
    case 'int8':
      return random.pick([0, -1, 127, -128])
    case 'int16':
      return random.pick([0, -1, 300, 32767, -32768])
    case 'uint16':
      return random.pick([0, 9092, 65535])
    case 'int32':
      return random.pick([0, -1, 1, 77_777, 2147483647, -2147483648])
    case 'uint32':
      return random.pick([0, 1, 4294967295])
    case 'int64':
      return field.big
        ? random.bytes(8).readBigInt64BE()
        : random.pick([0, -1, 1_700_000_000_000, 2 ** 53 - 1, 1 - 2 ** 53, 2 ** 63, -(2 ** 63)])
    case 'float64':
      return random.pick([0, -1.5, 1e300, Number.POSITIVE_INFINITY])
    case 'string':
      return random.pick(texts)
    case 'uuid':
      return random.bytes(16).toString('base64url')
    case 'bytes':
    case 'records':
      return random.bytes(random.pick([0, 1, 20, 127, 128, 1023, 1024, 5000]))
    case 'struct':
      return generateValue(field.struct as StructPlan, random, depth + 1)
  }
}
