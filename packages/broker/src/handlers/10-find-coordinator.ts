// FindCoordinator: which broker keeps a group. Its topic is made on demand. There is no transaction or share coordinator
// yet. A transactional producer would ask for one until its time is over, so it is told that there will be none.
import { isUuid } from '@odradek/base'
import { CoordinatorType, ErrorCode, errorByCode, FindCoordinatorRequest, FindCoordinatorResponse, type Input } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { endpointOf } from '../endpoints.ts'
import { defineHandler, type RequestContext } from '../handler.ts'
import { GROUP_METADATA_TOPIC } from '../internal-topics.ts'

type FindCoordinatorResponseCoordinator = FindCoordinatorResponse['coordinators'][number]

type Coordinator = Input<FindCoordinatorResponseCoordinator> & { errorCode: number }

const BATCHED_VERSION = 4
const SHARE_VERSION = 6
const NO_TRANSACTIONS = 'This broker does not serve transactions.'

export const findCoordinatorHandler = defineHandler<BrokerContext, FindCoordinatorRequest, FindCoordinatorResponse>(
  FindCoordinatorRequest,
  FindCoordinatorResponse,
  handleFindCoordinator,
  {
    failure: (request, errorCode, context) =>
      respond(
        context,
        keysOf(request, context).map((key) => failed(key, errorCode))
      )
  }
)

async function handleFindCoordinator(
  broker: BrokerContext,
  request: FindCoordinatorRequest,
  context: RequestContext
): Promise<Input<FindCoordinatorResponse>> {
  const found: Coordinator[] = []
  for (const key of keysOf(request, context)) found.push(await find(broker, request.keyType, key, context))
  return respond(context, found)
}

function keysOf(request: FindCoordinatorRequest, context: RequestContext): readonly string[] {
  return context.apiVersion >= BATCHED_VERSION ? request.coordinatorKeys : [request.key]
}

async function find(broker: BrokerContext, keyType: number, key: string, context: RequestContext): Promise<Coordinator> {
  switch (keyType) {
    case CoordinatorType.GROUP:
      return findGroupCoordinator(broker, key, context)
    case CoordinatorType.TRANSACTION:
      return { ...failed(key, ErrorCode.UNSUPPORTED_VERSION), errorMessage: NO_TRANSACTIONS }
    case CoordinatorType.SHARE:
      return failed(
        key,
        context.apiVersion >= SHARE_VERSION && isShareKey(key) ? ErrorCode.COORDINATOR_NOT_AVAILABLE : ErrorCode.INVALID_REQUEST
      )
    default:
      return { ...failed(key, ErrorCode.INVALID_REQUEST), errorMessage: errorByCode(ErrorCode.INVALID_REQUEST).message }
  }
}

async function findGroupCoordinator(broker: BrokerContext, key: string, context: RequestContext): Promise<Coordinator> {
  if (broker.image.topic(GROUP_METADATA_TOPIC) === undefined) {
    const errors = await broker.topicCreation.create([GROUP_METADATA_TOPIC])
    if (errors.size > 0) return failed(key, ErrorCode.COORDINATOR_NOT_AVAILABLE)
  }
  const partition = broker.image.partition(GROUP_METADATA_TOPIC, broker.groups.partitionFor(key))
  const leader = partition === undefined ? undefined : broker.image.brokers.get(partition.leader)
  const endpoint = leader === undefined || leader.fenced ? undefined : endpointOf(broker, leader, context)
  if (endpoint === undefined) return failed(key, ErrorCode.COORDINATOR_NOT_AVAILABLE)
  const { nodeId, host, port } = endpoint
  return { key, nodeId, host, port, errorCode: ErrorCode.NONE, errorMessage: '' }
}

/** Of a share group's partition: group, topic id and partition. */
function isShareKey(key: string): boolean {
  const match = /^(.+):([^:]+):(\d{1,9})$/.exec(key)
  return match !== null && isUuid(match[2])
}

function failed(key: string, errorCode: number): Coordinator {
  return { key, nodeId: -1, host: '', port: -1, errorCode, errorMessage: '' }
}

function respond(context: RequestContext, coordinators: readonly Coordinator[]): Input<FindCoordinatorResponse> {
  if (context.apiVersion >= BATCHED_VERSION) return { coordinators }
  const [{ errorCode, nodeId, host, port, errorMessage: ownMessage }] = coordinators
  // in these versions success has a message too
  const errorMessage = errorCode === ErrorCode.NONE ? 'NONE' : ownMessage || errorByCode(errorCode).message
  return { errorCode, errorMessage, nodeId, host, port }
}
