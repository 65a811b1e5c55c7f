import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Disk, DiskFile } from '@odradek/world'
import { createSimulation, type DiskConditions, type SimNode, type Simulation } from '@odradek/world/sim'
import { codeIs, describeDisk } from '../disk-contract.ts'

describeDisk('simulated disk', () => {
  const simulation = createSimulation({ seed: 'contract' })
  return { disk: simulation.node('a').world.disk, root: '/', run: (body) => simulation.complete(body) }
})

/** One node on one disk; `body` is driven to its end. */
async function onDisk(
  seed: string | number,
  body: (node: SimNode, sim: Simulation) => Promise<void>,
  disk: Partial<DiskConditions> = {}
): Promise<void> {
  const sim = createSimulation({ seed, disk })
  await body(sim.node('a'), sim)
}

/** Runs `prepare`, loses power, and gives the disk of the next life; over many seeds. */
async function afterPowerLoss(
  seeds: number,
  prepare: (disk: Disk) => Promise<void>,
  look: (disk: Disk, node: SimNode) => Promise<void>,
  conditions: Partial<DiskConditions> = {}
): Promise<void> {
  for (let seed = 1; seed <= seeds; seed++) {
    await onDisk(
      seed,
      async (node, sim) => {
        await sim.complete(prepare(node.world.disk))
        node.losePower()
        await sim.complete(look(node.restart().disk, node))
      },
      conditions
    )
  }
}

async function writeNew(disk: Disk, path: string, data: Buffer): Promise<DiskFile> {
  const file = await disk.open(path, 'create')
  await file.write(0, [data])
  return file
}

