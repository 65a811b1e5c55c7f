import type { CommandLine, Group } from '../command-line-definition.ts'

const connectionGroup: Group = {
  isExclusive: true,
  required: true,
  title: 'Connection Group',
  description: 'Group of arguments for connection to brokers'
}

export const verifiableConsumerLine: CommandLine = {
  program: 'verifiable-consumer',
  description:
    'This tool consumes messages from a specific topic and emits consumer events (e.g. group rebalances, received messages, and offsets committed) as JSON objects to STDOUT.',
  commands: [],
  options: [
    {
      long: '--bootstrap-server',
      metavar: 'HOST1:PORT1[,HOST2:PORT2[...]]',
      group: connectionGroup,
      help: 'The server(s) to connect to. Comma-separated list of Kafka brokers in the form HOST1:PORT1,HOST2:PORT2,...'
    },
    {
      long: '--topic',
      metavar: 'TOPIC',
      required: true,
      help: 'Consumes messages from this topic.'
    },
    {
      long: '--group-protocol',
      metavar: 'GROUP-PROTOCOL',
      help: 'Group protocol (must be one of CLASSIC, CONSUMER) (default: classic)'
    },
    {
      long: '--group-remote-assignor',
      metavar: 'GROUP-REMOTE-ASSIGNOR',
      help: 'Group remote assignor; only used if the group protocol is CONSUMER'
    },
    {
      long: '--group-id',
      metavar: 'GROUP-ID',
      required: true,
      help: 'The group id of the consumer group'
    },
    {
      long: '--group-instance-id',
      metavar: 'GROUP-INSTANCE-ID',
      help: 'A unique identifier of the consumer instance'
    },
    {
      long: '--max-messages',
      metavar: 'MAX-MESSAGES',
      type: 'Integer',
      help: 'Consume this many messages. If -1 (the default), the consumer will consume until the process is killed externally (default: -1)'
    },
    {
      long: '--session-timeout',
      metavar: 'TIMEOUT-MS',
      type: 'Integer',
      help: "Set the consumer's session timeout, note that this configuration is not supported when group protocol is consumer"
    },
    {
      long: '--verbose',
      flag: true,
      help: 'Enable to log individual consumed records (default: false)'
    },
    {
      long: '--enable-autocommit',
      flag: true,
      help: 'Enable offset auto-commit on consumer (default: false)'
    },
    {
      long: '--reset-policy',
      metavar: 'RESET-POLICY',
      help: "Set reset policy (must be either 'earliest', 'latest', or 'none') (default: earliest)"
    },
    {
      long: '--assignment-strategy',
      metavar: 'ASSIGNMENT-STRATEGY',
      help: 'Set assignment strategy (e.g. org.apache.kafka.clients.consumer.RoundRobinAssignor); only used if the group protocol is CLASSIC (default: org.apache.kafka.clients.consumer.RangeAssignor)'
    },
    {
      long: '--consumer.config',
      metavar: 'CONFIG-FILE',
      help: '(DEPRECATED) Consumer config properties file. This option will be removed in a future version. Use --command-config instead'
    },
    {
      long: '--command-config',
      metavar: 'CONFIG-FILE',
      help: 'Config properties file (config options shared with command line parameters will be overridden).'
    }
  ]
}
