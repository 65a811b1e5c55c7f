import { helpAndVersion, type OptionSpec } from '../options.ts'

export const consoleConsumerOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'topic',
    argument: { type: 'String', name: 'topic' },
    description: 'The topic to consume from.'
  },
  {
    name: 'include',
    argument: { type: 'String', name: 'Java regex (String)' },
    description: 'Regular expression specifying list of topics to include for consumption.'
  },
  {
    name: 'partition',
    argument: { type: 'Integer', name: 'partition' },
    description: "The partition to consume from. Consumption starts from the end of the partition unless '--offset' is specified."
  },
  {
    name: 'offset',
    argument: { type: 'String', name: 'consume offset', default: 'latest' },
    description:
      "The offset to consume from (a non-negative number), or 'earliest' which means from beginning, or 'latest' which means from end"
  },
  {
    name: 'consumer-property',
    argument: { type: 'String', name: 'consumer_prop' },
    description:
      '(DEPRECATED) Consumer config properties in the form key=value. This option will be removed in a future version. Use --command-property instead.'
  },
  {
    name: 'command-property',
    argument: { type: 'String', name: 'consumer_prop' },
    description: 'Consumer config properties in the form key=value.'
  },
  {
    name: 'consumer.config',
    argument: { type: 'String', name: 'config file' },
    description:
      '(DEPRECATED) Consumer config properties file. Note that [command-property] takes precedence over this config. This option will be removed in a future version. Use --command-config instead.'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'config file' },
    description: 'Consumer config properties file. Note that [command-property] takes precedence over this config.'
  },
  {
    name: 'formatter',
    argument: { type: 'String', name: 'class', default: 'org.apache.kafka.tools.consumer.DefaultMessageFormatter' },
    description: 'The name of a class to use for formatting kafka messages for display.'
  },
  {
    name: 'property',
    argument: { type: 'String', name: 'prop' },
    description:
      "(DEPRECATED) The properties to initialize the message formatter. Default properties include: \n print.timestamp=true|false\n print.key=true|false\n print.offset=true|false\n print.epoch=true|false\n print.partition=true|false\n print.headers=true|false\n print.value=true|false\n key.separator=<key.separator>\n line.separator=<line.separator>\n headers.separator=<headers.separator>\n null.literal=<null.literal>\n key.deserializer=<key.deserializer>\n value.deserializer=<value.deserializer>\n header.deserializer=<header.deserializer>\nUsers can also pass in customized properties for their formatter; more specifically, users can pass in properties keyed with 'key.deserializer.', 'value.deserializer.' and 'headers.deserializer.' prefixes to configure their deserializers. \nThis option will be removed in a future version. Use --formatter-property instead."
  },
  {
    name: 'formatter-property',
    argument: { type: 'String', name: 'prop' },
    description:
      "The properties to initialize the message formatter. Default properties include: \n print.timestamp=true|false\n print.key=true|false\n print.offset=true|false\n print.epoch=true|false\n print.partition=true|false\n print.headers=true|false\n print.value=true|false\n key.separator=<key.separator>\n line.separator=<line.separator>\n headers.separator=<headers.separator>\n null.literal=<null.literal>\n key.deserializer=<key.deserializer>\n value.deserializer=<value.deserializer>\n header.deserializer=<header.deserializer>\nUsers can also pass in customized properties for their formatter; more specifically, users can pass in properties keyed with 'key.deserializer.', 'value.deserializer.' and 'headers.deserializer.' prefixes to configure their deserializers."
  },
  {
    name: 'formatter-config',
    argument: { type: 'String', name: 'config file' },
    description:
      'Config properties file to initialize the message formatter. Note that [formatter-property] takes precedence over this config.'
  },
  {
    name: 'from-beginning',
    description:
      'If the consumer does not already have an established offset to consume from, start with the earliest message present in the log rather than the latest message.'
  },
  {
    name: 'max-messages',
    argument: { type: 'Integer', name: 'num_messages' },
    description: 'The maximum number of messages to consume before exiting. If not set, consumption is continual.'
  },
  {
    name: 'timeout-ms',
    argument: { type: 'Long', name: 'timeout_ms' },
    description: 'If specified, exit if no message is available for consumption for the specified interval.'
  },
  {
    name: 'skip-message-on-error',
    description: 'If there is an error when processing a message, skip it instead of halt.'
  },
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server to connect to' },
    description: 'REQUIRED: The server(s) to connect to.'
  },
  {
    name: 'key-deserializer',
    argument: { type: 'String', name: 'deserializer for keys' },
    description: 'The name of the class to use for deserializing keys.'
  },
  {
    name: 'value-deserializer',
    argument: { type: 'String', name: 'deserializer for values' },
    description: 'The name of the class to use for deserializing values.'
  },
  {
    name: 'enable-systest-events',
    description: 'Log lifecycle events of the consumer in addition to logging consumed messages. (This is specific for system tests.)'
  },
  {
    name: 'isolation-level',
    argument: { type: 'String', default: 'read_uncommitted' },
    description:
      'Set to read_committed in order to filter out transactional messages which are not committed. Set to read_uncommitted to read all messages.'
  },
  {
    name: 'group',
    argument: { type: 'String', name: 'consumer group id' },
    description: 'The consumer group id of the consumer.'
  }
]
