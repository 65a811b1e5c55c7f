/** Counters of the group coordinator, only ever growing. */
export interface GroupMetrics {
  offsetCommits: number
  offsetDeletions: number
  offsetExpirations: number
  completedRebalances: number
}

export function createGroupMetrics(): GroupMetrics {
  return { offsetCommits: 0, offsetDeletions: 0, offsetExpirations: 0, completedRebalances: 0 }
}
