// A segment below the recovery point is trusted at the start; whoever reads its damaged bytes is told, at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode } from '@odradek/protocol'
import { closedLog, memoryWorld, openManager } from './support.ts'

const damages: Record<string, (bytes: Buffer) => Buffer> = {
  'is cut in the middle of a batch': (bytes) => bytes.subarray(0, bytes.length - 10),
  'is filled with zeros': (bytes) => Buffer.alloc(bytes.length)
}

for (const [what, damage] of Object.entries(damages)) {
  test(`a read of a sealed segment that ${what} ends with CORRUPT_MESSAGE`, { timeout: 5_000 }, async () => {
    const world = memoryWorld()
    const { config, log } = await closedLog(world)
    const [{ file }] = log.segments
    await world.disk.writeFileAtomic(file.path, damage(await world.disk.readFile(file.path)))
    const again = await openManager(world, { config })
    const result = await again.get({ topic: 'topic', partition: 0 })?.read(0, { maxBytes: 1000, minOneBatch: true })
    assert.equal(result?.errorCode, ErrorCode.CORRUPT_MESSAGE)
    await again.shutdown({ clean: false })
  })
}
