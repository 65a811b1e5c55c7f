import { CreateTopicsRequest, CreateTopicsResponse } from '@odradek/protocol'
import { defineForwarded, LOGS_AWAITED_MAX } from '../forwarded.ts'

export const createTopicsHandler = defineForwarded(CreateTopicsRequest, CreateTopicsResponse, 'createTopics', {
  logsAwaitedMax: LOGS_AWAITED_MAX,
  failure: (request, errorCode) => ({ topics: request.topics.map(({ name }) => ({ name, errorCode })) })
})
