import type { CommandLine, Group } from '../command-line-definition.ts'

const payloadOptions: Group = {
  isExclusive: true,
  required: true,
  description: 'Note that you must provide exactly one of --record-size, --payload-file or --payload-monotonic.'
}

export const producerPerfLine: CommandLine = {
  program: 'kafka-producer-perf-test',
  description:
    'This tool is used to verify the producer performance. To enable transactions, you can specify a transactional id or set a transaction duration using --transaction-duration-ms. There are three ways to specify the transactional id: set transactional.id=<id> via --command-property, set transactional.id=<id> in the config file via --command-config, or use --transactional-id <id>.',
  commands: [],
  options: [
    {
      long: '--bootstrap-server',
      metavar: 'BOOTSTRAP-SERVER',
      help: 'The server(s) to connect to. This config takes precedence over bootstrap.servers specified via --command-property or --command-config.'
    },
    {
      long: '--topic',
      metavar: 'TOPIC',
      required: true,
      help: 'Produce records to this topic.'
    },
    {
      long: '--num-records',
      metavar: 'NUM-RECORDS',
      type: 'Long',
      required: true,
      help: 'Number of records to produce.'
    },
    {
      long: '--record-size',
      metavar: 'RECORD-SIZE',
      type: 'Integer',
      group: payloadOptions,
      help: 'Record size in bytes. Note that you must provide exactly one of --record-size, --payload-file or --payload-monotonic.'
    },
    {
      long: '--payload-file',
      metavar: 'PAYLOAD-FILE',
      group: payloadOptions,
      help: 'File to read the record payloads from. This works only for UTF-8 encoded text files. Payloads will be read from this file and a payload will be randomly selected when sending records. Note that you must provide exactly one of --record-size, --payload-file or --payload-monotonic.'
    },
    {
      long: '--payload-monotonic',
      flag: true,
      group: payloadOptions,
      help: 'Payload is a monotonically increasing integer. Note that you must provide exactly one of --record-size, --payload-file or --payload-monotonic. (default: false)'
    },
    {
      long: '--payload-delimiter',
      metavar: 'PAYLOAD-DELIMITER',
      help: 'Provides the delimiter to be used when --payload-file is provided. Defaults to new line. Note that this parameter will be ignored if --payload-file is not provided. (default: \\n)'
    },
    {
      long: '--throughput',
      metavar: 'THROUGHPUT',
      type: 'Double',
      required: true,
      help: 'Throttle maximum record throughput to *approximately* THROUGHPUT records/sec. Set this to -1 to disable throttling.'
    },
    {
      long: '--producer-props',
      metavar: 'PROP-NAME=PROP-VALUE',
      isList: true,
      help: '(DEPRECATED) Kafka producer related configuration properties like client.id. These configs take precedence over those passed via --command-config or --producer.config. This option will be removed in a future version. Use --command-property instead. Example: --command-property linger.ms=10 batch.size=32768'
    },
    {
      long: '--command-property',
      metavar: 'PROP-NAME=PROP-VALUE',
      isList: true,
      help: 'Kafka producer related configuration properties like client.id. These configs take precedence over those passed via --command-config or --producer.config. Example: --command-property linger.ms=10 batch.size=32768'
    },
    {
      long: '--producer.config',
      metavar: 'CONFIG-FILE',
      help: '(DEPRECATED) Producer config properties file. This option will be removed in a future version. Use --command-config instead.'
    },
    {
      long: '--command-config',
      metavar: 'CONFIG-FILE',
      help: 'Producer config properties file.'
    },
    {
      long: '--print-metrics',
      flag: true,
      help: 'Print out metrics at the end of the test. (default: false)'
    },
    {
      long: '--transactional-id',
      metavar: 'TRANSACTIONAL-ID',
      help: 'The transactional id to use. This config takes precedence over the transactional.id specified via --command-property or --command-config. Note that if the transactional id is not specified while --transaction-duration-ms is provided, the default value for the transactional id will be performance-producer- followed by a random uuid.'
    },
    {
      long: '--transaction-duration-ms',
      metavar: 'TRANSACTION-DURATION',
      type: 'Long',
      help: 'The maximum duration of each transaction. The commitTransaction will be called after this time has elapsed. The value should be greater than 0. If the transactional id is specified via --command-property, --command-config or --transactional-id but --transaction-duration-ms is not specified, the default value will be 3000.'
    },
    {
      long: '--warmup-records',
      metavar: 'WARMUP-RECORDS',
      type: 'Long',
      help: 'The number of records to treat as warmup. These initial records will not be included in steady-state statistics. An additional summary line will be printed describing the steady-state statistics. (default: 0)'
    },
    {
      long: '--reporting-interval',
      metavar: 'INTERVAL-MS',
      type: 'Long',
      help: 'Interval in milliseconds at which to print progress info. (default: 5000)'
    }
  ]
}
