import { DescribeClusterRequest, DescribeClusterResponse, ErrorCode, type Input } from '@odradek/protocol'
import { authorizedOperations, OPERATIONS_NOT_ASKED } from '../authorization.ts'
import type { BrokerContext } from '../broker-context.ts'
import { endpointOf } from '../endpoints.ts'
import { defineHandler, type RequestContext } from '../handler.ts'

const BROKERS = 1
const CONTROLLERS = 2
const NAMES = new Map([
  [BROKERS, 'BROKER'],
  [CONTROLLERS, 'CONTROLLER']
])

/** On a broker's listener. */
export const describeClusterHandler = defineHandler<BrokerContext, DescribeClusterRequest, DescribeClusterResponse>(
  DescribeClusterRequest,
  DescribeClusterResponse,
  (broker, request, context) => refuseEndpointType(request, BROKERS) ?? describeBrokers(broker, request, context)
)

/** On a controller's listener. */
export const describeControllersHandler = defineHandler<BrokerContext, DescribeClusterRequest, DescribeClusterResponse>(
  DescribeClusterRequest,
  DescribeClusterResponse,
  (broker, request, context) => refuseEndpointType(request, CONTROLLERS) ?? describeControllers(broker, request, context)
)

function refuseEndpointType(request: DescribeClusterRequest, served: number): Input<DescribeClusterResponse> | undefined {
  const { endpointType } = request
  if (endpointType === served) return undefined
  const isKnown = NAMES.has(endpointType)
  const asked = NAMES.get(endpointType) ?? String(endpointType)
  return {
    errorCode: isKnown ? ErrorCode.MISMATCHED_ENDPOINT_TYPE : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
    errorMessage: isKnown
      ? `The request was sent to an endpoint of type ${NAMES.get(served)}, but we wanted an endpoint of type ${asked}`
      : `Unsupported endpoint type ${asked}`
  }
}

function describeBrokers(broker: BrokerContext, request: DescribeClusterRequest, context: RequestContext): Input<DescribeClusterResponse> {
  const brokers: Input<DescribeClusterResponse>['brokers'] = Array.from(broker.image.brokers)
    .filter(([, registration]) => !registration.fenced || (request.includeFencedBrokers && context.apiVersion >= 2))
    .flatMap(([, registration]) => {
      const endpoint = endpointOf(broker, registration, context)
      if (endpoint === undefined) return []
      return [{ brokerId: registration.id, host: endpoint.host, port: endpoint.port, rack: endpoint.rack, isFenced: registration.fenced }]
    })
  return { ...common(broker, request), endpointType: BROKERS, controllerId: broker.controllerId(), brokers }
}

function describeControllers(
  broker: BrokerContext,
  request: DescribeClusterRequest,
  context: RequestContext
): Input<DescribeClusterResponse> {
  const own = broker.ownEndpoint(context)
  const brokers = own === undefined ? [] : [{ brokerId: broker.nodeId, host: own.host, port: own.port, rack: null, isFenced: false }]
  return { ...common(broker, request), endpointType: CONTROLLERS, controllerId: broker.controllerId(), brokers }
}

function common(broker: BrokerContext, request: DescribeClusterRequest): Input<DescribeClusterResponse> {
  return {
    errorCode: ErrorCode.NONE,
    clusterId: broker.clusterId,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? authorizedOperations('cluster') : OPERATIONS_NOT_ASKED
  }
}
