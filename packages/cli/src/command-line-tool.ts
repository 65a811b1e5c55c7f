// What the commands with sub-commands (command-line.ts) have in common.
import type { Arguments } from './command-line.ts'
import type { Group, Option } from './command-line-definition.ts'
import type { Target } from './tool.ts'

/** The cluster by its brokers or by its controllers. */
export const bootstrapOptions = (group: Group, controllers: string): readonly Option[] => [
  {
    long: '--bootstrap-server',
    group,
    help: 'A comma-separated list of host:port pairs to use for establishing the connection to the Kafka cluster.'
  },
  {
    long: '--bootstrap-controller',
    group,
    help: `A comma-separated list of host:port pairs to use for establishing the connection to the ${controllers}.`
  }
]

export const targetOf = (args: Arguments): Target => ({
  bootstrapServer: args.value('--bootstrap-server'),
  bootstrapController: args.value('--bootstrap-controller'),
  commandConfig: args.value('--command-config')
})
