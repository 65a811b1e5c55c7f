// Runs scenarios in the simulated world. A failure names its seed and how to run that seed alone; SIM_LOG=DEBUG shows
// what the nodes log and SIM_TRACE=1 every event.

import type { LogLevel } from '@odradek/world'
import { createSimulation, type Simulation, SimulationFailure, type SimulationOptions } from '@odradek/world/sim'

export interface SimulationResult<T> {
  value: T
  traceHash: string
  events: number
  virtualMs: number
}

/** Runs one scenario to its end. Whatever it throws comes out as a {@link SimulationFailure} that names the seed. */
export async function simulate<T>(options: SimulationOptions, scenario: (sim: Simulation) => Promise<T>): Promise<SimulationResult<T>> {
  const { SIM_LOG, SIM_TRACE } = process.env
  const print = (line: string): void => void process.stderr.write(`${line}\n`)
  const sim = createSimulation({
    ...(SIM_LOG === undefined ? {} : { logLevel: SIM_LOG as LogLevel, onLog: print }),
    ...(SIM_TRACE === undefined ? {} : { onTrace: print }),
    ...options
  })
  let value: T
  try {
    value = await scenario(sim)
  } catch (error) {
    throw error instanceof SimulationFailure ? error : new SimulationFailure(sim.seed, sim, error)
  }
  return { value, traceHash: sim.traceHash, events: sim.events, virtualMs: sim.nowMs }
}

/** Runs a seed twice and throws unless both runs did exactly the same. */
export async function assertDeterministic(options: SimulationOptions, scenario: (sim: Simulation) => Promise<unknown>): Promise<void> {
  const first = await simulate(options, scenario)
  const second = await simulate(options, scenario)
  if (first.traceHash === second.traceHash) return
  throw new Error(
    `seed ${options.seed} is not deterministic: trace ${first.traceHash} after ${first.events} events, then ${second.traceHash} after ${second.events}`
  )
}
