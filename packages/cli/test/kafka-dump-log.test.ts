import assert from 'node:assert/strict'
import { test } from 'node:test'
import { main } from '../src/commands/kafka-dump-log.ts'
import { memoryIo } from './support/memory-io.ts'

for (const name of ['copy.log', 'copy.index'])
  test(`${name} is refused: its name is no offset`, async () => {
    const io = memoryIo()
    assert.equal(await main(['--files', name], io), 1)
    assert.doesNotMatch(io.stdout(), /starting offset/)
    assert.match(io.stderr(), /^Exception in thread "main" java\.lang\.NumberFormatException: For input string: "copy"/)
  })
