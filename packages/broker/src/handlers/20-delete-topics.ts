import { DeleteTopicsRequest, DeleteTopicsResponse } from '@odradek/protocol'
import { defineForwarded } from '../forwarded.ts'

export const deleteTopicsHandler = defineForwarded(DeleteTopicsRequest, DeleteTopicsResponse, 'deleteTopics', {
  failure: (request, errorCode, { apiVersion }) => ({
    responses:
      apiVersion < 6
        ? request.topicNames.map((name) => ({ name, errorCode }))
        : request.topics.map(({ name, topicId }) => ({ name, topicId, errorCode }))
  })
})
