// Compiles the plan of a message to one straight-line decode function: structs are inlined, runs of fields of fixed
// size share one bounds check, and what the version lacks is a constant. The source holds nothing but names and
// numbers of the committed schemas; no byte of a peer ever reaches it.
import { assert } from '@odradek/base'
import { decodeSupport, type Reader } from './reader.ts'
import { type FieldPlan, fixedSize, minElementSize, type StructPlan } from './schema.ts'

export type DecodeFunction = (buffer: Buffer, reader: Reader) => unknown

export function compileDecoder(plan: StructPlan): DecodeFunction {
  const source = decoderSource(plan)
  return new Function('support', source)(decodeSupport) as DecodeFunction
}

/** Exported for docs and tests that look at what is compiled. */
export function decoderSource(plan: StructPlan): string {
  const emitter = new DecodeEmitter()
  const value = emitter.struct(plan, '')
  return [
    `'use strict'`,
    `const { ${Object.keys(decodeSupport).join(', ')} } = support`,
    'return function decode(b, r) {',
    'const end = b.length',
    'let p = r.p, n = 0',
    ...emitter.lines,
    'r.p = p',
    `return ${value}`,
    '}'
  ].join('\n')
}

/** The source text of a field's default. */
export function defaultSource(field: FieldPlan): string {
  const value = field.default
  if (value === null) return 'null'
  if (field.isArray) return '[]'
  if (field.struct !== undefined) return literal(field.struct, (nested) => defaultSource(nested))
  if (field.type === 'bytes' || field.type === 'records') return 'EMPTY'
  if (typeof value === 'bigint') return `${value}n`
  return JSON.stringify(value)
}

function literal(plan: StructPlan, sourceOf: (field: FieldPlan) => string): string {
  for (const field of plan.fields) assert(/^\w+$/.test(field.name), `odd field name ${field.name}`)
  return `{ ${plan.fields.map((field) => `${field.name}: ${sourceOf(field)}`).join(', ')} }`
}

class DecodeEmitter {
  readonly lines: string[] = []
  private names = 0

  private name(prefix: string): string {
    return `${prefix}${this.names++}`
  }

  /** Emits the reading of a struct and gives the expression of the object. */
  struct(plan: StructPlan, path: string): string {
    const values = new Map<FieldPlan, string>()
    let run: FieldPlan[] = []
    for (const field of plan.fields) {
      if (!field.isPresent || field.tag !== undefined) continue
      if (!field.isArray && fixedSize(field.type) !== undefined) {
        run.push(field)
        continue
      }
      this.run(run, values, path)
      run = []
      values.set(field, this.field(field, path))
    }
    this.run(run, values, path)
    const unknown = plan.isFlexible ? this.tagged(plan, values, path) : undefined
    const object = literal(plan, (field) => values.get(field) ?? defaultSource(field))
    if (unknown === undefined) return object
    const result = this.name('o')
    this.lines.push(`const ${result} = ${object}`, `if (${unknown} !== undefined) ${result}.unknownTaggedFields = ${unknown}`)
    return result
  }

  private run(fields: FieldPlan[], values: Map<FieldPlan, string>, path: string): void {
    if (fields.length === 0) return
    const size = fields.reduce((sum, field) => sum + (fixedSize(field.type) ?? 0), 0)
    const where = JSON.stringify(path + fields[0].name)
    this.lines.push(`if (p + ${size} > end) cut(r, ${where}, p)`)
    let offset = 0
    for (const field of fields) {
      const variable = this.name('v')
      this.lines.push(`const ${variable} = ${fixedSource(field, offset === 0 ? 'p' : `p + ${offset}`)}`)
      values.set(field, variable)
      offset += fixedSize(field.type) ?? 0
    }
    this.lines.push(`p += ${size}`)
  }

  /** Emits the reading of a field of any kind that is not in a run; gives its variable. */
  private field(field: FieldPlan, path: string): string {
    const variable = this.name('v')
    this.lines.push(`let ${variable}`)
    this.fieldInto(variable, field, path + field.name)
    return variable
  }

