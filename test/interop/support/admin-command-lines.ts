// Command lines of tools that administer a cluster, and the files that they name. <B> is a broker, <S> its listener
// with authentication, <C> a controller, <who> another word
// for each of the two that are compared, so that the second does not meet what the first one left.

const partitions = (...list: object[]): string => JSON.stringify({ version: 1, partitions: list })
const first = { topic: 'three', partition: 0, replicas: [1] }
const controller = ['node.id=3', 'process.roles=controller', 'metadata.log.dir=controller']

export const loginModule = 'org.apache.kafka.common.security.plain.PlainLoginModule'

export const files: Readonly<Record<string, string>> = {
  'request.props': 'request.timeout.ms=5000\n',
  'hurry.props': 'default.api.timeout.ms=400\nrequest.timeout.ms=300\n',
  'alice.props': `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=${loginModule} required username="alice" password="alice-secret";\n`,
  'controller/meta.properties': 'version=1\ncluster.id=abc\nnode.id=3\ndirectory.id=Rfc9Zd3JS0uGnG2q1m0nLg\n',
  'anonymous/meta.properties': 'version=1\ncluster.id=abc\nnode.id=3\n',
  'whole.props':
    'node.id=3\nprocess.roles=controller\ncontroller.listener.names=controller,OTHER\nlisteners=CONTROLLER://:9093,OTHER://[::1]:9094\nadvertised.listeners=OTHER://h:1\nlog.dirs=controller,/x\n',
  'no-id.props': 'process.roles=controller\n',
  'odd-id.props': 'node.id=x\n',
  'negative-id.props': 'node.id=-3\n',
  'broker.props': 'node.id=3\nprocess.roles=broker\n',
  'no-dir.props': 'node.id=3\nprocess.roles=controller\n',
  'wrong-dir.props': 'node.id=3\nprocess.roles=controller\nmetadata.log.dir=nowhere\n',
  'anonymous.props': 'node.id=3\nprocess.roles=controller\nmetadata.log.dir=anonymous\n',
  'no-listener.props': `${controller.join('\n')}\n`,
  'wrong-listener.props': `${controller.join('\n')}\ncontroller.listener.names=X\nlisteners=CONTROLLER://:9093\n`,
  'odd-listener.props': `${controller.join('\n')}\ncontroller.listener.names=X\nlisteners=foo\n`,
  'joining.props': `${controller.join('\n')}\ncontroller.listener.names=CONTROLLER\nlisteners=CONTROLLER://localhost:9093\n`,
  'elect.json': partitions({ topic: 'three', partition: 0 }, { topic: 'three', partition: 1 }, { topic: 'nope', partition: 1 }),
  'elect-twice.json': partitions({ topic: 'three', partition: 0 }, { topic: 'three', partition: 0 }),
  'elect-half.json': partitions({ topic: 'three' }),
  'elect-text.json': partitions({ topic: 'three', partition: '0' }),
  'object.json': '{"partitions":{}}',
  'other.json': '{"part":1}',
  'list.json': '[]',
  'cut.json': '{"partitions":[',
  'empty.json': '',
  'topics.json': '{"topics":[{"topic":"three"},{"topic":"tx-topic"}],"version":1}',
  'topics-twice.json': '{"topics":[{"topic":"three"},{"topic":"three"}]}',
  'topics-unknown.json': '{"topics":[{"topic":"nope"}]}',
  'topics-number.json': '{"topics":[{"topic":1}]}',
  'topics-object.json': '{"topics":{}}',
  'version.json': '{"version":2}',
  'version-text.json': '{"version":"x"}',
  'nothing.json': '{}',
  'plan.json': partitions(first, { topic: 'three', partition: 1, replicas: [1], log_dirs: ['any'] }),
  'plan-broker.json': partitions({ ...first, replicas: [1, 2] }),
  'plan-topic.json': partitions({ ...first, topic: 'nope' }),
  'plan-partition.json': partitions({ ...first, partition: 99 }, { ...first, partition: 98 }),
  'plan-no-partitions.json': partitions(),
  'plan-no-replicas.json': partitions({ ...first, replicas: [] }),
  'plan-replicas-twice.json': partitions({ ...first, replicas: [1, 1] }, { ...first, partition: 1, replicas: [1, 1, 1] }),
  'plan-twice.json': partitions(first, first),
  'plan-dirs.json': partitions({ ...first, log_dirs: ['a', 'b'] }),
  'plan-dir.json': partitions({ ...first, log_dirs: ['/nowhere'] }),
  'plan-number.json': partitions({ ...first, replicas: 1 }),
  'plan-half.json': partitions({ topic: 'three', partition: 0 }),
  'plan-text.json': partitions({ ...first, partition: 'x' }),
  'plan-texts.json': partitions({ ...first, replicas: ['1'] }),
  'plan-other.json': partitions({ ...first, replicas: [2] }, { ...first, partition: 1 }, { ...first, topic: 'nope' })
}

