// The serdes with a registry and with serdes that are not ours: Apicurio Registry, whose schemas lie in a broker of ours, and Confluent's
// serdes for Python.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { avro, jsonSchema, protobuf, SchemaRegistry, type SchemaSerde } from '@odradek/schema-registry'
import { type BrokerProcess, startBroker } from './support/brokers.ts'
import { runProcess } from './support/java-tools.ts'
import { type Door, type RegistryProcess, startApicurio, startDoor } from './support/registry.ts'
import { apicurioJar, extra, pythonWithClients, repositoryRoot } from './support/toolchains.ts'

const auth = { username: 'shop', password: 'sécret' }
const order = (...names: string[]) => ({
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: names.map((name) => ({ name, type: 'int' }))
})
const withDefault = (name: string) => ({
  ...order('total'),
  fields: [
    { name: 'total', type: 'int' },
    { name, type: 'int', default: 7 }
  ]
})

const itemProto = 'syntax = "proto3"; package shop; message Item { string sku = 1; }'
const cartProto = `syntax = "proto3";
package shop;
import "item.proto";
import "google/protobuf/timestamp.proto";
enum State { NEW = 0; PAID = 1; }
message Other { int32 a = 1; }
message Cart {
  repeated Item items = 1;
  google.protobuf.Timestamp placed_at = 2;
  map<string, int64> notes = 3;
  Line line = 4;
  repeated State states = 5;
  oneof pay { string card = 6; bytes token = 7; }
  fixed64 big = 8;
  message Line { string text = 1; repeated sint32 deltas = 2; }
}`

