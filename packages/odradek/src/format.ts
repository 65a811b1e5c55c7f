// A new data directory for the development node and for the embedded one, as `kafka-storage format --standalone` makes it.
import { randomUuid } from '@odradek/base'
import type { BrokerConfig } from '@odradek/config'
import { formatStorage, storageDirectories } from '@odradek/metadata'
import { readMetaProperties } from '@odradek/storage'
import type { World } from '@odradek/world'

/** Formats the log directories that are not formatted; those that are stay as they are. */
export async function formatNewDirectories(world: World, config: BrokerConfig): Promise<void> {
  const known = await Promise.all(storageDirectories(config).map((path) => readMetaProperties(world.disk, path)))
  if (known.every((meta) => meta !== undefined)) return
  const clusterId = known.find((meta) => meta !== undefined)?.clusterId ?? randomUuid((size) => world.random.bytes(size))
  await formatStorage(world, { config, clusterId, ignoreFormatted: true, standalone: config.quorumVoters.length === 0 })
}
