import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AssertionError, DecodeError } from '@odradek/base'
import { type FrameHandler, type FrameResult, MemoryBudget, RateLimitedLog, ServerConnection } from '../src/index.ts'
import { FakeSocket, FakeWorld, frame, sizePrefix } from './fakes.ts'

/** Requests are words: `echo…` is answered at once, `wait…` when the test says so, `over…` waits and may overlap. */
class WordHandler implements FrameHandler {
  readonly started: string[] = []
  readonly waiting = new Map<string, (result: FrameResult) => void>()
  readonly closed: string[] = []
  readonly returned: string[] = []

  mayOverlap(frame: Buffer): boolean {
    return frame.toString().startsWith('over')
  }

  onClosed(connection: ServerConnection): void {
    this.closed.push(connection.id)
  }

  onFrame(bytes: Buffer): FrameResult | Promise<FrameResult> {
    const word = bytes.toString()
    this.started.push(word)
    if (word === 'hostile') throw new DecodeError('bytes that lie')
    if (word === 'bug') throw new AssertionError('a bug')
    if (word === 'silent') return 'none'
    if (word === 'close') return 'close'
    if (word.startsWith('big')) return [frame('x'.repeat(600 * 1024))]
    if (word.startsWith('lend')) return { buffers: [frame(word)], onSent: () => this.returned.push(word) }
    if (word.startsWith('echo')) return [frame(word)]
    return new Promise((resolve) => this.waiting.set(word, resolve))
  }

  isParked(): boolean {
    return [...this.waiting.keys()].some((word) => word.startsWith('wait park'))
  }

  answer(word: string): void {
    this.waiting.get(word)?.([frame(word)])
  }
}

function setUp(options: { requestBytes?: number; responseBytes?: number } = {}) {
  const fake = new FakeWorld()
  const handler = new WordHandler()
  const requestMemory = new MemoryBudget(options.requestBytes ?? 1 << 20)
  const responseMemory = new MemoryBudget(options.responseBytes ?? 1 << 20)
  const connect = (id = 'c1') => {
    const socket = new FakeSocket()
    const connection = new ServerConnection({
      id,
      world: fake.world,
      socket,
      listenerName: 'PLAINTEXT',
      handler,
      log: new RateLimitedLog(fake.world, 'test'),
      requestBytesMax: () => 1_000_000,
      requestMemory,
      responseMemory,
      onClose: () => {}
    })
    return { socket, connection }
  }
  return { fake, handler, requestMemory, responseMemory, connect, ...connect() }
}

