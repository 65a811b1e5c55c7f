// What programs in JavaScript may get wrong, without a broker: a call that is refused asks none.
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { KafkaError } from '../src/errors.ts'
import { Kafka } from '../src/kafka.ts'
import { raw, topic } from '../src/topic.ts'

// biome-ignore lint/suspicious/noExplicitAny: it stands for a caller without types
type Untyped = any
const kafka = new Kafka({ brokers: '127.0.0.1:9' })
const admin: Untyped = kafka.admin()
const producer: Untyped = kafka.producer()
const consumer: Untyped = kafka.consumer({ groupId: 'g' })
const sharer: Untyped = kafka.shareConsumer({ groupId: 'g' })
after(() => kafka.close())

async function refusal(call: () => unknown): Promise<string> {
  try {
    await call()
  } catch (error) {
    assert.ok(error instanceof KafkaError && error.code === 'INVALID_CONFIG', String(error))
    return error.message
  }
  return 'taken'
}

describe('a call', () => {
  test('is refused for an option that does not exist, with what was probably meant', async () => {
    for (const [call, message] of [
      [() => admin.listTopics({ timoutMs: 5 }), 'listTopics() has no "timoutMs": did you mean timeoutMs?'],
      [() => admin.createTopics(['x'], { validateonly: true }), 'createTopics() has no "validateonly": did you mean validateOnly?'],
      [() => producer.flush({ sgnal: 1 }), 'flush() has no "sgnal": did you mean signal?'],
      [() => producer.sendBatch('t', [], { timeoutMs: 1 }), 'sendBatch() has no "timeoutMs": it has signal'],
      [() => consumer.run('t', () => {}, { concurency: 2 }), 'run() has no "concurency": did you mean concurrency?'],
      [() => consumer.stream('t', { sgnal: 1 }), 'stream() has no "sgnal": did you mean signal?'],
      [() => consumer.subscribe('t', { onAssgned() {} }), 'subscribe() has no "onAssgned": did you mean onAssigned?'],
      [() => consumer.poll({ timeoutMS: 5 }), 'poll() has no "timeoutMS": did you mean timeoutMs?'],
      [() => sharer.run('t', () => {}, { onErr: 1 }), 'run() has no "onErr": did you mean onError?'],
      [
        () => kafka.transaction(consumer, async () => {}, { transactionlId: 'x' } as object),
        /transaction\(\) has no "transactionlId": did you mean transactionalId/
      ],
      [() => admin.listTopics(5000), 'listTopics() takes an object of options, not a number']
    ] as const) {
      const said = await refusal(call)
      if (typeof message === 'string') assert.equal(said, message)
      else assert.match(said, message)
    }
    assert.deepEqual([consumer.subscription(), sharer.subscription()], [[], []])
  })

  test('rejects for it, and throws only where there is no promise', async () => {
    const results = [admin.createTopics('x'), admin.listTopics({ a: 1 }), producer.flush({ a: 1 }), consumer.run('t', () => {}, { a: 1 })]
    for (const result of results) await assert.rejects(result, { code: 'INVALID_CONFIG' })
    await assert.rejects(admin.deleteTopics('x').outcomes(), { code: 'INVALID_CONFIG' })
    assert.throws(() => consumer.stream('t', { a: 1 }), { code: 'INVALID_CONFIG' })
  })

  test('may be told undefined where it has a default', async () => {
    const reader: Untyped = kafka.consumer()
    reader.assign([{ topic: 't', partition: 0 }])
    await reader.poll({ timeoutMs: 0, unknown: undefined })
    await reader.poll(0)
    await producer.flush(undefined)
  })

  test('is refused for something else where a list belongs', async () => {
    assert.equal(await refusal(() => admin.createTopics('x')), 'createTopics() takes a list here, not a string')
    assert.equal(await refusal(() => admin.createTopics({ topics: [] })), 'createTopics() takes a list here, not an object')
    assert.equal(await refusal(() => admin.deleteTopics('x')), 'Topics are a list of names, or { topicIds }, not a string')
    assert.equal(await refusal(() => admin.describeTopics(undefined)), 'Topics are a list of names, or { topicIds }, not undefined')
    assert.equal(await refusal(() => admin.describeConsumerGroups('g')), 'describeConsumerGroups() takes a list here, not a string')
    assert.equal(
      await refusal(() => admin.alterConsumerGroupOffsets('g', {})),
      'alterConsumerGroupOffsets() takes a list here, not an object'
    )
    assert.equal(await refusal(() => consumer.assign({ topic: 't', partition: 0 })), 'assign() takes a list here, not an object')
  })

  test('is refused for an entry that lacks what it must have', async () => {
    const said = await refusal(() => admin.deleteRecords([{ topic: 't', partition: 0, offset: 5 }]))
    assert.equal(said, 'deleteRecords(): each entry has topic, partition, beforeOffset; one has no beforeOffset')
  })

  test('that makes topics says what others call partitions and names', async () => {
    const one = (entry: object) => refusal(() => admin.createTopics([entry]))
    assert.equal(await one({ name: 'x', partitions: 3 }), 'A topic of createTopics() has no "partitions": did you mean numPartitions?')
    assert.equal(await one({ topic: 'x' }), 'A topic of createTopics() has no "topic": did you mean name?')
    assert.equal(await one({ numPartitions: 1 }), 'A topic of createTopics() has no name')
  })
})

test('a value that is a word of Kafka is refused when there is no such word', async () => {
  const { configResourceTypes } = await import('../src/admin/names.ts')
  const number = (name: string) => refusal(() => configResourceTypes.number(name as 'TOPIC'))
  assert.equal(await number('topic'), 'topic is no type of a resource: did you mean TOPIC?')
  assert.match(await number('zzzzzzzzz'), /^zzzzzzzzz is no type of a resource: there are .*TOPIC/)
})

test('handlers of a run are refused a concurrency of another form, before anything is subscribed', async () => {
  const one = (concurrency: unknown) => refusal(() => consumer.run('t', () => {}, { concurrency }))
  assert.equal(await one(4), "concurrency is 4: give { by: 'key', max: 4 } or { by: 'partition', max: 4 }")
  assert.match(await one({ by: 'topic', max: 4 }), /^concurrency is { by: topic, max: 4 }: give/)
  assert.match(await one({ by: 'key', max: 0 }), /^concurrency is { by: key, max: 0 }: give/)
  assert.deepEqual(consumer.subscription(), [])
})

test('a key or value of another kind is named as one says it', async () => {
  const one = (value: unknown) => refusal(() => raw.serialize(value as string, 't'))
  assert.match(await one({}), /^A key or value is an object: /)
  assert.match(await one([]), /^A key or value is a list: /)
  assert.match(await one(5), /^A key or value is a number: /)
  assert.match(await one(undefined), /^A key or value is undefined: /)
  assert.equal(topic('t').name, 't')
})
