import { helpAndVersion, type OptionSpec } from '../options.ts'

export const consoleProducerOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'topic',
    argument: { type: 'String', name: 'topic' },
    description: 'REQUIRED: The topic name to produce messages to.'
  },
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server to connect to' },
    description: 'REQUIRED: The server(s) to connect to. The broker list string in the form HOST1:PORT1,HOST2:PORT2.'
  },
  {
    name: 'sync',
    description: 'If set message send requests to the brokers are synchronously, one at a time as they arrive.'
  },
  {
    name: 'compression-codec',
    argument: { type: 'String', name: 'compression-codec', isOptional: true },
    description:
      "The compression codec: either 'none', 'gzip', 'snappy', 'lz4', or 'zstd'.If specified without value, then it defaults to 'gzip'"
  },
  {
    name: 'batch-size',
    argument: { type: 'Integer', name: 'size', default: '16384' },
    description:
      'The buffer size in bytes allocated for a partition. When records are received which are smaller than this size the producer will attempt to optimistically group them together until this size is reached. This is the option to control batch.size in producer configs. Please note that this option will be replaced if max-partition-memory-bytes is also set.'
  },
  {
    name: 'message-send-max-retries',
    argument: { type: 'Integer', default: '3' },
    description:
      'Brokers can fail receiving the message for multiple reasons, and being unavailable transiently is just one of them. This property specifies the number of retries before the producer give up and drop this message. This is the option to control `retries` in producer configs.'
  },
  {
    name: 'retry-backoff-ms',
    argument: { type: 'Long', default: '100' },
    description:
      'Before each retry, the producer refreshes the metadata of relevant topics. Since leader election takes a bit of time, this property specifies the amount of time that the producer waits before refreshing the metadata. This is the option to control `retry.backoff.ms` in producer configs.'
  },
  {
    name: 'timeout',
    argument: { type: 'Long', name: 'timeout_ms', default: '1000' },
    description:
      'If set and the producer is running in asynchronous mode, this gives the maximum amount of time a message will queue awaiting sufficient batch size. The value is given in ms. This is the option to control `linger.ms` in producer configs.'
  },
  {
    name: 'request-required-acks',
    argument: { type: 'String', name: 'request required acks', default: '-1' },
    description: 'The required `acks` of the producer requests'
  },
  {
    name: 'request-timeout-ms',
    argument: { type: 'Integer', name: 'request timeout ms', default: '1500' },
    description: 'The ack timeout of the producer requests. Value must be non-negative and non-zero.'
  },
  {
    name: 'metadata-expiry-ms',
    argument: { type: 'Long', name: 'metadata expiration interval', default: '300000' },
    description:
      "The period of time in milliseconds after which we force a refresh of metadata even if we haven't seen any leadership changes. This is the option to control `metadata.max.age.ms` in producer configs."
  },
  {
    name: 'max-block-ms',
    argument: { type: 'Long', name: 'max block on send', default: '60000' },
    description: 'The max time that the producer will block for during a send request.'
  },
  {
    name: 'max-memory-bytes',
    argument: { type: 'Long', name: 'total memory in bytes', default: '33554432' },
    description:
      'The total memory used by the producer to buffer records waiting to be sent to the server. This is the option to control `buffer.memory` in producer configs.'
  },
  {
    name: 'max-partition-memory-bytes',
    argument: { type: 'Integer', name: 'memory in bytes per partition', default: '16384' },
    description:
      '(Deprecated) The buffer size in bytes allocated for a partition. When records are received which are smaller than this size the producer will attempt to optimistically group them together until this size is reached. This is the option to control batch.size in producer configs. This option will be removed in Apache Kafka 5.0. Use --batch-size instead.'
  },
  {
    name: 'line-reader',
    argument: { type: 'String', name: 'reader_class', default: 'org.apache.kafka.tools.LineMessageReader' },
    description:
      'The class name of the class to use for reading lines from standard in. By default each line is read as a separate message.'
  },
  {
    name: 'socket-buffer-size',
    argument: { type: 'Integer', name: 'size', default: '102400' },
    description: 'The size of the tcp RECV size. This is the option to control `send.buffer.bytes` in producer configs.'
  },
  {
    name: 'property',
    argument: { type: 'String', name: 'prop' },
    description:
      '(DEPRECATED) A mechanism to pass user-defined properties in the form key=value to the message reader. This allows custom configuration for a user-defined message reader.\nDefault properties include:\n parse.key=false\n parse.headers=false\n ignore.error=false\n key.separator=\\t\n headers.delimiter=\\t\n headers.separator=,\n headers.key.separator=:\n null.marker=   When set, any fields (key, value and headers) equal to this will be replaced by null\nDefault parsing pattern when:\n parse.headers=true and parse.key=true:\n  "h1:v1,h2:v2...\\tkey\\tvalue"\n parse.key=true:\n  "key\\tvalue"\n parse.headers=true:\n  "h1:v1,h2:v2...\\tvalue"\n This option will be removed in a future version. Use --reader-property instead.'
  },
  {
    name: 'reader-property',
    argument: { type: 'String', name: 'prop' },
    description:
      'A mechanism to pass user-defined properties in the form key=value to the message reader. This allows custom configuration for a user-defined message reader.\nDefault properties include:\n parse.key=false\n parse.headers=false\n ignore.error=false\n key.separator=\\t\n headers.delimiter=\\t\n headers.separator=,\n headers.key.separator=:\n null.marker=   When set, any fields (key, value and headers) equal to this will be replaced by null\nDefault parsing pattern when:\n parse.headers=true and parse.key=true:\n  "h1:v1,h2:v2...\\tkey\\tvalue"\n parse.key=true:\n  "key\\tvalue"\n parse.headers=true:\n  "h1:v1,h2:v2...\\tvalue"'
  },
  {
    name: 'reader-config',
    argument: { type: 'String', name: 'config file' },
    description: 'Config properties file for the message reader. Note that [reader-property] takes precedence over this config.'
  },
  {
    name: 'producer-property',
    argument: { type: 'String', name: 'producer_prop' },
    description:
      '(DEPRECATED) Producer config properties in the form key=value. This option will be removed in a future version. Use --command-property instead.'
  },
  {
    name: 'command-property',
    argument: { type: 'String', name: 'producer_prop' },
    description: 'Producer config properties in the form key=value.'
  },
  {
    name: 'producer.config',
    argument: { type: 'String', name: 'config file' },
    description:
      '(DEPRECATED) Producer config properties file. Note that [command-property] takes precedence over this config. This option will be removed in a future version. Use --command-config instead.'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'config file' },
    description: 'Producer config properties file. Note that [command-property] takes precedence over this config.'
  }
]