describe('a connection', () => {
  test('writes the answers of one turn in one write', async () => {
    const { fake, socket } = setUp()
    socket.receive(Buffer.concat([frame('echo1'), frame('echo2'), frame('echo3')]))
    assert.equal(socket.writes, 0)
    await fake.turn()
    assert.equal(socket.writes, 1)
    assert.deepEqual(socket.answers, ['echo1', 'echo2', 'echo3'])
  })

  test('starts a request only when the one before is answered', async () => {
    const { fake, handler, socket } = setUp()
    socket.receive(Buffer.concat([frame('wait1'), frame('echo2')]))
    await fake.turn()
    assert.deepEqual(handler.started, ['wait1'])
    handler.answer('wait1')
    await fake.turn()
    assert.deepEqual(handler.started, ['wait1', 'echo2'])
    assert.deepEqual(socket.answers, ['wait1', 'echo2'])
  })

  test('handles requests that may overlap at once and answers them in their order', async () => {
    const { fake, handler, socket } = setUp()
    socket.receive(Buffer.concat([frame('over1'), frame('over2'), frame('over3'), frame('echo4')]))
    assert.deepEqual(handler.started, ['over1', 'over2', 'over3'])
    handler.answer('over3')
    handler.answer('over2')
    await fake.turn()
    assert.deepEqual(socket.answers, [])
    handler.answer('over1')
    await fake.turn()
    assert.deepEqual(socket.answers, ['over1', 'over2', 'over3', 'echo4'])
  })

  test('gives lent buffers back when the kernel has them, not before', async () => {
    const { fake, handler, socket } = setUp()
    socket.peerReads = false
    socket.receive(Buffer.concat([frame('lend1'), frame('lend2')]))
    await fake.turn()
    assert.deepEqual(handler.returned, [])
    socket.drain()
    assert.deepEqual(handler.returned, ['lend1', 'lend2'])
    socket.receive(frame('lend3'))
    assert.deepEqual(handler.returned, ['lend1', 'lend2'])
    await fake.turn()
    socket.receive(frame('echo'))
    assert.deepEqual(handler.returned, ['lend1', 'lend2', 'lend3'])
  })

  test('does not overlap with a request of another kind in front', async () => {
    const { handler, socket } = setUp()
    socket.receive(Buffer.concat([frame('wait1'), frame('over2')]))
    assert.deepEqual(handler.started, ['wait1'])
  })

  test('goes on after a request without an answer', async () => {
    const { fake, socket } = setUp()
    socket.receive(Buffer.concat([frame('silent'), frame('echo')]))
    await fake.turn()
    assert.deepEqual(socket.answers, ['echo'])
  })

  test('closes after the answers before when a request cannot be understood', async () => {
    const { fake, handler, socket } = setUp()
    socket.receive(Buffer.concat([frame('echo'), frame('hostile'), frame('echo2')]))
    await fake.turn()
    assert.deepEqual(socket.answers, ['echo'])
    assert.equal(socket.isEnded, true)
    assert.deepEqual(handler.closed, ['c1'])
    assert.deepEqual(fake.lines, ['WARN Closing connection c1 on listener PLAINTEXT: invalid request: bytes that lie'])
  })

  test('closes silently when the handler says so', async () => {
    const { fake, socket } = setUp()
    socket.receive(Buffer.concat([frame('echo'), frame('close')]))
    await fake.turn()
    assert.deepEqual(socket.answers, ['echo'])
    assert.equal(socket.isEnded, true)
    assert.deepEqual(fake.lines, [])
  })

  test('does not let a peer that never reads its last answers linger', async () => {
    const { fake, socket } = setUp()
    socket.peerReads = false
    socket.receive(Buffer.concat([frame('echo'), frame('close')]))
    await fake.advance(4_999)
    assert.equal(socket.isDestroyed, false)
    await fake.advance(1)
    assert.equal(socket.isDestroyed, true)
  })

  test('stops the node on a failed assertion', async () => {
    const { fake, socket } = setUp()
    socket.receive(frame('bug'))
    assert.equal((fake.halted as Error).message, 'a bug')
  })

  test('logs a line for a reason only now and then', async () => {
    const { fake, connect } = setUp()
    for (let i = 0; i < 50; i++) connect(`h${i}`).socket.receive(sizePrefix(-5))
    assert.equal(fake.lines.length, 50, 'each connection of this set-up has its own log')
    const log = new RateLimitedLog(fake.world, 'test')
    fake.lines.length = 0
    for (let i = 0; i < 50; i++) log.log('WARN', 'reason', `line ${i}\r\nforged`)
    assert.deepEqual(fake.lines, ['WARN line 0??forged'])
    await fake.advance(10_000)
    log.log('WARN', 'reason', 'again')
    assert.match(fake.lines[1], /again \(49 more like this were not logged\)/)
  })

  test('handles nothing while the peer does not read, and goes on when it does', async () => {
    const { fake, handler, socket } = setUp()
    socket.peerReads = false
    for (let i = 0; i < 1000; i++) socket.receive(Buffer.concat([frame(`echo${i}`), Buffer.alloc(0)]))
    await fake.turn()
    const started = handler.started.length
    for (let i = 1000; i < 100_000; i++) {
      if (socket.isPaused) break
      socket.receive(frame(`echo${i}`))
    }
    await fake.turn()
    assert.equal(handler.started.length, started)
    assert.equal(socket.isPaused, true)
    socket.drain()
    await fake.turn()
    assert.equal(socket.isPaused, false)
    assert.equal(new Set(socket.answers).size, handler.started.length)
  })

  test('lets the event loop go after a bounded amount of answers', async () => {
    const { fake, handler, socket } = setUp({ responseBytes: 1 << 30 })
    socket.receive(Buffer.concat(Array.from({ length: 20 }, (_, i) => frame(`big${i}`))))
    assert.equal(handler.started.length, 1)
    await fake.turn()
    assert.equal(handler.started.length, 20)
  })

  test('ends what is in handling before a graceful close and takes nothing more', async () => {
    const { fake, handler, socket, connection } = setUp()
    socket.receive(Buffer.concat([frame('wait1'), frame('echo2')]))
    connection.closeWhenAnswered()
    socket.receive(frame('echo3'))
    assert.equal(socket.isEnded, false)
    handler.answer('wait1')
    await fake.turn()
    assert.deepEqual(socket.answers, ['wait1'])
    assert.equal(socket.isEnded, true)
  })

  test('answers that come after the peer is gone are dropped', async () => {
    const { fake, handler, socket, requestMemory, responseMemory } = setUp()
    socket.receive(Buffer.concat([frame('wait1'), frame('over2')]))
    socket.handlers?.onClose()
    handler.answer('wait1')
    await fake.turn()
    assert.deepEqual(socket.answers, [])
    assert.equal(requestMemory.usedBytes, 0)
    assert.equal(responseMemory.usedBytes, 0)
  })
})

