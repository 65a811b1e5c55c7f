// ACLs between kafkajs's numbers and the native client's names.
import type { AclBinding, AclBindingFilter, Admin as NativeAdmin } from '@odradek/client'
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, nameOf, ResourcePatternTypes } from './enums.ts'
import { protocolError } from './errors.ts'
import type { AclEntry, AclFilter, DeleteAclResponse, DescribeAclResource, DescribeAclResponse } from './types.ts'

function entryOf(acl: Required<AclBinding>): AclEntry {
  const numberIn = <T extends Readonly<Record<string, number>>>(table: T, name: string): T[keyof T] => (table[name] ?? 0) as T[keyof T]
  return {
    resourceType: numberIn(AclResourceTypes, acl.resourceType),
    resourceName: acl.resourceName,
    resourcePatternType: numberIn(ResourcePatternTypes, acl.patternType),
    principal: acl.principal,
    host: acl.host,
    operation: numberIn(AclOperationTypes, acl.operation),
    permissionType: numberIn(AclPermissionTypes, acl.permission)
  }
}

function filterOf(filter: AclFilter): AclBindingFilter {
  const { resourceType, resourceName, resourcePatternType, principal, host, operation, permissionType } = filter
  return {
    resourceType: nameOf(AclResourceTypes, resourceType),
    resourceName: resourceName ?? undefined,
    patternType: nameOf(ResourcePatternTypes, resourcePatternType),
    principal: principal ?? undefined,
    host: host ?? undefined,
    operation: nameOf(AclOperationTypes, operation),
    permission: nameOf(AclPermissionTypes, permissionType)
  }
}

export async function createAcls(admin: NativeAdmin, acls: readonly AclEntry[]): Promise<boolean> {
  await admin.createAcls(acls.map((acl) => filterOf(acl) as AclBinding))
  return true
}

export async function describeAcls(admin: NativeAdmin, filter: AclFilter): Promise<DescribeAclResponse> {
  const found = (await admin.describeAcls(filterOf(filter))).map(entryOf)
  const resources = new Map<string, DescribeAclResource>()
  for (const { resourceType, resourceName, resourcePatternType, ...acl } of found) {
    const key = `${resourceType} ${resourcePatternType} ${resourceName}`
    const resource = resources.get(key) ?? { resourceType, resourceName, resourcePatternType, acls: [] }
    resource.acls.push(acl)
    resources.set(key, resource)
  }
  return { throttleTime: 0, errorCode: 0, resources: [...resources.values()] }
}

export async function deleteAcls(admin: NativeAdmin, filters: readonly AclFilter[]): Promise<DeleteAclResponse> {
  const filterResponses: DeleteAclResponse['filterResponses'] = []
  // One at a time: filters that are equal have one key.
  for (const filter of filters) {
    const { values, errors } = await admin.deleteAcls([filterOf(filter)]).outcomes()
    const [result] = values.values()
    const [error] = errors.values()
    const failed = error ?? [...(result?.failed.values() ?? [])][0]
    if (failed !== undefined) throw protocolError(failed)
    const matchingAcls = (result?.deleted ?? []).map((acl) => ({ errorCode: 0, ...entryOf(acl) }))
    filterResponses.push({ errorCode: 0, matchingAcls })
  }
  return { throttleTime: 0, filterResponses }
}
