/** Counters of a runtime, only ever growing; the broker publishes them. */
export interface RuntimeMetrics {
  partitionLoads: number
  partitionLoadFailures: number
  partitionLoadTimeMsMax: number
  batchesAppended: number
  recordsAppended: number
  appendFailures: number
  writeTimeouts: number
  writesRejected: number
}

export function createRuntimeMetrics(): RuntimeMetrics {
  return {
    partitionLoads: 0,
    partitionLoadFailures: 0,
    partitionLoadTimeMsMax: 0,
    batchesAppended: 0,
    recordsAppended: 0,
    appendFailures: 0,
    writeTimeouts: 0,
    writesRejected: 0
  }
}
