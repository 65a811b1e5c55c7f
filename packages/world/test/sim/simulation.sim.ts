import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createSimulation, type Simulation, SimulationFailure } from '@odradek/world/sim'

const failsWith = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof SimulationFailure, String(error))
  assert.match(error.message, pattern)
  return true
}

describe('virtual time', () => {
  test('runs timers in the order of their times and promises before the next event', async () => {
    const sim = createSimulation({ seed: 1, timerSlackMs: 0 })
    const { timers, clock } = sim.node('a').world
    const order: string[] = []
    timers.schedule(20, () => order.push(`late ${clock.monotonicMs()}`))
    timers.schedule(10, () => {
      order.push(`early ${clock.monotonicMs()}`)
      timers.defer(() => order.push('deferred'))
      void Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => order.push('promises'))
    })
    timers.schedule(10, () => order.push('same time, later'))
    timers.schedule(15, () => order.push('cancelled')).cancel()
    await sim.run()
    assert.deepEqual(order, ['early 10', 'promises', 'same time, later', 'deferred', 'late 20'])
  })

  test('a day takes no time, and timers never fire early', async () => {
    const sim = createSimulation({ seed: 1 })
    const { timers, clock } = sim.node('a').world
    const start = clock.now()
    let late = 0
    let ticks = 0
    const tick = (): void => {
      const due = clock.monotonicMs() + 60_000
      timers.schedule(60_000, () => {
        assert.ok(clock.monotonicMs() >= due)
        late = Math.max(late, clock.monotonicMs() - due)
        if (++ticks < 1440) tick()
      })
    }
    tick()
    await sim.run()
    assert.ok(late > 0 && late <= 1)
    assert.ok(clock.now() - start >= 86_400_000)
  })

  test('advance ends at its time even when nothing happens', async () => {
    const sim = createSimulation({ seed: 1 })
    await sim.advance(500)
    assert.equal(sim.nowMs, 500)
    let fired = false
    sim.node('a').world.timers.schedule(1000, () => (fired = true))
    await sim.advance(999)
    assert.equal(fired, false)
    await sim.advance(2)
    assert.equal(fired, true)
  })

  test('the wall clock of a node jumps without moving its monotonic clock', async () => {
    const sim = createSimulation({ seed: 1, startMs: 1_000_000 })
    const node = sim.node('a')
    await sim.advance(100)
    node.clockOffsetMs = -600_000
    assert.equal(node.world.clock.now(), 400_100)
    assert.equal(node.world.clock.monotonicMs(), 100)
    assert.equal(sim.node('b').world.clock.now(), 1_000_100)
  })
})

describe('one seed', () => {
  /** Some life: two nodes talk, write, draw randomness, crash. */
  async function life(seed: number, disturb?: (sim: Simulation) => void): Promise<string> {
    const sim = createSimulation({ seed })
    disturb?.(sim)
    const server = sim.node('server')
    const client = sim.node('client')
    await sim.complete(
      server.world.network.listen({ host: '', port: 9092 }, (socket) => {
        socket.setHandlers({ onData: (chunk) => void socket.write([chunk]), onDrain() {}, onClose() {}, onEnd() {} })
      })
    )
    const work = async (): Promise<void> => {
      const { network, disk, random, logger } = client.world
      const file = await disk.open('/log', 'create')
      const socket = await network.connect({ host: 'server', port: 9092 })
      let position = 0
      socket.setHandlers({
        onData(chunk) {
          void file.write(position, [chunk]).then(() => file.sync())
          position += chunk.length
        },
        onDrain() {},
        onClose() {},
        onEnd() {}
      })
      for (let index = 0; index < 20; index++) socket.write([random.bytes(1 + random.below(5000))])
      logger.log('INFO', 'test', `wrote ${random.below(1000)}`)
    }
    void work()
    await sim.run()
    client.losePower()
    await sim.complete(client.restart().disk.readdir('/'))
    return sim.traceHash
  }

  test('gives the same trace twice, another seed another one', async () => {
    const first = await life(7)
    assert.equal(await life(7), first)
    assert.notEqual(await life(8), first)
  })

  test('a fault that changes one delivered byte changes the trace', async () => {
    const calm = await life(7)
    const slow = await life(7, (sim) => (sim.network.conditions.delayMs = [1, 2]))
    assert.notEqual(calm, slow)
  })

  test('nodes draw from streams of their own name and life', async () => {
    const one = createSimulation({ seed: 1 })
    const two = createSimulation({ seed: 1 })
    two.node('other').world.random.bytes(100)
    const first = one.node('a').world.random.bytes(8)
    assert.deepEqual(two.node('a').world.random.bytes(8), first)
    one.node('a').kill()
    assert.notDeepEqual(one.node('a').restart().random.bytes(8), first)
  })
})

