// The metrics of the clients have the groups and names of those of Java's, and none that Java's have not.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Kafka } from '@odradek/client'
import { compiledJava, toolchain } from '../interop/support/toolchains.ts'

test("every metric has its namesake in Java's clients", { timeout: 120_000 }, async (t) => {
  const classPath = toolchain(t, 'Java with Maven', () => compiledJava('MetricNames'))
  if (classPath === undefined) return
  const { stdout } = await promisify(execFile)('java', ['-Xmx256m', '-cp', classPath, 'MetricNames'], { maxBuffer: 1 << 24 })
  const theirs = new Set([...stdout.matchAll(/^METRIC (.+)$/gm)].map(([, name]) => name))
  assert.ok(theirs.size > 250)
  await using kafka = new Kafka({ brokers: 'localhost:1' })
  const clients = [kafka.producer(), kafka.consumer({ groupId: 'g' }), kafka.shareConsumer({ groupId: 'g' }), kafka.admin()]
  for (const client of clients) {
    const ours = [...client.metrics()].map(({ group, name }) => `${group}:${name}`)
    assert.ok(ours.length > 25)
    assert.equal(new Set(ours).size, ours.length)
    assert.deepEqual(
      ours.filter((name) => !theirs.has(name)),
      []
    )
  }
})
