// Delegation tokens (KIP-48). The broker refuses them on connections that are not authenticated.
import {
  CreateDelegationTokenRequest,
  CreateDelegationTokenResponse,
  DescribeDelegationTokenRequest,
  DescribeDelegationTokenResponse,
  ExpireDelegationTokenRequest,
  ExpireDelegationTokenResponse,
  RenewDelegationTokenRequest,
  RenewDelegationTokenResponse
} from '@odradek/protocol'
import { errorOf } from '../errors.ts'
import type { Cluster, Target } from '../network/cluster.ts'
import type { CallOptions } from '../types.ts'

export interface DelegationToken {
  readonly tokenId: string
  readonly hmac: Buffer
  /** `User:alice` */
  readonly owner: string
  readonly requester: string
  readonly renewers: readonly string[]
  /** All three ms since the epoch. */
  readonly issueTimestamp: number
  readonly expiryTimestamp: number
  readonly maxTimestamp: number
}

const any: Target = { anyNode: true }
const code = ({ errorCode }: { errorCode: number }) => errorOf(errorCode)

function principalParts(principal: string): { principalType: string; principalName: string } {
  const at = principal.indexOf(':')
  return at < 0
    ? { principalType: 'User', principalName: principal }
    : { principalType: principal.slice(0, at), principalName: principal.slice(at + 1) }
}

export async function createDelegationToken(
  cluster: Cluster,
  options: CallOptions & { readonly owner?: string; readonly renewers?: readonly string[]; readonly maxLifetimeMs?: number } = {}
): Promise<DelegationToken> {
  const { owner, renewers = [], maxLifetimeMs = -1 } = options
  const parts = owner === undefined ? undefined : principalParts(owner)
  const body = (version: number) => ({
    ...(version >= 3 ? { ownerPrincipalType: parts?.principalType ?? null, ownerPrincipalName: parts?.principalName ?? null } : {}),
    renewers: renewers.map(principalParts),
    maxLifetimeMs
  })
  const minVersion = owner === undefined ? undefined : 3
  const token = await cluster.call(any, CreateDelegationTokenRequest, CreateDelegationTokenResponse, body, {
    ...options,
    minVersion,
    errorOf: code
  })
  const { tokenId, hmac, issueTimestampMs, expiryTimestampMs, maxTimestampMs } = token
  return {
    tokenId,
    hmac,
    owner: `${token.principalType}:${token.principalName}`,
    requester: `${token.tokenRequesterPrincipalType}:${token.tokenRequesterPrincipalName}`,
    renewers,
    issueTimestamp: issueTimestampMs,
    expiryTimestamp: expiryTimestampMs,
    maxTimestamp: maxTimestampMs
  }
}

/** Resolves to the new expiry, ms since the epoch. */
export async function renewDelegationToken(
  cluster: Cluster,
  hmac: Buffer,
  options: CallOptions & { readonly renewPeriodMs?: number } = {}
): Promise<number> {
  const body = { hmac, renewPeriodMs: options.renewPeriodMs ?? -1 }
  const response = await cluster.call(any, RenewDelegationTokenRequest, RenewDelegationTokenResponse, body, { ...options, errorOf: code })
  return response.expiryTimestampMs
}

/** Below 0, the default: at once. Resolves to the new expiry. */
export async function expireDelegationToken(
  cluster: Cluster,
  hmac: Buffer,
  options: CallOptions & { readonly expiryPeriodMs?: number } = {}
): Promise<number> {
  const body = { hmac, expiryTimePeriodMs: options.expiryPeriodMs ?? -1 }
  const response = await cluster.call(any, ExpireDelegationTokenRequest, ExpireDelegationTokenResponse, body, { ...options, errorOf: code })
  return response.expiryTimestampMs
}

export async function describeDelegationToken(
  cluster: Cluster,
  options: CallOptions & { readonly owners?: readonly string[] } = {}
): Promise<readonly DelegationToken[]> {
  const body = { owners: options.owners?.map(principalParts) ?? null }
  const response = await cluster.call(any, DescribeDelegationTokenRequest, DescribeDelegationTokenResponse, body, {
    ...options,
    errorOf: code
  })
  return response.tokens.map((token) => ({
    tokenId: token.tokenId,
    hmac: token.hmac,
    owner: `${token.principalType}:${token.principalName}`,
    requester: `${token.tokenRequesterPrincipalType}:${token.tokenRequesterPrincipalName}`,
    renewers: token.renewers.map(({ principalType, principalName }) => `${principalType}:${principalName}`),
    issueTimestamp: token.issueTimestamp,
    expiryTimestamp: token.expiryTimestamp,
    maxTimestamp: token.maxTimestamp
  }))
}
