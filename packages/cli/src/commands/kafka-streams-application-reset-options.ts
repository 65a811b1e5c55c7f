/** The options of kafka-streams-application-reset: their help texts and which of them go together. */
import { excludeScenarios, resetOptions } from '../groups/options.ts'
import { helpAndVersion, type OptionArgument, type OptionSpec, type Options } from '../options.ts'

const list: OptionArgument = { type: 'String', name: 'list', separator: ',' }
const file: OptionArgument = { type: 'String', name: 'file name' }
export const scenarios = ['to-offset', 'to-datetime', 'by-duration', 'to-earliest', 'to-latest', 'from-file', 'shift-by']

/** The same words as of the commands about groups, but without names for most values. */
const reset = resetOptions
  .filter(({ name }) => scenarios.includes(name))
  .map((option): OptionSpec => {
    if (option.name === 'shift-by') return { ...option, description: option.description.replace(/\.$/, '') }
    return option.argument === undefined ? option : { ...option, argument: { type: option.argument.type } }
  })

export const applicationResetOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  ...reset,
  {
    name: 'application-id',
    argument: { type: 'String', name: 'id' },
    isRequired: true,
    description: 'REQUIRED: The Kafka Streams application ID (application.id).'
  },
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server to connect to' },
    description: 'The server(s) to connect to. The broker list string in the form HOST1:PORT1,HOST2:PORT2. (default: localhost:9092)'
  },
  {
    name: 'input-topics',
    argument: list,
    description:
      'Comma-separated list of user input topics. For these topics, the tool by default will reset the offset to the earliest available offset. Reset to other offset position by appending other reset offset option, ex: --input-topics foo --shift-by 5'
  },
  {
    name: 'intermediate-topics',
    argument: list,
    description:
      '[deprecated] Comma-separated list of intermediate user topics (topics that are input and output topics). For these topics, the tool will skip to the end.'
  },
  {
    name: 'internal-topics',
    argument: list,
    description:
      'Comma-separated list of internal topics to delete. Must be a subset of the internal topics marked for deletion by the default behaviour (do a dry-run without this option to view these topics).'
  },
  {
    name: 'config-file',
    argument: file,
    description:
      '(DEPRECATED) Property file containing configs to be passed to admin clients and embedded consumer. This option will be removed in a future version. Use --command-config instead.'
  },
  { name: 'command-config', argument: file, description: 'Config properties file to be passed to admin clients and embedded consumer.' },
  {
    name: 'force',
    description:
      'Force the removal of members of the consumer group (intended to remove stopped members if a long session timeout was used). Make sure to shut down all stream applications when this option is specified to avoid unexpected rebalances.'
  },
  { name: 'dry-run', description: 'Display the actions that would be performed without executing the reset commands.' }
]

/** Throws a UsageError when options do not go together. */
export function checkApplicationResetOptions(options: Options): void {
  excludeScenarios(options, scenarios)
  options.exclude('config-file', ['command-config'])
}

export const purpose = `This tool helps to quickly reset an application in order to reprocess its data from scratch.
* This tool resets offsets of input topics to the earliest available offset (by default), or to a specific defined position* This tool deletes the internal topics that were created by Kafka Streams (topics starting with "<application.id>-").
The tool finds these internal topics automatically. If the topics flagged automatically for deletion by the dry-run are unsuitable, you can specify a subset with the "--internal-topics" option.
* This tool will not delete output topics (if you want to delete them, you need to do it yourself with the bin/kafka-topics.sh command).
* This tool will not clean up the local state on the stream application instances (the persisted stores used to cache aggregation results).
You need to call KafkaStreams#cleanUp() in your application or manually delete them from the directory specified by "state.dir" configuration (\${java.io.tmpdir}/kafka-streams/<application.id> by default).
* When long session timeout has been configured, active members could take longer to get expired on the broker thus blocking the reset job to complete. Use the "--force" option could remove those left-over members immediately. Make sure to stop all stream applications when this option is specified to avoid unexpected disruptions.

*** Important! You will get wrong output if you don't clean up the local stores after running the reset tool!

*** Warning! This tool makes irreversible changes to your application. It is strongly recommended that you run this once with "--dry-run" to preview your changes before making them.

`
