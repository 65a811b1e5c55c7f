import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBroker } from './support/brokers.ts'
import { runProcess } from './support/java-tools.ts'
import { builtGo, toolchain } from './support/toolchains.ts'

test('franz-go administers, produces with every codec and consumes in a group unmodified', { timeout: 400_000 }, async (t) => {
  const binary = toolchain(t, 'Go', () => builtGo('franz'))
  if (binary === undefined) return
  await using broker = await startBroker()
  const result = await runProcess(binary, [broker.bootstrapServers, '2000'], { timeoutMs: 150_000 })
  assert.equal(result.exitCode, 0, `${result.stdout}\n${result.stderr}\n${broker.output().slice(-3000)}`)
  assert.match(result.stdout, /ROUND TRIP OK 10000/)
})

test('sarama administers, produces with every codec and consumes in groups, as a client of Kafka 2.1, 2.8 and 4.0', {
  timeout: 400_000
}, async (t) => {
  const binary = toolchain(t, 'Go', () => builtGo('sarama'))
  if (binary === undefined) return
  await using broker = await startBroker()
  const result = await runProcess(binary, [broker.bootstrapServers, '500'], { timeoutMs: 150_000 })
  assert.equal(result.exitCode, 0, `${result.stdout}\n${result.stderr}\n${broker.output().slice(-3000)}`)
  assert.match(result.stdout, /ROUND TRIP OK 7500/)
})
