// InitProducerId of an idempotent producer. Transactional producers belong to the transaction coordinator, which is not
// here yet: they are told that this is not their coordinator, and look for it.
import { ErrorCode, InitProducerIdRequest, InitProducerIdResponse, type Input } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler } from '../handler.ts'

const NO_PRODUCER_ID = -1
const NO_PRODUCER_EPOCH = -1

export const initProducerIdHandler = defineHandler<BrokerContext, InitProducerIdRequest, InitProducerIdResponse>(
  InitProducerIdRequest,
  InitProducerIdResponse,
  handleInitProducerId,
  { failure: (_, errorCode) => failed(errorCode) }
)

function handleInitProducerId(
  broker: BrokerContext,
  request: InitProducerIdRequest
): Input<InitProducerIdResponse> | Promise<Input<InitProducerIdResponse>> {
  const { transactionalId, producerId, producerEpoch } = request
  if (transactionalId === '') return failed(ErrorCode.INVALID_REQUEST)
  if ((producerId === NO_PRODUCER_ID) !== (producerEpoch === NO_PRODUCER_EPOCH)) return failed(ErrorCode.INVALID_REQUEST)
  if (transactionalId !== null) return failed(ErrorCode.NOT_COORDINATOR)
  const id = broker.producerIds.next()
  if (typeof id === 'number') return given(id)
  return id.then(given, (error) => {
    broker.world.logger.log(
      'WARN',
      'org.apache.kafka.coordinator.transaction.RPCProducerIdManager',
      'No block of producer ids could be had',
      error
    )
    return failed(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
  })
}

function given(producerId: number): Input<InitProducerIdResponse> {
  return { errorCode: ErrorCode.NONE, producerId, producerEpoch: 0 }
}

function failed(errorCode: number): Input<InitProducerIdResponse> {
  return { errorCode, producerId: NO_PRODUCER_ID, producerEpoch: NO_PRODUCER_EPOCH }
}
