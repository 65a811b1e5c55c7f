import { helpAndVersion, type OptionSpec } from '../options.ts'

export const e2eLatencyOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'bootstrap-server' },
    description: 'REQUIRED: The Kafka broker list string in the form HOST1:PORT1,HOST2:PORT2.'
  },
  {
    name: 'topic',
    argument: { type: 'String', name: 'topic-name' },
    description: 'REQUIRED: The topic to use for the test.'
  },
  {
    name: 'num-records',
    argument: { type: 'Integer', name: 'count' },
    description: 'REQUIRED: The number of messages to send.'
  },
  {
    name: 'producer-acks',
    argument: { type: 'String', name: 'producer-acks' },
    description: "REQUIRED: Producer acknowledgements. Must be '1' or 'all'."
  },
  {
    name: 'record-size',
    argument: { type: 'Integer', name: 'bytes' },
    description: 'REQUIRED: The size of each message payload in bytes.'
  },
  {
    name: 'record-key-size',
    argument: { type: 'Integer', name: 'bytes', default: '0', isOptional: true },
    description: 'Optional: The size of the message key in bytes. If not set, messages are sent without a key.'
  },
  {
    name: 'record-header-key-size',
    argument: { type: 'Integer', name: 'bytes', default: '0', isOptional: true },
    description: 'Optional: The size of the message header key in bytes. Used together with record-header-size.'
  },
  {
    name: 'record-header-size',
    argument: { type: 'Integer', name: 'bytes', default: '0', isOptional: true },
    description: 'Optional: The size of message header value in bytes. Use -1 for null header value.'
  },
  {
    name: 'num-headers',
    argument: { type: 'Integer', name: 'count', default: '0', isOptional: true },
    description: 'Optional: The number of headers to include in each message.'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'config-file', isOptional: true },
    description: 'Optional: A property file for Kafka producer/consumer/admin client configuration.'
  }
]
