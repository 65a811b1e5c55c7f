// What the kernel seldom does: short writes and reads, a descriptor closed under a write. node:fs is wrapped to do it always.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { nodeDisk } from '@odradek/world/node'
import { codeIs } from '../disk-contract.ts'

type Done = (error: Error | null, bytes: number) => void
const real = { write: fs.write, writeSync: fs.writeSync, writev: fs.writev, writevSync: fs.writevSync, read: fs.read, close: fs.close }

function replace(functions: Record<string, unknown>): void {
  Object.assign(fs, functions)
  syncBuiltinESMExports()
}

describe('a file of the node disk', () => {
  let root: string
  beforeEach(() => {
    root = fs.mkdtempSync(join(tmpdir(), 'odradek-file-'))
  })
  afterEach(() => {
    replace(real)
    fs.rmSync(root, { recursive: true, force: true })
  })

  test('goes on after a short write, within a buffer and across buffers', async () => {
    const file = await nodeDisk.open(join(root, 'f'), 'create')
    let calls = 0
    const writeSome = (fd: number, bytes: Buffer, position: number, done: Done): void => {
      calls++
      real.write(fd, bytes, 0, Math.min(bytes.length, 3), position, done)
    }
    replace({
      writeSync: (fd: number, buffer: Buffer, offset: number, length: number, position: number) => {
        calls++
        return real.writeSync(fd, buffer, offset, Math.min(length, 3), position)
      },
      writevSync: (fd: number, buffers: Buffer[], position: number) => {
        calls++
        return real.writeSync(fd, Buffer.concat(buffers), 0, 3, position)
      },
      write: (fd: number, buffer: Buffer, offset: number, length: number, position: number, done: Done) =>
        writeSome(fd, buffer.subarray(offset, offset + length), position, done),
      writev: (fd: number, buffers: Buffer[], position: number, done: Done) => writeSome(fd, Buffer.concat(buffers), position, done)
    })
    await file.write(2, [Buffer.from('ab'), Buffer.from('cdefgh'), Buffer.alloc(0), Buffer.from('ijk')])
    replace(real)
    assert.equal((await nodeDisk.readFile(file.path)).toString(), '\0\0abcdefghijk')
    assert.equal(calls, 4)
    await file.close()
  })

  test('a write that gets nowhere fails instead of trying for ever', async () => {
    const file = await nodeDisk.open(join(root, 'f'), 'create')
    replace({ writeSync: () => 0, write: (...args: unknown[]) => (args.at(-1) as Done)(null, 0) })
    await assert.rejects(file.write(0, [Buffer.from('x')]), codeIs('EIO'))
    replace(real)
    await file.close()
  })

  test('goes on after a short read and stops at the end', async () => {
    await nodeDisk.writeFileAtomic(join(root, 'f'), Buffer.from('0123456789'))
    const file = await nodeDisk.open(join(root, 'f'), 'read')
    replace({
      read: (fd: number, target: Buffer, offset: number, length: number, position: number, done: Done) =>
        real.read(fd, target, offset, Math.min(length, 4), position, done)
    })
    const target = Buffer.alloc(20, '.')
    assert.equal(await file.read(1, target, 2, 18), 9)
    assert.equal(target.toString(), '..123456789.........')
    replace(real)
    await file.close()
  })

  test('keeps its descriptor until nothing is in flight', async () => {
    const file = await nodeDisk.open(join(root, 'f'), 'create')
    const order: string[] = []
    let goOn: (() => void) | undefined
    replace({
      write: (...args: Parameters<typeof real.write>) => {
        goOn = () => {
          order.push('written')
          ;(real.write as (...args: unknown[]) => void)(...args)
        }
      },
      close: (fd: number, done: (error: Error | null) => void) => {
        order.push('closed')
        real.close(fd, done)
      }
    })
    const late = Buffer.alloc(100_000, 'late') // a small one would be done at once
    const write = file.write(0, [late])
    const closed = file.close()
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(order, [])
    goOn?.()
    await Promise.all([write, closed])
    assert.deepEqual(order, ['written', 'closed'])
    assert.equal(fs.readFileSync(file.path, 'utf8'), late.toString())
  })

  test('names its path in errors of its descriptor', async () => {
    const file = await nodeDisk.open(join(root, 'f'), 'read').catch(() => nodeDisk.open(join(root, 'f'), 'create'))
    const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
    replace({
      writeSync: () => {
        throw full
      },
      write: (...args: unknown[]) => (args.at(-1) as Done)(full, 0)
    })
    const namesThePath = (error: NodeJS.ErrnoException): boolean => error.code === 'ENOSPC' && error.path === file.path
    await assert.rejects(file.write(0, [Buffer.from('x')]), namesThePath)
    await assert.rejects(file.write(0, [Buffer.alloc(100_000)]), namesThePath)
    replace(real)
    await file.close()
  })
})
