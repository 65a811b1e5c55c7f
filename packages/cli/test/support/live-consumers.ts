// Console consumers that run while some of the transcripts are recorded: one in a group of the classic protocol, one in a group of
// the consumer protocol, both at the end of the topic and with their offsets committed.
import { Kafka } from '@odradek/client'
import { runCommand } from './transcripts.ts'

export interface LiveConsumers {
  /** They leave their groups. */
  stop(): Promise<void>
}

const TOPIC = 'three'
const groups = [
  { group: 'live', clientId: 'live-client', protocol: 'classic' },
  { group: 'live848', clientId: 'live-848', protocol: 'consumer' }
]

export async function startLiveConsumers(bootstrap: string): Promise<LiveConsumers> {
  const interruption = new AbortController()
  const ends = groups.map(({ group, clientId, protocol }) => {
    const properties = [`client.id=${clientId}`, `group.protocol=${protocol}`, 'auto.commit.interval.ms=100']
    const args = ['--bootstrap-server', '<BOOTSTRAP>', '--topic', TOPIC, '--group', group, '--from-beginning']
    args.push(...properties.flatMap((property) => ['--command-property', property]))
    const around = { bootstrap, controller: '', cwd: '.', signal: interruption.signal }
    return runCommand({ tool: 'kafka-console-consumer', args }, around)
  })
  const stop = async (): Promise<void> => {
    interruption.abort()
    await Promise.all(ends)
  }
  try {
    await caughtUp(bootstrap)
  } catch (error) {
    await stop()
    throw error
  }
  return { stop }
}

/** Resolves when every group has committed the end of every partition. */
async function caughtUp(bootstrap: string): Promise<void> {
  await using kafka = new Kafka({ brokers: bootstrap })
  const admin = kafka.admin()
  const topic = (await admin.describeTopics([TOPIC])).get(TOPIC)
  const partitions = topic?.partitions.map(({ partition }) => partition) ?? []
  const ends = await admin.listOffsets(partitions.map((partition) => ({ topic: TOPIC, partition, spec: 'latest' as const })))
  const deadline = Date.now() + 30_000
  for (;;) {
    const committed = await admin.listConsumerGroupOffsets(groups.map(({ group }) => group))
    const isDone = groups.every(({ group }) =>
      [...ends].every(([key, { offset }]) => (committed.get(group)?.offsets.get(key)?.offset ?? 0) === offset)
    )
    if (isDone) return
    if (Date.now() > deadline) throw new Error('The live consumers did not catch up')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
