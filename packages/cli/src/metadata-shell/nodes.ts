// The metadata of a cluster as folders and files, named and written as Kafka's metadata shell shows them.

import {
  type BrokerRegistration,
  CONFIG_RESOURCE_BROKER,
  type ControllerRegistration,
  type Endpoint,
  type MetadataImage,
  type PartitionRegistration,
  RECOVERED,
  type SupportedRange,
  type TopicImage
} from '@odradek/metadata'
import { AclOperation, AclPermissionType, PatternType, ResourceType } from '@odradek/protocol'
import { javaDouble } from '../java.ts'
import { KAFKA_COMMIT, KAFKA_VERSION } from '../tool.ts'

/** A file has text, a folder has children. */
export type Node = { readonly text: string } | { readonly children: ReadonlyMap<string, () => Node> }

export const isFolder = (node: Node): node is { readonly children: ReadonlyMap<string, () => Node> } => 'children' in node

const file = (text: unknown): Node => ({ text: String(text) })
const lazily = (entries: Iterable<readonly [string, () => Node]>): Node => ({ children: new Map(entries) })
const folder = (entries: Iterable<readonly [string, Node]>): Node => lazily(Array.from(entries, ([name, node]) => [name, () => node]))
const files = (values: Iterable<readonly [string, unknown]>): Node => folder(Array.from(values, ([name, text]) => [name, file(text)]))

export function rootOf(image: MetadataImage): Node {
  const parts: Record<string, () => Node> = {
    acls: () => folder([['byId', folder(Array.from(image.acls, ([id, acl]) => [id, file(aclText(acl))]))]]),
    clientQuotas: () =>
      folder(
        Array.from(image.clientQuotas.values(), ({ entity, quotas }) => [
          quotaName(entity),
          // Kafka's shell has no name for the default of everybody, and shows nothing below it
          files(quotaName(entity) === '' ? [] : Array.from(quotas, ([name, value]) => [name, javaDouble(value)]))
        ])
      ),
    cluster: () =>
      folder([
        ['brokers', folder(Array.from(image.brokers, ([id, broker]) => [String(id), file(brokerText(broker))]))],
        ['controllers', folder(Array.from(image.controllers, ([id, one]) => [String(id), file(controllerText(one))]))]
      ]),
    configs: () => folder(Array.from(image.configResources.values(), ({ type, name, values }) => [configName(type, name), files(values)])),
    delegationToken: () => folder(Array.from(image.delegationTokens, ([id]) => [id, file('DelegationTokenData(tokenInformation=hidden)')])),
    features: () => files(features(image)),
    producerIds: () => (image.nextProducerId > 0 ? files([['nextProducerId', image.nextProducerId]]) : folder([])),
    provenance: () => file(provenanceText(image)),
    scram: () => folder(['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((name, index) => [name, files(credentials(image, index + 1))])),
    topics: () =>
      lazily([
        ['byId', () => lazily(Array.from(image.topics(), (topic) => [topic.id, () => topicNode(topic)]))],
        ['byName', () => lazily(Array.from(image.topics(), (topic) => [topic.name, () => topicNode(topic)]))]
      ])
  }
  return lazily([
    ['image', () => lazily(Object.entries(parts))],
    [
      'local',
      () =>
        files([
          ['commitId', KAFKA_COMMIT],
          ['version', KAFKA_VERSION]
        ])
    ]
  ])
}

function topicNode({ name, id, partitions }: TopicImage): Node {
  const numbered = Array.from(partitions, (partition, index): [string, Node] => [String(index), file(partitionText(partition))])
  return folder([['name', file(name)], ['id', file(id)], ...numbered])
}

function* features(image: MetadataImage): Generator<[string, unknown]> {
  yield ['metadataVersion', `Optional[${image.metadataVersion.name}]`]
  for (const [name, level] of image.featureLevels) if (name !== 'metadata.version') yield [`finalized_${name}`, level]
}

function* credentials(image: MetadataImage, mechanism: number): Generator<[string, unknown]> {
  for (const { user, mechanism: of, salt, storedKey, serverKey, iterations } of image.scramCredentials.values())
    if (of === mechanism)
      yield [
        user,
        `ScramCredentialData(salt=${salt.toString('hex')}, storedKey=${storedKey.toString('hex')}, serverKey=${serverKey.toString('hex')}, iterations=${iterations})`
      ]
}

/** `clientId(cid-1)_user(alice)`: the parts in the order of their names; defaults have none. */
function quotaName(entity: ReadonlyMap<string, string | null>): string {
  const names: Readonly<Record<string, string>> = { 'client-id': 'clientId' }
  const parts = Array.from(entity).filter(([, name]) => name !== null)
  return parts
    .map(([type, name]) => `${names[type] ?? type}(${name})`)
    .sort()
    .join('_')
}

const configTypes: Readonly<Record<number, string>> = { 2: 'TOPIC', 4: 'BROKER', 8: 'BROKER_LOGGER', 16: 'CLIENT_METRICS', 32: 'GROUP' }

function configName(type: number, name: string): string {
  return type === CONFIG_RESOURCE_BROKER && name === '' ? 'BROKER' : `${configTypes[type] ?? 'UNKNOWN'}:${name}`
}

const list = (items: readonly unknown[]): string => `[${items.join(', ')}]`

function partitionText(partition: PartitionRegistration): string {
  const { replicas, directories, isr, removingReplicas, addingReplicas, elr, lastKnownElr } = partition
  const { leader, leaderRecoveryState, leaderEpoch, partitionEpoch } = partition
  const state = leaderRecoveryState === RECOVERED ? 'RECOVERED' : 'RECOVERING'
  return (
    `PartitionRegistration(replicas=${list(replicas)}, directories=${list(directories)}, isr=${list(isr)}, removingReplicas=${list(removingReplicas)}, ` +
    `addingReplicas=${list(addingReplicas)}, elr=${list(elr)}, lastKnownElr=${list(lastKnownElr)}, leader=${leader}, ` +
    `leaderRecoveryState=${state}, leaderEpoch=${leaderEpoch}, partitionEpoch=${partitionEpoch})`
  )
}

const securityProtocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']

function endpointsText(listeners: ReadonlyMap<string, Endpoint>): string {
  const names = [...listeners.keys()].sort()
  return list(
    names.map((name) => {
      const { securityProtocol, host, port } = listeners.get(name) as Endpoint
      return `Endpoint(listenerName='${name}', securityProtocol=${securityProtocols[securityProtocol]}, host='${host}', port=${port})`
    })
  )
}

function featuresText(supported: ReadonlyMap<string, SupportedRange>): string {
  const ranges = [...supported]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { minVersion, maxVersion }]) => `${name}: ${minVersion}-${maxVersion}`)
  return `{${ranges.join(', ')}}`
}

