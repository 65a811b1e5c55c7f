import {
  CreateAclsRequest,
  CreateAclsResponse,
  DeleteAclsRequest,
  DeleteAclsResponse,
  DescribeAclsRequest,
  DescribeAclsResponse,
  ErrorCode
} from '@odradek/protocol'
import { errorOf, type KafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import type { CallOptions } from '../types.ts'
import { drive, toAnyNode } from './driver.ts'
import type { KeyedResult } from './keyed-result.ts'
import {
  type AclOperationName,
  type AclPermissionName,
  aclOperations,
  aclPermissions,
  type PatternTypeName,
  patternTypes,
  type ResourceTypeName,
  resourceTypes
} from './names.ts'

export interface AclBinding {
  readonly resourceType: ResourceTypeName
  readonly resourceName: string
  /** Default LITERAL. */
  readonly patternType?: PatternTypeName
  /** `User:alice` */
  readonly principal: string
  /** Default `*`. */
  readonly host?: string
  readonly operation: AclOperationName
  /** Default ALLOW. */
  readonly permission?: AclPermissionName
}

/** What is left out matches everything. */
export interface AclBindingFilter {
  readonly resourceType?: ResourceTypeName
  readonly resourceName?: string
  readonly patternType?: PatternTypeName
  readonly principal?: string
  readonly host?: string
  readonly operation?: AclOperationName
  readonly permission?: AclPermissionName
}

/** Keys of results: all fields in a row. */
export function aclKey(acl: AclBinding | AclBindingFilter): string {
  const { resourceType, patternType, resourceName, principal, host, operation, permission } = acl
  return [resourceType, patternType, resourceName, principal, host, operation, permission].map((part) => part ?? '*').join(' ')
}

const complete = (acl: AclBinding): Required<AclBinding> => ({ patternType: 'LITERAL', host: '*', permission: 'ALLOW', ...acl })

/** Keys are `aclKey`s of the bindings. */
export function createAcls(cluster: Cluster, acls: readonly AclBinding[], options: CallOptions = {}): KeyedResult<void> {
  const wanted = new Map(acls.map(complete).map((acl) => [aclKey(acl), acl]))
  return drive<void>(
    cluster,
    {
      what: 'createAcls',
      keys: [...wanted.keys()],
      route: toAnyNode,
      retryOn: notController,
      async send({ target, keys }, signal) {
        const creations = keys.map((key) => {
          const acl = wanted.get(key) as Required<AclBinding>
          return {
            resourceType: resourceTypes.number(acl.resourceType),
            resourceName: acl.resourceName,
            resourcePatternType: patternTypes.number(acl.patternType),
            principal: acl.principal,
            host: acl.host,
            operation: aclOperations.number(acl.operation),
            permissionType: aclPermissions.number(acl.permission)
          }
        })
        const { results } = await cluster.attempt(target, CreateAclsRequest, CreateAclsResponse, { creations }, { signal })
        return inOrder(keys, results, (result) => errorOf(result.errorCode, result.errorMessage))
      }
    },
    options
  )
}

const notController: ReadonlySet<number> = new Set([ErrorCode.NOT_CONTROLLER])

/** Answers without keys are in the order of the request. */
function inOrder<R, O>(keys: readonly string[], results: readonly R[], outcome: (result: R) => O): [string, O][] {
  return results.slice(0, keys.length).map((result, index) => [keys[index], outcome(result)])
}

function filterFields(filter: AclBindingFilter) {
  return {
    resourceTypeFilter: resourceTypes.number(filter.resourceType ?? 'ANY'),
    resourceNameFilter: filter.resourceName ?? null,
    patternTypeFilter: patternTypes.number(filter.patternType ?? 'ANY'),
    principalFilter: filter.principal ?? null,
    hostFilter: filter.host ?? null,
    operation: aclOperations.number(filter.operation ?? 'ANY'),
    permissionType: aclPermissions.number(filter.permission ?? 'ANY')
  }
}

interface WireAcl {
  resourceType: number
  resourceName: string
  patternType: number
  principal: string
  host: string
  operation: number
  permissionType: number
}

function binding(acl: WireAcl): Required<AclBinding> {
  return {
    resourceType: resourceTypes.name(acl.resourceType),
    resourceName: acl.resourceName,
    patternType: patternTypes.name(acl.patternType),
    principal: acl.principal,
    host: acl.host,
    operation: aclOperations.name(acl.operation),
    permission: aclPermissions.name(acl.permissionType)
  }
}

export async function describeAcls(
  cluster: Cluster,
  filter: AclBindingFilter = {},
  options: CallOptions = {}
): Promise<readonly Required<AclBinding>[]> {
  const response = await cluster.call({ anyNode: true }, DescribeAclsRequest, DescribeAclsResponse, filterFields(filter), {
    ...options,
    errorOf: ({ errorCode, errorMessage }) => errorOf(errorCode, errorMessage)
  })
  return response.resources.flatMap(({ acls, ...resource }) => acls.map((acl) => binding({ ...resource, ...acl })))
}

/** What one filter deleted. */
export interface DeletedAcls {
  readonly deleted: readonly Required<AclBinding>[]
  /** Matching bindings that could not be deleted, by `aclKey`. */
  readonly failed: ReadonlyMap<string, KafkaError>
}

/** Keys are `aclKey`s of the filters. */
export function deleteAcls(cluster: Cluster, filters: readonly AclBindingFilter[], options: CallOptions = {}): KeyedResult<DeletedAcls> {
  const wanted = new Map(filters.map((filter) => [aclKey(filter), filter]))
  return drive<DeletedAcls>(
    cluster,
    {
      what: 'deleteAcls',
      keys: [...wanted.keys()],
      route: toAnyNode,
      retryOn: notController,
      async send({ target, keys }, signal) {
        const body = { filters: keys.map((key) => filterFields(wanted.get(key) as AclBindingFilter)) }
        const { filterResults } = await cluster.attempt(target, DeleteAclsRequest, DeleteAclsResponse, body, { signal })
        return inOrder(keys, filterResults, (result) => errorOf(result.errorCode, result.errorMessage) ?? deletedAcls(result.matchingAcls))
      }
    },
    options
  )
}

function deletedAcls(matching: readonly (WireAcl & { errorCode: number; errorMessage: string | null })[]): DeletedAcls {
  const deleted: Required<AclBinding>[] = []
  const failed = new Map<string, KafkaError>()
  for (const each of matching) {
    const acl = binding(each)
    const error = errorOf(each.errorCode, each.errorMessage)
    if (error === undefined) deleted.push(acl)
    else failed.set(aclKey(acl), error)
  }
  return { deleted, failed }
}
