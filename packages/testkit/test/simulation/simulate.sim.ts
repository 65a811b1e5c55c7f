import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { assertDeterministic, drawFaultPlan, type FaultKind, parseSeeds, scheduleFaults, simulate, sweepSeeds } from '@odradek/testkit'
import type { Disk, World } from '@odradek/world'
import { type SimNode, type Simulation, SimulationFailure } from '@odradek/world/sim'

describe('simulate', () => {
  test('gives the value of the scenario and the hash of its trace', async () => {
    const scenario = async (sim: Simulation): Promise<string> => {
      await sim.complete(sim.node('a').world.disk.mkdir('/d'))
      return 'done'
    }
    const first = await simulate({ seed: 1 }, scenario)
    const second = await simulate({ seed: 1 }, scenario)
    assert.equal(first.value, 'done')
    assert.equal(first.traceHash, second.traceHash)
    assert.ok(first.events > 0 && first.virtualMs > 0)
  })

  test('a failed assertion of the scenario names the seed', async () => {
    await assert.rejects(
      simulate({ seed: 'wrong' }, async () => assert.equal(1, 2)),
      (error: unknown) => error instanceof SimulationFailure && error.seed === 'wrong' && /seed wrong.*\n?.*1 !== 2/s.test(error.message)
    )
  })

  test('assertDeterministic finds what comes from outside the seed', async () => {
    let calls = 0
    await assert.rejects(
      assertDeterministic({ seed: 1 }, async (sim) => sim.complete(sim.node('a').world.disk.mkdir('/d'.repeat(++calls)))),
      /seed 1 is not deterministic/
    )
  })
})

describe('sweeps', () => {
  test('SEEDS takes numbers, ranges and lists', () => {
    assert.equal(parseSeeds(undefined), undefined)
    assert.equal(parseSeeds(''), undefined)
    assert.deepEqual(parseSeeds('7'), [7])
    assert.deepEqual(parseSeeds('3, 9,20-22'), [3, 9, 20, 21, 22])
    for (const wrong of ['x', '5-3', '1-', '1,,2']) assert.throws(() => parseSeeds(wrong), /SEEDS=/)
  })

  test('a failed seed is named with the command to run it alone', () => {
    const script = `import { sweepSeeds } from '@odradek/testkit'
      sweepSeeds('finds it', { seeds: 9 }, async (sim, seed) => { if (seed === 6) throw new Error('the planted bug') })`
    const env: NodeJS.ProcessEnv = { ...process.env }
    delete env.NODE_TEST_CONTEXT
    delete env.SEEDS
    const run = (seeds: string | undefined): { status: number | null; stdout: string } =>
      spawnSync(process.execPath, ['--input-type=module', '-e', script], {
        cwd: import.meta.dirname,
        encoding: 'utf8',
        env: seeds === undefined ? env : { ...env, SEEDS: seeds }
      })
    const all = run(undefined)
    assert.equal(all.status, 1)
    assert.match(all.stdout, /seed 6 failed; run it alone with SEEDS=6/)
    assert.match(all.stdout, /the planted bug/)
    assert.equal(run('1-5').status, 0)
    assert.equal(run('6').status, 1)
  })
})

describe('fault plans', () => {
  const options = { seed: 5, nodes: ['a', 'b', 'c'], untilMs: 60_000, meanIntervalMs: 5000 }

  test('a kind left out moves none of the others', () => {
    const all = drawFaultPlan({ ...options, kinds: ['kill', 'partition', 'clog'] })
    const without = drawFaultPlan({ ...options, kinds: ['kill', 'clog'] })
    assert.ok(without.length > 5)
    assert.deepEqual(
      without,
      all.filter((fault) => fault.kind !== 'partition')
    )
    assert.ok(all.every((fault) => (fault.kind === 'kill') === (fault.other === undefined) && fault.other !== fault.node))
  })
})

// A whole small system under all faults: a counter on each node that is written ahead to its disk and told to the others.
// It promises: a number it has told is never above what it finds on its disk in a later life.
class Counter {
  readonly world: World
  value = 0

  constructor(world: World) {
    this.world = world
  }

  async start(name: string, peers: readonly string[], told: Map<string, number>): Promise<void> {
    const { disk, network, timers } = this.world
    await network.listen({ host: '', port: 1 }, (socket) => {
      socket.setHandlers({ onData() {}, onDrain() {}, onEnd() {}, onClose() {} })
    })
    this.value = await read(disk)
    assert.ok(this.value >= (told.get(name) ?? 0), `${name} told ${told.get(name)} and finds ${this.value}`)
    const step = async (): Promise<void> => {
      await disk.writeFileAtomic('/counter', Buffer.from(String(this.value + 1)))
      this.value++
      told.set(name, this.value)
      for (const peer of peers) {
        network.connect({ host: peer, port: 1, timeoutMs: 1000 }).then(
          (socket) => {
            socket.setHandlers({ onData() {}, onDrain() {}, onEnd() {}, onClose() {} })
            socket.write([Buffer.from(`${name} is at ${this.value}`)])
            socket.end()
          },
          () => undefined
        )
      }
      timers.schedule(300, () => void step())
    }
    await step()
  }
}

async function read(disk: Disk): Promise<number> {
  return (await disk.exists('/counter')) ? Number((await disk.readFile('/counter')).toString()) : 0
}

const KINDS: readonly FaultKind[] = [
  'kill',
  'power-loss',
  'suspend',
  'partition',
  'cut',
  'clog',
  'reset',
  'silent-drop',
  'disk-stall',
  'clock-jump'
]

sweepSeeds('a synced counter never goes back under any fault', { seeds: 15 }, async (sim, seed) => {
  const names = ['a', 'b', 'c']
  const told = new Map<string, number>()
  const start = (node: SimNode, world: World): void =>
    void new Counter(world).start(
      node.name,
      names.filter((name) => name !== node.name),
      told
    )
  for (const name of names) start(sim.node(name), sim.node(name).world)
  const plan = drawFaultPlan({ seed, nodes: names, kinds: KINDS, untilMs: 60_000, meanIntervalMs: 8000 })
  scheduleFaults(sim, plan, start)
  await sim.advance(90_000)
  for (const name of names) assert.ok((told.get(name) ?? 0) > 20, `${name} is at ${told.get(name)}`)
})

test('the sweep finds a counter that forgets to sync', async () => {
  const found: number[] = []
  for (let seed = 1; seed <= 10; seed++) {
    const lost = await simulate({ seed }, async (sim) => {
      const node = sim.node('a')
      await sim.complete(node.world.disk.writeFileAtomic('/counter', Buffer.from('1')))
      await sim.complete(node.world.disk.writeFileAtomic('/counter', Buffer.from('2'), { sync: false }))
      node.losePower()
      return (await sim.complete(read(node.restart().disk))) !== 2
    })
    if (lost.value) found.push(seed)
  }
  assert.ok(found.length > 0)
})
