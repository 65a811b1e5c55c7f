// The recorded runs of Apache Kafka's tools, run again here in their order, in this process, on a fresh node of Odradek.
// test/interop/transcripts.e2e.ts runs them all against Apache Kafka.
import { test } from 'node:test'
import { requireGoldens } from '@odradek/testkit'
import { startNode } from './support/node.ts'
import { isRunHere, liveConsumers, runTranscripts } from './support/run-transcripts.ts'

/** What the broker of Odradek does not have yet, with the runs that need it: from one number to another. */
const missing: Readonly<Record<string, readonly (readonly [from: number, to: number])[]>> = {
  'consumer groups of KIP-848': [
    [105, 108],
    [116, 117],
    [154, 155],
    [158, 158]
  ],
  'share groups, and their topic in lists of topics': [
    [160, 171],
    [184, 184],
    [231, 231]
  ],
  'SCRAM credentials and quotas': [
    [195, 197],
    [199, 206],
    [208, 209]
  ],
  'the same features and APIs': [
    [263, 263],
    [268, 268],
    [280, 280]
  ],
  'voters that change': [
    [273, 273],
    [276, 276]
  ],
  'streams groups': [[331, 331]],
  ACLs: [
    [289, 302],
    [354, 355]
  ],
  'listing and ending transactions': [
    [309, 317],
    [346, 347]
  ]
}
const isMissing = (n: number): boolean => Object.values(missing).some((ranges) => ranges.some(([from, to]) => n >= from && n <= to))

const asked = process.env.TRANSCRIPT_TOOLS?.split(',')

test("the commands answer as Apache Kafka 4.3's do", { timeout: 120_000 }, async (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  await runTranscripts(t, goldens, {
    isLeft: ({ n, note = '' }) => isMissing(n) || note.startsWith(liveConsumers),
    isCompared: ({ tool }) => isRunHere(tool) && (asked === undefined || asked.includes(tool)),
    startNode: () => startNode(t)
  })
})
