import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ApiKey, ErrorCode, ListGroupsRequest, ListGroupsResponse } from '@odradek/protocol'
import { errorOf, KafkaError } from '../../src/errors.ts'
import { FakeCluster, settled } from '../support/fake-cluster.ts'

const idA = 'AAAAAAAAQACAAAAAAAAAAQ'
const idB = 'AAAAAAAAQACAAAAAAAAAAg'

describe('finding a cluster', () => {
  test('goes past bootstrap addresses that are dead or unknown', async () => {
    const fake = await FakeCluster.start([1, 2])
    const cluster = fake.connect({ brokers: ['nowhere:9092', 'b1:1', 'b2:9092'] })
    const metadata = await fake.sim.complete(cluster.metadata([]))
    assert.deepEqual([...metadata.nodes.keys()], [1, 2])
    assert.equal(metadata.clusterId, 'fake')
    cluster.close()
    assert.equal(await fake.openSockets(), 0)
  })

  test('fails at once when no name of bootstrap.servers has an address', async () => {
    const fake = await FakeCluster.start([1])
    const cluster = fake.connect({ brokers: 'nowhere:9092,elsewhere:9092' })
    const outcome = await fake.sim.complete(settled(cluster.metadata([])))
    assert.equal(outcome.code, 'NO_RESOLVABLE_BOOTSTRAP')
    assert.match(outcome.message ?? '', /bootstrap\.servers=nowhere:9092,elsewhere:9092/)
    assert.ok(fake.sim.nowMs < 100)
    cluster.close()
  })

  test('keeps trying until its deadline when nobody answers, with growing pauses, and says why', async () => {
    const fake = await FakeCluster.start([1])
    fake.sim.network.refuseConnections('b1')
    const cluster = fake.connect({ apiTimeoutMs: 10_000 })
    const outcome = await fake.sim.complete(settled(cluster.metadata([])))
    assert.equal(outcome.code, 'REQUEST_TIMED_OUT')
    assert.match(outcome.message ?? '', /b1:9092.*ECONNREFUSED/s)
    assert.ok(fake.sim.nowMs >= 10_000 && fake.sim.nowMs < 10_100)
    cluster.close()
    await fake.sim.run()
  })

  test('tells the log meanwhile that a broker cannot be reached, each time half as often', async () => {
    const fake = await FakeCluster.start([1])
    fake.sim.network.refuseConnections('b1')
    const cluster = fake.connect({ apiTimeoutMs: 60_000 })
    const log: string[] = []
    const { logger } = fake.client.world
    logger.log = (level, _logger, message) => void log.push(`${level} ${message}`)
    await fake.sim.complete(settled(cluster.metadata([])))
    cluster.close()
    assert.match(log[0], /^WARN .*b1:9092.*ECONNREFUSED.* \(failures in a row: 1\)$/)
    assert.ok(log.length > 3 && log.length < 12, log.join('\n'))
  })

  test('is not fooled by metadata without brokers: that ends by the deadline too', async () => {
    const fake = await FakeCluster.start([1])
    fake.known = []
    const cluster = fake.connect({ apiTimeoutMs: 5_000 })
    const outcome = await fake.sim.complete(settled(cluster.metadata([])))
    assert.equal(outcome.code, 'REQUEST_TIMED_OUT')
    assert.match(outcome.message ?? '', /knows of no broker/)
    assert.ok(fake.count(ApiKey.METADATA) < 20)
    cluster.close()
  })

  test('ends at once with a typed error when all it reaches speaks something else', async () => {
    const fake = await FakeCluster.start([1])
    fake.handlers.set(ApiKey.API_VERSIONS, () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const cluster = fake.connect()
    const outcome = await fake.sim.complete(settled(cluster.metadata([])))
    assert.equal(outcome.code, 'PROTOCOL_VIOLATION')
    assert.ok(outcome.error instanceof KafkaError && outcome.error.fatal)
    cluster.close()
    assert.equal(await fake.openSockets(), 0)
  })

  test('goes back to the bootstrap addresses when every broker it knew is gone', async () => {
    const fake = await FakeCluster.start([1, 2])
    fake.known = [2]
    const cluster = fake.connect()
    await fake.sim.complete(cluster.metadata([]))
    fake.broker(2).node.losePower()
    fake.known = [1]
    await fake.sim.advance(1_000)
    const metadata = await fake.sim.complete(cluster.metadata([], { refresh: true, timeoutMs: 60_000 }))
    assert.deepEqual([...metadata.nodes.keys()], [1])
    cluster.close()
  })

  test('goes back to the bootstrap addresses when a broker says so', async () => {
    const fake = await FakeCluster.start([1, 2])
    fake.known = [2]
    const cluster = fake.connect()
    await fake.sim.complete(cluster.metadata([]))
    fake.known = [1]
    fake.handlers.set(ApiKey.METADATA, (_, broker) =>
      broker.id === 2 ? { ...fake.metadata({ topics: [] } as never), errorCode: ErrorCode.REBOOTSTRAP_REQUIRED } : undefined
    )
    const metadata = await fake.sim.complete(cluster.metadata([], { refresh: true }))
    assert.deepEqual([...metadata.nodes.keys()], [1])
    cluster.close()
  })

  test('goes back there after metadata.recovery.rebootstrap.trigger.ms, however long the brokers that do not answer would take', async () => {
    for (const [rebootstrapTriggerMs, atLeastMs, atMostMs] of [
      [5_000, 5_000, 6_000],
      [600_000, 6_000, 12_000]
    ]) {
      const fake = await FakeCluster.start([1, 2, 3, 4])
      fake.known = [2, 3, 4]
      const cluster = fake.connect({ rebootstrapTriggerMs, retryBackoffMs: 1 })
      await fake.sim.complete(cluster.metadata([]))
      fake.known = [1]
      fake.handlers.set(ApiKey.METADATA, (_, broker) => (broker.id === 1 ? undefined : 'silence'))
      const start = fake.sim.nowMs
      const metadata = await fake.sim.complete(cluster.metadata([], { refresh: true, timeoutMs: 60_000 }))
      assert.deepEqual([...metadata.nodes.keys()], [1])
      const tookMs = fake.sim.nowMs - start
      assert.ok(tookMs >= atLeastMs && tookMs <= atMostMs, `${rebootstrapTriggerMs}: ${tookMs}`)
      cluster.close()
      assert.equal(await fake.openSockets(), 0)
    }
  })

  test('tries the brokers that it knew too when the trigger has passed and no bootstrap address answers', async () => {
    const fake = await FakeCluster.start([1, 2])
    fake.known = [2]
    const cluster = fake.connect({ rebootstrapTriggerMs: 3_000 })
    await fake.sim.complete(cluster.metadata([]))
    fake.broker(1).node.losePower()
    let isDown = true
    fake.handlers.set(ApiKey.METADATA, () => (isDown ? 'hang up' : undefined))
    const pending = settled(cluster.metadata([], { refresh: true, timeoutMs: 60_000 }))
    await fake.sim.advance(5_000)
    isDown = false
    assert.equal((await fake.sim.complete(pending)).code, undefined)
    cluster.close()
  })

  test('does not go back there with metadata.recovery.strategy=none', async () => {
    const fake = await FakeCluster.start([1, 2])
    fake.known = [2]
    const cluster = fake.connect({ rebootstraps: false })
    await fake.sim.complete(cluster.metadata([]))
    fake.broker(2).node.kill()
    fake.known = [1]
    const outcome = await fake.sim.complete(settled(cluster.metadata([], { refresh: true, timeoutMs: 5_000 })))
    assert.equal(outcome.code, 'REQUEST_TIMED_OUT')
    assert.deepEqual([...cluster.current.nodes.keys()], [2])
    cluster.close()
  })
})

describe('metadata', () => {
  test('is asked for once by all who want it at the same time; the rest is gathered for the next', async () => {
    const fake = await FakeCluster.start([1])
    fake.topics.set('a', { topicId: idA, partitions: [{ leader: 1, epoch: 0 }] })
    fake.topics.set('b', { topicId: idB, partitions: [{ leader: 1, epoch: 0 }] })
    const cluster = fake.connect()
    const wanted = [['a'], ['a'], ['b'], ['b'], []].map((names) => cluster.metadata(names))
    const [, , third] = await fake.sim.complete(Promise.all(wanted))
    assert.equal(fake.count(ApiKey.METADATA), 2)
    assert.deepEqual([...third.topics.keys()], ['a', 'b'])
    cluster.close()
  })

  test('is kept until its age, or until it is said to be wrong', async () => {
    const fake = await FakeCluster.start([1])
    fake.topics.set('a', { topicId: idA, partitions: [{ leader: 1, epoch: 0 }] })
    const cluster = fake.connect({ metadataMaxAgeMs: 60_000 })
    await fake.sim.complete(cluster.metadata(['a']))
    await fake.sim.complete(cluster.metadata(['a']))
    assert.equal(fake.count(ApiKey.METADATA), 1)
    cluster.invalidate('a')
    await fake.sim.complete(cluster.metadata(['a']))
    assert.equal(fake.count(ApiKey.METADATA), 2)
    await fake.sim.complete(cluster.metadata(['a']))
    assert.equal(fake.count(ApiKey.METADATA), 2)
    await fake.sim.advance(61_000)
    await fake.sim.complete(cluster.metadata(['a']))
    assert.equal(fake.count(ApiKey.METADATA), 3)
    cluster.close()
  })

  test('of topics that nobody asks for any more is forgotten, and that of topics that are held is not', async () => {
    const fake = await FakeCluster.start([1])
    const cluster = fake.connect({ topicIdleMs: 60_000 })
    cluster.topicHolder = () => (name) => name === 'held'
    for (const name of ['held', ...Array.from({ length: 2_000 }, (_, at) => `t${at}`)]) {
      fake.topics.set(name, { topicId: Buffer.from(name.padEnd(16, '.')).toString('base64url'), partitions: [{ leader: 1, epoch: 0 }] })
      await fake.sim.complete(cluster.metadata([name]))
      await fake.sim.advance(1_000)
      assert.ok(cluster.current.topics.size <= 62, `${cluster.current.topics.size}`)
    }
    assert.equal(cluster.current.topics.get('held')?.partitions.length, 1)
    assert.equal((await fake.sim.complete(cluster.metadata(['t0']))).topics.get('t0')?.partitions.length, 1)
    // Asked for once, all topics are not remembered either.
    await fake.sim.complete(cluster.metadata(undefined, { isOnce: true }))
    assert.equal(cluster.current.topics.size, 2_001)
    await fake.sim.advance(61_000)
    await fake.sim.complete(cluster.metadata(['t1'], { refresh: true }))
    assert.deepEqual([...cluster.current.topics.keys()].sort(), ['held', 't1'])
    cluster.close()
  })

  test('is refreshed as a whole in its time, however often some of it is asked for meanwhile', async () => {
    const fake = await FakeCluster.start([1])
    fake.topics.set('a', { topicId: idA, partitions: [{ leader: 1, epoch: 0 }] })
    fake.topics.set('b', { topicId: idB, partitions: [{ leader: 1, epoch: 0 }] })
    const cluster = fake.connect({ metadataMaxAgeMs: 10_000, topicIdleMs: 600_000 })
    cluster.onMetadata(() => {})
    await fake.sim.complete(cluster.metadata(['a']))
    fake.topics.get('a')?.partitions.push({ leader: 1, epoch: 0 })
    for (let seconds = 0; seconds < 12; seconds++) {
      await fake.sim.complete(cluster.metadata(['b'], { refresh: true }))
      await fake.sim.advance(1_000)
    }
    assert.equal(cluster.current.topics.get('a')?.partitions.length, 2)
    cluster.close()
  })

  test('of a topic that is not there is told, and asked for again the next time', async () => {
    const fake = await FakeCluster.start([1])
    const cluster = fake.connect()
    const first = await fake.sim.complete(cluster.metadata(['late']))
    assert.equal(first.topics.get('late')?.errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    fake.topics.set('late', { topicId: idA, partitions: [{ leader: 1, epoch: 0 }] })
    const second = await fake.sim.complete(cluster.metadata(['late']))
    assert.equal(second.topics.get('late')?.errorCode, ErrorCode.NONE)
    assert.equal(cluster.topicId('late'), idA)
    assert.equal(cluster.topicName(idA), 'late')
    cluster.close()
  })

  test('never takes a leader epoch back, but forgets the epochs of a topic that was made anew', async () => {
    const fake = await FakeCluster.start([1, 2])
    const topic = { topicId: idA, partitions: [{ leader: 2, epoch: 7 }] }
    fake.topics.set('a', topic)
    const cluster = fake.connect()
    await fake.sim.complete(cluster.metadata(['a']))
    topic.partitions[0] = { leader: 1, epoch: 6 }
    await fake.sim.complete(cluster.metadata(['a'], { refresh: true }))
    assert.deepEqual(cluster.leaderOf('a', 0), { nodeId: 2, leaderEpoch: 7 })
    cluster.updateLeaders([{ topic: 'a', partition: 0, leaderId: 1, leaderEpoch: 5 }])
    assert.deepEqual(cluster.leaderOf('a', 0), { nodeId: 2, leaderEpoch: 7 })
    cluster.updateLeaders([{ topic: 'a', partition: 0, leaderId: 1, leaderEpoch: 8 }])
    assert.deepEqual(cluster.leaderOf('a', 0), { nodeId: 1, leaderEpoch: 8 })
    fake.topics.set('a', { topicId: idB, partitions: [{ leader: 1, epoch: 0 }] })
    await fake.sim.complete(cluster.metadata(['a'], { refresh: true }))
    assert.deepEqual(cluster.leaderOf('a', 0), { nodeId: 1, leaderEpoch: 0 })
    cluster.close()
  })

  test('finds topics by id', async () => {
    const fake = await FakeCluster.start([1])
    fake.topics.set('a', { topicId: idA, partitions: [{ leader: 1, epoch: 0 }] })
    fake.handlers.set(ApiKey.METADATA, ({ body }) => {
      const response = fake.metadata(body)
      return { ...response, topics: response.topics.map((topic) => ({ ...topic, name: 'a' })) }
    })
    const cluster = fake.connect()
    await fake.sim.complete(cluster.metadataOfIds([idA]))
    assert.equal(cluster.topicName(idA), 'a')
    cluster.close()
  })

  test('keeps no process alive before it was asked for', async () => {
    const fake = await FakeCluster.start([1])
    const { timers } = fake.client.world
    const scheduled: number[] = []
    const { schedule } = timers
    timers.schedule = (delayMs, callback) => {
      scheduled.push(delayMs)
      return schedule.call(timers, delayMs, callback)
    }
    const cluster = fake.connect({ metadataMaxAgeMs: 12_345 })
    cluster.onMetadata(() => {})
    assert.equal(scheduled.length, 0)
    await fake.sim.complete(cluster.metadata([]))
    assert.ok(scheduled.includes(12_345))
    cluster.close()
  })

  test('is kept up to date while somebody listens, and only then', async () => {
    const fake = await FakeCluster.start([1])
    const topic = { topicId: idA, partitions: [{ leader: 1, epoch: 0 }] }
    fake.topics.set('a', topic)
    const cluster = fake.connect({ metadataMaxAgeMs: 10_000, idleMs: -1 })
    cluster.topicHolder = () => () => true
    const sizes: (number | undefined)[] = []
    const stop = cluster.onMetadata(({ topics }) => sizes.push(topics.get('a')?.partitions.length))
    await fake.sim.complete(cluster.metadata(['a']))
    topic.partitions.push({ leader: 1, epoch: 0 })
    await fake.sim.advance(25_000)
    assert.deepEqual(sizes, [1, 2, 2])
    stop()
    const asked = fake.count(ApiKey.METADATA)
    await fake.sim.advance(60_000)
    assert.equal(fake.count(ApiKey.METADATA), asked)
    cluster.close()
  })

  test('ends for one who gives up, and goes on for the others', async () => {
    const fake = await FakeCluster.start([1])
    fake.handlers.set(ApiKey.METADATA, () => 'silence')
    const cluster = fake.connect()
    const controller = new AbortController()
    const given = settled(cluster.metadata(['a'], { signal: controller.signal }))
    const short = settled(cluster.metadata(['a'], { timeoutMs: 500 }))
    const patient = cluster.metadata(['a'])
    await fake.sim.run({ until: () => fake.count(ApiKey.METADATA) > 0 })
    controller.abort(new Error('enough'))
    assert.equal((await fake.sim.complete(given)).message, 'enough')
    assert.equal((await fake.sim.complete(short)).code, 'REQUEST_TIMED_OUT')
    fake.handlers.delete(ApiKey.METADATA)
    assert.equal((await fake.sim.complete(patient)).clusterId, 'fake')
    cluster.close()
  })
})

describe('a call', () => {
  const listGroups = (cluster: ReturnType<FakeCluster['connect']>, target: Parameters<typeof cluster.call>[0], options = {}) =>
    cluster.call(target, ListGroupsRequest, ListGroupsResponse, {}, { errorOf: ({ errorCode }) => errorOf(errorCode), ...options })

  test('follows the coordinator when it moves', async () => {
    const fake = await FakeCluster.start([1, 2])
    fake.handlers.set(ApiKey.LIST_GROUPS, (_, broker) => ({ errorCode: broker.id === 2 ? 0 : ErrorCode.NOT_COORDINATOR }))
    const cluster = fake.connect()
    const target = { coordinator: 'g', type: 'group' } as const
    const answer = listGroups(cluster, target)
    await fake.sim.run({ until: () => fake.broker(1).count(ApiKey.LIST_GROUPS) > 0 })
    fake.coordinatorId = 2
    await fake.sim.complete(answer)
    assert.equal(await fake.sim.complete(cluster.coordinator('group', 'g')), 2)
    assert.equal(fake.count(ApiKey.FIND_COORDINATOR), 2)
    // Heartbeats must not wait behind fetches: a coordinator has a connection of its own.
    assert.equal(fake.broker(2).accepted, 1)
    cluster.close()
    assert.equal(await fake.openSockets(), 0)
  })

  test('follows the controller when it moves', async () => {
    const fake = await FakeCluster.start([1, 2])
    fake.handlers.set(ApiKey.LIST_GROUPS, (_, broker) => {
      fake.controllerId = 2
      return { errorCode: broker.id === 2 ? 0 : ErrorCode.NOT_CONTROLLER }
    })
    const cluster = fake.connect()
    await fake.sim.complete(listGroups(cluster, { controller: true }))
    assert.equal(fake.broker(2).count(ApiKey.LIST_GROUPS), 1)
    cluster.close()
  })

  test('survives a broker that hangs up now and then', async () => {
    const fake = await FakeCluster.start([1])
    let calls = 0
    fake.handlers.set(ApiKey.LIST_GROUPS, () => (++calls < 3 ? 'hang up' : {}))
    const cluster = fake.connect()
    await fake.sim.complete(listGroups(cluster, { node: 1 }))
    assert.equal(calls, 3)
    cluster.close()
  })

  test('ends by its deadline when the answer is always the same retriable error, with that error as the cause', async () => {
    const fake = await FakeCluster.start([1])
    fake.handlers.set(ApiKey.LIST_GROUPS, () => ({ errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS }))
    const cluster = fake.connect({ retryBackoffMs: 100, retryBackoffMaxMs: 1_000 })
    const outcome = await fake.sim.complete(settled(listGroups(cluster, { node: 1 }, { timeoutMs: 5_000 })))
    assert.equal(outcome.code, 'REQUEST_TIMED_OUT')
    assert.equal(((outcome.error as Error).cause as KafkaError).code, 'COORDINATOR_LOAD_IN_PROGRESS')
    const calls = fake.count(ApiKey.LIST_GROUPS)
    assert.ok(calls >= 6 && calls <= 12, `${calls} calls in 5 s: the pauses grow`)
    cluster.close()
  })

  test('ends at once on an error that stays, and on a code that is newer than this client', async () => {
    const fake = await FakeCluster.start([1])
    for (const [errorCode, code] of [
      [ErrorCode.CLUSTER_AUTHORIZATION_FAILED, 'CLUSTER_AUTHORIZATION_FAILED'],
      [9_999, 'UNKNOWN_SERVER_ERROR']
    ] as const) {
      fake.handlers.set(ApiKey.LIST_GROUPS, () => ({ errorCode }))
      const cluster = fake.connect()
      const { error } = await fake.sim.complete(settled(listGroups(cluster, { node: 1 })))
      assert.ok(error instanceof KafkaError)
      assert.deepEqual([error.code, error.errorCode, error.fatal], [code, errorCode, true])
      if (errorCode === 9_999) assert.match(error.message, /code 9999/)
      cluster.close()
    }
    assert.equal(fake.count(ApiKey.LIST_GROUPS), 2)
  })

  test('to a broker that is not in the cluster ends by its deadline', async () => {
    const fake = await FakeCluster.start([1])
    const cluster = fake.connect()
    const outcome = await fake.sim.complete(settled(listGroups(cluster, { node: 42 }, { timeoutMs: 3_000 })))
    assert.equal(outcome.code, 'REQUEST_TIMED_OUT')
    assert.match(outcome.message ?? '', /Broker 42 is not in the cluster/)
    cluster.close()
  })

  test('is rejected by close, and everything ends', async () => {
    const fake = await FakeCluster.start([1])
    fake.handlers.set(ApiKey.LIST_GROUPS, () => 'silence')
    const cluster = fake.connect()
    const waiting = [listGroups(cluster, { node: 1 }), listGroups(cluster, { coordinator: 'g', type: 'group' })].map(settled)
    await fake.sim.run({ until: () => fake.count(ApiKey.LIST_GROUPS) === 2 })
    cluster.close()
    cluster.close()
    for (const outcome of await fake.sim.complete(Promise.all(waiting))) assert.equal(outcome.code, 'CLIENT_CLOSED')
    assert.equal((await settled(listGroups(cluster, { node: 1 }))).code, 'CLIENT_CLOSED')
    assert.equal((await settled(cluster.metadata([]))).code, 'CLIENT_CLOSED')
    assert.equal(await fake.openSockets(), 0)
    await fake.sim.run()
  })

  test('does not knock on a dead door without pause', async () => {
    const fake = await FakeCluster.start([1, 2])
    const cluster = fake.connect({ reconnectBackoffMs: 50, reconnectBackoffMaxMs: 1_000 })
    await fake.sim.complete(cluster.metadata([]))
    fake.handlers.set(ApiKey.API_VERSIONS, (_, broker) => (broker.id === 2 ? 'hang up' : undefined))
    const outcomes = Array.from({ length: 20 }, () => settled(listGroups(cluster, { node: 2 }, { timeoutMs: 10_000 })))
    await fake.sim.complete(Promise.all(outcomes))
    assert.ok(fake.broker(2).accepted <= 20, `${fake.broker(2).accepted} connections in 10 s`)
    cluster.close()
  })
})
