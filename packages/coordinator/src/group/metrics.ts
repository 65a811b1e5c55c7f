/** Counters of the group coordinator, only ever growing unless said otherwise. */
export interface GroupMetrics {
  offsetCommits: number
  offsetDeletions: number
  offsetExpirations: number
  completedRebalances: number
  /** Bytes of member metadata held now, of all groups at work. */
  memberMetadataBytes: number
}

export function createGroupMetrics(): GroupMetrics {
  return { offsetCommits: 0, offsetDeletions: 0, offsetExpirations: 0, completedRebalances: 0, memberMetadataBytes: 0 }
}
