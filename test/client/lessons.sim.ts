// What users of other Node clients suffered, one test a lesson, named for it; and what users of Kafka expect of a consumer. In virtual
// time, against Odradek's broker behind a fault proxy.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Consumer, type ConsumerOptions, Kafka, KafkaError, string, type TopicPartition, topic } from '@odradek/client'
import { ApiKey } from '@odradek/protocol'
import { simulate } from '@odradek/testkit'
import type { Simulation } from '@odradek/world/sim'
import { FaultWorld } from './fault-world.ts'

const orders = topic('orders', { key: string(), value: string() })
const partitions: readonly TopicPartition[] = [0, 1, 2].map((partition) => ({ topic: 'orders', partition }))

interface Scene {
  readonly sim: Simulation
  readonly world: FaultWorld
  readonly kafka: Kafka
  /** Runs the simulation until the promise settles. */
  done<T>(promise: Promise<T>, maxVirtualMs?: number): Promise<T>
  until(condition: () => boolean, maxVirtualMs: number): Promise<void>
  consumer(options?: ConsumerOptions<string, string>, node?: string): Consumer<string, string>
  send(count: number, partition?: number): Promise<void>
  committed(): Promise<(number | undefined)[]>
}

async function play(scenario: (scene: Scene) => Promise<void>): Promise<void> {
  await simulate({ seed: 1 }, async (sim) => {
    const world = await FaultWorld.start(sim)
    await world.createTopics('orders', 'orders.dlq')
    const kafka = world.kafka(sim.node('client'))
    const done: Scene['done'] = (promise, maxVirtualMs = 60_000) => sim.complete(promise, { maxVirtualMs })
    let sent = 0
    await scenario({
      sim,
      world,
      kafka,
      done,
      until: (until, maxVirtualMs) => sim.run({ until, maxVirtualMs }),
      consumer: (options = {}, node = 'client') =>
        (node === 'client' ? kafka : world.kafka(sim.node(node))).consumer({
          groupId: 'g',
          groupProtocol: 'classic',
          autoOffsetReset: 'earliest',
          heartbeatIntervalMs: 500,
          sessionTimeoutMs: 6_000,
          ...options
        }),
      async send(count, partition) {
        const shop = world.kafka(sim.node('shop'))
        const records = Array.from({ length: count }, () => ({ key: `k${sent % 7}`, value: `v${sent++}`, partition }))
        await done(shop.producer().sendBatch(orders, records))
        await done(shop.close())
      },
      async committed() {
        const groups = await done(kafka.admin().listConsumerGroupOffsets(['g']).then())
        return [0, 1, 2].map((partition) => groups.get('g')?.offsets.get(`orders-${partition}`)?.offset)
      }
    })
    await done(kafka.close())
  })
}

