// `@odradek/client/admin`: an admin client without producers, consumers and telemetry, for programs that start, ask and end.
import { type AdminSettings, adminConfigDefinitions } from '@odradek/config'
import type { Logger } from '@odradek/world'
import { createNodeWorld } from '@odradek/world/node'
import { Admin } from './admin/admin.ts'
import type { AdminOptions } from './kafka.ts'
import { Cluster } from './network/cluster.ts'
import { clusterOptions } from './network/cluster-options.ts'
import { resolveOptions } from './options.ts'

export { aclKey } from './admin/acls.ts'
export { configResourceKey } from './admin/configs.ts'
export { quotaEntityKey } from './admin/quotas.ts'
export { replicaKey } from './admin/replicas.ts'
export { partitionKey } from './types.ts'

/** Close it. Throws INVALID_CONFIG for settings that do not exist, have wrong values or contradict each other. */
export function openAdmin(options: AdminOptions, logger: Logger): Admin {
  const { settings, given } = resolveOptions<AdminSettings>('admin client', adminConfigDefinitions, options)
  const world = createNodeWorld({ logger, onHalt: () => {} })
  return new Admin(new Cluster(clusterOptions(world, settings, { given, kind: 'admin-client', clientId: 'adminclient-1' })))
}
