// What is damaged in the folder of the metadata while the node is down is made good from the rest, or refused with what to do.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { World } from '@odradek/world'
import { createNodeLogger } from '@odradek/world/node'
import { joinBroker, newTopic, openNode, testConfig, testWorld } from './support.ts'

const FOLDER = '/data/__cluster_metadata-0'
const damages: Record<string, (bytes: Buffer) => Buffer> = {
  'made empty': () => Buffer.alloc(0),
  'cut in the middle': (bytes) => bytes.subarray(0, bytes.length >> 1),
  'filled with zeros': (bytes) => Buffer.alloc(bytes.length),
  'filled with others': (bytes) => Buffer.alloc(bytes.length, 0xa7),
  'changed in one byte': (bytes) =>
    Buffer.concat([bytes.subarray(0, -40), Buffer.from([bytes[bytes.length - 40] ^ 1]), bytes.subarray(-39)])
}

/** Topics `before` and `after` a snapshot. */
async function fill(overrides: Record<string, string> = {}): Promise<{ world: World; lines: string[]; snapshot: string }> {
  const lines: string[] = []
  const world = { ...testWorld(), logger: createNodeLogger({ level: 'WARN', write: (text) => lines.push(text) }) }
  await using opened = await openNode(world, testConfig(overrides))
  await joinBroker(opened.node)
  await opened.node.call('createTopics', { topics: [newTopic('before')], timeoutMs: 5000, validateOnly: false })
  await opened.node.writeSnapshot()
  await opened.node.call('createTopics', { topics: [newTopic('after')], timeoutMs: 5000, validateOnly: false })
  const snapshot = (await world.disk.readdir(FOLDER)).filter((name) => name.endsWith('.checkpoint')).at(-1)
  return { world, lines, snapshot: `${FOLDER}/${snapshot}` }
}

for (const [how, damage] of Object.entries(damages)) {
  test(`a snapshot ${how} is passed over while the log holds all that it held`, async () => {
    const { world, lines, snapshot } = await fill()
    await world.disk.writeFileAtomic(snapshot, damage(await world.disk.readFile(snapshot)))
    await using again = await openNode(world)
    assert.deepEqual([...again.node.image.topicIds.keys()].sort(), ['after', 'before'])
    assert.match(lines.join(''), /WARN The snapshot \S+ is damaged and removed/)
  })

  test(`a snapshot ${how} is refused where the log does not hold what it held, and left as it is`, async () => {
    const { world, snapshot } = await fill()
    const log = `${FOLDER}/00000000000000000000.log`
    await world.disk.writeFileAtomic(log, (await world.disk.readFile(log)).subarray(0, 200))
    const damaged = damage(await world.disk.readFile(snapshot))
    await world.disk.writeFileAtomic(snapshot, damaged)
    await assert.rejects(openNode(world), { code: 'METADATA_LOG_INVALID', message: /is damaged.*Restore the file from a backup/ })
    assert.deepEqual(await world.disk.readFile(snapshot), damaged)
  })

  test(`bootstrap.checkpoint ${how} is refused where it is needed, and no matter afterwards`, async () => {
    const { encodeBootstrapFile } = await import('../src/bootstrap.ts')
    const world = testWorld()
    await world.disk.mkdir('/data')
    const records = encodeBootstrapFile([], 0)
    await world.disk.writeFileAtomic('/data/bootstrap.checkpoint', damage(records))
    await assert.rejects(openNode(world), { code: 'METADATA_LOG_INVALID', message: /bootstrap\.checkpoint is damaged: format/ })
    const later = await fill()
    await later.world.disk.writeFileAtomic('/data/bootstrap.checkpoint', damage(records))
    await using again = await openNode(later.world)
    assert.equal(again.node.image.topicIds.size, 2)
  })
}

test('a metadata log that ends before its snapshot goes on behind it, and says so', async () => {
  const { world, lines } = await fill()
  await world.disk.writeFileAtomic(`${FOLDER}/00000000000000000000.log`, Buffer.alloc(0))
  await using again = await openNode(world)
  assert.deepEqual([...again.node.image.topicIds.keys()], ['before'])
  assert.match(lines.join(''), /WARN The metadata log ends at offset 0, before its newest snapshot at \d+: /)
})
