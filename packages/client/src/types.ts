// Words that every room of the client shares.

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** As Kafka prints a partition: `orders-0`. Keys of results that are about partitions. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** What every call takes. */
export interface CallOptions {
  /** The call rejects with the reason of the signal; what the broker has got already may still happen. */
  readonly signal?: AbortSignal
  /** The whole call with all its retries, ms. Default: `default.api.timeout.ms`. */
  readonly timeoutMs?: number
}
