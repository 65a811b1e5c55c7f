import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetadataRequest, MetadataResponse } from '@odradek/protocol'
import type { Disk } from '@odradek/world'
import { createMemoryDisk } from '@odradek/world/node'
import { batchOf, createTopic, fetchOne, produce, startBroker, valuesOf } from './support/test-broker.ts'

const overrides = { 'log.dirs': '/data/a,/data/b', 'controlled.shutdown.enable': 'false' }

function breakable(disk: Disk): { disk: Disk; isBroken: boolean } {
  const state = { disk: undefined as unknown as Disk, isBroken: false }
  const failing = (path: unknown) => state.isBroken && String(path).startsWith('/data/b')
  state.disk = new Proxy(disk, {
    get(target, name) {
      const value = target[name as keyof Disk] as unknown
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (failing(args[0])) return Promise.reject(Object.assign(new Error('EIO: broken'), { code: 'EIO' }))
        return (value as (...a: unknown[]) => unknown).apply(target, args)
      }
    }
  })
  return state
}

for (const how of ['clean', 'dirty'])
  test(`B2 start with one directory broken ${how}`, { timeout: 30000 }, async () => {
    const state = breakable(createMemoryDisk())
    const dirs = new Map<string, string>()
    {
      await using broker = await startBroker({ overrides, disk: state.disk })
      const client = await broker.connect()
      for (const name of ['one', 'two']) {
        await createTopic(client, name)
        await produce(client, name, batchOf(`old ${name}`))
      }
      for (const log of broker.server.logs.logs()) dirs.set(log.topicPartition.topic, log.directory.path)
      if (how === 'dirty') {
        /* leave mark away below */
      }
    }
    if (how === 'dirty') for (const d of ['a', 'b']) await state.disk.unlink(`/data/${d}/.kafka_cleanshutdown`)
    const inB = [...dirs].find(([, d]) => d === '/data/b')![0]
    const inA = [...dirs].find(([, d]) => d === '/data/a')![0]
    state.isBroken = true
    {
      await using broker = await startBroker({ overrides, disk: state.disk, isNew: false })
      const client = await broker.connect()
      console.log(
        [...broker.server.logs.logs()].map((l) => l.path),
        broker.halted
      )
      assert.deepEqual(
        [...broker.server.logs.logs()].map((l) => l.path),
        [`/data/a/${inA}-0`]
      )
      const md = await client.call(MetadataRequest, MetadataResponse, 12, { topics: null })
      console.log(JSON.stringify(md.topics.map((t) => [t.name, t.partitions])))
      assert.equal(valuesOf((await fetchOne(client, inA, 0)).records).length, 1)
      const r = await produce(client, inB, batchOf('lost')).catch((e) => e)
      console.log(r)
    }
    state.isBroken = false
    await using broker = await startBroker({ overrides, disk: state.disk, isNew: false })
    const client = await broker.connect()
    assert.deepEqual(valuesOf((await fetchOne(client, inB, 0)).records), [`old ${inB}`])
  })
