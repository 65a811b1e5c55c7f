// Records for tests of what is not the producer: one request, straight to the leader.
import { encodeBatch, ProduceRequest, ProduceResponse } from '@odradek/protocol'
import type { World } from '@odradek/world'
import { Cluster } from '../../packages/client/src/network/cluster.ts'

export async function produceText(
  world: World,
  brokers: string,
  topic: string,
  partition: number,
  values: readonly string[]
): Promise<void> {
  const cluster = new Cluster({ world, brokers })
  try {
    const { topics } = await cluster.metadata([topic])
    const leader = cluster.leaderOf(topic, partition)
    if (leader === undefined) throw new Error(`${topic}-${partition} has no leader: ${JSON.stringify(topics.get(topic))}`)
    const timestamp = world.clock.now()
    const records = encodeBatch({
      baseOffset: 0,
      records: values.map((value, index) => ({ offset: index, timestamp, key: null, value: Buffer.from(value), headers: [] }))
    })
    const topicData = [{ name: topic, topicId: cluster.topicId(topic), partitionData: [{ index: partition, records }] }]
    const response = await cluster.call({ node: leader.nodeId }, ProduceRequest, ProduceResponse, (version) => ({
      acks: -1,
      timeoutMs: 10_000,
      topicData: version >= 13 ? topicData.map(({ name: _, ...rest }) => rest) : topicData.map(({ topicId: _, ...rest }) => rest)
    }))
    const { errorCode } = response.responses[0].partitionResponses[0]
    if (errorCode !== 0) throw new Error(`produce failed with ${errorCode}`)
  } finally {
    cluster.close()
  }
}
