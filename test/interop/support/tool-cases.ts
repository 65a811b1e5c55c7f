// Command lines for which Apache's tools and ours must say the same: what the recorded runs do not have. They follow one another on one
// broker, each made by us first and by Java then, so what changes something leaves the same behind. `$` is --bootstrap-server and its
// address, `%` --bootstrap-controller and its.
import type { javaTools } from './java-tools.ts'

export interface ToolCases {
  readonly tool: string
  readonly java: keyof typeof javaTools
  readonly lines: string
}

/** Files that the command lines name. */
export const caseFiles: Readonly<Record<string, string>> = {
  'add.props': 'retention.ms=1234567\n# comment\nmax.message.bytes=2000000\n',
  'fast.props': 'default.api.timeout.ms=600\nrequest.timeout.ms=500\n',
  'one.csv': 'three,0,0\nthree,1,2\nquickstart-events,0,1000\n',
  'many.csv': 'g1,three,0,0\nanother-group-of-a-long-name-for-it,three,1,2\n"g1",other,2,3\n',
  'crlf.csv': 'three,0,0\r\nthree,1,2\r\n',
  'st.csv': 'three,0,1\nthree,4,100\n',
  'all.csv': 'three,0,1\nthree,1,1\nthree,2,5\nthree,3,0\nthree,4,100\n'
}

