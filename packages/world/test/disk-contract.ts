// What every disk must do, whatever it is made of: the Node, the memory and the simulated disk run the same tests.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test as nodeTest } from 'node:test'
import type { Disk } from '@odradek/world'

export interface DiskUnderTest {
  disk: Disk
  root: string
  dispose?(): void
  /** Drives what makes the body go on. */
  run?(body: Promise<void>): Promise<void>
}

export const codeIs = (code: string) => (error: unknown) => (error as { code: string }).code === code

export function describeDisk(name: string, make: () => DiskUnderTest): void {
  describe(name, () => {
    let disk: Disk
    let root: string
    let dispose: () => void
    let run: (body: Promise<void>) => Promise<void>
    before(() => {
      const made = make()
      disk = made.disk
      root = made.root
      dispose = made.dispose ?? (() => {})
      run = made.run ?? ((body) => body)
    })
    after(() => dispose())
    const at = (path: string): string => join(root, path)
    const test = (title: string, body: () => Promise<void>): void => void nodeTest(title, () => run(body()))

    test('writes many buffers at a position as one and reads them back', async () => {
      const file = await disk.open(at('many'), 'create')
      // more buffers than the kernel takes in one call, some of them empty
      const buffers = Array.from({ length: 3000 }, (_, index) => Buffer.from(index % 7 === 0 ? '' : `${index},`))
      const expected = Buffer.concat(buffers)
      await file.write(10, buffers)
      assert.equal((await file.stat()).size, 10 + expected.length)
      const target = Buffer.alloc(expected.length + 50, 1)
      assert.equal(await file.read(0, target, 5, target.length - 5), 10 + expected.length)
      assert.deepEqual(target.subarray(5, 15), Buffer.alloc(10))
      assert.deepEqual(target.subarray(15, 15 + expected.length), expected)
      assert.equal(await file.read(10 + expected.length, target, 0, 4), 0)
      await file.write(3, [])
      await file.write(3, [Buffer.alloc(0), Buffer.alloc(0)])
      await file.sync()
      await file.close()
    })

    test('keeps large files whole across block borders and truncation', async () => {
      const file = await disk.open(at('large'), 'exclusive')
      const data = Buffer.alloc(300_000, 7)
      for (let index = 0; index < data.length; index++) data[index] = (index * 31) & 0xff
      await file.write(65_530, [data])
      await file.truncate(200_000)
      await file.truncate(300_000)
      const bytes = await disk.readFile(at('large'))
      assert.equal(bytes.length, 300_000)
      assert.ok(bytes.subarray(0, 65_530).every((byte) => byte === 0))
      assert.ok(bytes.subarray(65_530, 200_000).equals(data.subarray(0, 200_000 - 65_530)))
      assert.ok(bytes.subarray(200_000).every((byte) => byte === 0))
      await file.close()
    })

    test('opens by mode', async () => {
      await assert.rejects(disk.open(at('absent'), 'read'), codeIs('ENOENT'))
      await assert.rejects(disk.open(at('absent'), 'write'), codeIs('ENOENT'))
      await (await disk.open(at('made'), 'create')).close()
      await assert.rejects(disk.open(at('made'), 'exclusive'), codeIs('EEXIST'))
      const reader = await disk.open(at('made'), 'read')
      await assert.rejects(reader.write(0, [Buffer.from('x')]), codeIs('EBADF'))
      await reader.close()
      await assert.rejects(disk.open(at('no-folder/file'), 'create'), codeIs('ENOENT'))
    })

    test('refuses work on a closed file, and closing waits for what is in flight', async () => {
      const file = await disk.open(at('closing'), 'create')
      const writes = Array.from({ length: 50 }, (_, index) => file.write(index * 1000, [Buffer.alloc(1000, index)]))
      const closed = file.close()
      await assert.rejects(file.write(0, [Buffer.from('late')]), codeIs('EBADF'))
      await Promise.all(writes)
      await closed
      await file.close()
      assert.equal((await disk.stat(at('closing'))).size, 50_000)
      await assert.rejects(file.read(0, Buffer.alloc(1), 0, 1), codeIs('EBADF'))
    })

    test('replaces a file whole and leaves no temporary', async () => {
      await disk.mkdir(at('checkpoints'))
      await disk.writeFileAtomic(at('checkpoints/file'), Buffer.from('one'))
      await disk.writeFileAtomic(at('checkpoints/file'), Buffer.from('two, longer'), { sync: false })
      assert.equal((await disk.readFile(at('checkpoints/file'))).toString(), 'two, longer')
      assert.deepEqual(await disk.readdir(at('checkpoints')), ['file'])
    })

    test('replacements of one file that overlap take effect in order, whatever one of them meets', async () => {
      await disk.mkdir(at('busy'))
      const versions = Array.from({ length: 12 }, (_, index) => Buffer.from(`version ${index} ${'x'.repeat(200 - 10 * index)}`))
      await Promise.all(versions.map((version, index) => disk.writeFileAtomic(at('busy/file'), version, { sync: index % 3 === 0 })))
      assert.deepEqual(await disk.readFile(at('busy/file')), versions[11])
      assert.deepEqual(await disk.readdir(at('busy')), ['file'])
      const failing = disk.writeFileAtomic(at('busy-later/file'), Buffer.from('no folder'))
      const following = failing
        .catch(() => disk.mkdir(at('busy-later')))
        .then(() => disk.writeFileAtomic(at('busy-later/file'), Buffer.from('there')))
      await assert.rejects(failing, codeIs('ENOENT'))
      await following
      assert.equal((await disk.readFile(at('busy-later/file'))).toString(), 'there')
    })

    test('handles folders, renames and removals', async () => {
      assert.equal(await disk.mkdir(at('a/b/c')), true)
      assert.equal(await disk.mkdir(at('a/b/c')), false)
      assert.equal(await disk.mkdir(at('a/b/made')), true)
      await disk.removeTree(at('a/b/made'))
      await disk.writeFileAtomic(at('a/b/c/file'), Buffer.from('x'))
      await disk.writeFileAtomic(at('a/b/other'), Buffer.from('y'))
      assert.deepEqual(await disk.readdir(at('a/b')), ['c', 'other'])
      assert.equal((await disk.stat(at('a/b'))).isDirectory, true)
      await disk.rename(at('a/b'), at('a/moved'))
      assert.equal(await disk.exists(at('a/b')), false)
      assert.equal((await disk.readFile(at('a/moved/c/file'))).toString(), 'x')
      await disk.rename(at('a/moved/other'), at('a/moved/c/file'))
      assert.equal((await disk.readFile(at('a/moved/c/file'))).toString(), 'y')
      await disk.syncDir(at('a'))
      await assert.rejects(disk.unlink(at('a/none')), codeIs('ENOENT'))
      await disk.unlink(at('a/moved/c/file'))
      await disk.removeTree(at('a'))
      await disk.removeTree(at('a'))
      assert.equal(await disk.exists(at('a')), false)
      await assert.rejects(disk.readdir(at('a')), codeIs('ENOENT'))
    })

    test('a file that lost its name lives until it is closed', async () => {
      const file = await disk.open(at('nameless'), 'create')
      await file.write(0, [Buffer.from('still here')])
      await disk.unlink(at('nameless'))
      const target = Buffer.alloc(10)
      assert.equal(await file.read(0, target, 0, 10), 10)
      assert.equal(target.toString(), 'still here')
      await file.close()
    })

    test('locks a folder once, again after release, whatever an old lock file holds', async () => {
      await disk.mkdir(at('locked'))
      await disk.writeFileAtomic(at('locked/.lock'), Buffer.from('text of a former owner'))
      const lock = await disk.lock(at('locked/.lock'))
      await assert.rejects(disk.lock(at('locked/.lock')), codeIs('EBUSY'))
      await lock.release()
      await lock.release()
      const again = await disk.lock(at('locked/.lock'))
      await assert.rejects(disk.lock(at('locked/.lock')), codeIs('EBUSY'))
      assert.deepEqual(await disk.readdir(at('locked')), ['.lock'])
      await again.release()
    })

    test('tells the space', async () => {
      const space = await disk.space(root)
      assert.ok(space.freeBytes > 0 && space.totalBytes >= space.freeBytes)
    })
  })
}
