// Brokers and controllers come and go: registration, heartbeats, fencing, controlled shutdown, log directories.
import { type Uuid, ZERO_UUID } from '@odradek/base'
import {
  type BrokerHeartbeatRequest,
  type BrokerHeartbeatResponse,
  type BrokerRegistrationRequest,
  type BrokerRegistrationResponse,
  type ControllerRegistrationRequest,
  type ControllerRegistrationResponse,
  METADATA_VERSION_FEATURE,
  minimumMetadataVersion,
  type UnregisterBrokerRequest,
  type UnregisterBrokerResponse
} from '@odradek/protocol'
import type { BrokerRegistration } from '../image/cluster.ts'
import { MetadataImage } from '../image/metadata-image.ts'
import { DIRECTORY_LOST, isReservedDirectory, NO_LEADER } from '../image/partition-registration.ts'
import { type MetadataRecord, metadataRecord } from '../records.ts'
import { type ApiError, apiError } from './api-error.ts'
import type { ControllerOutcome, ControllerState } from './controller-state.ts'
import { isElrEnabled, leaderAndIsrRecords, partitionsWhere } from './leadership.ts'

export function registerBroker(state: ControllerState, request: BrokerRegistrationRequest): ControllerOutcome<BrokerRegistrationResponse> {
  const { image, sessions } = state
  const existing = image.brokers.get(request.brokerId)
  const isSameIncarnation = existing !== undefined && existing.incarnationId === request.incarnationId
  const refusal = registrationProblem(state, request, existing) ?? directoryProblem(state, request) ?? featureProblem(state, request)
  if (refusal !== undefined) return refusal
  const records: MetadataRecord[] = []
  if (!isSameIncarnation) {
    const isCleanShutdown = existing !== undefined && existing.epoch === request.previousBrokerEpoch
    records.push(...shutdownRecords(state, request.brokerId, isCleanShutdown))
    sessions.remove(request.brokerId)
  }
  const brokerEpoch = isSameIncarnation ? existing.epoch : state.nextOffset
  records.push(
    metadataRecord('RegisterBrokerRecord', image.metadataVersion.registerBrokerRecord, {
      brokerId: request.brokerId,
      incarnationId: request.incarnationId,
      brokerEpoch,
      endPoints: request.listeners.map(({ name, host, port, securityProtocol }) => ({ name, host, port, securityProtocol })),
      features: request.features.map(({ name, minSupportedVersion, maxSupportedVersion }) => ({
        name,
        minSupportedVersion,
        maxSupportedVersion
      })),
      rack: request.rack,
      fenced: isSameIncarnation ? existing.fenced : true,
      inControlledShutdown: isSameIncarnation ? existing.inControlledShutdown : false,
      ...(image.metadataVersion.dirAssignment ? { logDirs: request.logDirs } : {})
    })
  )
  sessions.registered(request.brokerId, state.nextOffset + records.length - 1)
  if (isSameIncarnation && !existing.fenced) sessions.touch(request.brokerId, -1, state.now)
  return { records, response: { throttleTimeMs: 0, errorCode: 0, brokerEpoch } }
}

function registrationProblem(
  state: ControllerState,
  request: BrokerRegistrationRequest,
  existing: BrokerRegistration | undefined
): ApiError | undefined {
  const { clusterId } = state.options
  if (request.clusterId !== clusterId) {
    return apiError('INCONSISTENT_CLUSTER_ID', `Expected cluster ID ${clusterId}, but got cluster ID ${request.clusterId}`)
  }
  if (
    existing !== undefined &&
    existing.incarnationId !== request.incarnationId &&
    state.sessions.hasValidSession(request.brokerId, state.now)
  ) {
    return apiError(
      'DUPLICATE_BROKER_REGISTRATION',
      'Another broker is registered with that broker id. If the broker was recently restarted this should self-resolve once the ' +
        "heartbeat manager expires the broker's session."
    )
  }
  if (request.isMigratingZkBroker) return apiError('BROKER_ID_NOT_REGISTERED', 'Controller does not support registering ZK brokers.')
  return undefined
}

