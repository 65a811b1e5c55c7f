import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseExact, readTar, requireGoldens, toInt64, writeTree } from '@odradek/testkit'
import { createMemoryDisk, nodeDisk } from '@odradek/world/node'

test('JSON numbers of 64 bits stay exact', () => {
  const value = parseExact(
    '{"a":9223372036854775807,"b":[-9223372036854775808,1,9007199254740991],"c":1.5,"d":1e300,"e":"9223372036854775807"}'
  )
  assert.deepEqual(value, { a: 2n ** 63n - 1n, b: [-(2n ** 63n), 1, 9007199254740991], c: 1.5, d: 1e300, e: '9223372036854775807' })
  assert.equal(toInt64(5), 5n)
})

test('a tar with a wrong checksum, a link or a missing end is refused', () => {
  const header = Buffer.alloc(512)
  header.write('name')
  header.write('00000000010\0', 124)
  header.write('0', 156)
  const seal = (): void => {
    header.fill(' ', 148, 156)
    header.write(
      header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0'),
      148
    )
  }
  seal()
  assert.deepEqual(
    readTar(Buffer.concat([header, Buffer.from('12345678'), Buffer.alloc(504)])).map((entry) => [entry.path, entry.data.toString()]),
    [['name', '12345678']]
  )
  assert.throws(() => readTar(header), /is cut/)
  header.write('2', 156)
  assert.throws(() => readTar(header), /wrong checksum/)
  seal()
  assert.throws(() => readTar(header), /type 2/)
})

test('golden lines and log directories are read whole, into a disk and into a folder', async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const messages = goldens.lines<{ message: string; hex: string }>('messages.ndjson.gz')
  assert.equal(messages.length, 3990)
  const entries = goldens.logDir('clean')
  assert.ok(entries.some((entry) => entry.path === 'meta.properties'))
  const memory = createMemoryDisk()
  await writeTree(entries, memory, '/logs')
  const folder = mkdtempSync(join(tmpdir(), 'odradek-goldens-'))
  try {
    await writeTree(entries, nodeDisk, folder)
    for (const entry of entries) {
      if (entry.isDirectory) assert.equal((await memory.stat(`/logs/${entry.path}`)).isDirectory, true)
      else {
        assert.ok((await memory.readFile(`/logs/${entry.path}`)).equals(entry.data), entry.path)
        assert.ok(readFileSync(join(folder, entry.path)).equals(entry.data), entry.path)
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('absent goldens skip a test by name of the folder, and fail it under CI', (t) => {
  const before = { dir: process.env.GOLDENS_DIR, ci: process.env.CI }
  try {
    process.env.GOLDENS_DIR = '/nonexistent/goldens'
    delete process.env.CI
    let message: string | undefined
    const context = { skip: (text: string) => (message = text) } as unknown as typeof t
    assert.equal(requireGoldens(context), undefined)
    assert.match(String(message), /no goldens in \/nonexistent\/goldens/)
    process.env.CI = 'true'
    assert.throws(() => requireGoldens(context), /no goldens/)
  } finally {
    for (const [name, value] of [
      ['GOLDENS_DIR', before.dir],
      ['CI', before.ci]
    ] as const) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
})
