import assert from 'node:assert/strict'
import { test } from 'node:test'
import { developmentProperties, loadBrokerConfig } from '@odradek/config'
import type { World } from '@odradek/world'
import { createNodeLogger } from '@odradek/world/node'
import { formatOffsetCheckpoint, parseOffsetCheckpoint } from '../src/checkpoints.ts'
import { logManagerSettingsFrom } from '../src/log-config-from.ts'
import { LogManager } from '../src/log-manager.ts'
import { formatProducerSnapshot } from '../src/producer-snapshot.ts'
import { append, batchOf, closedLog, createLog, logConfig, memoryWorld, NOW, openManager, settle, TOPIC_ID, values } from './support.ts'

const DIRS = ['/disks/a', '/disks/b', '/disks/c']
const textOf = async (world: World, path: string): Promise<string> => String(await world.disk.readFile(path))

/** As a start does before it knows the topics. */
function openUnloaded(world: World): Promise<LogManager> {
  const identity = { logDirs: ['/data'], nodeId: 1, clusterId: 'Z29sZGVuLWNsdXN0ZXItMQ' }
  return LogManager.open({ world, ...identity, configFor: () => logConfig(), deferLoading: true })
}

test('new directories get an identity and a lock, and refuse another node, another cluster and a second process', async () => {
  const world = memoryWorld()
  const manager = await openManager(world)
  assert.match(
    await textOf(world, '/data/meta.properties'),
    /^#\nnode.id=1\ndirectory.id=\S{22}\nversion=1\ncluster.id=Z29sZGVuLWNsdXN0ZXItMQ\n$/
  )
  await assert.rejects(openManager(world), { code: 'STORAGE_LOCKED' })
  await manager.shutdown({ clean: true })
  await assert.rejects(openManager(world, { nodeId: 2 }), { code: 'STORAGE_WRONG_NODE' })
})

test('logs are placed where the fewest are, where asked, and never in a cordoned directory', async () => {
  const manager = await openManager(memoryWorld(), { logDirs: DIRS, isCordoned: (path) => path === '/disks/b' })
  for (let i = 0; i < 6; i++) await createLog(manager, logConfig(), 't', i)
  assert.deepEqual(
    manager.liveDirectories.map(({ logs }) => logs.size),
    [3, 0, 3]
  )
  const asked = await manager.create({ topic: 'x', partition: 0 }, { topicId: TOPIC_ID, config: logConfig(), directory: '/disks/b' })
  assert.equal(asked.path, '/disks/b/x-0')
  assert.equal(await createLog(manager, logConfig(), 'x'), asked, 'a log that is there is given')
  await assert.rejects(manager.create({ topic: 'y', partition: 0 }, { topicId: TOPIC_ID, config: logConfig(), directory: '/elsewhere' }), {
    code: 'STORAGE_NO_DIRECTORY'
  })
  await manager.shutdown({ clean: true })
})

test('logs that are made at once are spread over the directories too', async () => {
  const manager = await openManager(memoryWorld(), { logDirs: DIRS })
  await Promise.all(Array.from({ length: 9 }, (_, partition) => createLog(manager, logConfig(), 't', partition)))
  assert.deepEqual(
    manager.liveDirectories.map(({ logs }) => logs.size),
    [3, 3, 3]
  )
  await manager.shutdown({ clean: true })
})

test('a clean stop leaves checkpoints, snapshots and the mark with the broker epoch, which the next start takes away', async () => {
  const world = memoryWorld()
  const manager = await openManager(world)
  const log = await createLog(manager)
  append(log, batchOf(['a', 'b'], { producerId: 4, producerEpoch: 0, baseSequence: 0 }))
  await settle(log)
  await createLog(manager, logConfig(), 'empty')
  await manager.shutdown({ clean: true, brokerEpoch: 42 })
  const read = async (name: string) => parseOffsetCheckpoint(await world.disk.readFile(`/data/${name}`), name)
  const both = [
    { topic: 'topic', partition: 0, offset: 2 },
    { topic: 'empty', partition: 0, offset: 0 }
  ]
  assert.deepEqual(await read('recovery-point-offset-checkpoint'), both)
  assert.deepEqual(await read('replication-offset-checkpoint'), both)
  assert.deepEqual(await read('log-start-offset-checkpoint'), [])
  assert.equal(await textOf(world, '/data/.kafka_cleanshutdown'), '{"version":0,"brokerEpoch":42}')
  assert.deepEqual(await world.disk.readdir('/data/topic-0'), [
    '00000000000000000000.index',
    '00000000000000000000.log',
    '00000000000000000000.timeindex',
    '00000000000000000002.snapshot',
    'leader-epoch-checkpoint',
    'partition.metadata'
  ])
  const again = await openManager(world)
  assert.equal(again.previousBrokerEpoch, 42)
  assert.equal(await world.disk.exists('/data/.kafka_cleanshutdown'), false)
  assert.equal(again.get({ topic: 'topic', partition: 0 })!.highWatermark, 2)
})

