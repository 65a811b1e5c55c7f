import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { createNodeLogger, createNodeWorld } from '@odradek/world/node'

describe('node timers', () => {
  const { clock, timers } = createNodeWorld({ logLevel: 'OFF' })

  test('never fire early', async () => {
    // Of plain setTimeout calls about one in twenty does, by a fraction of a ms that depends on where in a ms they start.
    const early: number[] = []
    const fired: Promise<void>[] = []
    for (let index = 0; index < 200; index++) {
      const delay = 1 + (index % 50)
      const start = clock.monotonicMs()
      fired.push(
        new Promise((resolve) => {
          timers.schedule(delay, () => {
            const elapsed = clock.monotonicMs() - start
            if (elapsed < delay) early.push(elapsed - delay)
            resolve()
          })
        })
      )
      while (clock.monotonicMs() < start + 0.3);
    }
    await Promise.all(fired)
    assert.deepEqual(early, [])
  })

  test('take delays longer than the 24 days of setTimeout without firing at once', async () => {
    let fired = false
    let warnings = 0
    const onWarning = (): void => void warnings++
    process.on('warning', onWarning)
    const handles = [2 ** 31, Number.MAX_SAFE_INTEGER, 2 ** 63, Infinity].map((delay) => timers.schedule(delay, () => (fired = true)))
    await new Promise<void>((resolve) => timers.schedule(20, resolve))
    for (const handle of handles) handle.cancel()
    process.removeListener('warning', onWarning)
    assert.equal(fired, false)
    assert.equal(warnings, 0, 'setTimeout warns of a delay that it does not take')
    assert.throws(() => timers.schedule(-1, () => {}), RangeError)
    assert.throws(() => timers.schedule(Number.NaN, () => {}), RangeError)
  })

  test('do not run once cancelled, even by a timer of the same turn', async () => {
    const ran: string[] = []
    timers.schedule(5, () => {
      ran.push('first')
      second.cancel()
      second.cancel()
    })
    const second = timers.schedule(5, () => ran.push('second'))
    await new Promise<void>((resolve) => timers.schedule(30, resolve))
    assert.deepEqual(ran, ['first'])
  })

  test('deferred work runs after the promises of the turn', async () => {
    const order: string[] = []
    await new Promise<void>((resolve) => {
      timers.defer(() => {
        order.push('deferred')
        resolve()
      })
      void Promise.resolve()
        .then(() => order.push('promise'))
        .then(() => order.push('promise of a promise'))
    })
    assert.deepEqual(order, ['promise', 'promise of a promise', 'deferred'])
  })
})

describe('node random', () => {
  const { random } = createNodeWorld({ logLevel: 'OFF' })
  test('gives bytes and whole numbers below a bound', () => {
    assert.equal(random.bytes(33).length, 33)
    assert.notDeepEqual(random.bytes(16), random.bytes(16))
    const seen = new Set(Array.from({ length: 500 }, () => random.below(4)))
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3])
  })
})

