// From the settings that all clients share to the options of a Cluster.
import type { AdminSettings, ProducerSettings } from '@odradek/config'
import { ErrorCode } from '@odradek/protocol'
import type { World } from '@odradek/world'
import { KafkaError } from '../errors.ts'
import { clientSecurity, type SecuritySettings, type TypedSecurity } from '../security/security.ts'
import type { ClusterOptions } from './cluster.ts'

/** Those settings of any client that the network room reads. */
export type NetworkSettings = Pick<
  AdminSettings,
  | 'bootstrap.servers'
  | 'client.dns.lookup'
  | 'client.id'
  | 'request.timeout.ms'
  | 'retry.backoff.ms'
  | 'retry.backoff.max.ms'
  | 'reconnect.backoff.ms'
  | 'reconnect.backoff.max.ms'
  | 'socket.connection.setup.timeout.ms'
  | 'socket.connection.setup.timeout.max.ms'
  | 'connections.max.idle.ms'
  | 'metadata.max.age.ms'
  | 'metadata.recovery.strategy'
  | 'metadata.recovery.rebootstrap.trigger.ms'
  | 'metrics.num.samples'
  | 'metrics.sample.window.ms'
> &
  SecuritySettings &
  Partial<Pick<AdminSettings, 'bootstrap.controllers' | 'default.api.timeout.ms' | 'retries'>> &
  Partial<Pick<ProducerSettings, 'metadata.max.idle.ms'>>

/** Which client it is for, beside its settings. */
export interface ClusterIdentity extends TypedSecurity {
  readonly kind: 'producer' | 'consumer' | 'admin-client'
  /** Where client.id is not given. */
  readonly clientId: string
  /** The settings that were given. */
  readonly given: ReadonlySet<string>
}

/** Throws INVALID_CONFIG for settings that contradict each other, before anything is opened. */
export function clusterOptions(world: World, settings: NetworkSettings, identity: ClusterIdentity): ClusterOptions {
  const controllers = settings['bootstrap.controllers'] ?? []
  if (controllers.length > 0 && settings['bootstrap.servers'].length > 0)
    throw new KafkaError(ErrorCode.INVALID_CONFIG, { message: 'Give bootstrap.servers or bootstrap.controllers, not both' })
  return {
    world,
    kind: identity.kind,
    sensors: { samples: settings['metrics.num.samples'], windowMs: settings['metrics.sample.window.ms'] },
    brokers: controllers.length > 0 ? controllers : settings['bootstrap.servers'],
    usesCanonicalNames: settings['client.dns.lookup'] === 'resolve_canonical_bootstrap_servers_only',
    usesControllers: controllers.length > 0,
    clientId: settings['client.id'] || identity.clientId,
    security: clientSecurity(world, settings, identity.given, identity),
    requestTimeoutMs: settings['request.timeout.ms'],
    apiTimeoutMs: settings['default.api.timeout.ms'],
    retryBackoffMs: settings['retry.backoff.ms'],
    retryBackoffMaxMs: settings['retry.backoff.max.ms'],
    retries: settings.retries,
    reconnectBackoffMs: settings['reconnect.backoff.ms'],
    reconnectBackoffMaxMs: settings['reconnect.backoff.max.ms'],
    connectTimeoutMs: settings['socket.connection.setup.timeout.ms'],
    connectTimeoutMaxMs: settings['socket.connection.setup.timeout.max.ms'],
    idleMs: settings['connections.max.idle.ms'],
    metadataMaxAgeMs: settings['metadata.max.age.ms'],
    topicIdleMs: settings['metadata.max.idle.ms'],
    rebootstrapTriggerMs: settings['metadata.recovery.rebootstrap.trigger.ms'],
    rebootstraps: settings['metadata.recovery.strategy'].toLowerCase() !== 'none'
  }
}