describe('power loss', () => {
  test('keeps names that were synced while another folder was synced too', async () => {
    await afterPowerLoss(
      50,
      async (disk) => {
        await disk.mkdir('/d')
        await writeNew(disk, '/d/f', Buffer.alloc(10))
        await Promise.all([disk.syncDir('/d'), disk.syncDir('/')])
      },
      async (disk) => assert.deepEqual(await disk.readdir('/d'), ['f'])
    )
  })

  test('keeps what was synced, file and folder', async () => {
    await afterPowerLoss(
      50,
      async (disk) => {
        await disk.mkdir('/d')
        await disk.syncDir('/')
        const file = await writeNew(disk, '/d/f', Buffer.alloc(10_000, 1))
        await file.sync()
        await disk.syncDir('/d')
        await file.write(10_000, [Buffer.alloc(500, 2)])
      },
      async (disk) => {
        const bytes = await disk.readFile('/d/f')
        assert.ok(bytes.subarray(0, 10_000).equals(Buffer.alloc(10_000, 1)))
        assert.ok(bytes.length <= 10_500)
      }
    )
  })

  test('keeps, loses or tears an unsynced write by sectors, with its size apart from its bytes', async () => {
    const seen = new Set<string>()
    await afterPowerLoss(
      150,
      async (disk) => {
        const file = await writeNew(disk, '/f', Buffer.alloc(100, 1))
        await file.sync()
        await disk.syncDir('/')
        await file.write(100, [Buffer.alloc(3000, 2)])
      },
      async (disk) => {
        const bytes = await disk.readFile('/f')
        assert.ok(bytes.subarray(0, 100).every((byte) => byte === 1))
        const rest = bytes.subarray(100)
        const kept = rest.filter((byte) => byte === 2).length
        if (rest.length === 0) seen.add('lost')
        else if (kept === 3000) seen.add('kept')
        else if (rest.every((byte) => byte === 0)) seen.add('size without bytes')
        else if (rest.every((byte) => byte === 0 || byte === 2)) seen.add('torn')
        else seen.add('stale bytes')
        // sectors are aligned to the file: 100..511 is one piece, then whole 512s
        const sector = rest.subarray(412, 412 + 512)
        if (!seen.has('stale bytes') && sector.length === 512) assert.equal(new Set(sector).size, 1)
      },
      { sectorBytes: 512, staleChance: 0.2 }
    )
    assert.deepEqual([...seen].sort(), ['kept', 'lost', 'size without bytes', 'stale bytes', 'torn'])
  })

  test('undoes what was made, renamed or removed in a folder that was not synced, or keeps it', async () => {
    const seen = new Set<string>()
    await afterPowerLoss(
      100,
      async (disk) => {
        for (const name of ['old', 'removed']) await (await writeNew(disk, `/${name}`, Buffer.from(name))).sync()
        await disk.syncDir('/')
        await disk.rename('/old', '/new')
        await disk.unlink('/removed')
        await (await writeNew(disk, '/made', Buffer.from('made'))).sync()
      },
      async (disk) => {
        seen.add((await disk.readdir('/')).join(' '))
      }
    )
    // in order: a later change is kept only with the earlier ones of its folder
    assert.deepEqual([...seen].sort(), ['made new', 'new', 'new removed', 'old removed'])
  })

  test('a rename is whole: the old name or the new one, never both, never none', async () => {
    await afterPowerLoss(
      80,
      async (disk) => {
        await disk.mkdir('/x')
        await disk.mkdir('/y')
        await disk.syncDir('/')
        await (await writeNew(disk, '/x/a', Buffer.from('content'))).sync()
        await disk.syncDir('/x')
        await disk.rename('/x/a', '/x/b')
        await disk.rename('/x/b', '/y/c')
      },
      async (disk) => {
        const names = [...(await disk.readdir('/x')).map((name) => `x/${name}`), ...(await disk.readdir('/y')).map((name) => `y/${name}`)]
        assert.equal(names.length, 1, names.join())
        assert.equal((await disk.readFile(`/${names[0]}`)).toString(), 'content')
      }
    )
  })

  test('syncing the target folder of a rename keeps it, with what was done in the source before', async () => {
    await afterPowerLoss(
      50,
      async (disk) => {
        await disk.mkdir('/x')
        await disk.mkdir('/y')
        await disk.syncDir('/')
        await (await writeNew(disk, '/x/a', Buffer.from('content'))).sync()
        await disk.rename('/x/a', '/y/a')
        await disk.syncDir('/y')
      },
      async (disk) => {
        assert.deepEqual(await disk.readdir('/x'), [])
        assert.equal((await disk.readFile('/y/a')).toString(), 'content')
      }
    )
  })

  test('an atomically replaced file is the old or the new one at every moment of a crash', async () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 120; seed++) {
      await onDisk(seed, async (node, sim) => {
        await sim.complete(node.world.disk.writeFileAtomic('/f', Buffer.from('old')))
        node.crashAtEffect(1 + (seed % 8), seed % 2 === 0 ? 'kill' : 'power-loss')
        let isDone = false
        void node.world.disk.writeFileAtomic('/f', Buffer.from('new, longer')).then(() => {
          isDone = true
        })
        await sim.run({ until: () => isDone || !node.isAlive })
        if (node.isAlive) node.losePower()
        const text = (await sim.complete(node.restart().disk.readFile('/f'))).toString()
        assert.ok(text === 'old' || text === 'new, longer', JSON.stringify(text))
        if (isDone) assert.equal(text, 'new, longer')
        seen.add(text)
      })
    }
    assert.equal(seen.size, 2)
  })

  test('a replacement without syncs may come out empty or torn: the model punishes a missing sync', async () => {
    const seen = new Set<string>()
    await afterPowerLoss(
      80,
      async (disk) => {
        await disk.writeFileAtomic('/f', Buffer.from('old'))
        await disk.writeFileAtomic('/f', Buffer.from('new'), { sync: false })
      },
      async (disk) => void seen.add((await disk.readFile('/f')).toString())
    )
    assert.ok(seen.has('old') && seen.has('new'))
    assert.ok(seen.has('') || seen.has('\0\0\0'), [...seen].map((text) => JSON.stringify(text)).join())
  })

  test('a sync covers what was written before it began, not what comes during it', async () => {
    const lost = new Set<boolean>()
    await afterPowerLoss(
      60,
      async (disk) => {
        const file = await writeNew(disk, '/f', Buffer.from('first'))
        await disk.syncDir('/')
        const sync = file.sync()
        await file.write(5, [Buffer.from('second')])
        await sync
      },
      async (disk) => {
        const text = (await disk.readFile('/f')).toString()
        assert.ok(text.startsWith('first'))
        lost.add(text !== 'firstsecond')
      },
      { syncLatencyMs: [5, 5] }
    )
    assert.deepEqual([...lost].sort(), [false, true])
  })

  test('the kernel writes back by itself after a while', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      await onDisk(seed, async (node, sim) => {
        const file = await sim.complete(writeNew(node.world.disk, '/f', Buffer.from('old')))
        await sim.advance(31_000)
        await sim.complete(file.write(3, [Buffer.from('!')]))
        await sim.complete(writeNew(node.world.disk, '/g', Buffer.from('x')))
        node.losePower()
        const text = (await sim.complete(node.restart().disk.readFile('/f'))).toString()
        assert.ok(text.startsWith('old'))
      })
    }
  })
})