describe('node logger', () => {
  test('writes in the layout of Kafka, errors with their causes below', () => {
    let text = ''
    const logger = createNodeLogger({ write: (lines) => (text += lines) })
    logger.log('INFO', 'kafka.server.KafkaServer', 'started')
    assert.match(text, /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] INFO started \(kafka\.server\.KafkaServer\)\n$/)
    text = ''
    logger.log('ERROR', 'kafka.log.LogManager', 'failed', new Error('outer', { cause: new Error('inner') }))
    assert.match(text, /ERROR failed \(kafka\.log\.LogManager\)\nError: outer\n(.*\n)+Caused by: Error: inner\n/)
  })

  test('lets no text of a client forge a line or move a terminal', () => {
    let text = ''
    const logger = createNodeLogger({ write: (lines) => (text += lines) })
    const forged = 'evil\r\n[2026-01-01 00:00:00,000] INFO all is well (kafka.server.KafkaServer)\u001b[2J\u009b1m'
    logger.log('WARN', 'kafka.server.KafkaApis', `client ${forged}`, new Error(forged))
    const lines = text.split('\n')
    assert.equal(lines.filter((line) => line.startsWith('[')).length, 1)
    assert.ok(lines[0].includes('evil\\x0d\\n[2026'))
    assert.ok(!/(?!\n)\p{Cc}/u.test(text))
    assert.ok(lines[1].startsWith('Error: evil') && lines[2].startsWith('    at '))
    text = ''
    logger.log('INFO', 'kafka.server.KafkaConfig', 'values:\n\ta = 1\n\tb = ü')
    assert.match(text, /values:\n\ta = 1\n\tb = ü \(/)
  })

  test('filters by level, and by logger name and what is below it', () => {
    const lines: string[] = []
    const logger = createNodeLogger({
      level: 'WARN',
      levels: new Map([
        ['kafka.server', 'DEBUG'],
        ['kafka.server.Noisy', 'OFF']
      ]),
      write: (line) => lines.push(line)
    })
    assert.equal(logger.isEnabled('INFO', 'kafka.log.Log'), false)
    assert.equal(logger.isEnabled('WARN', 'kafka.serverless'), true)
    assert.equal(logger.isEnabled('DEBUG', 'kafka.serverless'), false)
    assert.equal(logger.isEnabled('DEBUG', 'kafka.server.KafkaApis'), true)
    assert.equal(logger.isEnabled('TRACE', 'kafka.server.KafkaApis'), false)
    assert.equal(logger.isEnabled('FATAL', 'kafka.server.Noisy.Deep'), false)
    logger.log('DEBUG', 'kafka.log.Log', 'left out')
    logger.log('DEBUG', 'kafka.server', 'kept')
    assert.equal(lines.length, 1)
  })

  test('tells the levels of the loggers it has heard of, and takes others while it is used', () => {
    const logger = createNodeLogger({ level: 'WARN', levels: new Map([['kafka.server', 'OFF']]), write: () => {} })
    logger.log('INFO', 'kafka.server.KafkaApis', 'unheard')
    logger.log('INFO', 'kafka.log.Log', 'unheard')
    const levels = () => Object.fromEntries(logger.levels())
    assert.deepEqual(levels(), { root: 'WARN', 'kafka.server': 'OFF', 'kafka.server.KafkaApis': 'OFF', 'kafka.log.Log': 'WARN' })
    logger.setLevel('kafka.log.Log', 'TRACE')
    logger.setLevel('kafka.server', undefined)
    logger.setLevel('root', 'ERROR')
    assert.deepEqual(levels(), { root: 'ERROR', 'kafka.server': 'ERROR', 'kafka.server.KafkaApis': 'ERROR', 'kafka.log.Log': 'TRACE' })
    assert.equal(logger.isEnabled('TRACE', 'kafka.log.Log.deeper'), true)
    assert.equal(logger.isEnabled('WARN', 'kafka.server.KafkaApis'), false)
    logger.setLevel('root', undefined)
    assert.equal(logger.isEnabled('ERROR', 'kafka.server.KafkaApis'), true)
  })

  test('writes one JSON object a line', () => {
    let text = ''
    const logger = createNodeLogger({ format: 'json', write: (lines) => (text += lines) })
    logger.log('WARN', 'kafka.server.KafkaApis', 'two\nlines', new Error('why'))
    const entry = JSON.parse(text)
    assert.equal(text.indexOf('\n'), text.length - 1)
    assert.equal(entry.level, 'WARN')
    assert.equal(entry.logger, 'kafka.server.KafkaApis')
    assert.equal(entry.message, 'two\nlines')
    assert.match(entry.error, /^Error: why\n/)
  })
})

describe('halt', () => {
  test('logs the reason and calls the owner', () => {
    let text = ''
    const halts: unknown[] = []
    const world = createNodeWorld({
      logger: createNodeLogger({ write: (lines) => (text += lines) }),
      onHalt: (reason, error) => halts.push(reason, error)
    })
    const error = new Error('boom')
    world.halt('the log lies', error)
    assert.deepEqual(halts, ['the log lies', error])
    assert.match(text, /FATAL Halting: the log lies/)
  })

  test('exits with 1 by default', () => {
    const script = `const { createNodeWorld } = await import('@odradek/world/node'); createNodeWorld().halt('enough'); setInterval(() => {}, 1000)`
    const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: import.meta.dirname, encoding: 'utf8' })
    assert.equal(result.status, 1)
    assert.match(result.stdout, /FATAL Halting: enough/)
  })
})
