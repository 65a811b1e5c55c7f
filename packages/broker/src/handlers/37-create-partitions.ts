import { CreatePartitionsRequest, CreatePartitionsResponse } from '@odradek/protocol'
import { defineForwarded } from '../forwarded.ts'

export const createPartitionsHandler = defineForwarded(CreatePartitionsRequest, CreatePartitionsResponse, 'createPartitions', {
  failure: (request, errorCode) => ({ results: request.topics.map(({ name }) => ({ name, errorCode })) })
})