describe('memory of requests', () => {
  test('is given back with the answers', async () => {
    const { fake, handler, socket, requestMemory } = setUp()
    socket.receive(frame('wait1'))
    assert.equal(requestMemory.usedBytes, 9)
    handler.answer('wait1')
    await fake.turn()
    assert.equal(requestMemory.usedBytes, 0)
  })

  test('when full pauses all connections but one, and each gets its turn', async () => {
    const { fake, connect, socket: first } = setUp({ requestBytes: 1000 })
    const second = connect('c2').socket
    const third = connect('c3').socket
    const whole = frame('echo'.padEnd(600, '.'))
    const part = whole.subarray(0, 550)
    for (const socket of [first, second, third]) socket.receive(part)
    assert.deepEqual([first.isPaused, second.isPaused, third.isPaused], [false, false, true])
    second.receive(whole.subarray(550))
    await fake.turn()
    assert.equal(second.answers.length, 1)
    assert.equal(third.isPaused, false)
    third.receive(whole.subarray(550))
    first.receive(whole.subarray(550))
    await fake.turn()
    assert.equal(third.answers.length, 1)
    assert.equal(first.answers.length, 1)
  })

  test('when full pauses the connection that filled it until its own requests are answered', async () => {
    const { fake, handler, socket } = setUp({ requestBytes: 100 })
    const word = 'wait'.padEnd(200, '.')
    socket.receive(Buffer.concat([frame(word), frame('next').subarray(0, 5)]))
    assert.equal(socket.isPaused, true)
    handler.answer(word)
    await fake.turn()
    assert.equal(socket.isPaused, false)
  })

  test('a connection that is gone no longer holds up the others', async () => {
    const { connect, socket: first } = setUp({ requestBytes: 100 })
    const second = connect('c2').socket
    const part = frame('echo'.padEnd(300, '.')).subarray(0, 200)
    first.receive(part)
    second.receive(part)
    assert.deepEqual([first.isPaused, second.isPaused], [false, true])
    first.handlers?.onClose()
    assert.equal(second.isPaused, false)
  })
})

describe('memory of responses', () => {
  test('when full lets no further request start until a peer reads', async () => {
    const { fake, handler, connect, socket: first } = setUp({ responseBytes: 100 })
    const second = connect('c2').socket
    const third = connect('c3').socket
    first.peerReads = false
    first.receive(frame('big'))
    await fake.turn()
    second.receive(frame('wait2'))
    third.receive(frame('echo3'))
    await fake.turn()
    assert.deepEqual(handler.started, ['big', 'wait2'], 'one connection may go on')
    first.drain()
    await fake.turn()
    assert.deepEqual(third.answers, ['echo3'])
  })
})

describe('memory of responses that is full', () => {
  test('is waited for by a request behind one whose answer leaves meanwhile', async () => {
    const { fake, handler, connect, socket: first } = setUp({ responseBytes: 100 })
    const second = connect('c2').socket
    const third = connect('c3').socket
    third.receive(Buffer.concat([frame('wait3'), frame('echo4')]))
    first.peerReads = false
    first.receive(frame('big'))
    await fake.turn()
    second.receive(frame('wait2'))
    handler.answer('wait3')
    await fake.turn()
    assert.deepEqual(third.answers, ['wait3'])
    first.drain()
    await fake.turn()
    assert.deepEqual(third.answers, ['wait3', 'echo4'])
  })
})

describe('a peer that sends no more', () => {
  test('has all that it sent handled and answered before the connection ends', async () => {
    const { fake, handler, connect } = setUp()
    const { socket } = connect()
    socket.receive(Buffer.concat(Array.from({ length: 1_000 }, (_, i) => frame(i % 2 === 0 ? 'silent' : `echo ${i}`))))
    socket.handlers?.onEnd()
    await fake.turn()
    assert.equal(handler.started.length, 1_000)
    assert.equal(socket.answers.length, 500)
    assert.equal(socket.isEnded, true)
  })

  test('has the answers that come later', async () => {
    const { fake, handler, connect } = setUp()
    const { socket } = connect()
    socket.receive(frame('over a'), frame('over b'), frame('echo c'))
    socket.handlers?.onEnd()
    await fake.turn()
    assert.equal(socket.isEnded, false)
    handler.answer('over b')
    handler.answer('over a')
    await fake.turn()
    assert.deepEqual(socket.answers, ['over a', 'over b', 'echo c'])
    assert.equal(socket.isEnded, true)
  })

  test('is not waited for when its request is parked', async () => {
    const { fake, connect } = setUp()
    const { socket, connection } = connect()
    socket.receive(frame('echo a'), frame('wait parked'))
    socket.handlers?.onEnd()
    await fake.turn()
    assert.deepEqual([socket.answers, socket.isEnded, connection.isClosed], [['echo a'], true, true])
  })

  test('loses its connection five seconds after its last request, answered or not', async () => {
    const { fake, connect } = setUp()
    const { socket, connection } = connect()
    socket.receive(frame('wait'), frame('half a request').subarray(0, 9))
    socket.handlers?.onEnd()
    await fake.advance(4_999)
    assert.equal(connection.isClosed, false)
    await fake.advance(1)
    assert.deepEqual([socket.isDestroyed, connection.isClosed, fake.pendingTimers], [true, true, 0])
  })
})
