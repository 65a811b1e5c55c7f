/** Who asks: what a coordinator needs to know of a request beside its data. */
export interface GroupRequestContext {
  readonly apiVersion: number
  readonly clientId: string
  /** As Kafka stores it: a slash and the address. */
  readonly clientHost: string
}
