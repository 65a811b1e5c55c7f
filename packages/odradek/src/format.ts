// A new data directory for the development node and for the embedded one, as `kafka-storage format --standalone` makes it.
import { randomUuid } from '@odradek/base'
import type { BrokerConfig } from '@odradek/config'
import { formatStorage, isHalfFormatted, metadataIsMissing, storageDirectories } from '@odradek/metadata'
import { readMetaProperties } from '@odradek/storage'
import type { World } from '@odradek/world'

/** Formats the log directories that are not formatted; those that are stay as they are. */
export async function formatNewDirectories(world: World, config: BrokerConfig): Promise<void> {
  const directories = storageDirectories(config)
  const known = await Promise.all(directories.map((path) => readMetaProperties(world.disk, path)))
  if (known.every((meta) => meta !== undefined)) return
  const { metadataLogDir } = config
  const others = directories.filter((path, index) => known[index] !== undefined && path !== metadataLogDir)
  if (known[directories.indexOf(metadataLogDir)] === undefined)
    for (const path of others) if (!(await isHalfFormatted(world.disk, path))) throw metadataIsMissing(metadataLogDir, path)
  const clusterId = known.find((meta) => meta !== undefined)?.clusterId ?? randomUuid((size) => world.random.bytes(size))
  await formatStorage(world, { config, clusterId, ignoreFormatted: true, standalone: config.quorumVoters.length === 0 })
}
