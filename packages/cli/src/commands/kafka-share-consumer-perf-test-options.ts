import { helpAndVersion, type OptionSpec } from '../options.ts'

export const sharePerfOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server to connect to' },
    description: 'REQUIRED. The server(s) to connect to.'
  },
  { name: 'command-config', argument: { type: 'String', name: 'config file' }, description: 'Config properties file.' },
  {
    name: 'command-property',
    argument: { type: 'String', name: 'prop1=val1' },
    description:
      'Kafka share consumer related configuration properties like client.id. These configs take precedence over those passed via --command-config or --consumer.config.'
  },
  {
    name: 'consumer.config',
    argument: { type: 'String', name: 'config file' },
    description:
      '(DEPRECATED) Share consumer config properties file. This option will be removed in a future version. Use --command-config instead.'
  },
  {
    name: 'date-format',
    argument: { type: 'String', name: 'date format', default: 'yyyy-MM-dd HH:mm:ss:SSS' },
    description: 'The date format to use for formatting the time field. See java.text.SimpleDateFormat for options.'
  },
  {
    name: 'fetch-size',
    argument: { type: 'Integer', name: 'size', default: '1048576' },
    description: 'The amount of data to fetch in a single request.'
  },
  {
    name: 'group',
    argument: { type: 'String', name: 'gid', default: 'perf-share-consumer' },
    description: 'The group id to consume on.'
  },
  { name: 'hide-header', description: 'If set, skips printing the header for the stats.' },
  {
    name: 'messages',
    argument: { type: 'Long', name: 'count' },
    description:
      '(DEPRECATED) The number of records to consume. This option will be removed in a future version. Use --num-records instead.'
  },
  { name: 'num-records', argument: { type: 'Long', name: 'count' }, description: 'REQUIRED: The number of records to consume.' },
  { name: 'print-metrics', description: 'Print out the metrics.' },
  {
    name: 'reporting-interval',
    argument: { type: 'Long', name: 'interval_ms', default: '5000' },
    description: 'Interval in milliseconds at which to print progress info.'
  },
  {
    name: 'show-consumer-stats',
    description: 'If set, stats are reported for each share consumer depending on the no. of threads.'
  },
  {
    name: 'show-detailed-stats',
    description: 'If set, stats are reported for each reporting interval as configured by reporting-interval.'
  },
  {
    name: 'socket-buffer-size',
    argument: { type: 'Integer', name: 'size', default: '2097152' },
    description: 'The size of the tcp RECV size.'
  },
  {
    name: 'threads',
    argument: { type: 'Integer', name: 'count', default: '1' },
    description: 'The number of share consumers to use for sharing the load.'
  },
  {
    name: 'timeout',
    argument: { type: 'Long', name: 'milliseconds', default: '10000', isOptional: true },
    description: 'The maximum allowed time in milliseconds between returned records.'
  },
  { name: 'topic', argument: { type: 'String', name: 'topic' }, description: 'REQUIRED: The topic to consume from.' }
]
