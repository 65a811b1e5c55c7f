// What is known of each feature and its levels (generated/tables/features.ts).

/** The features beside metadata.version. */
export type FeatureName =
  | 'kraft.version'
  | 'transaction.version'
  | 'group.version'
  | 'eligible.leader.replicas.version'
  | 'share.version'
  | 'streams.version'

export interface MetadataVersionLevel {
  readonly level: number
  /** As 4.3-IV0. */
  readonly name: string
  /** As 4.3. */
  readonly short: string
  readonly production: boolean
  /** Metadata written at this level cannot be read at the one before. */
  readonly didMetadataChange: boolean
  /** The version of each record that is written at this level; null: not written. */
  readonly registerBrokerRecord: number
  readonly registerControllerRecord: number | null
  readonly partitionRecord: number
  readonly partitionChangeRecord: number
  /** The version of requests between brokers. */
  readonly fetchRequest: number
  readonly listOffsetsRequest: number
  readonly scram: boolean
  readonly metadataTransactions: boolean
  readonly delegationToken: boolean
  readonly dirAssignment: boolean
  readonly elr: boolean
  readonly migration: boolean
  readonly cordonedLogDirs: boolean
  readonly leaderEpochBumpOnIsrShrink: boolean
  /** The levels of the other features in a cluster that is formatted at this level. */
  readonly defaults: Readonly<Record<FeatureName, number>>
}

export interface FeatureDefinition {
  readonly name: FeatureName
  readonly minimumProduction: number
  readonly latestProduction: number
  readonly latestTesting: number
  readonly levels: readonly {
    readonly level: number
    readonly name: string
    /** The first metadata.version that formats a cluster with this level. */
    readonly bootstrapMetadataVersion: string
    /** Levels that other features must have reached. */
    readonly dependencies: Readonly<Record<string, number>>
  }[]
}
