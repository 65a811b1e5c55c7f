// Topics whose logs take long to make: creation is answered when it is committed, and what is not there yet asks for patience.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode, MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse } from '@odradek/protocol'
import { createMemoryDisk } from '@odradek/world/node'
import type { RawClient } from './support/raw-client.ts'
import { batchOf, createTopic, produce, startBroker } from './support/test-broker.ts'

/** A disk that makes no folder whose path matches until `letGo`. */
function gatedDisk(path: RegExp) {
  const disk = createMemoryDisk()
  let letGo!: () => void
  const gate = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const mkdir = disk.mkdir.bind(disk)
  disk.mkdir = async (folder) => {
    if (path.test(folder)) await gate
    return mkdir(folder)
  }
  return { disk, letGo }
}

async function produceCode(client: RawClient, topic: string, index: number): Promise<number> {
  const partitionData = [{ index, records: batchOf('x') }]
  const request = { acks: -1, timeoutMs: 1000, topicData: [{ name: topic, partitionData }] }
  const { responses } = await client.call(ProduceRequest, ProduceResponse, 12, request)
  return responses[0].partitionResponses[0].errorCode
}

async function partitionsOf(client: RawClient, name: string): Promise<number> {
  const { topics } = await client.call(MetadataRequest, MetadataResponse, 12, { topics: [{ name }], allowAutoTopicCreation: false })
  return topics[0].partitions.length
}

test('a huge topic is answered and shown before its logs are made, and its partitions send clients to try again until they are', async () => {
  const { disk, letGo } = gatedDisk(/\/slow-\d*[1-9]$/)
  await using broker = await startBroker({ disk })
  const client = await broker.connect()
  await createTopic(client, 'slow', { partitions: 150 })
  assert.equal(await partitionsOf(client, 'slow'), 150)
  assert.equal(await produceCode(client, 'slow', 0), ErrorCode.NONE)
  assert.equal(await produceCode(client, 'slow', 2), ErrorCode.NOT_LEADER_OR_FOLLOWER)
  letGo()
  await createTopic(client, 'after')
  for (let index = 0; index < 150; index++) assert.equal(await produceCode(client, 'slow', index), ErrorCode.NONE)
})

test('a topic of usual size can be written as soon as it is answered', async () => {
  await using broker = await startBroker()
  const client = await broker.connect()
  for (let round = 0; round < 20; round++) {
    await createTopic(client, `quick-${round}`, { partitions: 4 })
    assert.equal((await produce(client, `quick-${round}`, batchOf('x'))).errorCode, ErrorCode.NONE)
    assert.equal(await produceCode(client, `quick-${round}`, 3), ErrorCode.NONE)
  }
})
