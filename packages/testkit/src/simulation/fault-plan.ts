// Faults as a list that is drawn before the run: it can be printed, saved, thinned out and run again. Each kind is drawn
// from a stream of its own, so that leaving a kind out moves none of the others.

import { createPrng } from '@odradek/base'
import type { World } from '@odradek/world'
import type { SimNode, Simulation } from '@odradek/world/sim'

export type FaultKind = 'kill' | 'power-loss' | 'suspend' | 'partition' | 'cut' | 'clog' | 'reset' | 'silent-drop' | 'disk-stall' | 'clock-jump'

export interface PlannedFault {
  atMs: number
  kind: FaultKind
  node: string
  /** For faults between two nodes. */
  other?: string
  /** How long it is down, cut, stalled; for a clock jump by how much. */
  durationMs: number
}

export interface FaultPlanOptions {
  seed: string | number
  nodes: readonly string[]
  kinds: readonly FaultKind[]
  /** Faults happen before it. */
  untilMs: number
  /** Between two faults of one kind. */
  meanIntervalMs: number
  /** Longest duration of one. Default 10 s. */
  maxDurationMs?: number
}

const BETWEEN_TWO: ReadonlySet<FaultKind> = new Set(['partition', 'cut', 'clog', 'reset', 'silent-drop'])

export function drawFaultPlan(options: FaultPlanOptions): PlannedFault[] {
  const plan: PlannedFault[] = []
  for (const kind of options.kinds) {
    const random = createPrng(options.seed).fork(`faults/${kind}`)
    const isBetweenTwo = BETWEEN_TWO.has(kind)
    if (isBetweenTwo && options.nodes.length < 2) continue
    const next = (): number => -Math.log(1 - random.float()) * options.meanIntervalMs
    for (let atMs = next(); atMs < options.untilMs; atMs += next()) {
      const node = random.pick(options.nodes)
      const other = isBetweenTwo ? random.pick(options.nodes.filter((name) => name !== node)) : undefined
      // short ones are as likely as long ones
      const durationMs = Math.round(100 * ((options.maxDurationMs ?? 10_000) / 100) ** random.float())
      plan.push({ atMs: Math.round(atMs), kind, node, ...(other === undefined ? {} : { other }), durationMs })
    }
  }
  return plan.sort((left, right) => left.atMs - right.atMs)
}

/** Puts the plan on the agenda. `onRestart` starts the software of a crashed node in its new world. */
export function scheduleFaults(sim: Simulation, plan: readonly PlannedFault[], onRestart: (node: SimNode, world: World) => void): void {
  for (const fault of plan) sim.at(fault.atMs - sim.nowMs, `fault.${fault.kind}`, () => startFault(sim, fault, onRestart))
}

function startFault(sim: Simulation, fault: PlannedFault, onRestart: (node: SimNode, world: World) => void): void {
  const node = sim.node(fault.node)
  const other = fault.other ?? fault.node
  const later = (run: () => void): void => void sim.at(fault.durationMs, `fault.${fault.kind}.end`, run)
  switch (fault.kind) {
    case 'kill':
    case 'power-loss':
      if (!node.isAlive) return
      node.crash(fault.kind)
      later(() => {
        if (!node.isAlive) onRestart(node, node.restart())
      })
      return
    case 'suspend':
      node.suspend()
      return later(() => node.resume())
    case 'partition':
      sim.network.partition(node.name, other)
      return later(() => sim.network.heal(node.name, other))
    case 'cut':
      sim.network.cut(node.name, other)
      return later(() => sim.network.heal(node.name, other))
    case 'clog':
      return sim.network.clog(node.name, other, fault.durationMs)
    case 'reset':
      return sim.network.resetConnections(node.name, other)
    case 'silent-drop':
      return sim.network.dropConnections(node.name, other)
    case 'disk-stall':
      return node.storage.stall(fault.durationMs)
    case 'clock-jump':
      node.clockOffsetMs += fault.durationMs % 2 === 0 ? fault.durationMs : -fault.durationMs
  }
}
