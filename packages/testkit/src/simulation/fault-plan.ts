// Faults as a list that is drawn before the run: it can be printed, saved, thinned out and run again. Each kind is drawn
// from a stream of its own, so that leaving a kind out moves none of the others.

import { createPrng } from '@odradek/base'
import type { World } from '@odradek/world'
import type { SimNode, Simulation } from '@odradek/world/sim'

export type FaultKind =
  | 'kill'
  | 'power-loss'
  | 'suspend'
  | 'partition'
  | 'cut'
  | 'clog'
  | 'reset'
  | 'silent-drop'
  | 'disk-stall'
  | 'clock-jump'

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

type Restart = (node: SimNode, world: World) => void

/** Puts the plan on the agenda. `onRestart` starts the software of a crashed node in its new world. */
export function scheduleFaults(sim: Simulation, plan: readonly PlannedFault[], onRestart: Restart): void {
  for (const fault of plan) {
    sim.at(fault.atMs - sim.nowMs, `fault.${fault.kind}`, () => {
      const end = STARTS[fault.kind](sim, fault, onRestart)
      if (end !== undefined) sim.at(fault.durationMs, `fault.${fault.kind}.end`, end)
    })
  }
}

/** Starts a fault; gives what ends it. Where two overlap, the end of the first ends both. */
const STARTS: Record<FaultKind, (sim: Simulation, fault: PlannedFault, onRestart: Restart) => (() => void) | undefined> = {
  kill: crash,
  'power-loss': crash,
  suspend(sim, { node }) {
    sim.node(node).suspend()
    return () => sim.node(node).resume()
  },
  partition(sim, { node, other = node }) {
    sim.network.partition(node, other)
    return () => sim.network.heal(node, other)
  },
  cut(sim, { node, other = node }) {
    sim.network.cut(node, other)
    return () => sim.network.heal(node, other)
  },
  clog(sim, { node, other = node, durationMs }) {
    sim.network.clog(node, other, durationMs)
    return undefined
  },
  reset(sim, { node, other = node }) {
    sim.network.resetConnections(node, other)
    return undefined
  },
  'silent-drop'(sim, { node, other = node }) {
    sim.network.dropConnections(node, other)
    return undefined
  },
  'disk-stall'(sim, { node, durationMs }) {
    sim.node(node).storage.stall(durationMs)
    return undefined
  },
  'clock-jump'(sim, { node, durationMs }) {
    sim.node(node).clockOffsetMs += durationMs % 2 === 0 ? durationMs : -durationMs
    return undefined
  }
}

function crash(sim: Simulation, fault: PlannedFault, onRestart: Restart): (() => void) | undefined {
  const node = sim.node(fault.node)
  if (!node.isAlive) return undefined
  node.crash(fault.kind === 'kill' ? 'kill' : 'power-loss')
  return () => {
    if (!node.isAlive) onRestart(node, node.restart())
  }
}