function directoryProblem(state: ControllerState, request: BrokerRegistrationRequest): ApiError | undefined {
  if (!state.image.metadataVersion.dirAssignment) return undefined
  const { logDirs } = request
  if (logDirs.length === 0) return apiError('INVALID_REGISTRATION', 'No directories specified in request')
  if (logDirs.some(isReservedDirectory)) return apiError('INVALID_REGISTRATION', 'Reserved directory ID in request')
  if (new Set(logDirs).size !== logDirs.length) return apiError('INVALID_REGISTRATION', 'Duplicate directory ID in request')
  for (const broker of state.image.brokers.values()) {
    const taken = broker.id === request.brokerId ? undefined : logDirs.find((directory) => broker.directories.includes(directory))
    if (taken !== undefined) return apiError('INVALID_REGISTRATION', `Broker ${broker.id} is already registered with directory ${taken}`)
  }
  return undefined
}

/** A broker must support what is finalized; a feature it does not name it supports at 0. */
function featureProblem(state: ControllerState, request: BrokerRegistrationRequest): ApiError | undefined {
  const ranges = new Map(request.features.map((feature) => [feature.name, feature]))
  if (!ranges.has(METADATA_VERSION_FEATURE)) return apiError('INVALID_REGISTRATION', "Request features do not contain 'metadata.version'")
  for (const name of new Set([...ranges.keys(), ...state.image.featureLevels.keys()])) {
    const finalized = state.image.featureLevels.get(name) ?? (name === METADATA_VERSION_FEATURE ? minimumMetadataVersion.level : 0)
    const { minSupportedVersion: min, maxSupportedVersion: max } = ranges.get(name) ?? { minSupportedVersion: 0, maxSupportedVersion: 0 }
    if (finalized < min || finalized > max) {
      return apiError(
        'UNSUPPORTED_VERSION',
        `Unable to register because the broker does not support finalized version ${finalized} of ${name}. ` +
          `The broker wants a version between ${min} and ${max}, inclusive.`
      )
    }
  }
  return undefined
}

/** What the end of the incarnation before does to its partitions: after an unclean one (KIP-966) it has lost what it had not synced. */
function shutdownRecords(state: ControllerState, brokerId: number, isCleanShutdown: boolean): MetadataRecord[] {
  const inIsr = partitionsWhere(state.image, (partition) => partition.isr.includes(brokerId))
  if (!isElrEnabled(state.image) || isCleanShutdown) return leaderAndIsrRecords(state, inIsr, { removed: brokerId })
  const inElr = partitionsWhere(state.image, (partition) => partition.elr.includes(brokerId))
  return [
    ...leaderAndIsrRecords(state, inIsr, { uncleanShutdown: brokerId }),
    ...leaderAndIsrRecords(state, inElr, { uncleanShutdown: brokerId })
  ]
}

export function registerController(
  state: ControllerState,
  request: ControllerRegistrationRequest
): ControllerOutcome<ControllerRegistrationResponse> {
  if (state.image.metadataVersion.registerControllerRecord === null) {
    return apiError('UNSUPPORTED_VERSION', 'The current MetadataVersion is too old to support controller registrations.')
  }
  const record = metadataRecord('RegisterControllerRecord', 0, {
    controllerId: request.controllerId,
    incarnationId: request.incarnationId,
    endPoints: request.listeners.map(({ name, host, port, securityProtocol }) => ({ name, host, port, securityProtocol })),
    features: request.features.map(({ name, minSupportedVersion, maxSupportedVersion }) => ({
      name,
      minSupportedVersion,
      maxSupportedVersion
    }))
  })
  return { records: [record], response: { throttleTimeMs: 0, errorCode: 0, errorMessage: null } }
}

