import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBroker } from './support/brokers.ts'
import { runProcess } from './support/java-tools.ts'
import { compiledJava, oldClientsClassPath, toolchain } from './support/toolchains.ts'

test("Apache's Java admin, idempotent producer and a rebalancing classic group work unmodified", { timeout: 300_000 }, async (t) => {
  const classPath = toolchain(t, 'Java with Maven', () => compiledJava('RoundTrip'))
  if (classPath === undefined) return
  await using broker = await startBroker()
  const result = await runProcess('java', ['-Xmx512m', '-cp', classPath, 'RoundTrip', broker.bootstrapServers, '20000'], {
    timeoutMs: 200_000
  })
  assert.equal(result.exitCode, 0, `${result.stdout}\n${result.stderr}\n${broker.output().slice(-3000)}`)
  assert.match(result.stdout, /ROUND TRIP OK 20000/)
})

for (const version of ['2.1.1', '3.3.2']) {
  test(`the Java clients of Kafka ${version} administer, produce with every codec, consume in groups and delete`, {
    timeout: 300_000
  }, async (t) => {
    const classPath = toolchain(t, 'Java with Maven', () => compiledJava('OldRoundTrip', oldClientsClassPath(version)))
    if (classPath === undefined) return
    await using broker = await startBroker()
    const result = await runProcess('java', ['-Xmx256m', '-cp', classPath, 'OldRoundTrip', broker.bootstrapServers, '200'], {
      timeoutMs: 200_000
    })
    assert.equal(result.exitCode, 0, `${result.stdout}\n${result.stderr}\n${broker.output().slice(-3000)}`)
    assert.match(result.stdout, /ROUND TRIP OK 3000/)
  })
}
