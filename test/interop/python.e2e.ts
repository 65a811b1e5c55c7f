import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { startBroker } from './support/brokers.ts'
import { runProcess } from './support/java-tools.ts'
import { pythonWithClients, repositoryRoot, toolchain } from './support/toolchains.ts'

for (const [client, script, records] of [
  ['confluent-kafka (librdkafka)', 'confluent_round_trip.py', 3000],
  ['aiokafka', 'aiokafka_round_trip.py', 2000],
  ['kafka-python', 'kafka_python_round_trip.py', 1000]
] as const) {
  test(`${client} administers, produces and consumes in a group unmodified`, { timeout: 400_000 }, async (t) => {
    const python = toolchain(t, 'Python with venv', () => pythonWithClients())
    if (python === undefined) return
    await using broker = await startBroker()
    const result = await runProcess(
      python,
      [join(repositoryRoot, 'test/interop/python', script), broker.bootstrapServers, String(records)],
      { timeoutMs: 200_000 }
    )
    assert.equal(result.exitCode, 0, `${result.stdout}\n${result.stderr}\n${broker.output().slice(-3000)}`)
    assert.match(result.stdout, /ROUND TRIP OK/)
  })
}