  private fieldInto(variable: string, field: FieldPlan, where: string): void {
    if (field.isArray) this.array(variable, field, where)
    else this.element(variable, field, where)
  }

  private element(variable: string, field: FieldPlan, where: string): void {
    const size = fixedSize(field.type)
    if (size !== undefined) {
      this.lines.push(
        `if (p + ${size} > end) cut(r, ${JSON.stringify(where)}, p)`,
        `${variable} = ${fixedSource(field, 'p')}`,
        `p += ${size}`
      )
    } else if (field.type === 'struct') this.structInto(variable, field, where)
    else this.sized(variable, field, where)
  }

  private structInto(variable: string, field: FieldPlan, where: string): void {
    const plan = field.struct as StructPlan
    if (!field.nullable || field.isArray) {
      this.lines.push(`${variable} = ${this.struct(plan, `${where}.`)}`)
      return
    }
    // A tagged field marks null by the varint 0, any other by a negative byte.
    if (field.tag !== undefined) {
      this.uvarint(where)
      this.lines.push(`if (n === 0) ${variable} = null`, 'else {')
    } else {
      this.lines.push(`if (p >= end) cut(r, ${JSON.stringify(where)}, p)`, `if (b[p++] > 127) ${variable} = null`, 'else {')
    }
    this.lines.push(`${variable} = ${this.struct(plan, `${where}.`)}`, '}')
  }

  /** Strings, bytes and records. */
  private sized(variable: string, field: FieldPlan, where: string): void {
    const isString = field.type === 'string'
    this.length(field.compact, isString ? 2 : 4, where)
    const quoted = JSON.stringify(where)
    const isNullable = field.nullable && !field.isArray
    this.lines.push('if (n < 0) {')
    this.lines.push(isNullable ? `if (n !== -1) notNullable(r, ${quoted}, n); ${variable} = null` : `notNullable(r, ${quoted}, n)`)
    this.lines.push('} else {')
    const limit = isString && field.compact ? 'n > end - p || n > STRING_BYTES_MAX' : 'n > end - p'
    this.lines.push(`if (${limit}) tooLong(r, ${quoted}, n, end - p)`)
    if (isString) this.lines.push(`${variable} = n === 0 ? '' : b.utf8Slice(p, p + n)`)
    else this.lines.push(`${variable} = b.subarray(p, p + n)`)
    this.lines.push('p += n', '}')
  }

  private array(variable: string, field: FieldPlan, where: string): void {
    this.length(field.compact, 4, where)
    const quoted = JSON.stringify(where)
    this.lines.push('if (n < 0) {')
    this.lines.push(field.nullable ? `if (n !== -1) notNullable(r, ${quoted}, n); ${variable} = null` : `notNullable(r, ${quoted}, n)`)
    this.lines.push('} else {')
    const size = fixedSize(field.type)
    this.lines.push(`if (n * ${minElementSize(field)} > end - p) tooLong(r, ${quoted}, n, end - p)`)
    if (size === undefined || field.type === 'uuid') this.lines.push('takeElements(r, n)')
    const count = this.name('c')
    const index = this.name('i')
    this.lines.push(`const ${count} = n`, `${variable} = []`, `for (let ${index} = 0; ${index} < ${count}; ${index}++) {`)
    if (size !== undefined) this.lines.push(`${variable}.push(${fixedSource(field, 'p')})`, `p += ${size}`)
    else if (field.type === 'struct') this.lines.push(`${variable}.push(${this.struct(field.struct as StructPlan, `${where}.`)})`)
    else {
      const element = this.name('e')
      this.lines.push(`let ${element}`)
      this.sized(element, field, where)
      this.lines.push(`${variable}.push(${element})`)
    }
    this.lines.push('}', '}')
  }

