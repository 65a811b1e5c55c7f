// What is known of each request (generated/tables/apis.ts).
export type ListenerType = 'broker' | 'controller'

export interface ApiFacts {
  readonly key: number
  /** As Fetch. */
  readonly name: string
  /** As FETCH. */
  readonly enumName: string
  readonly listeners: readonly ListenerType[]
  /** What Kafka 4.3 can decode and handle. */
  readonly min: number
  readonly max: number
  /** `max` without a version that is still in the making. */
  readonly maxStable: number
  /** What ApiVersions answers: Produce claims 0 for the sake of old librdkafka. */
  readonly advertisedMin: number
  readonly advertisedMax: number
  /** Null: no version is flexible. */
  readonly flexibleFrom: number | null
  /** Between brokers only: needs CLUSTER_ACTION. */
  readonly clusterAction: boolean
  /** A broker hands it to the controller. */
  readonly forwardable: boolean
  readonly latestVersionUnstable: boolean
}
