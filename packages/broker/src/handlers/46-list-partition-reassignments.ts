import { ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse } from '@odradek/protocol'
import { defineForwarded } from '../forwarded.ts'

export const listPartitionReassignmentsHandler = defineForwarded(
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse,
  'listPartitionReassignments'
)
