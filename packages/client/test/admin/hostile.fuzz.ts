// Brokers that answer every request with nonsense of the right shape (random messages of Kafka's own generator) or with mutated bytes:
// each call of the admin ends by its deadline with a value or a KafkaError, never with another error, and leaves nothing behind.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPrng, type Prng } from '@odradek/base'
import { ApiKey, apiKeys, responseHeaderVersion } from '@odradek/protocol'
import { openGoldens } from '@odradek/testkit'
import { Admin } from '../../src/admin/admin.ts'
import { KafkaError } from '../../src/errors.ts'
import { FakeCluster, type FakeRequest, settled } from '../support/fake-cluster.ts'

interface Golden {
  message: string
  apiKey: number
  version: number
  hex: string
}

const goldens = openGoldens()
const skip = goldens === undefined && process.env.CI !== 'true' ? 'no goldens: set GOLDENS_DIR to the folder of the golden vectors' : false
const uuid = 'AAAAAAAAQACAAAAAAAAAAQ'
const partition = { topic: 'a', partition: 0 }
const options = { timeoutMs: 2_000 }

const calls: Record<string, (admin: Admin) => PromiseLike<unknown>> = {
  createTopics: (admin) => admin.createTopics(['a', 'b'], options),
  deleteTopics: (admin) => admin.deleteTopics(['a', 'b'], options),
  deleteTopicsById: (admin) => admin.deleteTopics({ topicIds: [uuid] }, options),
  createPartitions: (admin) => admin.createPartitions({ a: 2 }, options),
  listTopics: (admin) => admin.listTopics(options),
  describeTopics: (admin) => admin.describeTopics(['a', 'b'], options),
  describeTopicsById: (admin) => admin.describeTopics({ topicIds: [uuid] }, options),
  describeConfigs: (admin) => admin.describeConfigs([{ type: 'TOPIC', name: 'a' }], options),
  incrementalAlterConfigs: (admin) =>
    admin.incrementalAlterConfigs([{ type: 'BROKER', name: '1', ops: [{ name: 'x', value: 1 }] }], options),
  listConfigResources: (admin) => admin.listConfigResources([], options),
  listOffsets: (admin) => admin.listOffsets([{ ...partition, spec: 'latest' }], options),
  deleteRecords: (admin) => admin.deleteRecords([{ ...partition, beforeOffset: 1 }], options),
  listGroups: (admin) => admin.listGroups(options),
  describeConsumerGroups: (admin) => admin.describeConsumerGroups(['g', 'h'], options),
  describeClassicGroups: (admin) => admin.describeClassicGroups(['g'], options),
  describeShareGroups: (admin) => admin.describeShareGroups(['g'], options),
  describeStreamsGroups: (admin) => admin.describeStreamsGroups(['g'], options),
  deleteConsumerGroups: (admin) => admin.deleteConsumerGroups(['g'], options),
  removeMembers: (admin) => admin.removeMembersFromConsumerGroup('g', options),
  listConsumerGroupOffsets: (admin) => admin.listConsumerGroupOffsets(['g'], options),
  alterConsumerGroupOffsets: (admin) => admin.alterConsumerGroupOffsets('g', [{ ...partition, offset: 1 }], options),
  deleteConsumerGroupOffsets: (admin) => admin.deleteConsumerGroupOffsets('g', [partition], options),
  listShareGroupOffsets: (admin) => admin.listShareGroupOffsets(['g'], options),
  alterShareGroupOffsets: (admin) => admin.alterShareGroupOffsets('g', [{ ...partition, offset: 1 }], options),
  deleteShareGroupOffsets: (admin) => admin.deleteShareGroupOffsets('g', ['a'], options),
  describeCluster: (admin) => admin.describeCluster(options),
  unregisterBroker: (admin) => admin.unregisterBroker(1, options),
  describeMetadataQuorum: (admin) => admin.describeMetadataQuorum(options),
  describeApiVersions: (admin) => admin.describeApiVersions([1], options),
  describeFeatures: (admin) => admin.describeFeatures(options),
  updateFeatures: (admin) => admin.updateFeatures({ x: { maxVersionLevel: 1 } }, options),
  describeAcls: (admin) => admin.describeAcls({}, options),
  deleteAcls: (admin) => admin.deleteAcls([{}], options),
  createAcls: (admin) => admin.createAcls([{ resourceType: 'TOPIC', resourceName: 'a', principal: 'User:a', operation: 'READ' }], options),
  describeClientQuotas: (admin) => admin.describeClientQuotas(undefined, options),
  alterClientQuotas: (admin) => admin.alterClientQuotas([{ entity: { user: 'a' }, ops: { x: 1 } }], options),
  describeUserScramCredentials: (admin) => admin.describeUserScramCredentials([], options),
  describeDelegationToken: (admin) => admin.describeDelegationToken(options),
  createDelegationToken: (admin) => admin.createDelegationToken(options),
  listTransactions: (admin) => admin.listTransactions(options),
  describeTransactions: (admin) => admin.describeTransactions(['t'], options),
  describeProducers: (admin) => admin.describeProducers([partition], options),
  fenceProducers: (admin) => admin.fenceProducers(['t'], options),
  abortTransaction: (admin) => admin.abortTransaction({ ...partition, producerId: 1, producerEpoch: 0, coordinatorEpoch: 0 }, options),
  describeLogDirs: (admin) => admin.describeLogDirs([1], options),
  describeReplicaLogDirs: (admin) => admin.describeReplicaLogDirs([{ ...partition, brokerId: 1 }], options),
  alterPartitionReassignments: (admin) => admin.alterPartitionReassignments([{ ...partition, targetReplicas: [1] }], options),
  listPartitionReassignments: (admin) => admin.listPartitionReassignments(undefined, options),
  electLeaders: (admin) => admin.electLeaders('PREFERRED', [partition], options)
}

