// The requests that the controller takes, each with its handler and with the answer to a request that is refused whole.

import type * as protocol from '@odradek/protocol'
import {
  AllocateProducerIdsResponse,
  AlterPartitionReassignmentsResponse,
  AlterPartitionResponse,
  AssignReplicasToDirsResponse,
  BrokerHeartbeatResponse,
  BrokerRegistrationResponse,
  ControllerRegistrationResponse,
  ListPartitionReassignmentsResponse,
  UnregisterBrokerResponse
} from '@odradek/protocol'
import type { ApiError } from './api-error.ts'
import { brokerHeartbeat, registerBroker, registerController, unregisterBroker } from './cluster-control.ts'
import { alterConfigs, incrementalAlterConfigs } from './configs.ts'
import { type ControllerOutcome, type ControllerResult, type ControllerState, isRefused } from './controller-state.ts'
import { electLeaders, refusedElections } from './elections.ts'
import { refusedFeatures, updateFeatures } from './feature-control.ts'
import { alterPartition, assignReplicasToDirs } from './isr.ts'
import { allocateProducerIds } from './producer-ids.ts'
import { alterPartitionReassignments, listPartitionReassignments } from './reassignments.ts'
import { createPartitions, createTopics, deleteTopics, refusedDeletions, refusedPartitions, refusedTopics } from './topics.ts'

interface Call<Request, Response> {
  readonly request: Request
  readonly response: Response
}

export interface ControllerCalls {
  readonly registerBroker: Call<protocol.BrokerRegistrationRequest, protocol.BrokerRegistrationResponse>
  readonly unregisterBroker: Call<protocol.UnregisterBrokerRequest, protocol.UnregisterBrokerResponse>
  readonly brokerHeartbeat: Call<protocol.BrokerHeartbeatRequest, protocol.BrokerHeartbeatResponse>
  readonly registerController: Call<protocol.ControllerRegistrationRequest, protocol.ControllerRegistrationResponse>
  readonly createTopics: Call<protocol.CreateTopicsRequest, protocol.CreateTopicsResponse>
  readonly deleteTopics: Call<protocol.DeleteTopicsRequest, protocol.DeleteTopicsResponse>
  readonly createPartitions: Call<protocol.CreatePartitionsRequest, protocol.CreatePartitionsResponse>
  readonly incrementalAlterConfigs: Call<protocol.IncrementalAlterConfigsRequest, protocol.IncrementalAlterConfigsResponse>
  readonly alterConfigs: Call<protocol.AlterConfigsRequest, protocol.AlterConfigsResponse>
  readonly alterPartition: Call<protocol.AlterPartitionRequest, protocol.AlterPartitionResponse>
  readonly assignReplicasToDirs: Call<protocol.AssignReplicasToDirsRequest, protocol.AssignReplicasToDirsResponse>
  readonly electLeaders: Call<protocol.ElectLeadersRequest, protocol.ElectLeadersResponse>
  readonly alterPartitionReassignments: Call<protocol.AlterPartitionReassignmentsRequest, protocol.AlterPartitionReassignmentsResponse>
  readonly listPartitionReassignments: Call<protocol.ListPartitionReassignmentsRequest, protocol.ListPartitionReassignmentsResponse>
  readonly updateFeatures: Call<protocol.UpdateFeaturesRequest, protocol.UpdateFeaturesResponse>
  readonly allocateProducerIds: Call<protocol.AllocateProducerIdsRequest, protocol.AllocateProducerIdsResponse>
}

export type ControllerApi = keyof ControllerCalls
export type ControllerRequest<K extends ControllerApi> = ControllerCalls[K]['request']
export type ControllerResponse<K extends ControllerApi> = ControllerCalls[K]['response']

interface Handler<Request, Response> {
  handle(state: ControllerState, request: Request): ControllerOutcome<Response>
  refuse(request: Request, error: ApiError): Response
}

const code = ({ errorCode }: ApiError): { errorCode: number } => ({ errorCode })

const refusedConfigs = (
  request: { readonly resources: readonly { readonly resourceType: number; readonly resourceName: string }[] },
  error: ApiError
): protocol.IncrementalAlterConfigsResponse => ({
  throttleTimeMs: 0,
  responses: request.resources.map(({ resourceType, resourceName }) => ({ ...error, resourceType, resourceName }))
})

const handlers: { readonly [K in ControllerApi]: Handler<ControllerRequest<K>, ControllerResponse<K>> } = {
  registerBroker: { handle: registerBroker, refuse: (_, error) => BrokerRegistrationResponse.create(code(error)) },
  unregisterBroker: { handle: unregisterBroker, refuse: (_, error) => UnregisterBrokerResponse.create(error) },
  brokerHeartbeat: { handle: brokerHeartbeat, refuse: (_, error) => BrokerHeartbeatResponse.create(code(error)) },
  registerController: { handle: registerController, refuse: (_, error) => ControllerRegistrationResponse.create(error) },
  createTopics: { handle: createTopics, refuse: refusedTopics },
  deleteTopics: { handle: deleteTopics, refuse: refusedDeletions },
  createPartitions: { handle: createPartitions, refuse: refusedPartitions },
  incrementalAlterConfigs: { handle: incrementalAlterConfigs, refuse: refusedConfigs },
  alterConfigs: { handle: alterConfigs, refuse: refusedConfigs },
  alterPartition: { handle: alterPartition, refuse: (_, error) => AlterPartitionResponse.create(code(error)) },
  assignReplicasToDirs: { handle: assignReplicasToDirs, refuse: (_, error) => AssignReplicasToDirsResponse.create(code(error)) },
  electLeaders: { handle: electLeaders, refuse: refusedElections },
  alterPartitionReassignments: {
    handle: alterPartitionReassignments,
    refuse: (_, error) => AlterPartitionReassignmentsResponse.create(error)
  },
  listPartitionReassignments: {
    handle: listPartitionReassignments,
    refuse: (_, error) => ListPartitionReassignmentsResponse.create(error)
  },
  updateFeatures: { handle: updateFeatures, refuse: refusedFeatures },
  allocateProducerIds: { handle: allocateProducerIds, refuse: (_, error) => AllocateProducerIdsResponse.create(code(error)) }
}

/** The records that a request needs and its answer; a refused request is an answer without records. */
export function handleControllerRequest<K extends ControllerApi>(
  state: ControllerState,
  api: K,
  request: ControllerRequest<K>
): ControllerResult<ControllerResponse<K>> {
  const handler: Handler<ControllerRequest<K>, ControllerResponse<K>> = handlers[api]
  const outcome = handler.handle(state, request)
  return isRefused(outcome) ? { records: [], response: handler.refuse(request, outcome) } : outcome
}

/** The answer to a request that came to nothing. */
export function refuseControllerRequest<K extends ControllerApi>(
  api: K,
  request: ControllerRequest<K>,
  error: ApiError
): ControllerResponse<K> {
  const handler: Handler<ControllerRequest<K>, ControllerResponse<K>> = handlers[api]
  return handler.refuse(request, error)
}
