import { CreatePartitionsRequest, CreatePartitionsResponse } from '@odradek/protocol'
import { defineForwarded, LOGS_AWAITED_MAX } from '../forwarded.ts'

export const createPartitionsHandler = defineForwarded(CreatePartitionsRequest, CreatePartitionsResponse, 'createPartitions', {
  logsAwaitedMax: LOGS_AWAITED_MAX,
  failure: (request, errorCode) => ({ results: request.topics.map(({ name }) => ({ name, errorCode })) })
})
