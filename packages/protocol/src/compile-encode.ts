// Compiles the plan of a message to one straight-line encode function, and the function that fills in defaults.
// See compile-decode.ts for the manner. Left-out input fields take their defaults; a field that the version lacks must
// be at its default unless it is ignorable; tagged fields at their default are not written.
import { defaultSource } from './compile-decode.ts'
import { type FieldPlan, fixedSize, type StructPlan } from './schema.ts'
import { encodeSupport, type Writer } from './writer.ts'

export type EncodeFunction = (value: unknown, writer: Writer) => void

export function compileEncoder(plan: StructPlan, version: number): EncodeFunction {
  return new Function('support', encoderSource(plan, version))(encodeSupport) as EncodeFunction
}

export function encoderSource(plan: StructPlan, version: number): string {
  const emitter = new EncodeEmitter(version)
  emitter.struct(plan, 'value', `${plan.name}.`)
  return [
    `'use strict'`,
    `const { ${Object.keys(encodeSupport).join(', ')} } = support`,
    'return function encode(value, w) {',
    'let b = w.b, p = w.p, n = 0',
    ...emitter.lines,
    'w.p = p',
    '}'
  ].join('\n')
}

/** Compiles the function that makes a whole message of some of its fields. */
export function compileCreate(plan: StructPlan): (fields: unknown) => unknown {
  const source = `'use strict'\nconst { EMPTY } = support\nconst bytes = (x) => Array.isArray(x) ? Buffer.concat(x) : x\nreturn ${createSource(plan, 0)}`
  return new Function('support', 'Buffer', source)(encodeSupport, Buffer) as (fields: unknown) => unknown
}

function createSource(plan: StructPlan, depth: number): string {
  const x = `x${depth}`
  const parts = plan.fields.map((field) => {
    const given = `${x}.${field.name}`
    const byDefault = defaultSource(field)
    if (field.type === 'bytes' && !field.isArray) return `${field.name}: ${given} === undefined ? ${byDefault} : bytes(${given})`
    if (field.type === 'records') return `${field.name}: ${given} === undefined ? ${byDefault} : bytes(${given})`
    if (field.struct === undefined) return `${field.name}: ${given} === undefined ? ${byDefault} : ${given}`
    const nested = `(${createSource(field.struct, depth + 1)})`
    const copy = field.isArray ? `${given}.map(${nested})` : `${nested}(${given})`
    return `${field.name}: ${given} === undefined ? ${byDefault} : ${given} === null ? null : ${copy}`
  })
  const unknown = `if (${x}.unknownTaggedFields !== undefined) o.unknownTaggedFields = ${x}.unknownTaggedFields`
  return `(${x}) => { const o = { ${parts.join(', ')} }; ${unknown}; return o }`
}

class EncodeEmitter {
  readonly lines: string[] = []
  private readonly version: number
  private names = 0

  constructor(version: number) {
    this.version = version
  }

  private name(prefix: string): string {
    return `${prefix}${this.names++}`
  }

  struct(plan: StructPlan, value: string, path: string): void {
    let run: FieldPlan[] = []
    for (const field of plan.fields) {
      if (!field.isPresent) {
        this.absent(field, `${value}.${field.name}`, path)
        continue
      }
      if (field.tag !== undefined) continue
      if (!field.isArray && fixedSize(field.type) !== undefined) {
        run.push(field)
        continue
      }
      this.run(run, value, path)
      run = []
      this.value(field, this.load(field, value), path)
    }
    this.run(run, value, path)
    if (plan.isFlexible) this.tagged(plan, value, path)
  }

  private load(field: FieldPlan, value: string): string {
    const variable = this.name('v')
    this.lines.push(`let ${variable} = ${value}.${field.name}`, `if (${variable} === undefined) ${variable} = ${defaultSource(field)}`)
    return variable
  }

  private absent(field: FieldPlan, expression: string, path: string): void {
    if (field.ignorable) return
    const variable = this.name('v')
    this.lines.push(`const ${variable} = ${expression}`)
    this.lines.push(`if (${this.isSet(field, variable)}) unsupported(${JSON.stringify(path + field.name)}, ${this.version})`)
  }

