import { AlterConfigsRequest, AlterConfigsResponse } from '@odradek/protocol'
import { defineForwarded } from '../forwarded.ts'

export const alterConfigsHandler = defineForwarded(AlterConfigsRequest, AlterConfigsResponse, 'alterConfigs', {
  failure: (request, errorCode) => ({
    responses: request.resources.map(({ resourceType, resourceName }) => ({ errorCode, resourceType, resourceName }))
  })
})
