// What a broker said it supports (KIP-35, KIP-584), and the version to use for a request.
import { ApiKey, type ApiVersionsResponse, apiKeys, type MessageCodec } from '@odradek/protocol'
import { unsupportedVersion } from './client-errors.ts'

export interface VersionRange {
  readonly min: number
  readonly max: number
}

export class BrokerApiVersions {
  readonly ranges: ReadonlyMap<number, VersionRange>
  readonly supportedFeatures: ApiVersionsResponse['supportedFeatures']
  readonly finalizedFeatures: ApiVersionsResponse['finalizedFeatures']
  /** -1: the broker knows of no finalized features. */
  readonly finalizedFeaturesEpoch: number
  readonly #address: string
  readonly #best = new Map<number, number>()

  constructor(address: string, response: ApiVersionsResponse) {
    this.#address = address
    this.ranges = new Map(response.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, { min: minVersion, max: maxVersion }]))
    this.supportedFeatures = response.supportedFeatures
    this.finalizedFeatures = response.finalizedFeatures
    this.finalizedFeaturesEpoch = response.finalizedFeaturesEpoch
  }

  supports(apiKey: number): boolean {
    return this.ranges.has(apiKey)
  }

  /** The highest version that both sides know, within `bounds`. Throws UNSUPPORTED_VERSION when there is none. */
  versionFor(codec: Pick<MessageCodec<unknown>, 'apiKey' | 'name'>, bounds: { min?: number; max?: number } = {}): number {
    const apiKey = codec.apiKey ?? -1
    const isUnbounded = bounds.min === undefined && bounds.max === undefined
    if (isUnbounded) {
      const known = this.#best.get(apiKey)
      if (known !== undefined) return known
    }
    const ours = apiKeys.get(apiKey)
    const theirs = this.ranges.get(apiKey)
    if (theirs === undefined && apiKey === ApiKey.SASL_HANDSHAKE)
      throw unsupportedVersion(this.#address, 'has no SASL on this port: is the listener one with SASL?')
    if (theirs === undefined && apiKey === ApiKey.METADATA)
      throw unsupportedVersion(
        this.#address,
        'is a controller: give an address of a broker, or bootstrap.controllers where a client has it'
      )
    if (ours === undefined || theirs === undefined) throw unsupportedVersion(this.#address, `does not support ${codec.name}`)
    const max = Math.min(theirs.max, ours.maxStable, bounds.max ?? ours.maxStable)
    const min = Math.max(theirs.min, ours.min, bounds.min ?? ours.min)
    if (max < min) {
      const wanted = `${bounds.min ?? ours.min} to ${Math.min(ours.maxStable, bounds.max ?? ours.maxStable)}`
      throw unsupportedVersion(
        this.#address,
        `supports versions ${theirs.min} to ${theirs.max} of ${codec.name}; ${wanted} would be needed here`
      )
    }
    if (isUnbounded) this.#best.set(apiKey, max)
    return max
  }
}

/** Before the first answer: ApiVersions in the newest version, which any broker since 0.10 answers in one form or another. */
export const newestApiVersionsVersion = apiKeys.get(ApiKey.API_VERSIONS)?.maxStable ?? 0
