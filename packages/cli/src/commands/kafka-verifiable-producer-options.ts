import type { CommandLine, Group } from '../command-line-definition.ts'

const connectionGroup: Group = {
  isExclusive: true,
  required: true,
  title: 'Connection Group',
  description: 'Group of arguments for connection to brokers'
}

export const verifiableProducerLine: CommandLine = {
  program: 'verifiable-producer',
  description:
    'This tool produces increasing integers to the specified topic and prints JSON metadata to stdout on each "send" request, making externally visible which messages have been acked and which have not.',
  commands: [],
  options: [
    {
      long: '--topic',
      metavar: 'TOPIC',
      required: true,
      help: 'Produce messages to this topic.'
    },
    {
      long: '--bootstrap-server',
      metavar: 'HOST1:PORT1[,HOST2:PORT2[...]]',
      group: connectionGroup,
      help: 'REQUIRED: The server(s) to connect to. Comma-separated list of Kafka brokers in the form HOST1:PORT1,HOST2:PORT2,...'
    },
    {
      long: '--max-messages',
      metavar: 'MAX-MESSAGES',
      type: 'Integer',
      help: 'Produce this many messages. If -1, produce messages until the process is killed externally. (default: -1)'
    },
    {
      long: '--throughput',
      metavar: 'THROUGHPUT',
      type: 'Integer',
      help: 'If set >= 0, throttle maximum message throughput to *approximately* THROUGHPUT messages/sec. (default: -1)'
    },
    {
      long: '--acks',
      metavar: 'ACKS',
      type: 'Integer',
      choices: ['0', '1', '-1'],
      help: 'Acks required on each produced message. See Kafka docs on acks for details. (default: -1)'
    },
    {
      long: '--producer.config',
      metavar: 'CONFIG-FILE',
      help: '(DEPRECATED) Producer config properties file. This option will be removed in a future version. Use --command-config instead.'
    },
    {
      long: '--message-create-time',
      metavar: 'CREATE-TIME',
      type: 'Long',
      help: 'Send messages with creation time starting at the arguments value, in milliseconds since epoch (default: -1)'
    },
    {
      long: '--value-prefix',
      metavar: 'VALUE-PREFIX',
      type: 'Integer',
      help: 'If specified, each produced value will have this prefix with a dot separator'
    },
    {
      long: '--repeating-keys',
      metavar: 'REPEATING-KEYS',
      type: 'Integer',
      help: 'If specified, each produced record will have a key starting at 0 increment by 1 up to the number specified (exclusive), then the key is set to 0 again'
    },
    {
      long: '--command-config',
      metavar: 'CONFIG-FILE',
      help: 'Config properties file (config options shared with command line parameters will be overridden).'
    }
  ]
}
