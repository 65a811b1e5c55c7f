// The console commands as processes, with pipes, signals and readers that go away.
import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startNode } from './support/node.ts'

const executable = (tool: string): string => fileURLToPath(new URL(`../bin/${tool}.mjs`, import.meta.url))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
  /** Resolves when standard output has that text. */
  printed(text: string): Promise<void>
}

function start(tool: string, args: readonly string[]): Running {
  const child = spawn(executable(tool), args)
  let [stdout, stderr] = ['', '']
  const listeners = new Set<() => void>()
  child.stdout.on('data', (chunk) => {
    stdout += chunk
    for (const listener of listeners) listener()
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  child.stdin.on('error', () => {})
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
  const printed = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (stdout.includes(text)) resolve()
      }
      listeners.add(check)
      ended.then(({ stderr: errors }) => reject(new Error(`ended without printing ${text}: ${errors}`)))
      check()
    })
  return { child, ended, printed }
}

async function run(tool: string, args: readonly string[], input = ''): Promise<Ended> {
  const { child, ended } = start(tool, args)
  child.stdin.end(input)
  return await ended
}

/** Java's commands print frames where they fail; ours must not print those of JavaScript. */
const isTidy = (stderr: string): void => assert.doesNotMatch(stderr, /^ +at |node:internal|Error \[/m)

describe('the console commands', { timeout: 120_000 }, () => {
  let bootstrap: string[] = []
  const cleanups: (() => Promise<void>)[] = []
  before(
    async () => {
      const node = await startNode({ after: (hook) => void cleanups.push(hook) })
      bootstrap = ['--bootstrap-server', node.bootstrap]
    },
    { timeout: 30_000 }
  )
  test.after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })

  test('what is piped into the producer comes out of the consumer, in order', async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index} ${'x'.repeat(index % 50)}`)
    const sent = await run('kafka-console-producer', [...bootstrap, '--topic', 'piped'], lines.join('\n'))
    assert.deepEqual(sent, { code: 0, stdout: '', stderr: '' })
    const read = await run('kafka-console-consumer', [...bootstrap, '--topic', 'piped', '--from-beginning', '--max-messages', '20000'])
    assert.equal(read.code, 0)
    assert.equal(read.stdout, `${lines.join('\n')}\n`)
    assert.equal(read.stderr, 'Processed a total of 20000 messages\n')
  })

  test('a consumer that is interrupted tells its count and exits as Java does', async () => {
    await run('kafka-console-producer', [...bootstrap, '--topic', 'interrupted'], 'one\ntwo\n')
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143]
    ] as const) {
      const consumer = start('kafka-console-consumer', [
        ...bootstrap,
        '--topic',
        'interrupted',
        '--from-beginning',
        '--enable-systest-events'
      ])
      await consumer.printed('two\n')
      consumer.child.kill(signal)
      assert.deepEqual(await consumer.ended, { code, stdout: 'one\ntwo\nshutdown_complete\n', stderr: 'Processed a total of 2 messages\n' })
    }
  })

  test('a producer that is interrupted has sent the lines that it was given', async () => {
    const consumer = start('kafka-console-consumer', [...bootstrap, '--topic', 'typed', '--from-beginning', '--max-messages', '2'])
    const producer = start('kafka-console-producer', [...bootstrap, '--topic', 'typed', '--timeout', '10'])
    producer.child.stdin.write('typed\nand read\nnot ended')
    await consumer.printed('and read\n')
    producer.child.kill('SIGINT')
    assert.deepEqual(await producer.ended, { code: 130, stdout: '', stderr: '' })
    assert.equal((await consumer.ended).code, 0)
  })

  test('a member of a group goes on where it was interrupted', async () => {
    await run('kafka-console-producer', [...bootstrap, '--topic', 'resumed'], 'a\nb\nc\n')
    const group = [...bootstrap, '--topic', 'resumed', '--group', 'resuming', '--from-beginning']
    assert.equal((await run('kafka-console-consumer', [...group, '--max-messages', '2'])).stdout, 'a\nb\n')
    assert.equal((await run('kafka-console-consumer', [...group, '--max-messages', '1'])).stdout, 'c\n')
  })

  test('a producer that waits for a cluster that is not there ends when it is interrupted', async () => {
    for (const tool of ['kafka-console-producer', 'kafka-verifiable-producer']) {
      const { child, ended } = start(tool, ['--bootstrap-server', 'localhost:1', '--topic', 'waiting'])
      child.stdin.write('x\n')
      await once(child.stderr, 'data')
      const startMs = performance.now()
      child.kill('SIGINT')
      const { code, stderr } = await ended
      assert.equal(code, 130, stderr)
      assert.ok(performance.now() - startMs < 10_000)
      assert.match(
        stderr,
        /^\[.*\] WARN \[Producer(?! clientId=undefined).*\] Connection to localhost:1 could not be established: [^\n]*\n$/
      )
    }
  })

  test('a reader that goes away ends the consumer without a word of JavaScript', async () => {
    await run('kafka-console-producer', [...bootstrap, '--topic', 'left'], 'first\n'.repeat(200_000))
    const consumer = start('kafka-console-consumer', [...bootstrap, '--topic', 'left', '--from-beginning'])
    await consumer.printed('first\n')
    consumer.child.stdout.destroy()
    const { code, stderr } = await consumer.ended
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^Unable to write to standard out, closing consumer\.\nProcessed a total of \d+ messages\n$/)
  })

  test('a reader of both outputs that goes away (2>&1 | head) does not keep a member from leaving its group', async () => {
    await run('kafka-console-producer', [...bootstrap, '--topic', 'left-both'], 'first\n'.repeat(200_000))
    const consumer = start('kafka-console-consumer', [...bootstrap, '--topic', 'left-both', '--from-beginning', '--group', 'leaving'])
    await consumer.printed('first\n')
    consumer.child.stdout.destroy()
    consumer.child.stderr.destroy()
    assert.equal((await consumer.ended).code, 0)
    const { stdout } = await run('kafka-consumer-groups', [...bootstrap, '--list', '--state'])
    assert.match(stdout, /^leaving +Empty/m)
  })

  test('a reader that goes away does not disturb a command that lists', async () => {
    const topics = start('kafka-topics', [...bootstrap, '--list'])
    topics.child.stdout.destroy()
    const { code, stderr } = await topics.ended
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  })

  test('a host that does not exist is told at once', async () => {
    const nowhere = ['--bootstrap-server', 'nowhere.invalid:9092', '--topic', 't']
    for (const [tool, args, input] of [
      ['kafka-console-producer', nowhere, 'x\n'],
      ['kafka-console-consumer', nowhere, ''],
      ['kafka-producer-perf-test', [...nowhere, '--num-records', '5', '--record-size', '5', '--throughput', '-1'], ''],
      ['kafka-consumer-perf-test', [...nowhere, '--num-records', '5'], ''],
      ['kafka-verifiable-producer', nowhere, ''],
      ['kafka-verifiable-consumer', [...nowhere, '--group-id', 'g'], '']
    ] as const) {
      const { code, stderr } = await run(tool, args, input)
      assert.equal(code, 1, `${tool}: ${stderr}`)
      assert.match(stderr, /No host of bootstrap\.servers=nowhere\.invalid:9092 has an address/)
      isTidy(stderr)
    }
  })

  test('a broker that does not answer is told while the command goes on trying', async () => {
    const consumer = start('kafka-console-consumer', ['--bootstrap-server', 'localhost:1', '--topic', 't', '--timeout-ms', '1500'])
    const { code, stderr } = await consumer.ended
    assert.equal(code, 0)
    assert.match(stderr, /WARN \[Consumer clientId=console-consumer\] Connection to localhost:1 could not be established/)
    isTidy(stderr)
  })

  test('an option that does not exist is told with the table of those that do', async () => {
    for (const tool of ['kafka-console-producer', 'kafka-console-consumer', 'kafka-consumer-perf-test', 'kafka-e2e-latency']) {
      const { code, stdout, stderr } = await run(tool, ['--topic', 't', '--no-such-option'])
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
      assert.match(stderr, /^no-such-option is not a recognized option\nOption +Description +\n/)
    }
  })

  test('the last record of a file without an end of line is sent, and empty input sends nothing', async () => {
    assert.equal((await run('kafka-console-producer', [...bootstrap, '--topic', 'ends'], '')).code, 0)
    await run('kafka-console-producer', [...bootstrap, '--topic', 'ends'], 'last')
    const read = await run('kafka-console-consumer', [...bootstrap, '--topic', 'ends', '--from-beginning', '--max-messages', '1'])
    assert.equal(read.stdout, 'last\n')
  })
})
