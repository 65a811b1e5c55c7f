// Blocks of producer ids for brokers (AllocateProducerIds).
import type { AllocateProducerIdsRequest, AllocateProducerIdsResponse } from '@odradek/protocol'
import { metadataRecord } from '../records.ts'
import { apiError } from './api-error.ts'
import { staleBrokerEpoch } from './cluster-control.ts'
import type { ControllerOutcome, ControllerState } from './controller-state.ts'

const BLOCK_SIZE = 1000

export function allocateProducerIds(
  state: ControllerState,
  request: AllocateProducerIdsRequest
): ControllerOutcome<AllocateProducerIdsResponse> {
  const { brokerId, brokerEpoch } = request
  const broker = state.image.brokers.get(brokerId)
  if (broker === undefined || broker.epoch !== brokerEpoch) return staleBrokerEpoch(request, broker)
  const producerIdStart = state.image.nextProducerId
  const nextProducerId = producerIdStart + BLOCK_SIZE
  if (!Number.isSafeInteger(nextProducerId)) {
    return apiError(
      'UNKNOWN_SERVER_ERROR',
      "Exhausted all producerIds as the next block's end producerId has exceeded the int64 type limit"
    )
  }
  return {
    records: [metadataRecord('ProducerIdsRecord', 0, { brokerId, brokerEpoch, nextProducerId })],
    response: { throttleTimeMs: 0, errorCode: 0, producerIdStart, producerIdLen: BLOCK_SIZE }
  }
}
