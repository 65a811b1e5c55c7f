// The table of requests: keys, versions, who may serve them, and their codecs.
import type { ApiFacts } from './api-facts.ts'
import type { MessageCodec } from './codec.ts'
import * as codecs from './generated/codecs.ts'
import { ApiKey, apiTable } from './generated/tables/apis.ts'

export { ApiKey } from './generated/tables/apis.ts'

export interface ApiInfo extends ApiFacts {
  readonly request: MessageCodec<unknown>
  readonly response: MessageCodec<unknown>
}

function messageCodec(name: string): MessageCodec<unknown> {
  return (codecs as unknown as Record<string, MessageCodec<unknown>>)[name]
}

/** Every request of Kafka 4.3 by key; without the four that 4.0 removed. */
export const apiKeys: ReadonlyMap<number, ApiInfo> = new Map(
  apiTable.map((api) => [api.key, { ...api, request: messageCodec(`${api.name}Request`), response: messageCodec(`${api.name}Response`) }])
)

type HeaderFacts = Pick<ApiFacts, 'key' | 'flexibleFrom'>

export function requestHeaderVersion(api: HeaderFacts, apiVersion: number): 1 | 2 {
  return api.flexibleFrom !== null && apiVersion >= api.flexibleFrom ? 2 : 1
}

/** A client that asks for a version of ApiVersions that the broker lacks must understand the answer: always header 0. */
export function responseHeaderVersion(api: HeaderFacts, apiVersion: number): 0 | 1 {
  return api.key !== ApiKey.API_VERSIONS && requestHeaderVersion(api, apiVersion) === 2 ? 1 : 0
}