const features = `
feature-dependencies --feature group.version=9
feature-dependencies --feature nope=9
feature-dependencies --feature metadata.version=99
feature-dependencies --feature metadata.version=30 --feature streams.version=1 --feature eligible.leader.replicas.version=1
feature-dependencies --feature x
feature-dependencies --feature x=y
feature-dependencies --feature x=99999
feature-dependencies
version-mapping
version-mapping --release-version 3.3
version-mapping --release-version 3.2
version-mapping --release-version 4.4
version-mapping --release-version 4.4-IV0
--bootstrap-server <B> describe --node-id 1
--bootstrap-server <B> describe --node-id -1
--bootstrap-server <B> describe --node-id x
--bootstrap-server <B> --command-config hurry.props describe --node-id 7
--bootstrap-controller <C> describe
--bootstrap-server <B> upgrade
--bootstrap-server <B> upgrade --feature nope=3 --feature group.version=1
--bootstrap-server <B> downgrade --feature group.version=-3
--bootstrap-server <B> upgrade --feature group.version=0
--bootstrap-server <B> downgrade --release-version 4.0 --dry-run
--bootstrap-server <B> downgrade --release-version 4.0 --unsafe --dry-run
--bootstrap-server <B> upgrade --release-version 4.3 --dry-run
--bootstrap-controller <C> upgrade --release-version 4.3 --dry-run
describe
--bootstrap-server <B> upgrade --metadata 4.3 --dry-run
--bootstrap-server <B> upgrade --metadata 9.3 --dry-run
--bootstrap-server <B> upgrade --metadata 4.3 --release-version 4.3
--bootstrap-server <B> disable
--bootstrap-server <B> disable --feature nope --dry-run
--bootstrap-server <B> disable --feature group.version --feature group.version
--bootstrap-server <B> --command-config nowhere.props describe
--bootstrap-server <B> --bootstrap-controller <C> describe
--bootstrap-server localhost:1 --command-config hurry.props describe
--bootstrap-server localhost:1 --command-config hurry.props upgrade --feature group.version=1
describe -h
upgrade -h
downgrade -h
disable -h
version-mapping -h
feature-dependencies -h
--bootstrap-server <B> bogus
`

const quorum = `
--bootstrap-server <B> add-controller
--bootstrap-server <B> --command-config whole.props add-controller --dry-run
--bootstrap-server <B> --command-config no-id.props add-controller --dry-run
--bootstrap-server <B> --command-config odd-id.props add-controller --dry-run
--bootstrap-server <B> --command-config negative-id.props add-controller --dry-run
--bootstrap-server <B> --command-config broker.props add-controller
--bootstrap-server <B> --command-config no-dir.props add-controller
--bootstrap-server <B> --command-config wrong-dir.props add-controller
--bootstrap-server <B> --command-config anonymous.props add-controller
--bootstrap-server <B> --command-config no-listener.props add-controller
--bootstrap-server <B> --command-config wrong-listener.props add-controller
--bootstrap-server <B> --command-config odd-listener.props add-controller
--bootstrap-server <B> --command-config joining.props add-controller
--bootstrap-server <B> --command-config nowhere.props describe --status
--bootstrap-server <B> remove-controller -i -3 -d x
--bootstrap-server <B> remove-controller -i 3 -d x
--bootstrap-server <B> remove-controller -i 3 -d xyz1
--bootstrap-server <B> remove-controller -i 3 -d x!yz
--bootstrap-server <B> remove-controller -i 3 -d AAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAQ
--bootstrap-server <B> remove-controller -i 3 -d AAAAAAAAAAAAAAAAAAAAAQ --dry-run
--bootstrap-controller <C> remove-controller -i 3 -d AAAAAAAAAAAAAAAAAAAAAQ==
--bootstrap-server <B> describe --status --replication
--bootstrap-server <B> describe --status --human-readable
--bootstrap-server <B> describe --replication
--bootstrap-controller <C> describe --replication --human-readable
--bootstrap-controller <C> describe --status
--bootstrap-server localhost:1 --command-config hurry.props describe --status
describe -h
add-controller -h
remove-controller -h
describe --status
`

