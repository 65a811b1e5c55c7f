// A broker in a process of its own that knows for how long one turn of its event loop took at most, in CPU time of its main thread: what else
// runs on the machine does not count. Talks by IPC: `take` is answered by the longest turn since the last one, in ms.
import { startBroker } from './test-broker.ts'

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

let last = cpuMs()
let longestMs = 0
let isMeasuring = false

function turn(): void {
  const now = cpuMs()
  longestMs = Math.max(longestMs, now - last)
  last = now
  if (isMeasuring) setImmediate(turn)
}

/** CPU time of some work that is always the same: a slow machine tells itself. */
function calibrationMs(): number {
  const before = cpuMs()
  let hash = 0
  for (let index = 0; index < 20_000_000; index++) hash = (Math.imul(hash, 31) + index) | 0
  return cpuMs() - before + (hash === 0.5 ? 1 : 0)
}

const broker = await startBroker({ overrides: { 'group.initial.rebalance.delay.ms': '500' } })
process.on('message', (message: 'measure' | 'take' | 'calibrate') => {
  if (message === 'measure') {
    isMeasuring = true
    longestMs = 0
    last = cpuMs()
    setImmediate(turn)
    process.send?.({ started: true })
  } else if (message === 'calibrate') process.send?.({ calibrationMs: calibrationMs() })
  else {
    isMeasuring = false
    process.send?.({ longestMs })
  }
})
process.on('disconnect', () => process.exit(0))
process.send?.({ port: broker.port })
