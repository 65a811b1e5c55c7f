import { AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse } from '@odradek/protocol'
import { defineForwarded } from '../forwarded.ts'

export const alterPartitionReassignmentsHandler = defineForwarded(
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse,
  'alterPartitionReassignments'
)
