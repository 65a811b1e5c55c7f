// The simulated world: see docs/SIMULATION.md.

export type { DiskImage } from './disk-image.ts'
export type { NetworkConditions, SimCertificate, SimNetwork } from './network.ts'
export type { CrashKind, NodeOptions, SimNode } from './node.ts'
export { createSimulation, type RunOptions, Simulation, SimulationFailure, type SimulationOptions } from './simulation.ts'
export type { DiskConditions, DiskOperation, PlannedDiskFault, SimStorage } from './storage.ts'
