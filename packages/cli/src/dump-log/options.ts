// The options of kafka-dump-log.
import { helpAndVersion, type OptionSpec } from '../options.ts'

const decoder = (name: string, what: string): OptionSpec => ({
  name,
  argument: { type: 'String', isOptional: true, default: 'org.apache.kafka.tools.api.StringDecoder' },
  description: `If set, used to deserialize the ${what}. This class should implement org.apache.kafka.tools.api.Decoder trait. Custom jar should be available in kafka/libs directory.`
})

export const dumpLogOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'print-data-log',
    description: 'If set, printing the messages content when dumping data logs. Automatically set if any decoder option is specified.'
  },
  { name: 'verify-index-only', description: 'If set, just verify the index log without printing its content.' },
  {
    name: 'index-sanity-check',
    description:
      'If set, just checks the index sanity without printing its content. This is the same check that is executed on broker startup to determine if an index needs rebuilding or not.'
  },
  {
    name: 'files',
    argument: { type: 'String', name: 'file1, file2, ...' },
    description: 'REQUIRED: The comma separated list of data and index log files to be dumped.'
  },
  {
    name: 'max-message-size',
    argument: { type: 'Integer', name: 'size', default: '5242880' },
    description: 'Size of largest message.'
  },
  {
    name: 'max-bytes',
    argument: { type: 'Integer', name: 'size', default: '2147483647' },
    description: 'Limit the amount of total batches read in bytes avoiding reading the whole .log file(s).'
  },
  {
    name: 'deep-iteration',
    description: 'If set, uses deep instead of shallow iteration. Automatically set if print-data-log is enabled.'
  },
  decoder('value-decoder-class', 'messages'),
  decoder('key-decoder-class', 'keys'),
  {
    name: 'offsets-decoder',
    description: 'If set, log data will be parsed as offset data from the __consumer_offsets topic.'
  },
  {
    name: 'transaction-log-decoder',
    description: 'If set, log data will be parsed as transaction metadata from the __transaction_state topic.'
  },
  {
    name: 'cluster-metadata-decoder',
    description: 'If set, log data will be parsed as cluster metadata records.'
  },
  {
    name: 'remote-log-metadata-decoder',
    description:
      'If set, log data will be parsed as TopicBasedRemoteLogMetadataManager (RLMM) metadata records. Instead, the value-decoder-class option can be used if a custom RLMM implementation is configured.'
  },
  {
    name: 'share-group-state-decoder',
    description: 'If set, log data will be parsed as share group state data from the __share_group_state topic.'
  },
  {
    name: 'skip-record-metadata',
    description: 'Skip metadata when printing records. This flag also skips control records.'
  }
]