const transactions = `
--bootstrap-server <B> list
--bootstrap-server <B> list --duration-filter 1000000
--bootstrap-server <B> list --duration-filter x
--bootstrap-server <B> list --transactional-id-pattern .*-open
--bootstrap-server <B> describe --transactional-id nope
--bootstrap-server <B> describe --transactional-id tx-aborted
--bootstrap-server <B> describe
--bootstrap-server <B> describe-producers --topic three --partition 1
--bootstrap-server <B> describe-producers --topic three --partition 0
--bootstrap-server <B> describe-producers --topic three --partition 1 --broker-id 1
--bootstrap-server <B> --command-config hurry.props describe-producers --topic three --partition 0 --broker-id 7
--bootstrap-server <B> describe-producers --topic three
--bootstrap-server <B> find-hanging
--bootstrap-server <B> find-hanging --partition 1 --broker-id 1
--bootstrap-server <B> find-hanging --broker-id 1
--bootstrap-server <B> find-hanging --topic three --max-transaction-timeout 0
--bootstrap-server <B> find-hanging --topic three --partition 1
--bootstrap-server <B> abort --topic three --partition 1
--bootstrap-server <B> abort --topic three --partition 1 --producer-id 4
--bootstrap-server <B> abort --topic three --partition 1 --producer-id 4 --producer-epoch 0
--bootstrap-server <B> abort --topic three --partition 1 --producer-id 4 --producer-epoch 70000
--bootstrap-server <B> abort --topic three --partition 1 --producer-id 0 --producer-epoch -1 --coordinator-epoch -5
--bootstrap-server <B> abort --topic three --partition 1 --start-offset 77
--bootstrap-server <B> forceTerminateTransaction --transactionalId nobody
--bootstrap-server <B> forceTerminateTransaction
--bootstrap-server <B> --command-config nowhere.props list
--bootstrap-server localhost:1 --command-config hurry.props list
--bootstrap-server localhost:1 --command-config hurry.props describe --transactional-id x
--bootstrap-server localhost:1 --command-config hurry.props describe-producers --topic x --partition 0
--bootstrap-server localhost:1 --command-config hurry.props find-hanging --broker-id 1
list
-v
list -h
describe -h
describe-producers -h
abort -h
find-hanging -h
force -h
--bootstrap-server <B> bogus
`

