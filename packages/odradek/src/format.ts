// A new data directory for the development node and for the embedded one, as `kafka-storage format` makes it.
import { randomUuid } from '@odradek/base'
import { type BrokerConfig, developmentProperties } from '@odradek/config'
import { readMetaProperties, writeMetaProperties } from '@odradek/storage'
import type { World } from '@odradek/world'

/** Formats the log directories that are not formatted; those that are stay as they are. */
export async function formatForDevelopment(world: World, config: BrokerConfig): Promise<void> {
  const uuid = () => randomUuid((size) => world.random.bytes(size))
  const paths = [...new Set([...config.logDirs, config.metadataLogDir])]
  const known = await Promise.all(paths.map((path) => readMetaProperties(world.disk, path)))
  const clusterId = known.find((meta) => meta !== undefined)?.clusterId ?? uuid()
  for (const [index, path] of paths.entries()) {
    if (known[index] !== undefined) continue
    await world.disk.mkdir(path)
    await writeMetaProperties(world.disk, path, { clusterId, nodeId: config.nodeId, directoryId: uuid() })
  }
}

/** The settings of a development node that is its own and only voter. */
export function developmentNode(options: Parameters<typeof developmentProperties>[0]): Record<string, string> {
  const { 'controller.quorum.bootstrap.servers': address, ...properties } = developmentProperties(options)
  return { ...properties, 'controller.quorum.voters': `${properties['node.id']}@${address}` }
}