describe('a seed fails, naming itself', () => {
  const start = (): Simulation => createSimulation({ seed: 'named-seed' })

  test('when a callback throws', async () => {
    const sim = start()
    sim.node('a').world.timers.schedule(5, () => {
      throw new Error('broken callback')
    })
    await assert.rejects(sim.run(), failsWith(/seed named-seed, at 5\.\d+ ms.*broken callback[\s\S]*last events:\n.*timer/))
  })

  test('when a rejection is not handled', async () => {
    const sim = start()
    sim.node('a').world.timers.schedule(5, () => void Promise.reject(new Error('nobody looks')))
    await assert.rejects(sim.run(), failsWith(/nobody looks/))
  })

  test('when an exception is not caught', async () => {
    const sim = start()
    sim.node('a').world.timers.schedule(5, () =>
      queueMicrotask(() => {
        throw new Error('thrown in a microtask')
      })
    )
    await assert.rejects(sim.run(), failsWith(/thrown in a microtask/))
  })

  test('when the real world is asked', async () => {
    for (const call of [
      () => Date.now(),
      () => Math.random(),
      () => setTimeout(() => {}, 1),
      () => performance.now(),
      () => setImmediate(() => {})
    ]) {
      const sim = start()
      sim.node('a').world.timers.schedule(1, () => void call())
      await assert.rejects(sim.run(), failsWith(/of the real world was called in a simulation/))
    }
    assert.ok(Date.now() > 0 && Math.random() >= 0 && performance.now() > 0)
  })

  test('when an invariant does not hold after an event', async () => {
    const sim = start()
    let value = 0
    sim.addInvariant('the value stays below 3', () => assert.ok(value < 3))
    for (let index = 1; index < 10; index++) sim.node('a').world.timers.schedule(index * 10, () => void value++)
    await assert.rejects(sim.run(), failsWith(/at 30\.\d+ ms.*invariant does not hold: the value stays below 3/))
    assert.equal(value, 3)
  })

  test('but not by an invariant that was taken back', async () => {
    const sim = start()
    sim.addInvariant('never holds', () => assert.fail())()
    await sim.advance(10)
  })

  test('when the condition is not reached, by time, by events or because nothing is left', async () => {
    await assert.rejects(start().run({ until: () => false }), failsWith(/not reached: nothing is left to do/))
    const forever = (): Simulation => {
      const sim = start()
      const tick = (): void => void sim.node('a').world.timers.schedule(10, tick)
      tick()
      return sim
    }
    await assert.rejects(forever().run({ until: () => false, maxVirtualMs: 1000 }), failsWith(/not reached: the virtual time is over/))
    await assert.rejects(forever().run({ until: () => false, maxEvents: 50 }), failsWith(/not reached: too many events/))
    await assert.rejects(forever().run({ maxEvents: 50 }), failsWith(/too many events/))
  })

  test('when a node halts, unless the halt is expected', async () => {
    const sim = start()
    sim.node('a').world.halt('cannot go on', new Error('why'))
    await assert.rejects(sim.run(), failsWith(/a halted: cannot go on/))
    const halts: string[] = []
    const expecting = createSimulation({ seed: 1, onHalt: (node, reason) => halts.push(`${node.name} ${reason}`) })
    expecting.node('a').world.timers.schedule(10, () => assert.fail('a halted node goes on'))
    expecting.node('a').world.halt('cannot go on')
    await expecting.run()
    assert.deepEqual(halts, ['a cannot go on'])
    assert.equal(expecting.node('a').isAlive, false)
  })
})

describe('the life of a process', () => {
  test('after a crash none of its callbacks runs and none of its effects happens', async () => {
    const sim = createSimulation({ seed: 1 })
    const node = sim.node('a')
    const { disk, timers } = node.world
    const ran: string[] = []
    const file = await sim.complete(disk.open('/f', 'create'))
    timers.schedule(10, () => ran.push('timer'))
    void file.write(0, [Buffer.from('x')]).then(() => ran.push('write'))
    node.kill()
    const size = node.storage.peek('/f').length
    // code of the dead process that is still on the stack
    timers.schedule(1, () => ran.push('new timer'))
    void file.write(0, [Buffer.from('after death')]).then(() => ran.push('late write'))
    await sim.run()
    assert.deepEqual(ran, [])
    assert.equal(node.storage.peek('/f').length, size)
  })

  test('a crash at the n-th effect stops exactly there', async () => {
    for (let count = 1; count <= 5; count++) {
      const sim = createSimulation({ seed: count })
      const node = sim.node('a')
      node.crashAtEffect(count, 'kill')
      void (async () => {
        for (let index = 0; index < 5; index++) await node.world.disk.mkdir(`/d${index}`)
      })()
      await sim.run()
      assert.equal(node.isAlive, false)
      assert.equal(node.storage.list().length, count - 1)
    }
  })

  test('a suspended process does nothing; when it goes on, what fell due runs at once and in order', async () => {
    const sim = createSimulation({ seed: 1, timerSlackMs: 0 })
    const node = sim.node('a')
    const ran: string[] = []
    const { timers, clock } = node.world
    timers.schedule(10, () => {
      ran.push(`first at ${clock.monotonicMs()}`)
      second.cancel()
    })
    const second = timers.schedule(20, () => ran.push('second, cancelled while held'))
    timers.schedule(30, () => ran.push(`third at ${clock.monotonicMs()}`))
    node.suspend()
    await sim.advance(1000)
    assert.deepEqual(ran, [])
    node.resume()
    await sim.run()
    assert.deepEqual(ran, ['first at 1000', 'third at 1000'])
  })
})