describe('kill', () => {
  test('keeps all that was written, and what was under way wholly, in part or not at all', async () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 60; seed++) {
      await onDisk(seed, async (node, sim) => {
        const file = await sim.complete(writeNew(node.world.disk, '/f', Buffer.from('done')))
        void file.write(4, [Buffer.alloc(100, 'x')])
        node.kill()
        const text = (await sim.complete(node.restart().disk.readFile('/f'))).toString()
        assert.ok(text.startsWith('done'))
        seen.add(text.length === 4 ? 'not' : text.length === 104 ? 'whole' : 'part')
      })
    }
    assert.deepEqual([...seen].sort(), ['not', 'part', 'whole'])
  })

  test('frees the lock, which another live process could not take', async () => {
    const sim = createSimulation({ seed: 1 })
    const first = sim.node('first')
    const second = sim.node('second', { storage: first.storage })
    await sim.complete(first.world.disk.lock('/.lock'))
    await assert.rejects(sim.complete(second.world.disk.lock('/.lock')), codeIs('EBUSY'))
    first.kill()
    const lock = await sim.complete(second.world.disk.lock('/.lock'))
    await lock.release()
    await sim.complete(first.restart().disk.lock('/.lock'))
  })
})

describe('faults', () => {
  test('errors by plan hit the named operation and path, as often as said', async () => {
    await onDisk(1, async (node, sim) => {
      const { disk } = node.world
      node.storage.failNext({ operation: 'write', path: /\/b$/, code: 'ENOSPC', times: 2 })
      const a = await sim.complete(disk.open('/a', 'create'))
      const b = await sim.complete(disk.open('/b', 'create'))
      await sim.complete(a.write(0, [Buffer.from('x')]))
      for (let times = 0; times < 2; times++) await assert.rejects(sim.complete(b.write(0, [Buffer.from('x')])), codeIs('ENOSPC'))
      await sim.complete(b.write(0, [Buffer.from('x')]))
      node.storage.failNext({ operation: 'read' })
      await assert.rejects(sim.complete(disk.readFile('/a')), codeIs('EIO'))
      await sim.complete(disk.readFile('/a'))
    })
  })

  test('after a failed fsync the next one succeeds, and the bytes are gone with the power', async () => {
    await onDisk(1, async (node, sim) => {
      const { disk } = node.world
      const file = await sim.complete(writeNew(disk, '/f', Buffer.from('synced ')))
      await sim.complete(file.sync())
      await sim.complete(disk.syncDir('/'))
      await sim.complete(file.write(7, [Buffer.from('lost ')]))
      node.storage.failNext({ operation: 'sync' })
      await assert.rejects(sim.complete(file.sync()), codeIs('EIO'))
      await sim.complete(file.sync())
      assert.equal((await sim.complete(disk.readFile('/f'))).toString(), 'synced lost ')
      await sim.complete(file.write(12, [Buffer.from('after')]))
      await sim.complete(file.sync())
      node.losePower()
      const bytes = await sim.complete(node.restart().disk.readFile('/f'))
      assert.equal(bytes.toString(), 'synced \0\0\0\0\0after')
    })
  })

  test('a full disk refuses the write, or the sync when it allocates late', async () => {
    await onDisk(1, async (node, sim) => {
      const { disk } = node.world
      node.storage.conditions.capacityBytes = 1000
      const file = await sim.complete(writeNew(disk, '/f', Buffer.alloc(900)))
      await assert.rejects(sim.complete(file.write(900, [Buffer.alloc(200)])), codeIs('ENOSPC'))
      await sim.complete(file.write(0, [Buffer.alloc(900, 1)]))
      assert.equal((await sim.complete(disk.space('/'))).freeBytes, 100)
      node.storage.conditions.isFullAtSync = true
      await sim.complete(file.write(900, [Buffer.alloc(200)]))
      await assert.rejects(sim.complete(file.sync()), codeIs('ENOSPC'))
    })
  })

  test('a read-only remount refuses changes and allows reads', async () => {
    await onDisk(1, async (node, sim) => {
      const { disk } = node.world
      const file = await sim.complete(writeNew(disk, '/f', Buffer.from('x')))
      node.storage.isReadOnly = true
      await assert.rejects(sim.complete(file.write(0, [Buffer.from('y')])), codeIs('EROFS'))
      await assert.rejects(sim.complete(disk.unlink('/f')), codeIs('EROFS'))
      await assert.rejects(sim.complete(disk.open('/g', 'create')), codeIs('EROFS'))
      assert.equal((await sim.complete(disk.readFile('/f'))).toString(), 'x')
    })
  })

  test('a stalled disk completes nothing until it goes on', async () => {
    await onDisk(1, async (node, sim) => {
      const file = await sim.complete(writeNew(node.world.disk, '/f', Buffer.from('x')))
      const write = file.write(1, [Buffer.from('y')])
      node.storage.stall(30_000)
      await sim.advance(29_000)
      assert.equal(node.storage.peek('/f').length, 1)
      await sim.complete(write)
      assert.ok(sim.nowMs >= 30_000)
    })
  })

  test('chances of faults come from streams of their own: one more fault does not shift the others', async () => {
    const failures = async (conditions: Partial<DiskConditions>): Promise<number[]> => {
      const failed: number[] = []
      await onDisk(
        5,
        async (node, sim) => {
          const file = await sim.complete(writeNew(node.world.disk, '/f', Buffer.alloc(100)))
          for (let index = 0; index < 60; index++) {
            await sim.complete(file.sync()).catch(() => failed.push(index))
            await sim.complete(file.read(0, Buffer.alloc(1), 0, 1)).catch(() => undefined)
          }
        },
        conditions
      )
      return failed
    }
    const alone = await failures({ syncErrorChance: 0.2 })
    assert.ok(alone.length > 3)
    assert.deepEqual(await failures({ syncErrorChance: 0.2, readErrorChance: 0.5, flippedReadChance: 0.5 }), alone)
  })

  test('flipped bits, cut files and lying syncs', async () => {
    await onDisk(1, async (node, sim) => {
      const { disk } = node.world
      const file = await sim.complete(writeNew(disk, '/f', Buffer.from([0, 0, 0, 0])))
      await sim.complete(disk.syncDir('/'))
      node.storage.flipBit('/f', 2, 3)
      assert.deepEqual([...(await sim.complete(disk.readFile('/f')))], [0, 0, 8, 0])
      node.storage.cut('/f', 3)
      assert.equal((await sim.complete(disk.stat('/f'))).size, 3)
      node.storage.conditions.flippedReadChance = 1
      const bytes = await sim.complete(disk.readFile('/f'))
      assert.notDeepEqual([...bytes], [0, 0, 8])
      node.storage.conditions.flippedReadChance = 0
      assert.deepEqual([...(await sim.complete(disk.readFile('/f')))], [0, 0, 8])
      node.storage.conditions.lyingSyncChance = 1
      await sim.complete(file.write(0, [Buffer.alloc(100, 1)]))
      await sim.complete(file.sync())
      assert.equal(node.storage.image.file('/f').unsynced.length, 1)
    })
  })
})