const acls = `
--bootstrap-server <B> --add --allow-principal User:x --operation Bogus --group t
--bootstrap-server <B> --add --allow-principal User:x --operation Bogus --cluster
--bootstrap-server <B> --add --allow-principal User:x --operation Bogus --transactional-id t
--bootstrap-server <B> --add --allow-principal User:x --operation Bogus --delegation-token t
--bootstrap-server <B> --add --allow-principal User:x --operation Bogus --user-principal User:t
--bootstrap-server <B> --add --allow-principal User:x --operation Any --topic t
--bootstrap-server <B> --add --allow-principal User:x --topic t --resource-pattern-type bogus
--bootstrap-server <B> --add --allow-principal User:x --topic t --resource-pattern-type any
--bootstrap-server <B> --add --allow-principal User:x --cluster --resource-pattern-type prefixed
--bootstrap-server <B> --list --resource-pattern-type
--bootstrap-server <B> --list --topic t --resource-pattern-type literal --resource-pattern-type any
--bootstrap-server <B> --list --principal
--bootstrap-server <B> --list --principal bad
--bootstrap-server <B> --list --command-config
--bootstrap-server <B> --list --command-config nowhere.props
--bogus
--topic
--version
--bootstrap-server <B> --bootstrap-controller <C> --list
--list
--bootstrap-server <B> --add --allow-principal User:<who> --allow-principal User:bob --allow-host 1.1.1.1 --allow-host 2.2.2.2 --operation Read --operation write --topic <who>-1 --topic <who>-2
--bootstrap-server <B> --add --allow-principal User:<who> --operation Read --operation Alter --allow-host 1.1.1.1 --topic <who>-1
--bootstrap-server <B> --list --topic <who>-1
--bootstrap-server <B> --remove --allow-principal User:<who> --operation Read --topic <who>-1 --force
--bootstrap-server <B> --list --topic <who>-1 --topic <who>-2 --principal User:<who> --principal User:bob
--bootstrap-controller <C> --add --deny-principal User:eve --operation All --group <who>
--bootstrap-controller <C> --list --group <who>
--bootstrap-server <B> --add --allow-principal User:<who> --producer --topic <who>-3 --transactional-id <who> --idempotent
--bootstrap-server <B> --add --allow-principal User:<who> --producer --consumer --topic <who>-3 --group <who>
--bootstrap-server <B> --list --topic <who>-3 --resource-pattern-type match
--bootstrap-server <B> --list --principal User:<who>
--bootstrap-server <B> --add --allow-principal User:x --consumer --topic a
--bootstrap-server <B> --add --allow-principal User:x --producer
--bootstrap-server <B> --add --allow-principal User:x --producer --topic a --operation Read
--bootstrap-server <B> --list --allow-principal User:x
--bootstrap-server <B> --add --principal User:x --topic a
--bootstrap-server <B> --add --allow-principal User:x --idempotent --topic a
--bootstrap-server <B> --remove --topic <who>-1 --topic <who>-2 --topic <who>-3 --group <who> --transactional-id <who> --force
--bootstrap-server <B> --list --topic <who>-1 --topic <who>-2 --topic <who>-3 --group <who> --transactional-id <who>
--bootstrap-server localhost:1 --command-config hurry.props --list
--bootstrap-server localhost:1 --command-config hurry.props --add --topic t --allow-principal User:x
--bootstrap-server localhost:1 --command-config hurry.props --remove --topic t --allow-principal User:x --force
`

const elections = `
--bogus
--bootstrap-server <B>
--topic x
--bootstrap-server <B> --election-type preferred
--bootstrap-server <B> --election-type preferred --topic three
--bootstrap-server <B> --election-type preferred --all-topic-partitions --partition 1
--bootstrap-server <B> --election-type preferred --all-topic-partitions --topic three
--bootstrap-server <B> --election-type Unclean --all-topic-partitions
--bootstrap-server <B> --election-type preferred --topic three --partition x
--bootstrap-server <B> --election-type preferred --topic three --partition 99
--bootstrap-server <B> --election-type preferred --admin.config request.props --topic three --partition 1
--bootstrap-server <B> --election-type preferred --admin.config request.props --command-config request.props --topic three --partition 1
--bootstrap-server <B> --election-type preferred --command-config nowhere.props --topic three --partition 1
--bootstrap-server <B> --election-type preferred --path-to-json-file nowhere.json
--bootstrap-server <B> --election-type preferred --path-to-json-file controller
--bootstrap-server <B> --election-type unclean --path-to-json-file elect.json
--bootstrap-server <B> --election-type unclean --path-to-json-file elect-twice.json
--bootstrap-server <B> --election-type unclean --path-to-json-file elect-half.json
--bootstrap-server <B> --election-type unclean --path-to-json-file elect-text.json
--bootstrap-server <B> --election-type unclean --path-to-json-file other.json
--bootstrap-server <B> --election-type unclean --path-to-json-file list.json
--bootstrap-server <B> --election-type unclean --path-to-json-file object.json
--bootstrap-server <B> --election-type unclean --path-to-json-file cut.json
--bootstrap-server <B> --election-type unclean --path-to-json-file empty.json
--bootstrap-server localhost:1 --command-config hurry.props --election-type preferred --all-topic-partitions
`

