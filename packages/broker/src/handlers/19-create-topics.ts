import { CreateTopicsRequest, CreateTopicsResponse } from '@odradek/protocol'
import { defineForwarded } from '../forwarded.ts'

export const createTopicsHandler = defineForwarded(CreateTopicsRequest, CreateTopicsResponse, 'createTopics', {
  failure: (request, errorCode) => ({ topics: request.topics.map(({ name }) => ({ name, errorCode })) })
})
