import { test } from 'node:test'
import type { Simulation, SimulationOptions } from '@odradek/world/sim'
import { assertDeterministic, simulate } from './simulate.ts'

export interface SweepOptions {
  /** How many seeds, 1 and up, when SEEDS does not say which. */
  seeds: number
  /** Of each simulation; a function gets the seed. */
  simulation?: Omit<SimulationOptions, 'seed'> | ((seed: number) => Omit<SimulationOptions, 'seed'>)
}

/**
 * One test that runs a scenario with many seeds, the first of them twice to see that it is deterministic. The environment
 * variable SEEDS picks others: `SEEDS=17`, `SEEDS=1-5000`, `SEEDS=3,17,200-300`; without it ODRADEK_TEST_SECONDS makes the
 * sweep go on with further seeds for so long.
 */
export function sweepSeeds(title: string, options: SweepOptions, scenario: (sim: Simulation, seed: number) => Promise<void>): void {
  const chosen = parseSeeds(process.env.SEEDS)
  const what = chosen === undefined ? `${options.seeds} seeds` : `SEEDS=${process.env.SEEDS}`
  test(`${title} (${what})`, async () => {
    let isFirst = true
    for (const seed of chosen ?? countSeeds(options.seeds)) {
      const simulation = typeof options.simulation === 'function' ? options.simulation(seed) : options.simulation
      const run = isFirst ? assertDeterministic : simulate
      isFirst = false
      try {
        await run({ ...simulation, seed }, (sim) => scenario(sim, seed))
      } catch (error) {
        throw new Error(`seed ${seed} failed; run it alone with SEEDS=${seed}`, { cause: error })
      }
    }
  })
}

/** 1, 2, …: at least `count`, and on until the seconds of a long run are over. */
function* countSeeds(count: number): Generator<number> {
  const endMs = Date.now() + Number(process.env.ODRADEK_TEST_SECONDS ?? 0) * 1000
  for (let seed = 1; seed <= count || Date.now() < endMs; seed++) yield seed
}

/** Undefined when nothing is given. Throws on anything that is not a list of numbers and ranges. */
export function parseSeeds(text: string | undefined): number[] | undefined {
  if (text === undefined || text.trim() === '') return undefined
  return text.split(',').flatMap((part) => {
    const match = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part)
    const first = Number(match?.[1])
    const last = Number(match?.[2] ?? match?.[1])
    if (match === null || last < first || last - first > 10_000_000) throw new Error(`SEEDS=${text}: write 7, 1-200 or 3,9,20-30`)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}