export const toolCases: readonly ToolCases[] = [
  {
    tool: 'kafka-client-metrics',
    java: 'clientMetrics',
    lines: `
    $ --alter --name sub1 --metrics org.apache.kafka.producer.,b.c --interval 30000 --match client_id=c.*,client_software_name=x
    $ --alter --name sub2 --interval 500
    $ --list
    $ --alter --name sub1 --match bogus=3
    $ --list --name x
    $ --delete --name sub1
    --help
    `
  },
  {
    tool: 'kafka-configs',
    java: 'configs',
    lines: `
    $ --describe --entity-type topics --entity-name cfg-topic
    $ --describe --topic cfg-topic --all
    $ --describe --topic 'bad name'
    $ --alter --topic cfg-topic --add-config 'retention.ms=5,'
    $ --alter --topic cfg-topic --add-config-file missing.props
    $ --describe --topic cfg-topic --command-config missing.props
    $ --describe --entity-type topics --entity-type topics
    --describe --topic cfg-topic
    $ --describe --topic
    $ --describe --entity-type brokers
    $ --describe --broker-defaults --all
    $ --alter --broker 1 --add-config log.cleaner.threads=2,background.threads=4
    $ --describe --broker-defaults
    $ --describe --entity-type broker-loggers
    $ --alter --broker-logger 1 --add-config nope.logger=DEBUG
    % --describe --broker-defaults
    % --alter --broker-defaults --delete-config log.retention.ms
    % --alter --user al --add-config producer_byte_rate=1
    $ --alter --user al --add-config 'SCRAM-SHA-256=[iterations=8192,password=s],SCRAM-SHA-512=[password=t]'
    $ --alter --user be --add-config 'SCRAM-SHA-512=[iterations=-5,password=t]'
    $ --alter --user be --add-config 'SCRAM-SHA-512=[iterations=,password=t]'
    $ --alter --user be --add-config 'SCRAM-SHA-512=[password=x],producer_byte_rate=3'
    $ --alter --user be --add-config 'bogus=1,more=2,third=3'
    $ --alter --user-defaults --add-config 'SCRAM-SHA-512=[password=x]'
    $ --alter --user al --client-defaults --add-config request_percentage=250
    $ --alter --client c1 --add-config request_percentage=x
    $ --alter --client c1 --add-config producer_byte_rate=1
    $ --describe --user al --entity-type clients
    $ --describe --entity-type clients --entity-name c1 --entity-type users --entity-name al
    $ --describe --user-defaults
    $ --describe --ip 127.0.0.1
    $ --alter --entity-type users --add-config producer_byte_rate=5
    $ --alter --group gX --add-config consumer.heartbeat.interval.ms=6000
    $ --describe --client-metrics m1
    $ --alter --entity-type topics --entity-default --add-config a=b
    --bootstrap-server localhost:1 --describe --user three --command-config fast.props
    `
  },
  {
    tool: 'kafka-groups',
    java: 'groups',
    lines: `
    (nothing)
    $ --list --group-type
    $ --list --command-config missing.props
    `
  },
  {
    tool: 'kafka-consumer-groups',
    java: 'consumerGroups',
    lines: `
    $ --list --type
    $ --list --topic g1
    $ --list --members
    --list
    $ --describe --group g1 --verbose
    $ --describe --group g1 --group another-group-of-a-long-name-for-it --offsets
    $ --describe --all-groups --members
    $ --describe --all-groups --state --verbose
    $ --describe --group g1 --state stable
    $ --describe --group g1 --group nope
    $ --describe --group g1 --timeout 10000
    $ --bogus
    $ --delete --group live
    $ --delete-offsets --group live --topic three
    $ --delete-offsets --group nope --topic three
    $ --delete-offsets --group g1 --topic three:
    $ --reset-offsets --group newgroup --topic three --topic other --topic a-topic-with-a-rather-long-name --to-latest --dry-run --export
    $ --reset-offsets --group g1 --group live --group another-group-of-a-long-name-for-it --topic three --to-earliest --dry-run --export
    $ --reset-offsets --group g1 --topic other --to-datetime 2026-01-03T02:00:00.000Z --dry-run
    $ --reset-offsets --group g1 --topic other --to-datetime 2026-1-3T2:0:0.5 --dry-run
    $ --reset-offsets --group g1 --topic other --to-datetime 2027-01-03T02:00:00.000 --dry-run
    $ --reset-offsets --group g1 --topic other --by-duration -P1D --dry-run
    $ --reset-offsets --group g1 --topic three --shift-by 1 --dry-run
    $ --reset-offsets --group g1 --all-topics --shift-by x --dry-run
    $ --reset-offsets --group g1 --topic three --to-offset x --dry-run
    $ --reset-offsets --group g1 --to-latest --dry-run
    $ --reset-offsets --to-latest --topic three --dry-run
    $ --describe --group shlive
    $ --reset-offsets --group shlive --to-latest --topic three --execute
    $ --reset-offsets --group g1 --to-latest --topic three:1:2 --dry-run
    $ --reset-offsets --group g1 --from-file one.csv --dry-run
    $ --reset-offsets --all-groups --from-file many.csv --dry-run
    $ --reset-offsets --group g1 --from-file one.csv --topic three --dry-run
    --help
    --bootstrap-server localhost:1 --describe --group g1 --timeout 500
    --bootstrap-server localhost:1 --delete-offsets --group g1 --topic three:1 --timeout 500
    `
  },
  {
    tool: 'kafka-share-groups',
    java: 'shareGroups',
    lines: `
    $ --list --state empty
    $ --list --state assigning
    $ --describe --all-groups
    $ --describe --all-groups --state
    $ --describe --group nope
    $ --describe --group sg --members --state
    --list
    $ --list --verbose
    $ --list --describe --all-groups
    $ --delete --group a --all-groups
    $ --delete --group a --topic b
    $ --delete-offsets --group sg --topic nope
    $ --delete-offsets --group g1 --topic three
    $ --reset-offsets --group sg --topic three:1,2 --to-latest --execute
    $ --reset-offsets --group shlive --topic three --to-latest --dry-run
    $ --reset-offsets --group brandnew --all-topics --to-latest --dry-run
    $ --reset-offsets --group brandnew --topic three --to-latest --dry-run
    $ --reset-offsets --topic three --to-latest --dry-run
    --bootstrap-server localhost:1 --describe --group sg --timeout 500
    `
  },
  {
    tool: 'kafka-streams-groups',
    java: 'streamsGroups',
    lines: `
    $ --list
    $ --describe --group st-live
    $ --describe --group st-live --verbose
    $ --describe --group st-live --members --verbose
    $ --describe --group st-live --state
    $ --describe --all-groups --state
    (nothing)
    --help
    $ --list --timeout x
    $ --reset-offsets --all-groups --all-input-topics --to-current --dry-run
    $ --reset-offsets --group st-empty --input-topic three --shift-by 1 --dry-run
    $ --reset-offsets --group nope --input-topic three --to-latest --dry-run
    $ --reset-offsets --group st-empty --to-latest --to-earliest --all-input-topics --dry-run
    $ --reset-offsets --group st-empty --all-input-topics --dry-run
    $ --reset-offsets --group st-empty --delete-all-internal-topics --all-input-topics --to-latest --dry-run
    $ --delete-offsets --group st-live --input-topic three
    $ --delete-offsets --group st-empty --input-topic nope
    $ --delete
    $ --delete --group st-live --input-topic three
    $ --delete --group nope --group st-live --delete-all-internal-topics
    `
  },
  {
    tool: 'kafka-streams-application-reset',
    java: 'streamsReset',
    lines: `
    (nothing)
    $ --application-id nope --dry-run
    $ --application-id app --input-topics three,nope --intermediate-topics bogus --dry-run
    $ --application-id app --input-topics three --to-offset 1 --dry-run
    $ --application-id g1 --input-topics three --shift-by -1 --dry-run
    $ --application-id app --input-topics other --by-duration P300D --dry-run
    $ --application-id app --input-topics other --by-duration junk --dry-run
    $ --application-id app --input-topics three --from-file missing.csv --dry-run
    $ --application-id app --internal-topics app-store-changelog --dry-run
    $ --application-id live --input-topics three --dry-run
    $ --application-id shlive --input-topics three --dry-run
    $ --application-id app --command-config missing.props --dry-run
    `
  }
]
