// A broker as a fixture of vitest; vitest itself is not imported.
import { type EmbeddedKafka, type StartKafkaOptions, startKafka } from './start-kafka.ts'

/** For `test.extend<{ kafka: EmbeddedKafka }>({ kafka: kafkaFixture() })`: each test that names `kafka` gets a broker of its own. */
export function kafkaFixture(options: StartKafkaOptions = {}) {
  // vitest reads the names of other fixtures out of the first parameter, which must be a pattern
  // biome-ignore lint/correctness/noEmptyPattern: see above
  return async ({}: object, use: (kafka: EmbeddedKafka) => Promise<void>): Promise<void> => {
    await using kafka = await startKafka(options)
    await use(kafka)
  }
}
