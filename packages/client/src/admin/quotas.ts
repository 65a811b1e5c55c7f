import {
  AlterClientQuotasRequest,
  AlterClientQuotasResponse,
  DescribeClientQuotasRequest,
  DescribeClientQuotasResponse,
  ErrorCode
} from '@odradek/protocol'
import { errorOf } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import type { CallOptions } from '../types.ts'
import { drive, toAnyNode } from './driver.ts'
import type { KeyedResult } from './keyed-result.ts'

export type QuotaEntityType = 'user' | 'client-id' | 'ip'
/** Name by type; null is the default of the type. */
export type QuotaEntity = { readonly [T in QuotaEntityType]?: string | null }

export interface ClientQuota {
  readonly entity: QuotaEntity
  /** `producer_byte_rate`, … */
  readonly quotas: Readonly<Record<string, number>>
}

export interface ClientQuotaAlteration {
  readonly entity: QuotaEntity
  /** null removes the quota. */
  readonly ops: Readonly<Record<string, number | null>>
}

/** By type: a name, null for the default of the type, or `any` for whatever has one. */
export interface ClientQuotaFilter {
  readonly components: { readonly [T in QuotaEntityType]?: string | null | { readonly any: true } }
  /** Only entities without other types. Default false. */
  readonly strict?: boolean
}

/** Keys of results: `user=alice,client-id=<default>`. */
export function quotaEntityKey(entity: QuotaEntity): string {
  return Object.entries(entity)
    .filter(([, name]) => name !== undefined)
    .map(([type, name]) => `${type}=${name ?? '<default>'}`)
    .sort()
    .join(',')
}

const EXACT = 0
const DEFAULT = 1
const ANY = 2

export async function describeClientQuotas(
  cluster: Cluster,
  filter: ClientQuotaFilter = { components: {} },
  options: CallOptions = {}
): Promise<readonly ClientQuota[]> {
  const components = Object.entries(filter.components).map(([entityType, match]) => {
    if (match === null) return { entityType, matchType: DEFAULT, match: null }
    if (typeof match === 'string') return { entityType, matchType: EXACT, match }
    return { entityType, matchType: ANY, match: null }
  })
  const body = { components, strict: filter.strict ?? false }
  const response = await cluster.call({ anyNode: true }, DescribeClientQuotasRequest, DescribeClientQuotasResponse, body, {
    ...options,
    errorOf: ({ errorCode, errorMessage }) => errorOf(errorCode, errorMessage)
  })
  return (response.entries ?? []).map(({ entity, values }) => ({
    entity: entityOf(entity),
    quotas: Object.fromEntries(values.map(({ key, value }) => [key, value]))
  }))
}

function entityOf(parts: readonly { entityType: string; entityName: string | null }[]): QuotaEntity {
  return Object.fromEntries(parts.map(({ entityType, entityName }) => [entityType, entityName]))
}

/** Keys are `quotaEntityKey`s. */
export function alterClientQuotas(
  cluster: Cluster,
  alterations: readonly ClientQuotaAlteration[],
  options: CallOptions & { readonly validateOnly?: boolean } = {}
): KeyedResult<void> {
  const wanted = new Map(alterations.map((alteration) => [quotaEntityKey(alteration.entity), alteration]))
  return drive<void>(
    cluster,
    {
      what: 'alterClientQuotas',
      keys: [...wanted.keys()],
      route: toAnyNode,
      retryOn: new Set([ErrorCode.NOT_CONTROLLER]),
      async send({ target, keys }, signal) {
        const entries = keys.map((key) => {
          const { entity, ops } = wanted.get(key) as ClientQuotaAlteration
          return {
            entity: Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName })),
            ops: Object.entries(ops).map(([quota, value]) => ({ key: quota, value: value ?? 0, remove: value === null }))
          }
        })
        const body = { entries, validateOnly: options.validateOnly ?? false }
        const response = await cluster.attempt(target, AlterClientQuotasRequest, AlterClientQuotasResponse, body, { signal })
        return response.entries.map((entry) => [quotaEntityKey(entityOf(entry.entity)), errorOf(entry.errorCode, entry.errorMessage)])
      }
    },
    options
  )
}