describe('a schema registry and serdes of others', { timeout: 300_000 }, () => {
  let python: string | undefined
  let jar: string | undefined
  let broker: BrokerProcess | undefined
  let apicurio: RegistryProcess
  let door: Door
  let registry: SchemaRegistry
  /** Why the tests cannot run here. */
  const absent: string[] = []
  const fresh = () => new SchemaRegistry({ url: door.url, auth })

  before(async () => {
    const told = { skip: (reason?: string) => void absent.push(reason ?? '') }
    jar = extra(told, 'Apicurio Registry', apicurioJar)
    python = extra(told, "Python with Confluent's serdes", () => pythonWithClients('requirements-schema.txt'))
    if (jar === undefined || python === undefined) return
    broker = await startBroker({ kind: 'odradek' })
    apicurio = await startApicurio(jar, broker.bootstrapServers)
    door = await startDoor(apicurio.url, auth)
    registry = fresh()
  })
  after(async () => {
    await door?.[Symbol.asyncDispose]()
    await apicurio?.[Symbol.asyncDispose]()
    await broker?.[Symbol.asyncDispose]()
  })

  /** Without a rule Apicurio takes every schema. */
  async function wantBackward(subject: string): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    const rule = { method: 'PUT', headers, body: '{"compatibility":"BACKWARD"}' }
    assert.equal((await fetch(`${apicurio.url}/config/${subject}`, rule)).status, 200)
  }

  /** Needs what `before` found. */
  function testWithRegistry(name: string, body: () => Promise<void>): void {
    test(name, async (t) => {
      if (jar === undefined || python === undefined) return t.skip(absent.join('; '))
      await body()
    })
  }

  async function peer(calls: object[]): Promise<unknown[]> {
    const configuration = JSON.stringify({ url: door.url, 'basic.auth.user.info': `${auth.username}:${auth.password}` })
    const script = join(repositoryRoot, 'test/interop/python/schema_peer.py')
    const { exitCode, stdout, stderr } = await runProcess(python as string, [script, configuration], { stdin: JSON.stringify(calls) })
    assert.equal(exitCode, 0, stderr)
    return JSON.parse(stdout)
  }

  testWithRegistry('schemas are registered, found, compared and refused', async () => {
    const first = JSON.stringify(order('total'))
    const id = await registry.register('rest-value', { schema: first })
    assert.equal(await registry.register('rest-value', { schema: first }), id)
    await wantBackward('rest-value')
    const otherLayout = JSON.stringify({ name: 'shop.Order', fields: [{ type: { type: 'int' }, name: 'total' }], type: 'record' })
    assert.equal((await registry.lookup('rest-value', { schema: otherLayout }, { normalize: true })).id, id)
    const next = { schema: JSON.stringify(withDefault('tax')) }
    assert.deepEqual(await registry.checkCompatibility('rest-value', next), { isCompatible: true, messages: [] })
    const incompatible = { schema: JSON.stringify(order('total', 'tax')) }
    assert.equal((await registry.checkCompatibility('rest-value', incompatible)).isCompatible, false)
    await assert.rejects(registry.register('rest-value', incompatible), { code: 'REGISTRY_REFUSED', status: 409, retriable: false })
    await registry.register('rest-value', next)
    assert.deepEqual(await registry.versions('rest-value'), [1, 2])
    assert.equal((await registry.getLatest('rest-value')).version, 2)
    assert.deepEqual(JSON.parse((await registry.getById(id)).schema), order('total'))
    await assert.rejects(registry.register('rest-value', { schema: '{"type":"nothing"}' }), { status: 422, errorCode: 42201 })
    await assert.rejects(registry.lookup('rest-value', { schema: '"int"' }), { status: 404, errorCode: 40403 })
    await assert.rejects(registry.getVersion('rest-value', 9), { status: 404, errorCode: 40402 })
    await assert.rejects(registry.versions('no such/subject'), { status: 404, errorCode: 40401 })
    await registry.deleteVersion('rest-value', 1)
    assert.deepEqual(await registry.versions('rest-value'), [2])
    await registry.deleteSubject('rest-value')
    await assert.rejects(registry.getLatest('rest-value'), { errorCode: 40401 })
  })

  testWithRegistry('subjects are named by each strategy in each format', async () => {
    const named: (string | undefined)[] = []
    for (const subjectNameStrategy of ['TopicName', 'RecordName', 'TopicRecordName'] as const) {
      const common = { registry, topic: 'named', subjectNameStrategy }
      const message = 'syntax = "proto3"; package shop; message Paid { message By { int32 who = 1; } }'
      named.push((await avro({ ...common, schema: order('total') })).subject)
      named.push((await protobuf({ ...common, topic: 'named-p', schema: message, message: 'Paid.By' })).subject)
      named.push((await jsonSchema({ ...common, topic: 'named-j', schema: { title: 'Bill', properties: {} } })).subject)
    }
    assert.deepEqual(named, [
      ...['named-value', 'named-p-value', 'named-j-value', 'shop.Order', 'shop.Paid.By', 'Bill'],
      ...['named-shop.Order', 'named-p-shop.Paid.By', 'named-j-Bill']
    ])
    assert.ok(named.every((name) => name !== undefined))
    assert.deepEqual((await registry.subjects()).filter((name) => named.includes(name)).sort(), named.sort())
  })

  testWithRegistry('what evolved is read by the schema of the reader, and asked for once', async () => {
    const old = await avro<object>({ registry, topic: 'evolved', schema: order('total') })
    await wantBackward('evolved-value')
    const young = await avro<object>({ registry, topic: 'evolved', schema: withDefault('tax') })
    const both = [old.serialize({ total: 1 }, 'evolved'), young.serialize({ total: 2, tax: 3 }, 'evolved')].map((each) => Buffer.from(each))
    for (const [schema, read] of [
      [order('total'), [{ total: 1 }, { total: 2 }]],
      [
        withDefault('tax'),
        [
          { total: 1, tax: 7 },
          { total: 2, tax: 3 }
        ]
      ],
      [undefined, [{ total: 1 }, { total: 2, tax: 3 }]]
    ] as const) {
      const serde = await avro<object>({ registry: fresh(), topic: 'evolved', schema, readOnly: true, preloadVersions: 0 })
      const asked = door.requests.length
      await Promise.all([...both, ...both].map((bytes) => serde.load(bytes)))
      assert.equal(door.requests.length, asked + 2)
      assert.deepEqual(
        [...both, ...both].map((bytes) => serde.deserialize(bytes, 'evolved')),
        [...read, ...read]
      )
    }
    const latest = await avro<object>({ registry, topic: 'evolved', useLatestVersion: true })
    assert.equal(latest.id, young.id)
    await assert.rejects(avro({ registry, topic: 'evolved', schema: order('total', 'other') }), { code: 'REGISTRY_REFUSED', status: 409 })
    await assert.rejects(avro({ registry, topic: 'absent', schema: order('total'), autoRegisterSchemas: false }), { errorCode: 40401 })
  })

  testWithRegistry('an unknown id, a wrong password and a wrong path say so', async () => {
    const serde = await avro<object>({ registry, topic: 'unknown', readOnly: true })
    await assert.rejects(async () => serde.load(Buffer.from([0, 0x7f, 0, 0, 0, 2])), { code: 'REGISTRY_REFUSED', errorCode: 40403 })
    const stranger = new SchemaRegistry({ url: door.url, auth: { ...auth, password: 'secret' } })
    const refused = { code: 'REGISTRY_REFUSED', status: 401, retriable: false }
    await assert.rejects(stranger.subjects(), refused)
    await assert.rejects(avro({ registry: stranger, topic: 'unknown', readOnly: true }), refused)
    const astray = new SchemaRegistry({ url: new URL(apicurio.url).origin })
    for (const wrong of [() => astray.subjects(), () => avro({ registry: astray, topic: 'unknown', readOnly: true })])
      await assert.rejects(wrong, { status: 404, message: /no schema registry at this path.*\/apis\/ccompat\/v7/ })
  })

  interface Both {
    readonly topic: string
    readonly format: 'AVRO' | 'PROTOBUF' | 'JSON'
    /** Of ours: with the schema, and a reader without one. */
    readonly make: (options: { registry: SchemaRegistry; readOnly?: boolean; isBare?: boolean }) => Promise<SchemaSerde<unknown>>
    readonly value: unknown
    /** The same as JSON, for them. */
    readonly theirs?: unknown
    readonly call: object
  }

  async function inBothDirections({ topic, format, make, value, theirs = value, call }: Both): Promise<void> {
    const serde = await make({ registry })
    const ours = Buffer.from(serde.serialize(value, topic))
    const common = { topic, format, ...call }
    const [written, read] = await peer([
      { ...common, value: theirs },
      { ...common, bytes: ours.toString('base64') }
    ])
    assert.deepEqual(read, theirs)
    const bytes = Buffer.from(written as string, 'base64')
    // they register a descriptor where we register a text: then the ids differ
    const from = format === 'PROTOBUF' ? 5 : 0
    assert.equal(ours.subarray(from).toString('hex'), bytes.subarray(from).toString('hex'))
    for (const isBare of [false, true]) {
      const reader = await make({ registry: fresh(), readOnly: true, isBare })
      await reader.load(bytes)
      assert.deepEqual(reader.deserialize(bytes, topic), value)
    }
  }

  testWithRegistry('Avro is byte for byte that of Confluent, in both directions', async () => {
    const order = {
      type: 'record',
      name: 'Order',
      fields: [
        ...[
          { name: 'id', type: 'string' },
          { name: 'n', type: 'long' },
          { name: 'd', type: 'double' },
          { name: 'f', type: 'float' }
        ],
        ...[
          { name: 'paid', type: 'boolean' },
          { name: 'by', type: ['null', 'string'], default: null }
        ],
        { name: 'item', type: 'shop.Item' },
        { name: 'e', type: { type: 'enum', name: 'E', symbols: ['A', 'B'] } },
        { name: 'list', type: { type: 'array', items: ['null', 'int', 'string'] } },
        { name: 'map', type: { type: 'map', values: 'long' } }
      ]
    }
    const item = { type: 'record', name: 'Item', namespace: 'shop', fields: [{ name: 'sku', type: 'string' }] }
    await registry.register('avro-item', { schema: JSON.stringify(item) })
    const references = [{ name: 'shop.Item', subject: 'avro-item', version: 1 }]
    const schema = JSON.stringify(order)
    const value = {
      id: 'ü',
      n: -5e12,
      d: 0.1,
      f: 1.5,
      paid: true,
      by: null,
      item: { sku: 's' },
      e: 'B',
      list: [1, 'x', null],
      map: { a: 1 }
    }
    await inBothDirections({
      ...{ topic: 'avro', format: 'AVRO', value, call: { schema, references } },
      make: ({ isBare, ...options }) => avro({ topic: 'avro', ...(isBare ? {} : { schema, references }), ...options })
    })
  })

  testWithRegistry('JSON Schema is that of Confluent, in both directions', async () => {
    const item = { $id: 'http://shop/item.json', type: 'object', properties: { sku: { type: 'string' } }, required: ['sku'] }
    await registry.register('json-item', { schemaType: 'JSON', schema: JSON.stringify(item) })
    const references = [{ name: 'http://shop/item.json', subject: 'json-item', version: 1 }]
    const schema = JSON.stringify({
      ...{ $schema: 'http://json-schema.org/draft-07/schema#', $id: 'http://shop/cart.json', title: 'Cart', type: 'object' },
      properties: { items: { type: 'array', items: { $ref: 'http://shop/item.json' } }, note: { type: 'string' } }
    })
    const value = { items: [{ sku: 'ü' }], note: 'n' }
    await inBothDirections({
      ...{ topic: 'json', format: 'JSON', value, call: { schema, references } },
      make: ({ isBare, ...options }) => jsonSchema({ topic: 'json', ...(isBare ? {} : { schema, references }), ...options })
    })
  })

  testWithRegistry('Protobuf is byte for byte that of Confluent, in both directions, and read by a descriptor too', async () => {
    await registry.register('item.proto', { schemaType: 'PROTOBUF', schema: itemProto })
    const references = [{ name: 'item.proto', subject: 'item.proto', version: 1 }]
    const make = (topic: string, message: string): Both['make'] => {
      return ({ isBare, ...options }) => protobuf({ topic, ...(isBare ? {} : { schema: cartProto, references, message }), ...options })
    }
    const value = {
      ...{ items: [{ sku: 'a' }], placedAt: { seconds: 5n, nanos: 6 }, notes: { k: 7n }, line: { text: 't', deltas: [1, -1] } },
      ...{ states: ['PAID', 'NEW'], pay: 'token', token: Buffer.from('hi'), big: 2n ** 63n }
    }
    const theirs = {
      ...{ items: [{ sku: 'a' }], placedAt: '1970-01-01T00:00:05.000000006Z', notes: { k: '7' }, line: { text: 't', deltas: [1, -1] } },
      ...{ states: ['PAID', 'NEW'], token: 'aGk=', big: '9223372036854775808' }
    }
    await inBothDirections({
      ...{ topic: 'cart', format: 'PROTOBUF', value, theirs, make: make('cart', 'Cart'), call: { message: 'shop.Cart' } }
    })
    await inBothDirections({
      ...{ topic: 'other', format: 'PROTOBUF', value: { a: -1 }, make: make('other', 'Other'), call: { message: 'shop.Other' } }
    })
  })

  testWithRegistry('a descriptor counts the entries of maps among the messages, and is what the latest version is written by', async () => {
    const call = { topic: 'line', format: 'PROTOBUF', message: 'shop.Cart.Line' }
    const [written] = await peer([{ ...call, value: { text: 't' } }])
    const theirs = Buffer.from(written as string, 'base64')
    const serde = await protobuf({ registry, topic: 'line', useLatestVersion: true, message: 'Cart.Line' })
    assert.deepEqual(serde.deserialize(theirs, 'line'), { text: 't', deltas: [] })
    assert.equal(Buffer.from(serde.serialize({ text: 't' }, 'line')).toString('hex'), theirs.toString('hex'))
  })
})