  /** An expression: the variable holds something else than undefined and the default. */
  private isSet(field: FieldPlan, variable: string): string {
    return `${variable} !== undefined && ${this.differs(field, variable)}`
  }

  private differs(field: FieldPlan, variable: string): string {
    if (field.default === null) return `${variable} !== null`
    if (field.isArray) return `(${variable} === null || ${variable}.length !== 0)`
    if (field.type === 'bytes' || field.type === 'records') return `(${variable} === null || byteLengthOf(${variable}) !== 0)`
    if (field.struct === undefined) return `${variable} !== ${defaultSource(field)}`
    const parts = field.struct.fields.map((nested) => `(${this.isSet(nested, `${variable}.${nested.name}`)})`)
    parts.push(`(${variable}.unknownTaggedFields !== undefined && ${variable}.unknownTaggedFields.length !== 0)`)
    return `(${variable} === null || ${parts.join(' || ')})`
  }

  private ensure(size: string | number): void {
    this.lines.push(`if (p + ${size} > b.length) { b = w.grow(p, ${size}); p = w.p }`)
  }

  private run(fields: FieldPlan[], value: string, path: string): void {
    if (fields.length === 0) return
    const size = fields.reduce((sum, field) => sum + (fixedSize(field.type) ?? 0), 0)
    const variables = fields.map((field) => this.load(field, value))
    this.ensure(size)
    let offset = 0
    fields.forEach((field, index) => {
      this.fixed(field, variables[index], offset, path)
      offset += fixedSize(field.type) ?? 0
    })
    this.lines.push(`p += ${size}`)
  }

  private fixed(field: FieldPlan, v: string, offset: number, path: string): void {
    const at = (more: number) => `b[p + ${offset + more}]`
    const name = JSON.stringify(path + field.name)
    const check = (normal: string) => this.lines.push(`if (${normal} !== ${v}) outOfRange(${name}, ${v})`)
    switch (field.type) {
      case 'bool':
        this.lines.push(`${at(0)} = ${v} ? 1 : 0`)
        return
      case 'int8':
        check(`${v} << 24 >> 24`)
        this.lines.push(`${at(0)} = ${v}`)
        return
      case 'int16':
      case 'uint16':
        check(field.type === 'int16' ? `${v} << 16 >> 16` : `(${v} & 65535)`)
        this.lines.push(`${at(0)} = ${v} >> 8`, `${at(1)} = ${v}`)
        return
      case 'int32':
      case 'uint32':
        check(field.type === 'int32' ? `(${v} | 0)` : `${v} >>> 0`)
        this.lines.push(`${at(0)} = ${v} >>> 24`, `${at(1)} = ${v} >>> 16`, `${at(2)} = ${v} >>> 8`, `${at(3)} = ${v}`)
        return
      case 'int64':
        this.lines.push(field.big ? `putBigInt64(b, p + ${offset}, ${v})` : `putInt64(b, p + ${offset}, ${v}, ${name})`)
        return
      case 'float64':
        this.lines.push(`b.writeDoubleBE(${v}, p + ${offset})`)
        return
      case 'uuid':
        this.lines.push(`putUuid(b, p + ${offset}, ${v}, ${name})`)
        return
      default:
        throw new TypeError(`${field.type} has no fixed size`)
    }
  }

  /** Writes the value of a field that is in a variable; null too where it may be. */
  private value(field: FieldPlan, v: string, path: string): void {
    const name = path + field.name
    this.lines.push(`if (${v} === null) {`)
    this.nullInto(field, name)
    this.lines.push('} else {')
    if (field.isArray) this.array(field, v, name)
    else {
      if (field.type === 'struct' && field.nullable) {
        this.ensure(1)
        this.lines.push('b[p++] = 1')
      }
      this.element(field, v, name)
    }
    this.lines.push('}')
  }

