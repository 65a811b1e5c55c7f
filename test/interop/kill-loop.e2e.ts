// kill -9 in a loop under an idempotent acks=all load: nothing acknowledged is lost, nothing is there twice, the order
// of each partition is the order of sending. KILL_ROUNDS says how often (3 in the usual run).
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { freePort, startBroker, temporaryDir } from './support/brokers.ts'
import { javaTool, runProcess } from './support/java-tools.ts'
import { compiledJava, toolchain } from './support/toolchains.ts'

const rounds = Number(process.env.KILL_ROUNDS ?? 3)

test(`a broker killed ${rounds} times under an idempotent acks=all load loses and duplicates nothing`, {
  timeout: 120_000 + rounds * 60_000
}, async (t) => {
  const writer = toolchain(t, 'Java with Maven', () => compiledJava('SequenceWriter'))
  if (writer === undefined) return
  const dataDir = temporaryDir('kill')
  const port = await freePort()
  const start = async () => await startBroker({ dataDir, port })
  let broker = await start()
  try {
    const created = await javaTool('topics', [
      '--bootstrap-server',
      broker.bootstrapServers,
      '--create',
      '--topic',
      'sequence',
      '--partitions',
      '3',
      '--config',
      'segment.bytes=1048576'
    ])
    assert.equal(created.exitCode, 0, created.stdout + created.stderr)
    const child = spawn('java', ['-Xmx512m', '-cp', writer, 'SequenceWriter', broker.bootstrapServers, 'sequence', '3'], {
      stdio: ['pipe', 'pipe', 'pipe']
    })
    let output = ''
    let errors = ''
    let acknowledged = 0
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8')
      const counts = [...output.matchAll(/^progress (\d+)$/gm)]
      if (counts.length > 0) acknowledged = Number(counts[counts.length - 1][1])
    })
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString('utf8')).slice(-20_000)
    })
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve))
    const progress = async (atLeast: number) => {
      const deadline = performance.now() + 60_000
      while (acknowledged < atLeast) {
        assert.ok(
          performance.now() < deadline && child.exitCode === null,
          `the load stands still at ${acknowledged}\n${errors}\n${broker.output().slice(-3000)}`
        )
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    for (let round = 0; round < rounds; round++) {
      await progress(acknowledged + 20_000)
      await broker.kill()
      broker = await start()
    }
    await progress(acknowledged + 5_000)
    child.stdin.end('stop\n')
    assert.equal(await exit, 0, errors)
    const total = Number(/^acknowledged (\d+)$/m.exec(output)?.[1])
    assert.ok(total > rounds * 20_000)
    const check = compiledJava('LogCheck')
    const read = await runProcess('java', ['-Xmx1g', '-cp', check, 'LogCheck', broker.bootstrapServers, 'sequence'], { timeoutMs: 200_000 })
    assert.equal(read.exitCode, 0, read.stderr)
    const last = new Map<string, number>()
    let seen = 0
    for (const line of read.stdout.split('\n')) {
      const [partition, , key, value] = line.split(' ')
      if (value === undefined) continue
      assert.equal(
        Number(value),
        (last.get(partition) ?? -1) + 1,
        `partition ${partition} (${key}): ${value} after ${last.get(partition)}: lost, doubled or out of order`
      )
      last.set(partition, Number(value))
      seen++
    }
    assert.equal(seen, total, 'every acknowledged record once, and none that was not sent')
  } finally {
    await broker[Symbol.asyncDispose]()
    rmSync(dataDir, { recursive: true, force: true })
  }
})