test('a deleted log is gone at once, its folder is renamed, and a new one of the same name starts empty', async () => {
  const world = memoryWorld()
  const manager = await openManager(world)
  const config = logConfig({ fileDeleteDelayMs: 0 })
  const log = await createLog(manager, config)
  append(log, batchOf(['old']))
  await settle(log)
  const deleted = manager.delete({ topic: 'topic', partition: 0 })
  assert.equal(manager.get({ topic: 'topic', partition: 0 }), undefined)
  const fresh = await createLog(manager, config)
  await deleted
  assert.notEqual(fresh, log)
  assert.equal(fresh.logEndOffset, 0)
  const refused = log.append(batchOf(['late']), { origin: 'client', leaderEpoch: 0, now: NOW })
  assert.equal(refused.errorCode, 56, 'KAFKA_STORAGE_ERROR')
  while ((await world.disk.readdir('/data')).some((name) => name.endsWith('-delete'))) await new Promise((resolve) => setImmediate(resolve))
  await manager.shutdown({ clean: true })
})

test('a log that nobody owns is set aside with its files', async () => {
  const world = memoryWorld()
  const manager = await openManager(world)
  const log = await createLog(manager)
  append(log, batchOf(['kept']))
  await settle(log)
  await manager.setAsideStray({ topic: 'topic', partition: 0 })
  const [stray] = (await world.disk.readdir('/data')).filter((name) => name.endsWith('-stray'))
  assert.ok((await world.disk.readdir(`/data/${stray}`)).includes('00000000000000000000.log'))
  await manager.shutdown({ clean: true })
  const again = await openManager(world)
  assert.deepEqual([...again.logs()], [])
})

test('the same log in two directories is refused by name', async () => {
  const world = memoryWorld()
  await world.disk.mkdir('/disks/a/t-0')
  await world.disk.mkdir('/disks/b/t-0')
  await assert.rejects(openManager(world, { logDirs: DIRS }), {
    code: 'STORAGE_DUPLICATE_LOG',
    message: /\/disks\/[ab]\/t-0.*\/disks\/[ab]\/t-0/
  })
})

test('damaged checkpoints and small files cost a recovery and lose nothing', async () => {
  const world = memoryWorld()
  const config = logConfig({ segmentBytes: 500, indexIntervalBytes: 100 })
  const manager = await openManager(world, { config })
  const log = await createLog(manager, config)
  for (let i = 0; i < 50; i++) append(log, batchOf([`${i}`]))
  await settle(log)
  const expected = await values(log)
  await manager.shutdown({ clean: true })
  for (const name of [
    'recovery-point-offset-checkpoint',
    'replication-offset-checkpoint',
    'log-start-offset-checkpoint',
    'cleaner-offset-checkpoint'
  ]) {
    await world.disk.writeFileAtomic(`/data/${name}`, Buffer.from('0\n5\ngarbage'))
  }
  await world.disk.writeFileAtomic('/data/topic-0/leader-epoch-checkpoint', Buffer.from('x'))
  await world.disk.writeFileAtomic('/data/topic-0/partition.metadata', Buffer.from(''))
  for (const name of await world.disk.readdir('/data/topic-0')) {
    if (/(index|snapshot)$/.test(name)) await world.disk.writeFileAtomic(`/data/topic-0/${name}`, Buffer.from('damaged, odd length'))
  }
  await world.disk.unlink('/data/.kafka_cleanshutdown')
  const again = await openManager(world, { config })
  const recovered = again.get({ topic: 'topic', partition: 0 })!
  assert.equal(recovered.logEndOffset, 50)
  assert.deepEqual(await values(recovered), expected)
  assert.deepEqual(recovered.leaderEpochs, [{ epoch: 0, startOffset: 0 }])
  assert.equal(recovered.topicId, undefined, 'the owner knows it and sets it')
})

