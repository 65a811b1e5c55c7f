import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bigint, buffer, json, number, type StandardSchema, string, topic, uuid } from '../../src/index.ts'
import type { Serde } from '../../src/serdes/serde.ts'

const bytesOf = <T>(serde: Serde<unknown, T>, value: T): Buffer => Buffer.from(serde.serialize(value, 't'))
const hexOf = <T>(serde: Serde<unknown, T>, value: T): string => bytesOf(serde, value).toString('hex')

describe('serdes', () => {
  test('write numbers in the binary forms of Kafka’s serializers and read them back', () => {
    assert.equal(hexOf(number('short'), -2), 'fffe')
    assert.equal(hexOf(number('int'), 258), '00000102')
    assert.equal(hexOf(number('long'), -1), 'ffffffffffffffff')
    assert.equal(hexOf(number('float'), 1.5), '3fc00000')
    assert.equal(hexOf(number(), 1.5), '3ff8000000000000')
    assert.equal(hexOf(bigint(), 2n ** 63n - 1n), '7fffffffffffffff')
    assert.equal(number('long').deserialize(Buffer.from('00000000000000ff', 'hex'), 't'), 255)
    assert.equal(bigint().deserialize(Buffer.from('8000000000000000', 'hex'), 't'), -(2n ** 63n))
  })

  test('refuse a number that its form cannot hold, both ways', () => {
    for (const [form, value] of [
      ['short', 32_768],
      ['int', 2 ** 31],
      ['int', 1.5],
      ['long', 2 ** 53]
    ] as const)
      assert.throws(() => number(form).serialize(value, 't'), { code: 'SERIALIZATION_FAILED' })
    assert.throws(() => number('long').deserialize(Buffer.from('7fffffffffffffff', 'hex'), 't'), /bigint/)
    assert.throws(() => number('int').deserialize(Buffer.alloc(3), 't'), /4 bytes, not 3/)
    assert.throws(() => bigint().serialize(2n ** 63n, 't'), { code: 'SERIALIZATION_FAILED' })
  })

  test('take text, bytes and UUIDs, and nothing else in their place', () => {
    assert.equal(bytesOf(string(), 'ключ').toString(), 'ключ')
    assert.equal(string().deserialize(Buffer.from('ключ'), 't'), 'ключ')
    assert.equal(hexOf(buffer(), new Uint8Array([1, 2])), '0102')
    assert.equal(bytesOf(uuid(), '0189F2C4-0000-7000-8000-000000000001').toString(), '0189f2c4-0000-7000-8000-000000000001')
    assert.throws(() => uuid().serialize('not one', 't'), { code: 'SERIALIZATION_FAILED' })
    assert.throws(() => uuid().deserialize(Buffer.alloc(16), 't'), { code: 'SERIALIZATION_FAILED' })
    assert.throws(() => string().serialize(3 as never, 't'), { code: 'SERIALIZATION_FAILED' })
  })

  test('say of JSON which topic has what is none', () => {
    assert.deepEqual(json().deserialize(bytesOf(json(), { a: [1, null] }), 't'), { a: [1, null] })
    assert.throws(() => json().deserialize(Buffer.from('{'), 'orders'), /orders \(1 bytes\) is no JSON/)
    assert.throws(() => json().serialize(undefined, 't'), { code: 'SERIALIZATION_FAILED' })
  })
})

/** Takes `{ total: string of digits }`, gives `{ total: number }`. */
const totals: StandardSchema<{ total: string }, { total: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const total = Number((value as { total?: unknown } | null)?.total ?? Number.NaN)
      return Number.isNaN(total) ? { issues: [{ message: 'Expected digits', path: ['total'] }] } : { value: { total } }
    }
  }
}

describe('json with a schema', () => {
  test('checks what is sent and sends it as given; gives what is received as the schema makes it', () => {
    const serde = json(totals)
    assert.equal(bytesOf(serde, { total: '3' }).toString(), '{"total":"3"}')
    assert.deepEqual(serde.deserialize(Buffer.from('{"total":"3"}'), 't'), { total: 3 })
    assert.throws(() => serde.serialize({ total: 'x' }, 'orders'), /value for orders does not fit its schema: total: Expected digits/)
    assert.throws(() => serde.deserialize(Buffer.from('null'), 'orders'), /value of orders/)
  })

  test('refuses a schema that it would have to wait for', () => {
    const later: StandardSchema = { '~standard': { version: 1, vendor: 'test', validate: async (value) => ({ value }) } }
    assert.throws(() => json(later).serialize(1, 't'), /asynchronously/)
  })
})

describe('a topic', () => {
  test('has text or bytes where no serde is named, and refuses names that Kafka refuses', () => {
    const raw = topic('raw', { config: { numPartitions: 3 } })
    assert.equal(bytesOf(raw.value, 'x').toString(), 'x')
    assert.deepEqual(raw.config, { numPartitions: 3 })
    assert.throws(() => raw.value.serialize({} as never, 'raw'), { code: 'INVALID_CONFIG' })
    for (const name of ['', '.', '..', 'a b', 'x'.repeat(250)]) assert.throws(() => topic(name), { code: 'INVALID_CONFIG' })
  })
})