describe('silent stalls', () => {
  const deaths: [name: string, strike: (scene: Scene) => void][] = [
    ['connections die without a sign', ({ sim }) => sim.network.dropConnections('client', 'proxy')],
    ['fetches are never answered', ({ world }) => swallowOnce(world, ApiKey.FETCH)],
    ['a heartbeat is never answered', ({ world }) => swallowOnce(world, ApiKey.HEARTBEAT)],
    [
      'metadata is never answered',
      ({ world }) => {
        swallowOnce(world, ApiKey.METADATA)
        world.proxy.cut()
      }
    ],
    [
      'the broker is stopped for a minute',
      ({ world, sim }) => {
        world.broker.node.suspend()
        sim.at(60_000, 'resume', () => world.broker.node.resume())
      }
    ],
    [
      'the broker is killed and starts again',
      ({ world, sim }) => {
        world.broker.kill()
        sim.at(20_000, 'restart', () => world.broker.restart())
      }
    ],
    [
      'the leader and the coordinator move',
      ({ world }) => {
        world.proxy.cluster.moveLeader('orders', 0, 3)
        world.proxy.cluster.moveCoordinator(3)
      }
    ]
  ]
  for (const [name, strike] of deaths)
    test(`end by themselves: ${name}, and the consumer reads on`, () =>
      play(async (scene) => {
        const consumer = scene.consumer()
        const stop = new AbortController()
        const seen = new Set<string | null>()
        const running = consumer.run(orders, ({ value }) => void seen.add(value), { signal: stop.signal })
        await scene.send(30)
        await scene.until(() => seen.size === 30, 20_000)
        strike(scene)
        await scene.sim.advance(70_000)
        await scene.send(30)
        await scene.until(() => seen.size === 60, 15_000)
        stop.abort()
        await scene.done(running)
      }))

  test('do not come from a full queue: run takes in what it has room for at once', () =>
    play(async ({ consumer, send, until, done, sim }) => {
      await send(4_000, 0)
      const stop = new AbortController()
      let count = 0
      const running = consumer().run(orders, () => void count++, { signal: stop.signal })
      await until(() => count > 0, 20_000)
      const before = sim.nowMs
      await until(() => count === 4_000, 60_000)
      assert.ok(sim.nowMs - before < 1_000, `4000 records took ${sim.nowMs - before} ms`)
      stop.abort()
      await done(running)
    }))

  test('end by themselves: an idle producer whose connections died sends on', () =>
    play(async ({ sim, kafka, done }) => {
      const producer = kafka.producer({ lingerMs: 0 })
      await done(producer.send(orders, { key: 'a', value: '1' }))
      sim.network.dropConnections('client', 'proxy')
      await sim.advance(30_000)
      await done(producer.send(orders, { key: 'a', value: '2' }), 15_000)
    }))
})

function swallowOnce(world: FaultWorld, apiKey: number): void {
  let isDone = false
  world.proxy.fault = (request) => {
    if (isDone || request.apiKey !== apiKey) return undefined
    isDone = true
    return 'swallow'
  }
}

describe('eager-only rebalances', () => {
  test('with cooperative-sticky a member keeps reading what it keeps, and gives up only what goes', () =>
    play(async ({ consumer, until, done, sim, send }) => {
      const options = { partitionAssignmentStrategy: 'cooperative-sticky' }
      const first = consumer(options, 'm1')
      const events: string[] = []
      const note = (what: string) => (list: readonly TopicPartition[]) =>
        void events.push(`${what} ${list.map(({ partition }) => partition)}`)
      const stop = new AbortController()
      let received = 0
      const listener = { onAssigned: note('assigned'), onRevoked: note('revoked'), onLost: note('lost') }
      const running = first.run(orders, () => void received++, { signal: stop.signal, listener })
      await until(() => first.assignment().length === 3, 20_000)
      const second = consumer(options, 'm2')
      const joined = second.run(orders, () => {}, { signal: stop.signal })
      await until(() => first.assignment().length === 2, 20_000)
      assert.equal(events.filter((event) => event.startsWith('revoked') && event.length > 'revoked '.length).length, 1)
      assert.match(events.filter((event) => event.startsWith('revoked')).join(), /^revoked \d$/)
      const [kept] = first.assignment()
      const before = received
      await send(10, kept.partition)
      await until(() => received === before + 10, 5_000)
      await sim.advance(1_000)
      stop.abort()
      await done(Promise.all([running, joined]))
    }))
})

