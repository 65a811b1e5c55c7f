import type { OptionSpec } from '../options.ts'
import { consoleConsumerOptions } from './kafka-console-consumer-options.ts'

const same = ['help', 'version', 'topic', 'consumer-property', 'command-property', 'command-config', 'formatter-config', 'max-messages']
const left = ['include', 'partition', 'offset', 'from-beginning', 'isolation-level', 'skip-message-on-error']

const own: readonly OptionSpec[] = [
  {
    name: 'consumer-config',
    argument: { type: 'String', name: 'config file' },
    description:
      '(DEPRECATED) Consumer config properties file. Note that [command-property] takes precedence over this config. This option will be removed in a future version. Use --command-config instead.'
  },
  { name: 'timeout-ms', argument: { type: 'Integer', name: 'timeout_ms' }, description: '' },
  { name: 'group', argument: { type: 'String', name: 'share group id' }, description: 'The share group id of the consumer.' },
  { name: 'reject', description: 'If specified, messages are rejected as they are consumed.' },
  { name: 'reject-message-on-error', description: 'If there is an error when processing a message, reject it instead of halting.' },
  { name: 'release', description: 'If specified, messages are released as they are consumed.' },
  {
    name: 'enable-systest-events',
    description: 'Log lifecycle events of the share consumer in addition to logging consumed messages. (This is specific for system tests.)'
  }
]

const described = (spec: OptionSpec): OptionSpec => {
  const theirs = consoleConsumerOptions.find(({ name }) => name === spec.name)
  return spec.description === '' && theirs !== undefined ? { ...spec, description: theirs.description } : spec
}

/** Those of kafka-console-consumer that make sense here, in the words of the share consumer. */
export const consoleShareConsumerOptions: readonly OptionSpec[] = [
  ...own.map(described),
  ...consoleConsumerOptions
    .filter(({ name }) => !left.includes(name) && name !== 'consumer.config' && !own.some((spec) => spec.name === name))
    .map((spec) =>
      same.includes(spec.name)
        ? spec
        : {
            ...spec,
            description: spec.description
              .replace(' print.offset=true|false\n', ' print.offset=true|false\n print.delivery=true|false\n')
              .replace('formatting kafka messages', 'formatting Kafka messages')
          }
    )
]