const tokens = `
--bogus
--create --describe
--create
--bootstrap-server <B> --create
--bootstrap-server <B> --command-config request.props --create
--bootstrap-server <B> --command-config request.props --create --max-life-time-period 1000 --renewer-principal User:a --renewer-principal User:b --owner-principal User:c
--bootstrap-server <B> --command-config request.props --create --max-life-time-period -1 --renewer-principal a
--bootstrap-server <B> --command-config request.props --create --max-life-time-period -1 --hmac x
--bootstrap-server <B> --command-config request.props --renew --hmac aGVsbG8= --renew-time-period -1
--bootstrap-server <B> --command-config request.props --renew --hmac aGV!sbG8= --renew-time-period -1
--bootstrap-server <B> --command-config request.props --renew --hmac aGVsbG8=
--bootstrap-server <B> --command-config request.props --expire --hmac aGVsbG8= --expiry-time-period 5
--bootstrap-server <B> --command-config request.props --describe --owner-principal User:a --owner-principal User:b
--bootstrap-server <B> --command-config nowhere.props --describe
--bootstrap-server <B> --command-config request.props --describe --hmac x
--bootstrap-server <S> --command-config alice.props --create --max-life-time-period -1 --renewer-principal User:bob
--bootstrap-server <S> --command-config alice.props --create --max-life-time-period 3600000
--bootstrap-server <S> --command-config alice.props --describe --owner-principal User:zed
--bootstrap-server <S> --command-config alice.props --describe
--bootstrap-server <S> --command-config alice.props --renew --hmac aGVsbG8= --renew-time-period -1
--bootstrap-server <S> --command-config alice.props --expire --hmac aGVsbG8= --expiry-time-period -1
--bootstrap-server localhost:1 --command-config hurry.props --describe
`

const reassignments = `
--bogus
--throttle
--version
--bootstrap-server <B> --list --verify
--list
--bootstrap-server <B> --bootstrap-controller <C> --list
--bootstrap-server <B> --list --throttle 3
--bootstrap-controller <C> --list
--bootstrap-controller <C> --verify --reassignment-json-file plan.json
--bootstrap-server <B> --verify
--bootstrap-server <B> --generate --topics-to-move-json-file topics.json
--bootstrap-server <B> --generate --topics-to-move-json-file topics.json --broker-list 1
--bootstrap-server <B> --generate --topics-to-move-json-file topics.json --broker-list 1 --disable-rack-aware
--bootstrap-server <B> --generate --topics-to-move-json-file topics.json --broker-list 1,1
--bootstrap-server <B> --generate --topics-to-move-json-file topics.json --broker-list 1,x
--bootstrap-server <B> --generate --topics-to-move-json-file topics-twice.json --broker-list 1
--bootstrap-server <B> --generate --topics-to-move-json-file topics-unknown.json --broker-list 1
--bootstrap-server <B> --generate --topics-to-move-json-file topics-number.json --broker-list 1
--bootstrap-server <B> --generate --topics-to-move-json-file topics-object.json --broker-list 1
--bootstrap-server <B> --generate --topics-to-move-json-file version.json --broker-list 1
--bootstrap-server <B> --generate --topics-to-move-json-file cut.json --broker-list 1
--bootstrap-server <B> --generate --topics-to-move-json-file nothing.json --broker-list 1
--bootstrap-server <B> --generate --topics-to-move-json-file nowhere.json --broker-list 1
--bootstrap-server <B> --execute --reassignment-json-file plan.json --throttle 5000 --replica-alter-log-dirs-throttle 7000 --timeout 3000 --additional --disallow-replication-factor-change
--bootstrap-server <B> --verify --reassignment-json-file plan.json --preserve-throttles
--bootstrap-server <B> --verify --reassignment-json-file plan.json
--bootstrap-server <B> --cancel --reassignment-json-file plan.json --preserve-throttles
--bootstrap-server <B> --execute --reassignment-json-file plan-broker.json
--bootstrap-server <B> --execute --reassignment-json-file plan-topic.json
--bootstrap-server <B> --execute --reassignment-json-file plan-partition.json
--bootstrap-server <B> --execute --reassignment-json-file plan-no-partitions.json
--bootstrap-server <B> --execute --reassignment-json-file nothing.json
--bootstrap-server <B> --execute --reassignment-json-file version.json
--bootstrap-server <B> --execute --reassignment-json-file version-text.json
--bootstrap-server <B> --execute --reassignment-json-file list.json
--bootstrap-server <B> --execute --reassignment-json-file plan-no-replicas.json
--bootstrap-server <B> --execute --reassignment-json-file plan-replicas-twice.json
--bootstrap-server <B> --execute --reassignment-json-file plan-twice.json
--bootstrap-server <B> --execute --reassignment-json-file plan-dirs.json
--bootstrap-server <B> --execute --reassignment-json-file plan-dir.json --timeout 100
--bootstrap-server <B> --execute --reassignment-json-file plan-number.json
--bootstrap-server <B> --execute --reassignment-json-file plan-half.json
--bootstrap-server <B> --execute --reassignment-json-file plan-text.json
--bootstrap-server <B> --execute --reassignment-json-file plan-texts.json
--bootstrap-server <B> --execute --reassignment-json-file plan.json --throttle x
--bootstrap-server <B> --verify --reassignment-json-file plan-dir.json
--bootstrap-server <B> --verify --reassignment-json-file plan-other.json --preserve-throttles
--bootstrap-server <B> --cancel --reassignment-json-file nowhere.json
--bootstrap-server <B> --list --command-config nowhere.props
--bootstrap-server localhost:1 --command-config hurry.props --list
--bootstrap-server localhost:1 --command-config hurry.props --generate --topics-to-move-json-file topics.json --broker-list 1
--bootstrap-server localhost:1 --command-config hurry.props --verify --reassignment-json-file plan.json
--bootstrap-server localhost:1 --command-config hurry.props --cancel --reassignment-json-file plan.json
`

