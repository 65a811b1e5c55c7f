/** The checks that span settings, made when a node starts and before a dynamic change is taken. Messages follow Kafka's. */

import type { BrokerConfig, BrokerConfigName } from './broker-config.ts'
import { RequirementFailed } from './config-error.ts'
import type { BrokerSettings } from './definitions.ts'

type NumericName = { [K in BrokerConfigName]: BrokerSettings[K] extends number ? K : never }[BrokerConfigName]

function requireThat(condition: boolean, message: string): void {
  if (!condition) throw new RequirementFailed(message)
}

function requireAtLeast(config: BrokerConfig, name: NumericName, floor: NumericName): void {
  requireThat(config.get(name) >= config.get(floor), `${name} must be greater than or equal to ${floor}`)
}

/** Throws an OdradekError with code CONFIG_INVALID at the first contradiction. */
export function checkBrokerConfig(config: BrokerConfig): void {
  checkRoles(config)
  checkListeners(config)
  checkLogs(config)
  checkLimits(config)
  checkGroups(config)
}

function checkRoles(config: BrokerConfig): void {
  requireThat(config.get('broker.id') === config.nodeId, 'You must set `node.id` to the same value as `broker.id`.')
  const ids = config.quorumVoters.map((voter) => voter.id)
  const voters = `controller.quorum.voters=Set(${ids.join(', ')})`
  const servers = config.quorumBootstrapServers
  requireThat(
    ids.length > 0 || servers.length > 0,
    'If using process.roles, either controller.quorum.bootstrap.servers must contain the set of bootstrap controllers or controller.quorum.voters must contain a parseable set of controllers.'
  )
  if (ids.length > 0 && config.isController) {
    requireThat(
      ids.includes(config.nodeId),
      `If process.roles contains the 'controller' role, the node id ${config.nodeId} must be included in the set of voters ${voters}`
    )
  }
  if (ids.length > 0 && !config.isController) {
    requireThat(
      !ids.includes(config.nodeId),
      `If process.roles contains just the 'broker' role, the node id ${config.nodeId} must not be included in the set of voters ${voters}`
    )
  }
  requireThat(
    !config.get('controller.quorum.auto.join.enable') || config.isController,
    "controller.quorum.auto.join.enable is only supported when process.roles contains the 'controller' role."
  )
}

function checkListeners(config: BrokerConfig): void {
  const names = config.listeners.map((endpoint) => endpoint.listenerName)
  const controllerNames = config.controllerListenerNames
  if (config.isController) {
    requireThat(
      controllerNames.some((name) => names.includes(name)),
      "controller.listener.names must contain at least one value appearing in the 'listeners' configuration when running the KRaft controller role"
    )
    requireThat(
      controllerNames.every((name) => names.includes(name)),
      "controller.listener.names must only contain values appearing in the 'listeners' configuration when running the KRaft controller role"
    )
  } else {
    requireThat(
      !controllerNames.some((name) => names.includes(name)),
      "controller.listener.names must not contain a value appearing in the 'listeners' configuration when running KRaft with just the broker role"
    )
  }
  if (config.isBroker) checkBrokerListeners(config)
  else {
    requireThat(
      names.every((name) => controllerNames.includes(name)),
      'The listeners config must only contain KRaft controller listeners from controller.listener.names when process.roles=controller'
    )
  }
  const early = (config.get('early.start.listeners') ?? []).map((name) => name.toUpperCase())
  const unknown = early.find((name) => !names.includes(name) && !controllerNames.includes(name))
  requireThat(
    unknown === undefined,
    `early.start.listeners contains listener ${unknown}, but this is not contained in listeners or controller.listener.names`
  )
}

function checkBrokerListeners(config: BrokerConfig): void {
  const interBroker = config.interBrokerListenerName
  if (config.isSet('inter.broker.listener.name')) {
    requireThat(
      !config.isSet('security.inter.broker.protocol'),
      'Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.'
    )
    requireThat(
      config.securityProtocols.has(interBroker),
      `Listener with name ${interBroker} defined in inter.broker.listener.name not found in listener.security.protocol.map.`
    )
  }
  const advertised = config.advertisedListeners
  const advertisedNames = advertised.map((endpoint) => endpoint.listenerName)
  requireThat(
    advertised.length > 0,
    'There must be at least one broker advertised listener. Perhaps all listeners appear in controller.listener.names?'
  )
  requireThat(
    advertisedNames.includes(interBroker),
    `inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options based on currently configured listeners are ${advertisedNames.join(',')}`
  )
  const names = config.brokerListeners.map((endpoint) => endpoint.listenerName)
  requireThat(
    advertisedNames.every((name) => names.includes(name)),
    `advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found ${advertisedNames.join(',')}. The valid options based on the current configuration are ${names.join(',')}`
  )
  requireThat(
    !advertised.some((endpoint) => endpoint.host === '0.0.0.0'),
    'advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.'
  )
  if (config.securityProtocols.get(interBroker)?.startsWith('SASL')) {
    requireThat(
      config.get('sasl.enabled.mechanisms').includes(config.get('sasl.mechanism.inter.broker.protocol')),
      'sasl.mechanism.inter.broker.protocol must be included in sasl.enabled.mechanisms when SASL is used for inter-broker communication'
    )
  }
}

