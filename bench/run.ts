// npm run bench [-- --part brokers] [--quick] [--rounds N] [--only TEXT] [--kinds odradek]
//
// Runs Apache Kafka (from its published jars) and Odradek in turn, the same clients on the same machine, and prints the
// ratio of medians per figure. Results go to bench/results/<date>.json and .md.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { BrokerKind } from '../test/interop/support/brokers.ts'
import { groupScenarios } from './scenarios/group.ts'
import { loadScenarios } from './scenarios/load.ts'
import { emptyNodeSeconds, nodeScenarios } from './scenarios/node.ts'
import { type Figures, median, type Scenario } from './support.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    kinds: { type: 'string', default: 'apache,odradek' },
    name: { type: 'string' },
    'brokers-only': { type: 'boolean', default: false }
  }
})
const rounds = Number(values.rounds)
const kinds = values.kinds.split(',') as BrokerKind[]
const scenarios = [...loadScenarios, ...nodeScenarios, ...groupScenarios].filter(
  (scenario) => values.only === undefined || scenario.name.includes(values.only)
)
if (scenarios.length === 0) {
  console.error(`no scenario's name contains ${JSON.stringify(values.only)}`)
  process.exit(2)
}

interface Row {
  scenario: string
  figure: string
  medians: Partial<Record<BrokerKind, number>>
  all: Partial<Record<BrokerKind, number[]>>
  ratio?: number
  target: string
  met?: boolean
}

function judge(
  target: Scenario['targets'][string],
  ratio: number | undefined,
  odradek: number | undefined
): { target: string; met?: boolean } {
  if (target?.atLeast !== undefined)
    return { target: `≥ ${target.atLeast}×`, met: ratio === undefined ? undefined : ratio >= target.atLeast }
  if (target?.atMost !== undefined) return { target: `≤ ${target.atMost}×`, met: ratio === undefined ? undefined : ratio <= target.atMost }
  if (target?.absoluteAtMost !== undefined)
    return { target: `≤ ${target.absoluteAtMost}`, met: odradek === undefined ? undefined : odradek <= target.absoluteAtMost }
  return { target: '' }
}

const rows: Row[] = []
const emptyNode = await emptyNodeSeconds()
const show = (value: number | undefined) => (value === undefined ? '' : value.toPrecision(4))

function markdownOf(): string {
  const kind = values.quick ? '; QUICK run: small loads, not for claims' : ''
  return [
    `# Benchmark of ${new Date().toISOString().slice(0, 10)}`,
    '',
    `${cpus().length} cores (${cpus()[0].model.trim()}), Node ${process.versions.node}, Apache Kafka 4.3.1 with a 1 GB heap; ${rounds} interleaved rounds, medians${kind}. An empty Node process takes ${emptyNode.toFixed(3)} s.`,
    '',
    '| scenario | figure | Apache | Odradek | ratio | target | |',
    '|---|---|---|---|---|---|---|',
    ...rows.map(
      (row) =>
        `| ${row.scenario} | ${row.figure} | ${show(row.medians.apache)} | ${show(row.medians.odradek)} | ${show(row.ratio)} | ${row.target} | ${row.met === undefined ? '' : row.met ? 'met' : 'missed'} |`
    ),
    ''
  ].join('\n')
}

/** After each scenario, so that a run that is ended early leaves what it has measured. */
function write(): void {
  const dir = join(import.meta.dirname, 'results')
  mkdirSync(dir, { recursive: true })
  const only = values.only === undefined ? '' : `-${values.only.replaceAll(/\W+/g, '-')}`
  const name = values.name ?? `${new Date().toISOString().slice(0, 10)}${only}${values.quick ? '-quick' : ''}`
  const data = { rounds, quick: values.quick, node: process.versions.node, cores: cpus().length, rows }
  writeFileSync(join(dir, `${name}.json`), `${JSON.stringify(data, null, 1)}\n`)
  writeFileSync(join(dir, `${name}.md`), markdownOf())
}

for (const scenario of scenarios) {
  const samples: Partial<Record<BrokerKind, Figures[]>> = {}
  for (let round = 0; round < rounds; round++) {
    for (const kind of round % 2 === 0 ? kinds : [...kinds].reverse()) {
      const figures = await scenario.run(kind, values.quick)
      const list = samples[kind] ?? []
      samples[kind] = list
      list.push(figures)
      console.error(
        `${scenario.name} · ${kind} · ${Object.entries(figures)
          .map(([name, value]) => `${name} ${value.toPrecision(4)}`)
          .join(', ')}`
      )
    }
  }
  const names = Object.keys(samples[kinds[0]]?.[0] ?? {})
  for (const figure of names) {
    const all: Row['all'] = {}
    const medians: Row['medians'] = {}
    for (const kind of kinds) {
      all[kind] = samples[kind]?.map((entry) => entry[figure])
      medians[kind] = median(all[kind] ?? [])
    }
    const ratio = medians.apache === undefined || medians.odradek === undefined ? undefined : medians.odradek / medians.apache
    rows.push({ scenario: scenario.name, figure, medians, all, ratio, ...judge(scenario.targets[figure], ratio, medians.odradek) })
  }
  write()
}

console.log(markdownOf())
if (values.only === undefined && values.name === undefined && values.kinds === 'apache,odradek' && !values['brokers-only'])
  await import('./clients.ts')