export function unregisterBroker(state: ControllerState, request: UnregisterBrokerRequest): ControllerOutcome<UnregisterBrokerResponse> {
  const broker = state.image.brokers.get(request.brokerId)
  if (broker === undefined) return apiError('BROKER_ID_NOT_REGISTERED', `Broker ID ${request.brokerId} is not currently registered`)
  const holds = partitionsWhere(state.image, ({ isr, elr }) => isr.includes(broker.id) || elr.includes(broker.id))
  const records = leaderAndIsrRecords(state, holds, { removed: broker.id })
  records.push(metadataRecord('UnregisterBrokerRecord', 0, { brokerId: broker.id, brokerEpoch: broker.epoch }))
  state.sessions.remove(broker.id)
  return { records, response: { throttleTimeMs: 0, errorCode: 0, errorMessage: null } }
}

type BrokerControlState = 'fenced' | 'unfenced' | 'controlledShutdown' | 'shutdownNow'

export function brokerHeartbeat(state: ControllerState, request: BrokerHeartbeatRequest): ControllerOutcome<BrokerHeartbeatResponse> {
  const { image, sessions } = state
  const broker = image.brokers.get(request.brokerId)
  if (broker === undefined || broker.epoch !== request.brokerEpoch) return staleBrokerEpoch(request, broker)
  const isCaughtUp = request.currentMetadataOffset >= sessions.registrationOffset(broker.id, broker.epoch)
  const current = controlState(broker)
  const next = nextControlState(state, request, current, isCaughtUp)
  const failed = failedDirectories(state, broker, request)
  const records = current === next ? [] : controlStateRecords(withoutDirectories(state, broker, failed), broker, next)
  const isFenced = next === 'fenced' || next === 'shutdownNow'
  if (isFenced) sessions.remove(broker.id)
  else sessions.touch(broker.id, request.currentMetadataOffset, state.now)
  if (next === 'controlledShutdown' && current !== next)
    sessions.setControlledShutdownOffset(broker.id, state.nextOffset + records.length - 1)
  records.push(...directoryRecords(state, broker, failed, request))
  return { records, response: { throttleTimeMs: 0, errorCode: 0, isCaughtUp, isFenced, shouldShutDown: next === 'shutdownNow' } }
}

/** The refusal of a broker whose registration, if any, is not the one that it names. */
export function staleBrokerEpoch(
  request: { readonly brokerId: number; readonly brokerEpoch: number },
  broker: BrokerRegistration | undefined
): ApiError {
  if (broker === undefined) return apiError('STALE_BROKER_EPOCH', `No broker registration found for broker id ${request.brokerId}`)
  return apiError('STALE_BROKER_EPOCH', `Expected broker epoch ${broker.epoch}, but got broker epoch ${request.brokerEpoch}`)
}

function controlState(broker: BrokerRegistration): BrokerControlState {
  return broker.fenced ? 'fenced' : broker.inControlledShutdown ? 'controlledShutdown' : 'unfenced'
}

function nextControlState(
  state: ControllerState,
  request: BrokerHeartbeatRequest,
  current: BrokerControlState,
  isCaughtUp: boolean
): BrokerControlState {
  const isLeading = (): boolean => !partitionsWhere(state.image, (partition) => partition.leader === request.brokerId).next().done
  if (current === 'fenced') {
    if (request.wantShutDown) return 'shutdownNow'
    return !request.wantFence && isCaughtUp ? 'unfenced' : 'fenced'
  }
  if (current === 'unfenced') {
    if (request.wantFence) return request.wantShutDown ? 'shutdownNow' : 'fenced'
    if (!request.wantShutDown) return 'unfenced'
    return isLeading() ? 'controlledShutdown' : 'shutdownNow'
  }
  return !isLeading() && state.sessions.areOthersPastShutdownOf(request.brokerId) ? 'shutdownNow' : 'controlledShutdown'
}