function checkLogs(config: BrokerConfig): void {
  requireThat(config.get('log.roll.ms') >= 1, 'log.roll.ms must be greater than or equal to 1')
  requireThat(config.get('log.roll.jitter.ms') >= 0, 'log.roll.jitter.ms must be greater than or equal to 0')
  requireThat(config.get('log.retention.ms') !== 0, 'log.retention.ms must be unlimited (-1) or, greater than or equal to 1')
  const threads = config.get('log.cleaner.threads')
  requireThat(
    threads === 0 || config.get('log.cleaner.dedupe.buffer.size') / threads > 1024 * 1024,
    'log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.'
  )
  const cordoned = config.get('cordoned.log.dirs')
  const areAll = cordoned.includes('*')
  requireThat(!areAll || cordoned.length === 1, 'When cordoned.log.dirs is set to *, it must not contain other values')
  const missing = cordoned.filter((directory) => !config.logDirs.includes(directory))
  requireThat(
    areAll || missing.length === 0,
    `All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : ${missing.join(', ')}`
  )
  for (const name of ['offsets.topic.compression.codec', 'share.coordinator.state.topic.compression.codec'] as const) {
    const id = config.get(name)
    requireThat(id >= 0 && id <= 4, `Unknown compression type id: ${id} (${name}: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd)`)
  }
}

function checkLimits(config: BrokerConfig): void {
  requireThat(
    config.get('replica.fetch.wait.max.ms') <= config.get('replica.socket.timeout.ms'),
    'replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary socket timeouts'
  )
  requireThat(
    config.get('replica.fetch.wait.max.ms') <= config.get('replica.lag.time.max.ms'),
    'replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent frequent changes in ISR'
  )
  const queuedBytes = config.get('queued.max.request.bytes')
  requireThat(
    queuedBytes <= 0 || queuedBytes >= config.get('socket.request.max.bytes'),
    'queued.max.request.bytes must be larger or equal to socket.request.max.bytes'
  )
  // reads and so checks it
  void config.metricsListener
  const overrides = config.connectionsPerIpOverrides
  requireThat(
    config.get('max.connections.per.ip') !== 0 || overrides.size > 0,
    'max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.'
  )
}

/** Settings of a kind that come as a value between a minimum and a maximum. */
const boundedByKind = {
  consumer: ['heartbeat.interval.ms', 'session.timeout.ms', 'assignment.interval.ms'],
  share: [
    'heartbeat.interval.ms',
    'session.timeout.ms',
    'assignment.interval.ms',
    'delivery.count.limit',
    'record.lock.duration.ms',
    'partition.max.record.locks'
  ],
  streams: ['heartbeat.interval.ms', 'session.timeout.ms', 'assignment.interval.ms']
}

function checkGroups(config: BrokerConfig): void {
  requireThat(config.get('group.coordinator.rebalance.protocols').includes('classic'), "Disabling the 'classic' protocol is not supported.")
  for (const [kind, names] of Object.entries(boundedByKind)) {
    for (const name of names) {
      const [value, min, max] = [`group.${kind}.${name}`, `group.${kind}.min.${name}`, `group.${kind}.max.${name}`] as NumericName[]
      requireAtLeast(config, max, min)
      requireAtLeast(config, value, min)
      requireThat(config.get(value) <= config.get(max), `${value} must be less than or equal to ${max}`)
    }
    const [heartbeat, session] = [`group.${kind}.heartbeat.interval.ms`, `group.${kind}.session.timeout.ms`] as NumericName[]
    requireThat(config.get(heartbeat) < config.get(session), `${heartbeat} must be less than ${session}`)
  }
  requireAtLeast(config, 'group.share.max.share.sessions', 'group.share.max.size')
  requireThat(
    config.get('group.streams.num.standby.replicas') <= config.get('group.streams.max.standby.replicas'),
    'group.streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas'
  )
}
