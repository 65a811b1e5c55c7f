import { helpAndVersion, type OptionSpec } from '../options.ts'

const randomGroup = `perf-consumer-${Math.floor(Math.random() * 100_000)}`

export const consumerPerfOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server to connect to' },
    description: 'REQUIRED: The server(s) to connect to.'
  },
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
    name: 'group',
    argument: { type: 'String', name: 'gid', default: randomGroup },
    description: 'The group id to consume on.'
  },
  {
    name: 'fetch-size',
    argument: { type: 'Integer', name: 'size', default: '1048576' },
    description: 'The maximum amount of data to fetch from a single partition per request.'
  },
  {
    name: 'command-property',
    argument: { type: 'String', name: 'prop1=val1' },
    description:
      'Kafka consumer related configuration properties like client.id. These configs take precedence over those passed via --command-config or --consumer.config.'
  },
  {
    name: 'from-latest',
    description:
      'If the consumer does not already have an established offset to consume from, start with the latest record present in the log rather than the earliest record.'
  },
  {
    name: 'socket-buffer-size',
    argument: { type: 'Integer', name: 'size', default: '2097152' },
    description: 'The size of the tcp RECV size.'
  },
  {
    name: 'consumer.config',
    argument: { type: 'String', name: 'config file' },
    description:
      '(DEPRECATED) Consumer config properties file. This option will be removed in a future version. Use --command-config instead.'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'config file' },
    description: 'Config properties file.'
  },
  {
    name: 'print-metrics',
    description: 'Print out the metrics.'
  },
  {
    name: 'show-detailed-stats',
    description: 'If set, stats are reported for each reporting interval as configured by reporting-interval.'
  },
  {
    name: 'timeout',
    argument: { type: 'Long', name: 'milliseconds', default: '10000', isOptional: true },
    description: 'The maximum allowed time in milliseconds between returned records.'
  },
  {
    name: 'messages',
    argument: { type: 'Long', name: 'count' },
    description:
      '(DEPRECATED) The number of records to consume. This option will be removed in a future version. Use --num-records instead.'
  },
  {
    name: 'num-records',
    argument: { type: 'Long', name: 'count' },
    description: 'REQUIRED: The number of records to consume.'
  },
  {
    name: 'reporting-interval',
    argument: { type: 'Long', name: 'interval_ms', default: '5000' },
    description: 'Interval in milliseconds at which to print progress info.'
  },
  {
    name: 'date-format',
    argument: { type: 'String', name: 'date format', default: 'yyyy-MM-dd HH:mm:ss:SSS' },
    description: 'The date format to use for formatting the time field. See java.text.SimpleDateFormat for options.'
  },
  {
    name: 'hide-header',
    description: 'If set, skips printing the header for the stats.'
  }
]
