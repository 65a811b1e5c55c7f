/** The options of kafka-acls: their help texts and which of them go together. */
import { helpAndVersion, type OptionSpec, type Options, UsageError } from '../options.ts'
import { oneAction } from '../options-tool.ts'

const bootstrap =
  'A list of host/port pairs to use for establishing the connection to the Kafka cluster. This list should be in the form host1:port1,host2:port2,... This config is required for acl management using admin client API.'
const operations = [
  'Write',
  'ClusterAction',
  'DescribeTokens',
  'Alter',
  'AlterConfigs',
  'TwoPhaseCommit',
  'Describe',
  'DescribeConfigs',
  'Read',
  'CreateTokens',
  'IdempotentWrite',
  'Delete',
  'All',
  'Create'
]
const supported = 'Note that principalType must be supported by the Authorizer being used.'
const text = (name: string, what: string, description: string): OptionSpec => ({
  name,
  argument: { type: 'String', name: what },
  description
})

export const aclsOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  text('bootstrap-server', 'server to connect to', bootstrap),
  text('bootstrap-controller', 'controller to connect to', bootstrap),
  {
    name: 'command-config',
    argument: { type: 'String', name: 'command-config', isOptional: true },
    description: 'A property file containing configs to be passed to Admin Client.'
  },
  text('topic', 'topic', "topic to which ACLs should be added or removed. A value of '*' indicates ACL should apply to all topics."),
  { name: 'cluster', description: 'Add/Remove cluster ACLs.' },
  text(
    'group',
    'group',
    "Consumer Group to which the ACLs should be added or removed. A value of '*' indicates the ACLs should apply to all groups."
  ),
  text(
    'transactional-id',
    'transactional-id',
    "The transactionalId to which ACLs should be added or removed. A value of '*' indicates the ACLs should apply to all transactionalIds."
  ),
  {
    name: 'idempotent',
    description:
      'Enable idempotence for the producer. This should be used in combination with the --producer option. Note that idempotence is enabled automatically if the producer is authorized to a particular transactional-id.'
  },
  text(
    'delegation-token',
    'delegation-token',
    "Delegation token to which ACLs should be added or removed. A value of '*' indicates ACL should apply to all tokens."
  ),
  {
    name: 'resource-pattern-type',
    argument: { type: 'String', pattern: 'ANY|MATCH|LITERAL|PREFIXED', default: 'LITERAL' },
    description:
      "The type of the resource pattern or pattern filter. When adding acls, this should be a specific pattern type, e.g. 'literal' or 'prefixed'. When listing or removing acls, a specific pattern type can be used to list or remove acls from specific resource patterns, or use the filter values of 'any' or 'match', where 'any' will match any pattern type, but will match the resource name exactly, where as 'match' will perform pattern matching to list or remove all acls that affect the supplied resource(s). WARNING: 'match', when used in combination with the '--remove' switch, should be used with care."
  },
  { name: 'add', description: 'Indicates you are trying to add ACLs.' },
  { name: 'remove', description: 'Indicates you are trying to remove ACLs.' },
  {
    name: 'list',
    description: 'List ACLs for the specified resource, use --topic <topic> or --group <group> or --cluster to specify a resource.'
  },
  {
    name: 'operation',
    argument: { type: 'String', default: 'All' },
    description: `Operation that is being allowed or denied. Valid operation names are: \n${operations.map((name) => `\t${name}\n`).join('')}`
  },
  text(
    'allow-principal',
    'allow-principal',
    `principal is in principalType:name format. ${supported} For example, User:'*' is the wild card indicating all users.`
  ),
  text(
    'deny-principal',
    'deny-principal',
    `principal is in principalType:name format. By default anyone not added through --allow-principal is denied access. You only need to use this option as negation to already allowed set. ${supported} For example if you wanted to allow access to all users in the system but not test-user you can define an ACL that allows access to User:'*' and specify --deny-principal=User:test@EXAMPLE.COM. AND PLEASE REMEMBER DENY RULES TAKES PRECEDENCE OVER ALLOW RULES.`
  ),
  {
    name: 'principal',
    argument: { type: 'String', name: 'principal', isOptional: true },
    description: `List ACLs for the specified principal. principal is in principalType:name format. ${supported} Multiple --principal option can be passed.`
  },
  text(
    'allow-host',
    'allow-host',
    "Host from which principals listed in --allow-principal will have access. If you have specified --allow-principal then the default for this option will be set to '*' which allows access from all hosts."
  ),
  text(
    'deny-host',
    'deny-host',
    "Host from which principals listed in --deny-principal will be denied access. If you have specified --deny-principal then the default for this option will be set to '*' which denies access from all hosts."
  ),
  {
    name: 'producer',
    description:
      'Convenience option to add/remove ACLs for producer role. This will generate ACLs that allows WRITE,DESCRIBE and CREATE on topic.'
  },
  {
    name: 'consumer',
    description:
      'Convenience option to add/remove ACLs for consumer role. This will generate ACLs that allows READ,DESCRIBE on topic and READ on group.'
  },
  { name: 'force', description: 'Assume Yes to all queries and do not prompt.' },
  text(
    'user-principal',
    'user-principal',
    'Specifies a user principal as a resource in relation with the operation. For instance one could grant CreateTokens or DescribeTokens permission on a given user principal.'
  )
]

export type AclsAction = 'add' | 'remove' | 'list'

/** The one action asked for. Throws a UsageError when options do not go together. */
export function checkAclsOptions(options: Options): AclsAction {
  const [server, controller] = [options.has('bootstrap-server'), options.has('bootstrap-controller')]
  if (server === controller)
    throw new UsageError(`${server ? 'Only one' : 'One'} of --bootstrap-server or --bootstrap-controller must be specified`)
  const action = oneAction<AclsAction>(
    options,
    ['add', 'remove', 'list'],
    'Command must include exactly one action: --list, --add, --remove. '
  )
  options.exclude('list', ['producer', 'consumer', 'allow-host', 'allow-principal', 'deny-host', 'deny-principal'])
  for (const role of ['producer', 'consumer']) options.exclude(role, ['operation', 'deny-principal', 'deny-host'])
  const [isProducer, isConsumer, hasTopic] = [options.has('producer'), options.has('consumer'), options.has('topic')]
  if (options.has('principal') && action !== 'list') throw new UsageError('The --principal option is only available if --list is set')
  if (isProducer && !hasTopic) throw new UsageError('With --producer you must specify a --topic')
  if (options.has('idempotent') && !isProducer) throw new UsageError('The --idempotent option is only available if --producer is set')
  const hasMore = !isProducer && (options.has('cluster') || options.has('transactional-id'))
  if (isConsumer && (!hasTopic || !options.has('group') || hasMore))
    throw new UsageError(
      'With --consumer you must specify a --topic and a --group and no --cluster or --transactional-id option should be specified.'
    )
  return action
}