function mutate(random: Prng, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  for (let count = random.below(4); count > 0 && copy.length > 0; count--) copy[random.below(copy.length)] = random.below(256)
  return copy
}

function answerOf(random: Prng, request: FakeRequest, bodies: readonly string[]): Buffer {
  const body = mutate(random, Buffer.from(random.pick(bodies), 'hex'))
  const api = apiKeys.get(request.apiKey)
  const hasTags = api !== undefined && responseHeaderVersion(api, request.apiVersion) === 1
  const header = Buffer.alloc(hasTags ? 9 : 8)
  header.writeInt32BE(body.length + header.length - 4, 0)
  header.writeInt32BE(request.correlationId, 4)
  return Buffer.concat([header, body])
}

describe('a broker that answers nonsense', { skip }, () => {
  const bodies = new Map<string, string[]>()
  for (const { message, apiKey, version, hex } of goldens?.lines<Golden>('messages.ndjson.gz') ?? []) {
    if (!message.endsWith('Response')) continue
    const key = `${apiKey} ${version}`
    bodies.set(key, [...(bodies.get(key) ?? []), hex])
  }

  for (const [name, call] of Object.entries(calls))
    test(`cannot bring ${name} down`, async () => {
      for (let seed = 1; seed <= 12; seed++) {
        const random = createPrng(`${name} ${seed}`)
        const fake = await FakeCluster.start([1], seed)
        fake.topics.set('a', { topicId: uuid, partitions: [{ leader: 1, epoch: 0 }] })
        for (const { key } of apiKeys.values()) {
          // Half the time the way to the broker is sound, so that the answer to the call itself is reached.
          const isWay = key === ApiKey.METADATA || key === ApiKey.FIND_COORDINATOR
          if (key === ApiKey.API_VERSIONS || (isWay && random.chance(0.5))) continue
          fake.handlers.set(key, (request) => {
            const known = bodies.get(`${request.apiKey} ${request.apiVersion}`)
            assert.ok(known !== undefined, `no golden of API ${request.apiKey} version ${request.apiVersion}`)
            return answerOf(random, request, known)
          })
        }
        const cluster = fake.connect({ apiTimeoutMs: 2_000, requestTimeoutMs: 1_000, connectTimeoutMs: 500 })
        const admin = new Admin(cluster)
        const outcome = await fake.sim.complete(settled(Promise.resolve(call(admin))))
        assert.ok(fake.sim.nowMs < 4_200, `seed ${seed}: it took ${fake.sim.nowMs} ms`)
        if (outcome.error !== undefined)
          assert.ok(outcome.error instanceof KafkaError, `seed ${seed}: ${(outcome.error as Error)?.stack ?? outcome.error}`)
        await admin.close()
        assert.equal(await fake.openSockets(), 0, `seed ${seed}`)
      }
    })
})
