import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FilePool, LogFile } from '../src/file-pool.ts'
import { memoryWorld } from './support.ts'

test('files beyond the limit are closed, the longest unused first, and open again when needed', async () => {
  const { disk } = memoryWorld()
  await disk.mkdir('/d')
  const pool = new FilePool(disk, 4)
  const files = Array.from({ length: 10 }, (_, i) => new LogFile(pool, `/d/${i}`, false))
  for (const [i, file] of files.entries()) await file.write(0, [Buffer.from([i])])
  assert.ok(pool.openCount <= 4, `${pool.openCount} open`)
  for (const [i, file] of files.entries()) assert.deepEqual([...(await file.readAll())], [i])
  assert.ok(pool.openCount <= 4)
})

test('a file in use is not closed', async () => {
  const { disk } = memoryWorld()
  await disk.mkdir('/d')
  const pool = new FilePool(disk, 1)
  const held = new LogFile(pool, '/d/held', false)
  const release = await held.hold()
  for (let i = 0; i < 5; i++) await new LogFile(pool, `/d/${i}`, false).write(0, [Buffer.from('x')])
  await held.rename('/d/renamed')
  await held.write(0, [Buffer.from('still')])
  release()
  assert.equal(String(await disk.readFile('/d/renamed')), 'still')
})

test('a removed file never opens again', async () => {
  const { disk } = memoryWorld()
  await disk.mkdir('/d')
  const file = new LogFile(new FilePool(disk), '/d/f', false)
  await file.write(0, [Buffer.from('x')])
  await file.remove()
  await assert.rejects(file.write(0, [Buffer.from('x')]), { code: 'ENOENT' })
  assert.equal(await disk.exists('/d/f'), false)
})