test('damaged indexes of segments below the recovery point are rebuilt when they are needed', async () => {
  const world = memoryWorld()
  const config = logConfig({ segmentBytes: 800, indexIntervalBytes: 100 })
  const manager = await openManager(world, { config })
  const log = await createLog(manager, config)
  for (let i = 0; i < 60; i++) append(log, batchOf([`${i}`], { timestamp: NOW + i }))
  await settle(log)
  await manager.shutdown({ clean: true })
  const names = (await world.disk.readdir('/data/topic-0')).filter((name) => name.endsWith('index'))
  for (const [i, name] of names.entries()) {
    if (i % 3 === 0) await world.disk.unlink(`/data/topic-0/${name}`)
    else await world.disk.writeFileAtomic(`/data/topic-0/${name}`, Buffer.alloc(24, i))
  }
  const again = await openManager(world, { config })
  const reopened = again.get({ topic: 'topic', partition: 0 })!
  for (let offset = 0; offset < 60; offset++) assert.equal((await values(reopened, { from: offset }))[0], `${offset}`)
  for (let i = 0; i < 60; i += 7) assert.equal((await reopened.offsetForTimestamp(NOW + i))?.offset, i)
})

test('by the clock: checkpoints, retention and expiry run, and stop with the manager', async () => {
  const world = memoryWorld()
  const config = logConfig({ retentionMs: 1, fileDeleteDelayMs: 0 })
  const settings = {
    initialTaskDelayMs: 0,
    retentionCheckMs: 1,
    recoveryPointCheckpointMs: 1,
    startOffsetCheckpointMs: 1,
    highWatermarkCheckpointMs: 1
  }
  const manager = await openManager(world, { config, settings })
  const log = await createLog(manager, config)
  append(log, batchOf(['old'], { timestamp: NOW, producerId: 1, producerEpoch: 0, baseSequence: 0 }))
  await settle(log)
  await log.flush()
  manager.start()
  while (log.logStartOffset < 1) await new Promise((resolve) => setTimeout(resolve, 1))
  const expected = String(formatOffsetCheckpoint([{ topic: 'topic', partition: 0, offset: 1 }]))
  for (const name of ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint']) {
    while (!(await world.disk.exists(`/data/${name}`)) || (await textOf(world, `/data/${name}`)) !== expected)
      await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await manager.shutdown({ clean: true })
})

test('a manager that loads later knows its directories before its logs', async () => {
  const world = memoryWorld()
  const first = await openManager(world)
  const log = await createLog(first)
  append(log, batchOf(['a']))
  await settle(log)
  await first.shutdown({ clean: true, brokerEpoch: 3 })
  const manager = await openUnloaded(world)
  assert.equal(manager.previousBrokerEpoch, 3)
  assert.deepEqual([...manager.logs()], [])
  await manager.load((topic) => logConfig({ isCompact: topic === 'topic' }))
  assert.equal(manager.get({ topic: 'topic', partition: 0 })!.config.isCompact, true)
  await manager.shutdown({ clean: true })
})

test('a directory of the metadata log apart from log.dirs is locked too, and must belong to the node', async () => {
  const world = memoryWorld()
  const first = await openManager(world, { logDirs: ['/first'] })
  const log = await first.openMetadataLog('/metadata', logConfig(), TOPIC_ID)
  const second = await openManager(world, { logDirs: ['/second'], nodeId: 2 })
  await assert.rejects(second.openMetadataLog('/metadata', logConfig(), TOPIC_ID), { code: 'STORAGE_LOCKED' })
  await log.close()
  await first.shutdown({ clean: true })
  await assert.rejects(second.openMetadataLog('/metadata', logConfig(), TOPIC_ID), { code: 'STORAGE_WRONG_NODE' })
  await second.shutdown({ clean: true })
})

test('recovery ends the log before a batch whose offsets cannot be, which no CRC covers', async () => {
  for (const baseOffset of [0, 1, 2 ** 40, -5]) {
    const world = memoryWorld()
    const manager = await openManager(world)
    const log = await createLog(manager)
    for (let i = 0; i < 4; i++) append(log, batchOf([`value-${i}`]))
    await log.flush()
    await manager.shutdown({ clean: false })
    await world.disk.removeTree('/data/recovery-point-offset-checkpoint')
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(BigInt(baseOffset))
    const file = await world.disk.open('/data/topic-0/00000000000000000000.log', 'write')
    await file.write(2 * batchOf(['value-0']).length, [bytes])
    await file.close()
    const again = await openManager(world)
    assert.deepEqual(await values(again.get({ topic: 'topic', partition: 0 })!), ['value-0', 'value-1'])
    await again.shutdown({ clean: true })
  }
})

test('recovery believes no producer snapshot above the first segment that it scans', async () => {
  const world = memoryWorld()
  const manager = await openManager(world)
  const log = await createLog(manager)
  for (let i = 0; i < 4; i++) append(log, batchOf([`value-${i}`], { producerId: 1, producerEpoch: 0, baseSequence: i }))
  await log.flush()
  await manager.shutdown({ clean: false })
  await world.disk.removeTree('/data/recovery-point-offset-checkpoint')
  const snapshot = '/data/topic-0/00000000000000000003.snapshot'
  await world.disk.writeFileAtomic(snapshot, formatProducerSnapshot([], 0))
  const again = await openManager(world)
  assert.equal(await world.disk.exists(snapshot), false)
  await again.shutdown({ clean: true })
})

for (const threads of [1, 3]) {
  test(`num.recovery.threads.per.data.dir=${threads}: ${threads * 4} logs of a directory are loaded at once`, async () => {
    const world = memoryWorld()
    const before = await openManager(world)
    for (let partition = 0; partition < 40; partition++) await createLog(before, logConfig(), 'many', partition)
    await before.shutdown({ clean: true })
    const listing = new Set<string>()
    let most = 0
    const readdir = async (path: string) => {
      if (path.includes('many-')) listing.add(path)
      most = Math.max(most, listing.size)
      await new Promise(setImmediate)
      listing.delete(path)
      return world.disk.readdir(path)
    }
    const disk = new Proxy(world.disk, {
      get(target, name) {
        if (name === 'readdir') return readdir
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      }
    })
    const { config } = loadBrokerConfig({
      properties: { ...developmentProperties({ port: 0, dataDir: '/data' }), 'num.recovery.threads.per.data.dir': String(threads) }
    })
    const manager = await openManager({ ...world, disk }, { settings: logManagerSettingsFrom(config) })
    assert.deepEqual([most, [...manager.logs()].length], [threads * 4, 40])
    await manager.shutdown({ clean: true })
  })
}

for (const wasClean of [true, false]) {
  test(`a start that fails before the logs are loaded leaves the directory as ${wasClean ? 'a clean stop' : 'a crash'} left it`, async () => {
    const world = memoryWorld()
    const manager = await openManager(world)
    const log = await createLog(manager)
    append(log, batchOf(['a', 'b', 'c']))
    await settle(log)
    log.updateHighWatermark(3)
    log.advanceLogStartOffset(2)
    await manager.shutdown({ clean: true, brokerEpoch: 42 })
    if (!wasClean) await world.disk.unlink('/data/.kafka_cleanshutdown')
    const checkpoint = await textOf(world, '/data/log-start-offset-checkpoint')
    const failed = await openUnloaded(world)
    await failed.shutdown({ clean: true, brokerEpoch: -1 })
    assert.equal(await textOf(world, '/data/log-start-offset-checkpoint'), checkpoint)
    assert.equal(await world.disk.exists('/data/.kafka_cleanshutdown'), wasClean)
    const again = await openManager(world)
    assert.equal(again.previousBrokerEpoch, wasClean ? 42 : -1)
    assert.equal(again.get({ topic: 'topic', partition: 0 })?.logStartOffset, 2, 'what was deleted stays deleted')
    await again.shutdown({ clean: true })
  })
}

test('a log that lost its end, or a whole segment, while the node was down says so', async () => {
  const lines: string[] = []
  const logger = createNodeLogger({ level: 'WARN', write: (text) => lines.push(text) })
  const world = { ...memoryWorld(), logger }
  const { config, log } = await closedLog(world)
  const [, middle, last] = log.segments.map(({ file }) => file.path)
  const file = await world.disk.open(middle, 'write')
  await file.truncate(0)
  await file.close()
  await world.disk.unlink(last)
  const again = await openManager(world, { config })
  const told = lines.join('')
  assert.match(told, /WARN \/data\/topic-0 ends at offset 1, and was on disk up to 3 before: what is between is lost/)
  await again.shutdown({ clean: false })

  lines.length = 0
  await world.disk.writeFileAtomic(last, Buffer.alloc(0))
  await world.disk.writeFileAtomic('/data/.kafka_cleanshutdown', Buffer.alloc(0))
  await (await openManager(world, { config })).shutdown({ clean: false })
  assert.match(lines.join(''), /WARN \/data\/topic-0\/0+1.log is empty, and segments come after it: its records are lost/)
})

test('a directory that lost its identity says that it is taken for a new one', async () => {
  const lines: string[] = []
  const world = { ...memoryWorld(), logger: createNodeLogger({ level: 'WARN', write: (text) => lines.push(text) }) }
  await (await openManager(world, { logDirs: DIRS })).shutdown({ clean: true })
  lines.length = 0
  await world.disk.removeTree('/disks/b')
  await (await openManager(world, { logDirs: DIRS })).shutdown({ clean: true })
  assert.equal(lines.length, 1)
  assert.match(lines[0], /WARN \/disks\/b has no directory.id in meta.properties and is taken for a new directory/)
})

test('two directories with one directory.id are refused, and locks are given back', async () => {
  const world = memoryWorld()
  await (await openManager(world, { logDirs: DIRS })).shutdown({ clean: true })
  await world.disk.writeFileAtomic('/disks/b/meta.properties', await world.disk.readFile('/disks/a/meta.properties'))
  for (let start = 0; start < 2; start++)
    await assert.rejects(openManager(world, { logDirs: DIRS }), {
      code: 'STORAGE_DUPLICATE_DIRECTORY',
      message: /^\/disks\/a and \/disks\/b have/
    })
})

test('a start that no directory is left to ends with what is wrong with each, and halts nobody', async () => {
  const lines: string[] = []
  const logger = createNodeLogger({ write: (text) => lines.push(text) })
  const world = { ...memoryWorld(), logger, halt: () => assert.fail('it halts') }
  await (await openManager(world, { logDirs: DIRS.slice(0, 2) })).shutdown({ clean: true })
  for (const name of ['a', 'b']) {
    await world.disk.unlink(`/disks/${name}/.kafka_cleanshutdown`)
    await world.disk.mkdir(`/disks/${name}/.kafka_cleanshutdown`)
  }
  const message =
    /^No directory of log.dirs can be used\. .*\/disks\/a: reading the mark of the last stop failed \(EISDIR.*\/disks\/b: reading/
  await assert.rejects(openManager(world, { logDirs: DIRS.slice(0, 2) }), { code: 'STORAGE_NO_DIRECTORY', message })
  for (const name of ['a', 'b']) {
    await world.disk.removeTree(`/disks/${name}/.kafka_cleanshutdown`)
    await world.disk.removeTree(`/disks/${name}/cleaner-offset-checkpoint`)
    await world.disk.mkdir(`/disks/${name}/cleaner-offset-checkpoint`)
  }
  await assert.rejects(openManager(world, { logDirs: DIRS.slice(0, 2) }), {
    code: 'STORAGE_NO_DIRECTORY',
    message: /loading the logs failed/
  })
  assert.doesNotMatch(lines.join(''), /\n {4}at /)
})

test('what a crash left of a file that was being written goes', async () => {
  const world = memoryWorld()
  const manager = await openManager(world)
  append(await createLog(manager), batchOf(['a', 'b']))
  await manager.shutdown({ clean: true })
  const left = ['00000000000000000001.snapshot.tmp', '00000000000000000000.index.tmp', '00000000000000000000.txnindex.tmp']
  for (const name of left) await world.disk.writeFileAtomic(`/data/topic-0/${name}`, Buffer.from('x'))
  const again = await openManager(world)
  assert.deepEqual(
    (await world.disk.readdir('/data/topic-0')).filter((name) => name.endsWith('.tmp')),
    []
  )
  await again.shutdown({ clean: true })
})

test('what lies in a directory and is none of ours is left alone', async () => {
  const lines: string[] = []
  const world = { ...memoryWorld(), logger: createNodeLogger({ level: 'WARN', write: (text) => lines.push(text) }) }
  const manager = await openManager(world)
  append(await createLog(manager), batchOf(['a', 'b']))
  await manager.shutdown({ clean: true })
  lines.length = 0
  const files = ['/data/notes.txt', '/data/file-0', '/data/topic-0/junk', '/data/topic-0/00000000000000000abc.log']
  const folders = ['/data/lost+found', '/data/topic-x', '/data/-1', '/data/topic-0/00000000000000000009.log']
  for (const path of files) await world.disk.writeFileAtomic(path, Buffer.from('x'))
  for (const path of folders) await world.disk.mkdir(path)
  const again = await openManager(world)
  assert.deepEqual(
    [again.directories()[0].isOffline, [...again.logs()].map(({ name, logEndOffset }) => [name, logEndOffset])],
    [false, [['topic-0', 2]]]
  )
  for (const path of [...files, ...folders]) assert.equal(await world.disk.exists(path), true, path)
  assert.deepEqual(
    lines.map((line) => /WARN (\S+) has the name/.exec(line)?.[1]),
    ['/data/file-0', '/data/topic-0/00000000000000000009.log']
  )
  await again.shutdown({ clean: true })
})
