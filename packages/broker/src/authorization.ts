// Who may do what. There is no authorizer yet: everything is allowed, as in Apache Kafka without `authorizer.class.name`.
// The one place that an authorizer will fill: `operations` is what the DescribeX answers say a client may do.
import { AclOperation } from '@odradek/protocol'

const { READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE } = AclOperation

const SUPPORTED = {
  topic: [READ, WRITE, CREATE, DESCRIBE, DELETE, ALTER, DESCRIBE_CONFIGS, ALTER_CONFIGS],
  group: [READ, DESCRIBE, DELETE, DESCRIBE_CONFIGS, ALTER_CONFIGS],
  cluster: [CREATE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE, ALTER, DESCRIBE]
} as const

/** The field of a request that did not ask. */
export const OPERATIONS_NOT_ASKED = -2147483648

/** The operations on a resource that the client may do, as a bit field by operation code. */
export function authorizedOperations(resource: keyof typeof SUPPORTED): number {
  let bits = 0
  for (const operation of SUPPORTED[resource]) bits |= 1 << operation
  return bits
}