const logDirs = `
--version
--bootstrap-server
--bootstrap-server <B> --describe
--bootstrap-server <B> --describe --broker-list 1,2,7
--bootstrap-server <B> --describe --broker-list a
--bootstrap-server <B> --describe --bogus
--bootstrap-server <B> --describe --command-config nowhere.props
--bootstrap-server <B> --describe --command-config controller
--bootstrap-server localhost:1 --command-config hurry.props --describe
`

const apiVersions = `
--version
--bogus
--bootstrap-server <B>
--bootstrap-server localhost:1 --command-config hurry.props
`

const cluster = `
-h
cluster-id -h
unregister -h
list-endpoints -h
cluster-id
cluster-id --bootstrap-server
cluster-id -b a -C b
cluster-id -b x more
cluster-id -- x
unregister -b x
unregister -b x -i y
unreg --boostrap-server x
list-endpoints --include-fenced-brokers=3
list-endpoints -b <B> --include-fenced-brokers
list-endpoints -C <C>
l --boot x
bogus
clusterid
--x
-x cluster-id
`

const lines = (text: string): string[] => text.trim().split('\n')

/** By the name of the command. */
export const commandLines: Readonly<Record<string, { readonly mainClass: string; readonly lines: readonly string[] }>> = {
  'kafka-features': { mainClass: 'org.apache.kafka.tools.FeatureCommand', lines: lines(features) },
  'kafka-metadata-quorum': { mainClass: 'org.apache.kafka.tools.MetadataQuorumCommand', lines: lines(quorum) },
  'kafka-transactions': { mainClass: 'org.apache.kafka.tools.TransactionsCommand', lines: lines(transactions) },
  'kafka-acls': { mainClass: 'org.apache.kafka.tools.AclCommand', lines: lines(acls) },
  'kafka-leader-election': { mainClass: 'org.apache.kafka.tools.LeaderElectionCommand', lines: lines(elections) },
  'kafka-delegation-tokens': { mainClass: 'org.apache.kafka.tools.DelegationTokenCommand', lines: lines(tokens) },
  'kafka-reassign-partitions': { mainClass: 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand', lines: lines(reassignments) },
  'kafka-log-dirs': { mainClass: 'org.apache.kafka.tools.LogDirsCommand', lines: lines(logDirs) },
  'kafka-broker-api-versions': { mainClass: 'org.apache.kafka.tools.BrokerApiVersionsCommand', lines: lines(apiVersions) },
  'kafka-cluster': { mainClass: 'org.apache.kafka.tools.ClusterTool', lines: lines(cluster) }
}
