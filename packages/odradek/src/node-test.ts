// A broker for the tests of a file or a suite of node:test.
import { after, before } from 'node:test'
import { type EmbeddedKafka, type StartKafkaOptions, startKafka } from './start-kafka.ts'

/** Starts a broker before the tests of this file or suite and closes it after them. Gives what returns it within them. */
export function useKafka(options: StartKafkaOptions = {}): () => EmbeddedKafka {
  let kafka: EmbeddedKafka | undefined
  before(async () => {
    kafka = await startKafka(options)
  })
  after(() => kafka?.close())
  return () => {
    if (kafka === undefined) throw new Error('The broker of useKafka() runs within tests and hooks only: call it there')
    return kafka
  }
}