describe('tombstones lost', () => {
  test('null stays null and empty stays empty, for keys, values and headers, through topics and dead letters', () =>
    play(async ({ kafka, consumer, done }) => {
      const producer = kafka.producer()
      const values: [key: string | null, value: string | null][] = [
        ['k', null],
        ['k', ''],
        ['', 'v'],
        [null, 'v'],
        [null, null],
        ['', '']
      ]
      for (const [key, value] of values)
        await done(producer.send('orders', { key, value, partition: 0, headers: { none: null, empty: '' } }))
      const reader = consumer()
      const stop = new AbortController()
      let failed = 0
      await done(
        reader.run(
          'orders',
          () => {
            if (++failed === values.length) stop.abort()
            throw new Error('to the dead letters')
          },
          { deadLetter: 'orders.dlq', signal: stop.signal }
        )
      ).catch(() => {})
      const text = (bytes: Buffer | null | undefined): string | null | undefined => (bytes === null ? null : bytes?.toString())
      for (const name of ['orders', 'orders.dlq']) {
        const plain = kafka.consumer({ autoOffsetReset: 'earliest' })
        plain.assign([0, 1, 2].map((partition) => ({ topic: name, partition })))
        const found: [string | null | undefined, string | null | undefined][] = []
        while (found.length < values.length - (name === 'orders' ? 0 : 1))
          for (const record of await done(plain.poll())) {
            found.push([text(record.rawKey), text(record.rawValue)])
            assert.equal(record.header('none'), null)
            assert.equal(text(record.header('empty')), '')
          }
        const expected = name === 'orders' ? values : values.filter((each) => found.some((other) => String(other) === String(each)))
        assert.deepEqual(new Set(found.map(String)), new Set(expected.map(String)))
        assert.ok(found.every(([key, value]) => values.some((each) => each[0] === key && each[1] === value)))
      }
    }))

  test('a typed topic gives null for a tombstone, whatever its deserializer would make of nothing', () =>
    play(async ({ kafka, consumer, done }) => {
      await done(kafka.producer().send(orders, { key: 'k', value: null }))
      for await (const record of streamed(consumer().stream(orders), done)) {
        assert.equal(record.value, null)
        assert.equal(record.key, 'k')
        break
      }
    }))
})

/** A stream whose every step runs the simulation. */
async function* streamed<T>(stream: AsyncIterableIterator<T>, done: Scene['done']): AsyncGenerator<T> {
  try {
    for (;;) {
      const { done: isOver, value } = await done(stream.next())
      if (isOver) return
      yield value
    }
  } finally {
    if (stream.return !== undefined) await done(stream.return())
  }
}

describe('batches of one await', () => {
  test('a thousand sends that nobody awaits one by one travel in a few requests', () =>
    play(async ({ world, kafka, done }) => {
      let requests = 0
      world.proxy.onRequest = ({ apiKey }) => {
        if (apiKey === ApiKey.PRODUCE) requests++
      }
      const producer = kafka.producer({ lingerMs: 0 })
      await done(Promise.all(Array.from({ length: 1_000 }, (_, at) => producer.send(orders, { key: `k${at}`, value: 'x' }))))
      assert.ok(requests <= 15, `${requests} requests`)
    }))
})

describe('unbounded buffers', () => {
  test('a producer whose broker takes nothing holds buffer.memory at most', () =>
    play(async ({ world, kafka, done, sim }) => {
      const producer = kafka.producer({
        bufferMemory: 100_000,
        batchSize: 10_000,
        maxBlockMs: 2_000,
        deliveryTimeoutMs: 10_000,
        requestTimeoutMs: 3_000,
        lingerMs: 0
      })
      await done(producer.send(orders, { key: 'a', value: 'x' }))
      world.proxy.stall()
      const results = Array.from({ length: 1_000 }, () =>
        producer.send(orders, { key: 'a', value: 'x'.repeat(1_000) }).catch((error) => error.code)
      )
      assert.ok(producer.isFull)
      await sim.advance(2_100)
      const metrics = producer.metrics()
      assert.ok((metrics.get('buffer-total-bytes') ?? 0) - (metrics.get('buffer-available-bytes') ?? 0) <= 100_000)
      const codes = await done(Promise.all(results))
      assert.deepEqual([...new Set(codes)], ['REQUEST_TIMED_OUT'])
      world.proxy.heal()
    }))

  test('a consumer that does not poll takes no more than its bound from the broker', () =>
    play(async ({ world, consumer, kafka, done, sim }) => {
      const producer = kafka.producer({ maxRequestSize: 2_000_000, batchSize: 100_000 })
      const value = 'x'.repeat(10_000)
      for (let round = 0; round < 10; round++)
        await done(
          producer.sendBatch(
            orders,
            Array.from({ length: 60 }, (_, at) => ({ partition: at % 3, value }))
          )
        )
      let bytes = 0
      world.proxy.onAnswer = ({ apiKey }, size) => {
        if (apiKey === ApiKey.FETCH) bytes += size
      }
      const idle = consumer({ prefetchBytes: 300_000, maxPartitionFetchBytes: 1_000_000, maxPollRecords: 1 })
      idle.assign(partitions)
      await done(idle.poll())
      await sim.advance(60_000)
      assert.ok(bytes > 100_000 && bytes < 1_300_000, `${bytes} of 6,000,000 bytes`)
      let count = 1
      while (count < 600) count += (await done(idle.poll())).count
    }))
})