  private nullInto(field: FieldPlan, name: string): void {
    if (!field.nullable) {
      this.lines.push(`nullValue(${JSON.stringify(name)}, ${this.version})`)
      return
    }
    // A null struct is the varint 0 as a tagged field and the byte -1 elsewhere.
    const isOneByte = field.compact || (field.type === 'struct' && !field.isArray)
    const size = isOneByte ? 1 : field.type === 'string' && !field.isArray ? 2 : 4
    const byte = field.type === 'struct' && !field.isArray ? (field.tag === undefined ? 255 : 0) : field.compact ? 0 : 255
    this.ensure(size)
    for (let i = 0; i < size; i++) this.lines.push(`b[p++] = ${byte}`)
  }

  private element(field: FieldPlan, v: string, name: string): void {
    const size = fixedSize(field.type)
    if (size !== undefined) {
      this.ensure(size)
      this.fixed(field, v, 0, name.slice(0, -field.name.length))
      this.lines.push(`p += ${size}`)
    } else if (field.type === 'struct') this.struct(field.struct as StructPlan, v, `${name}.`)
    else {
      const call = field.type === 'string' ? (field.compact ? 'compactString' : 'string') : field.compact ? 'compactBytes' : 'bytes'
      this.lines.push(`p = w.${call}(${v}, p${field.type === 'string' ? `, ${JSON.stringify(name)}` : ''})`, 'b = w.b')
    }
  }

  private array(field: FieldPlan, v: string, name: string): void {
    const size = fixedSize(field.type)
    this.lines.push(`n = ${v}.length`)
    this.ensure(size === undefined ? 5 : `5 + n * ${size}`)
    if (field.compact) this.lines.push('if (n < 127) b[p++] = n + 1', 'else p = w.uvarintAt(n + 1, p)')
    else this.lines.push('b[p] = n >>> 24; b[p + 1] = n >>> 16; b[p + 2] = n >>> 8; b[p + 3] = n; p += 4')
    const [index, count, element] = [this.name('i'), this.name('c'), this.name('e')]
    this.lines.push(`for (let ${index} = 0, ${count} = n; ${index} < ${count}; ${index}++) {`, `const ${element} = ${v}[${index}]`)
    if (size !== undefined) {
      this.fixed(field, element, 0, name.slice(0, -field.name.length))
      this.lines.push(`p += ${size}`)
    } else this.element({ ...field, nullable: false }, element, name)
    this.lines.push('}')
  }

  private tagged(plan: StructPlan, value: string, path: string): void {
    const known = plan.fields.filter((field) => field.isPresent && field.tag !== undefined).sort((a, b) => Number(a.tag) - Number(b.tag))
    const unknown = this.name('u')
    this.lines.push(`let ${unknown} = ${value}.unknownTaggedFields`, `n = 0`)
    this.lines.push(`if (${unknown} !== undefined) { ${unknown} = sortedTags(${unknown}); n = ${unknown}.length }`)
    const loaded = known.map((field) => {
      const [variable, isSet] = [this.name('t'), this.name('h')]
      this.lines.push(`const ${variable} = ${value}.${field.name}, ${isSet} = ${this.isSet(field, variable)}`, `if (${isSet}) n++`)
      return { field, variable, isSet }
    })
    this.ensure(5)
    this.lines.push('if (n < 128) b[p++] = n', 'else p = w.uvarintAt(n, p)', 'if (n > 0) {')
    const next = this.name('x')
    this.lines.push(`let ${next} = 0`)
    for (const { field, variable, isSet } of loaded) {
      this.lines.push(`if (${isSet}) {`)
      this.unknown(unknown, next, String(field.tag))
      this.ensure(6)
      const mark = this.name('m')
      this.lines.push(`p = w.uvarintAt(${field.tag}, p)`, `const ${mark} = w.beginTag(p)`, 'b = w.b; p = w.p')
      this.value(field, variable, path)
      this.lines.push(`p = w.endTag(${mark}, p)`, 'b = w.b', '}')
    }
    this.unknown(unknown, next, 'Infinity')
    this.lines.push('}')
  }

  private unknown(list: string, index: string, limit: string): void {
    this.lines.push(`if (${list} !== undefined) { ${index} = w.unknownTags(${list}, ${index}, ${limit}, p); b = w.b; p = w.p }`)
  }
}
