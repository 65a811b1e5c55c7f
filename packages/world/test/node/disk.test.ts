import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createMemoryDisk, nodeDisk } from '@odradek/world/node'
import { codeIs, describeDisk } from '../disk-contract.ts'

describeDisk('node disk', () => {
  const root = fs.mkdtempSync(join(tmpdir(), 'odradek-disk-'))
  return { disk: nodeDisk, root, dispose: () => fs.rmSync(root, { recursive: true, force: true }) }
})
describeDisk('memory disk', () => ({ disk: createMemoryDisk(), root: '/' }))

test('a folder that cannot be made is an error, also where folders take none and say ENOENT', {
  skip: process.platform !== 'linux'
}, () => {
  // In a process of its own: Node's recursive mkdir never comes back from there.
  const script = `const { nodeDisk } = await import('@odradek/world/node')
    await nodeDisk.mkdir('/proc/odradek/data').catch(({ code }) => process.stdout.write(code))`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    timeout: 10_000
  })
  assert.equal(stdout, 'ENOENT')
})

test('a kill -9 of the owner frees the lock of a log directory', async () => {
  const root = fs.mkdtempSync(join(tmpdir(), 'odradek-lock-'))
  const path = join(root, '.lock')
  const script = `const { nodeDisk } = await import('@odradek/world/node')
    await nodeDisk.lock(${JSON.stringify(path)}); process.stdout.write('held'); setInterval(() => {}, 1000)`
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  try {
    await once(owner.stdout, 'data')
    await assert.rejects(nodeDisk.lock(path), codeIs('EBUSY'))
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    const lock = await nodeDisk.lock(path)
    assert.equal(fs.statSync(path).size, 0)
    await lock.release()
  } finally {
    owner.kill('SIGKILL')
    fs.rmSync(root, { recursive: true, force: true })
  }
})

test('a full memory disk says ENOSPC and is usable again once something is removed', async () => {
  const disk = createMemoryDisk({ maxBytes: 1_000_000 })
  const file = await disk.open('/a', 'create')
  await file.write(0, [Buffer.alloc(600_000)])
  await assert.rejects(disk.writeFileAtomic('/b', Buffer.alloc(600_000)), codeIs('ENOSPC'))
  assert.equal(await disk.exists('/b'), false)
  await file.close()
  await disk.unlink('/a')
  assert.equal(disk.usedBytes, 0)
  await disk.writeFileAtomic('/b', Buffer.alloc(600_000))
  await disk.removeTree('/b')
  assert.equal(disk.usedBytes, 0)
})