describe('commit offset off by one', () => {
  test('after n records the committed offset is n, and the next member begins with record n', () =>
    play(async ({ consumer, send, done, committed }) => {
      await send(10, 0)
      const first = consumer({ maxPollRecords: 4 })
      first.subscribe(orders)
      let records = await done(first.poll())
      while (records.isEmpty) records = await done(first.poll())
      assert.equal(records.count, 4)
      await done(first.commitSync())
      assert.equal((await committed())[0], 4)
      await done(first.close())
      assert.equal((await committed())[0], 4, 'close does not go back behind it')
      const second = consumer()
      second.subscribe(orders)
      let next = await done(second.poll())
      while (next.isEmpty) next = await done(second.poll())
      assert.equal(next.toArray()[0].offset, 4)
      await done(second.commitSync([{ topic: 'orders', partition: 0, offset: 7 }]))
      await done(second.close())
      assert.equal((await committed())[0], 7, 'nor forward to what was handed out')
    }))
})

describe('recycled buffers still in flight', () => {
  test('records of two topics never change places, and buffers of the user may be written to once their send has settled', () =>
    play(async ({ world, kafka, done, sim }) => {
      const producer = kafka.producer({
        lingerMs: 1,
        batchSize: 500,
        bufferMemory: 40_000,
        deliveryTimeoutMs: 300_000,
        maxBlockMs: 300_000
      })
      world.storm({ topics: ['orders'], meanMs: 700 })
      const random = sim.prng.fork('tags')
      const sends: Promise<unknown>[] = []
      for (let at = 0; at < 300; at++) {
        const name = random.pick(['orders', 'orders.dlq'])
        const value = Buffer.from(`${name} ${at} ${'x'.repeat(random.below(200))}`)
        sends.push(producer.send(name, { key: `k${at % 5}`, value }).then(() => value.fill(0)))
        if (random.chance(0.3)) await sim.advance(random.below(100))
      }
      await world.calm()
      await done(Promise.all(sends), 300_000)
      const seen = new Set<string>()
      for (const name of ['orders', 'orders.dlq'])
        for (const { id } of await world.log(name)) {
          assert.match(id, new RegExp(`^${name.replace('.', '\\.')} \\d+ x*$`))
          seen.add(id.split(' ')[1])
        }
      assert.equal(seen.size, 300)
    }))
})

describe('handler failures that commit anyway', () => {
  const failAt5 = ({ offset }: { offset: number }): void => {
    if (offset === 5) throw new Error('this handler fails')
  }

  test('run ends with the error, and the failed record is not committed', () =>
    play(async ({ consumer, send, done, committed }) => {
      await send(10, 0)
      await assert.rejects(done(consumer({ autoCommitIntervalMs: 10 }).run(orders, failAt5)), /this handler fails/)
      assert.equal((await committed())[0], 5)
    }))

  test('with many at once nothing behind the failed record is committed either', () =>
    play(async ({ consumer, send, done, committed, sim }) => {
      await send(30, 0)
      const handler = async (record: { offset: number }): Promise<void> => {
        if (record.offset === 5) await new Promise<void>((resolve) => void sim.node('client').world.timers.schedule(3_000, resolve))
        failAt5(record)
      }
      const running = consumer({ autoCommitIntervalMs: 10 }).run(orders, handler, { concurrency: { by: 'key', max: 8 } })
      await assert.rejects(done(running), /this handler fails/)
      assert.equal((await committed())[0], 5)
    }))

  test('a loop over a stream that throws leaves the record uncommitted', () =>
    play(async ({ consumer, send, done, committed }) => {
      await send(10, 0)
      const reader = consumer({ autoCommitIntervalMs: 10 })
      const loop = async (): Promise<void> => {
        for await (const record of reader.stream(orders)) failAt5(record)
      }
      await assert.rejects(done(loop()), /this handler fails/)
      await done(reader.close())
      assert.equal((await committed())[0], 5)
    }))

  test('a poll whose records were not finished is not committed by close', () =>
    play(async ({ consumer, send, done, committed, sim }) => {
      await send(10, 0)
      const reader = consumer({ autoCommitIntervalMs: 10, maxPollRecords: 6 })
      reader.subscribe(orders)
      let records = await done(reader.poll())
      while (records.isEmpty) records = await done(reader.poll())
      assert.throws(() => records.toArray().forEach(failAt5), /this handler fails/)
      await sim.advance(2_000)
      await done(reader.close())
      assert.equal((await committed())[0] ?? 0, 0)
    }))
})

