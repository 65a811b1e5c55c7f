// Plays all scripts against a broker over sockets.
import { setTimeout } from 'node:timers/promises'
import { CreateTopicsRequest, CreateTopicsResponse, FindCoordinatorRequest, FindCoordinatorResponse } from '@odradek/protocol'
import type { AnyCodec } from './apis.ts'
import { edgeScenarios } from './edge-scenarios.ts'
import { play } from './scenario.ts'
import { scenarios } from './scenarios.ts'
import { SocketTarget } from './socket-target.ts'

/** What a broker needs to be set to for the scripts. */
export const scriptOverrides = {
  'group.min.session.timeout.ms': '1000',
  'group.initial.rebalance.delay.ms': '400',
  'group.max.size': '4',
  'offsets.topic.num.partitions': '3'
}

/** The transcripts by the names of the scripts. The broker is fresh. */
export async function playAll(host: string, port: number): Promise<Record<string, unknown[]>> {
  const target = new SocketTarget(host, port)
  try {
    await prepare(target)
    const transcripts = await Promise.all(
      [...scenarios, ...edgeScenarios].map(async (scenario) => [scenario.name, await play(scenario, target)] as const)
    )
    return JSON.parse(JSON.stringify(Object.fromEntries(transcripts)))
  } finally {
    target.close()
  }
}

async function prepare(target: SocketTarget): Promise<void> {
  const ask = (codecs: readonly [unknown, unknown], version: number, body: object) =>
    target.request(codecs as [AnyCodec, AnyCodec], version, body).answer()
  await ask([CreateTopicsRequest, CreateTopicsResponse], 7, {
    topics: [{ name: 't', numPartitions: 3, replicationFactor: 1 }],
    timeoutMs: 10_000
  })
  // Until every partition of __consumer_offsets has its coordinator, and it has loaded.
  const coordinatorKeys = Array.from({ length: 30 }, (_, index) => `key ${index}`)
  for (;;) {
    const { coordinators } = await ask([FindCoordinatorRequest, FindCoordinatorResponse], 4, { keyType: 0, coordinatorKeys })
    if ((coordinators as { errorCode: number }[]).every(({ errorCode }) => errorCode === 0)) break
    await setTimeout(100)
  }
  for (const groupId of coordinatorKeys) {
    for (;;) {
      const { groups } = await target.send({ api: 'DescribeGroups', version: 5, body: { groups: [groupId] } }).answer()
      if ((groups as { errorCode: number }[])[0].errorCode === 0) break
      await setTimeout(100)
    }
  }
}