function controlStateRecords(state: ControllerState, broker: BrokerRegistration, next: BrokerControlState): MetadataRecord[] {
  if (next === 'unfenced') {
    const leaderless = partitionsWhere(state.image, (partition) => partition.leader === NO_LEADER)
    return [registrationChange(broker, 0, { fenced: -1 }), ...leaderAndIsrRecords(state, leaderless, { added: broker.id })]
  }
  if (next === 'controlledShutdown') {
    const inIsr = partitionsWhere(state.image, (partition) => partition.isr.includes(broker.id))
    return [registrationChange(broker, 1, { inControlledShutdown: 1 }), ...leaderAndIsrRecords(state, inIsr, { removed: broker.id })]
  }
  return broker.fenced ? [] : fenceRecords(state, broker)
}

function registrationChange(
  broker: BrokerRegistration,
  version: number,
  fields: { fenced?: number; inControlledShutdown?: number; logDirs?: readonly string[]; cordonedLogDirs?: readonly string[] }
): MetadataRecord {
  return metadataRecord('BrokerRegistrationChangeRecord', version, { brokerId: broker.id, brokerEpoch: broker.epoch, ...fields })
}

export function fenceRecords(state: ControllerState, broker: BrokerRegistration): MetadataRecord[] {
  const inIsr = partitionsWhere(state.image, (partition) => partition.isr.includes(broker.id))
  return [...leaderAndIsrRecords(state, inIsr, { removed: broker.id }), registrationChange(broker, 0, { fenced: 1 })]
}

/** Fences one broker whose session ran out; nothing when there is none. */
export function fenceStaleBroker(state: ControllerState): ControllerOutcome<{ brokerId: number | undefined }> {
  const brokerId = state.sessions.findStale(state.now)
  if (brokerId === undefined) return { records: [], response: { brokerId } }
  state.sessions.remove(brokerId)
  const broker = state.image.brokers.get(brokerId)
  return { records: broker === undefined || broker.fenced ? [] : fenceRecords(state, broker), response: { brokerId } }
}

/** Directories that the heartbeat is the first to say have failed. */
function failedDirectories({ image }: ControllerState, broker: BrokerRegistration, request: BrokerHeartbeatRequest): readonly Uuid[] {
  if (!image.metadataVersion.dirAssignment || request.offlineLogDirs.length === 0) return []
  return broker.directories.filter((directory) => request.offlineLogDirs.includes(directory) && directory !== ZERO_UUID)
}

/** The state in which a broker may be unfenced by the heartbeat that tells of its failed directories: it leads nothing in them. */
function withoutDirectories(state: ControllerState, broker: BrokerRegistration, failed: readonly Uuid[]): ControllerState {
  if (failed.length === 0) return state
  const left = broker.directories.filter((directory) => !failed.includes(directory))
  // No directories at all would mean that the broker names none.
  const directories = left.length > 0 ? left : [DIRECTORY_LOST]
  return { ...state, image: new MetadataImage({ ...state.image, brokers: state.image.brokers.set(broker.id, { ...broker, directories }) }) }
}

function directoryRecords(
  state: ControllerState,
  broker: BrokerRegistration,
  failed: readonly Uuid[],
  request: BrokerHeartbeatRequest
): MetadataRecord[] {
  const records: MetadataRecord[] = []
  if (failed.length > 0) {
    const held = partitionsWhere(state.image, ({ isr, replicas, directories }) => {
      const index = replicas.indexOf(broker.id)
      return isr.includes(broker.id) && index >= 0 && failed.includes(directories[index])
    })
    records.push(...leaderAndIsrRecords(state, held, { removed: broker.id }))
    records.push(registrationChange(broker, 2, { logDirs: broker.directories.filter((directory) => !failed.includes(directory)) }))
  }
  const cordoned = request.cordonedLogDirs === null ? null : [...request.cordonedLogDirs].sort()
  if (state.image.metadataVersion.cordonedLogDirs && cordoned !== null && String(cordoned) !== String(broker.cordonedDirectories)) {
    records.push(registrationChange(broker, 3, { cordonedLogDirs: cordoned }))
  }
  return records
}
