import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '@odradek/protocol'
import { defineForwarded } from '../forwarded.ts'

export const incrementalAlterConfigsHandler = defineForwarded(
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
  'incrementalAlterConfigs',
  {
    failure: (request, errorCode) => ({
      responses: request.resources.map(({ resourceType, resourceName }) => ({ errorCode, resourceType, resourceName }))
    })
  }
)