  /** Emits the reading of a length into `n`; -1 is null. */
  private length(compact: boolean, bytes: 2 | 4, where: string): void {
    if (compact) {
      this.uvarint(where)
      this.lines.push('n -= 1')
      return
    }
    this.lines.push(`if (p + ${bytes} > end) cut(r, ${JSON.stringify(where)}, p)`)
    this.lines.push(bytes === 2 ? 'n = (b[p] << 24 | b[p + 1] << 16) >> 16' : 'n = b[p] << 24 | b[p + 1] << 16 | b[p + 2] << 8 | b[p + 3]')
    this.lines.push(`p += ${bytes}`)
  }

  private uvarint(where: string): void {
    this.lines.push(
      `if (p >= end) cut(r, ${JSON.stringify(where)}, p)`,
      'n = b[p]',
      'if (n < 128) p++',
      'else { r.p = p; n = uvarint(b, r); p = r.p }'
    )
  }

  /** Emits the tagged fields of a struct; gives the variable of the list of unknown ones. */
  private tagged(plan: StructPlan, values: Map<FieldPlan, string>, path: string): string {
    const known = plan.fields.filter((field) => field.isPresent && field.tag !== undefined)
    const unknown = this.name('u')
    this.lines.push(`let ${unknown}`)
    for (const field of known) {
      const variable = this.name('t')
      values.set(field, variable)
      this.lines.push(`let ${variable}`)
    }
    const where = `${path}tagged fields`
    this.uvarint(where)
    const [count, tag, size, stop] = [this.name('c'), this.name('g'), this.name('s'), this.name('z')]
    this.lines.push('if (n > 0) {', `for (let ${count} = n; ${count} > 0; ${count}--) {`, 'takeElements(r, 1)')
    this.uvarint(where)
    this.lines.push(`const ${tag} = n`)
    this.uvarint(where)
    this.lines.push(`const ${size} = n, ${stop} = p + n`, `if (${stop} > end) tooLong(r, ${JSON.stringify(where)}, n, end - p)`)
    for (const field of known) {
      this.lines.push(`if (${tag} === ${field.tag}) {`)
      this.fieldInto(values.get(field) as string, field, path + field.name)
      this.lines.push(
        `if (p !== ${stop}) wrongTagSize(r, ${JSON.stringify(path + field.name)}, ${size}, p + ${size} - ${stop})`,
        'continue',
        '}'
      )
    }
    this.lines.push(`${unknown} = unknownTag(r, ${unknown}, { b, tag: ${tag}, p, size: ${size} })`, `p = ${stop}`, '}', '}')
    for (const field of known) this.lines.push(`if (${values.get(field)} === undefined) ${values.get(field)} = ${defaultSource(field)}`)
    return unknown
  }
}

function fixedSource(field: FieldPlan, at: string): string {
  const plus = (offset: number) => (offset === 0 ? at : at === 'p' ? `p + ${offset}` : `p + ${Number(at.slice(4)) + offset}`)
  switch (field.type) {
    case 'bool':
      return `b[${at}] !== 0`
    case 'int8':
      return `b[${at}] << 24 >> 24`
    case 'int16':
      return `(b[${at}] << 24 | b[${plus(1)}] << 16) >> 16`
    case 'uint16':
      return `b[${at}] << 8 | b[${plus(1)}]`
    case 'int32':
      return `b[${at}] << 24 | b[${plus(1)}] << 16 | b[${plus(2)}] << 8 | b[${plus(3)}]`
    case 'uint32':
      return `(b[${at}] << 24 | b[${plus(1)}] << 16 | b[${plus(2)}] << 8 | b[${plus(3)}]) >>> 0`
    case 'int64':
      return field.big ? `bigInt64(b, ${at})` : `int64(b, ${at}, r)`
    case 'float64':
      return `b.readDoubleBE(${at})`
    case 'uuid':
      return `b.base64urlSlice(${at}, ${plus(16)})`
    default:
      throw new TypeError(`${field.type} has no fixed size`)
  }
}