function brokerText(broker: BrokerRegistration): string {
  const rack = broker.rack === null ? 'Optional.empty' : `Optional[${broker.rack}]`
  return (
    `BrokerRegistration(id=${broker.id}, epoch=${broker.epoch}, incarnationId=${broker.incarnationId}, listeners=${endpointsText(broker.listeners)}, ` +
    `supportedFeatures=${featuresText(broker.supportedFeatures)}, rack=${rack}, fenced=${broker.fenced}, ` +
    `inControlledShutdown=${broker.inControlledShutdown}, isMigratingZkBroker=false, directories=${list(broker.directories)}, ` +
    `cordonedDirectories=${list(broker.cordonedDirectories ?? [])})`
  )
}

function controllerText(controller: ControllerRegistration): string {
  return (
    `ControllerRegistration(id=${controller.id}, incarnationId=${controller.incarnationId}, zkMigrationReady=${controller.zkMigrationReady}, ` +
    `listeners=${endpointsText(controller.listeners)}, supportedFeatures=${featuresText(controller.supportedFeatures)})`
  )
}

interface Acl {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

function aclText({ resourceType, resourceName, patternType, principal, host, operation, permissionType }: Acl): string {
  const name = (of: Readonly<Record<string, number>>, value: number): string =>
    Object.keys(of).find((key) => of[key] === value) ?? `UNKNOWN(${value})`
  return (
    `StandardAcl[resourceType=${name(ResourceType, resourceType)}, resourceName=${resourceName}, patternType=${name(PatternType, patternType)}, ` +
    `principal=${principal}, host=${host}, operation=${name(AclOperation, operation)}, permissionType=${name(AclPermissionType, permissionType)}]`
  )
}

function provenanceText({ provenance: { offset, epoch, timestampMs } }: MetadataImage): string {
  return `offset ${offset}, epoch ${epoch}, time ${zonedTime(timestampMs)}`
}

/** As Java writes a time with its zone: what is zero at the end is left away. */
function zonedTime(ms: number): string {
  const [date, time] = new Date(ms).toISOString().slice(0, -1).split('T')
  const short = time
    .replace(/\.000$/, '')
    .replace(/(\.\d+?)0+$/, '$1')
    .replace(/^(\d\d:\d\d):00$/, '$1')
  return `${date}T${short}Z[UTC]`
}
