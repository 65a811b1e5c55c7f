/** Counters of one topic, or of all together, only ever growing. Plain fields: they are written for each batch. */
export class Traffic {
  messagesIn = 0
  bytesIn = 0
  bytesOut = 0
  bytesRejected = 0
  /** Of one partition each. */
  produceRequests = 0
  fetchRequests = 0
}