describe('pause and resume', () => {
  test('act at once in run: what was fetched and queued of a paused partition waits, that of others goes on', () =>
    play(async ({ consumer, send, done, until, sim }) => {
      const order: number[] = []
      const reader = consumer()
      const stop = new AbortController()
      const running = reader.run(
        orders,
        async ({ partition }) => {
          order.push(partition)
          if (order.length === 3) reader.pause([{ topic: 'orders', partition }])
          await new Promise<void>((resolve) => void sim.node('client').world.timers.schedule(5, resolve))
        },
        { signal: stop.signal }
      )
      await until(() => reader.assignment().length === 3, 20_000)
      await send(600, 0)
      await sim.advance(10_000)
      assert.deepEqual(order, [0, 0, 0])
      await send(20, 1)
      await until(() => order.length === 23, 5_000)
      assert.deepEqual(new Set(order.slice(3)), new Set([1]))
      const before = sim.nowMs
      reader.resume([{ topic: 'orders', partition: 0 }])
      await until(() => order.length === 24, 5_000)
      assert.ok(sim.nowMs - before < 20, `resumed after ${sim.nowMs - before} ms`)
      await until(() => order.length === 620, 30_000)
      stop.abort()
      await done(running)
    }))

  test('act at once in a stream and in poll', () =>
    play(async ({ consumer, send, done, sim }) => {
      await send(20, 0)
      const reader = consumer()
      const stream = reader.stream(orders)
      const offsetOf = async (): Promise<number | undefined> => (await done(stream.next())).value?.offset
      assert.deepEqual([await offsetOf(), await offsetOf()], [0, 1])
      reader.pause(partitions.slice(0, 1))
      let isThere = false
      const next = stream.next().then((result) => {
        isThere = true
        return result.value?.offset
      })
      await sim.advance(30_000)
      assert.equal(isThere, false)
      reader.resume(partitions.slice(0, 1))
      const before = sim.nowMs
      assert.equal(await done(next), 2)
      assert.ok(sim.nowMs - before < 20, `resumed after ${sim.nowMs - before} ms`)
      await done(stream.return())
      const poller = consumer({ groupId: undefined, maxPollRecords: 5 })
      poller.assign(partitions.slice(0, 1))
      assert.equal((await done(poller.poll())).count, 5)
      poller.pause(partitions.slice(0, 1))
      assert.equal((await done(poller.poll(500))).count, 0)
      poller.resume(partitions.slice(0, 1))
      assert.equal((await done(poller.poll(0))).toArray()[0]?.offset, 5)
    }))
})

describe('wakeup', () => {
  test('ends a waiting poll at once, or the next one, and the consumer goes on', () =>
    play(async ({ consumer, send, done, sim }) => {
      const reader = consumer()
      reader.subscribe(orders)
      await done(reader.poll(3_000))
      const waiting = reader.poll(60_000).then(
        () => 'records',
        (error) => error.code
      )
      await sim.advance(1_000)
      const before = sim.nowMs
      reader.wakeup()
      assert.equal(await done(waiting), 'WAKEUP')
      assert.ok(sim.nowMs - before < 1)
      reader.wakeup()
      await assert.rejects(done(reader.poll()), { code: 'WAKEUP' })
      await send(1, 0)
      assert.equal((await done(reader.poll(5_000))).count, 1)
    }))
})

