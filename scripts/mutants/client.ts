// Bugs of the client that its fault tests and the lessons of other clients must find.
import type { Mutant } from './mutant.ts'

const consumer = 'packages/client/src/consumer'
const producer = 'packages/client/src/producer'
const lessons = 'test/client/lessons.sim.ts'
const consumerFaults = 'test/client/consumer-faults.sim.ts'
const producerFaults = 'test/client/producer-faults.sim.ts'

export const clientMutants: readonly Mutant[] = [
  {
    name: 'the client commits what is not finished',
    breaks: 'G2',
    file: `${consumer}/partition-state.ts`,
    edits: [['return this.unfinished.first ?? this.position.offset', 'return this.position.offset']],
    tests: [consumerFaults]
  },
  {
    name: 'an automatic commit of the client goes back behind one by hand',
    breaks: 'G2',
    file: `${consumer}/assignment.ts`,
    edits: [['state.unfinished.finishUpTo(offset - 1)', '']],
    tests: [lessons]
  },
  {
    name: 'a paused partition of the client goes on in run',
    breaks: 'R2',
    file: `${consumer}/run.ts`,
    edits: [['      if (this.#isHeld(lane)) {', '      if (lane === undefined) {']],
    tests: [lessons]
  },
  {
    name: 'the client does not wait for its listener before others get the partition',
    breaks: 'G1',
    file: `${consumer}/consumer.ts`,
    edits: [['Promise.resolve(this.#listener.onRevoked?.(partitions))', 'Promise.resolve(void this.#listener.onRevoked?.(partitions))']],
    tests: [lessons]
  },
  {
    name: 'the client numbers a batch anew that may be written',
    breaks: 'P1',
    file: `${producer}/sender.ts`,
    edits: [[' && batch.attempts > 0) {', ' && batch.attempts > 1_000) {']],
    tests: ['packages/client/test/producer/producer.sim.ts']
  },
  {
    name: 'the client sends copies of a batch without their sequence',
    breaks: 'P1',
    file: `${producer}/identity.ts`,
    edits: [['    if (batch.hasSequence) return\n    const current', '    const current']],
    tests: [producerFaults, 'packages/client/test/producer/producer.sim.ts']
  },
  {
    name: 'the client joins again and again without a pause',
    breaks: 'X2',
    file: `${consumer}/classic-membership.ts`,
    edits: [[' && ++prompt <= PROMPT_JOINS) continue', ' && ++prompt > 0) continue']],
    tests: ['packages/client/test/hostile/lying-broker.sim.ts']
  },
  {
    name: 'the client keeps what its user has closed',
    breaks: 'X1',
    file: 'packages/client/src/kafka.ts',
    edits: [['        this.#clients.delete(client)', '']],
    tests: ['packages/client/test/hostile/leaks.sim.ts']
  }
]
