// A node of Odradek in this process, with its log in memory, under the settings that the transcripts were recorded with.
import assert from 'node:assert/strict'
import { randomUuid } from '@odradek/base'
import { BrokerServer } from '@odradek/broker'
import { developmentProperties, loadBrokerConfig } from '@odradek/config'
import { formatStorage } from '@odradek/metadata'
import { createMemoryDisk, createNodeWorld } from '@odradek/world/node'
import { type NodeAddresses, recordedSettings } from './run-transcripts.ts'

export async function startNode(t: { after(hook: () => Promise<void>): void }): Promise<NodeAddresses> {
  const disk = createMemoryDisk()
  const world = createNodeWorld({ disk, logger: { isEnabled: () => false, log: () => {} }, onHalt: (reason) => assert.fail(reason) })
  const properties = developmentProperties({ port: 0, host: 'localhost', dataDir: '/odradek' })
  const { config } = loadBrokerConfig({ properties, overrides: new Map(Object.entries(recordedSettings)) })
  await formatStorage(world, { config, clusterId: randomUuid((size) => world.random.bytes(size)), ignoreFormatted: true, standalone: true })
  const server = await BrokerServer.start({ world, config })
  t.after(() => server.shutdown())
  const port = (isController: boolean): number => server.listeners.find((one) => one.isController === isController)?.port ?? 0
  return { bootstrap: `localhost:${port(false)}`, controller: `localhost:${port(true)}` }
}