describe('rebalance listeners', () => {
  test('are awaited: nothing is read before onAssigned is done, nobody else has the partition before onRevoked is', () =>
    play(async ({ consumer, send, done, sim, until }) => {
      await send(30)
      const wait = (ms: number): Promise<void> => new Promise((resolve) => void sim.node('m1').world.timers.schedule(ms, resolve))
      let isAssigning = false
      let isRevoking = false
      let begun = 0
      let revocations = 0
      const stop = new AbortController()
      const first = consumer({ partitionAssignmentStrategy: 'range' }, 'm1')
      const running = first.run(
        orders,
        async () => {
          assert.ok(!isAssigning && !isRevoking)
          begun++
          await wait(1)
        },
        {
          signal: stop.signal,
          listener: {
            async onAssigned() {
              isAssigning = true
              await wait(700)
              isAssigning = false
            },
            async onRevoked(list) {
              if (list.length === 0) return
              isRevoking = true
              revocations++
              await wait(1_500)
              isRevoking = false
            }
          }
        }
      )
      await until(() => begun === 30, 20_000)
      const second = consumer({ partitionAssignmentStrategy: 'range' }, 'm2')
      const joined = second.run(orders, () => {}, { signal: stop.signal, listener: { onAssigned: () => assert.ok(!isRevoking) } })
      await until(() => second.assignment().length > 0 && first.assignment().length > 0, 20_000)
      assert.equal(revocations, 1)
      stop.abort()
      await done(Promise.all([running, joined]))
    }))
})

describe('a clean close', () => {
  test('commits what is finished and leaves, so that the next member has the partitions at once', () =>
    play(async ({ consumer, send, done, committed, sim, kafka, until }) => {
      await send(10, 0)
      const first = consumer({ sessionTimeoutMs: 30_000, autoCommitIntervalMs: 3_600_000 })
      first.subscribe(orders)
      let seen = 0
      while (seen < 10) seen += (await done(first.poll())).count
      await done(first.poll(0))
      await done(first.close())
      assert.equal((await committed())[0], 10)
      const groups = await done(kafka.admin().describeConsumerGroups(['g']).then())
      assert.equal(groups.get('g')?.members.length, 0)
      const before = sim.nowMs
      const second = consumer()
      second.subscribe(orders)
      const polling = done(second.poll(3_000))
      await polling
      await until(() => second.assignment().length === 3, 3_000)
      assert.ok(sim.nowMs - before < 4_000)
      await done(second.close())
      await done(second.close())
      await assert.rejects(done(second.poll()), (error) => error instanceof KafkaError)
    }))

  test('leaving a stream by break commits what was finished before, and ack finishes the last one too', () =>
    play(async ({ consumer, send, done, committed }) => {
      await send(10, 0)
      for (const [acks, expected] of [
        [false, 3],
        [true, 7]
      ] as const) {
        const reader = consumer()
        let seen = 0
        for await (const record of streamed(reader.stream(orders), done))
          if (++seen === 4) {
            if (acks) record.ack()
            break
          }
        assert.equal((await committed())[0], expected)
        await done(reader.close())
      }
    }))
})

describe('settings', () => {
  test('that do not exist are errors that say what was probably meant', () => {
    const brokers = 'localhost:9092'
    const kafka = new Kafka({ brokers })
    const wrong: [make: () => unknown, meant: RegExp][] = [
      [() => new Kafka({ brokers, reqestTimeoutMs: 1 } as never), /reqestTimeoutMs.*requestTimeoutMs/s],
      [() => kafka.producer({ lingerMillis: 5 } as never), /lingerMillis.*lingerMs/s],
      [() => kafka.producer({ 'linger.msec': 5 } as never), /linger\.msec.*linger\.ms/s],
      [() => kafka.consumer({ group: 'g' } as never), /group.*groupId/s],
      [() => kafka.consumer({ autoOffsetReset: 'earliets' } as never), /earliets.*earliest/s]
    ]
    for (const [make, meant] of wrong)
      assert.throws(make, (error) => error instanceof KafkaError && error.code === 'INVALID_CONFIG' && meant.test(error.message))
  })
})
