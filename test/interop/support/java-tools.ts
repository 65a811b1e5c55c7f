// Runs Apache Kafka's own command-line tools by their main classes.
import { spawn } from 'node:child_process'
import { kafkaClassPath, quickJava } from './toolchains.ts'

export const javaTools = {
  topics: 'org.apache.kafka.tools.TopicCommand',
  configs: 'kafka.admin.ConfigCommand',
  consumerGroups: 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  consoleProducer: 'org.apache.kafka.tools.ConsoleProducer',
  consoleConsumer: 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  producerPerformance: 'org.apache.kafka.tools.ProducerPerformance',
  consumerPerformance: 'org.apache.kafka.tools.ConsumerPerformance',
  endToEndLatency: 'org.apache.kafka.tools.EndToEndLatency',
  dumpLog: 'org.apache.kafka.tools.DumpLogSegments',
  getOffsets: 'org.apache.kafka.tools.GetOffsetShell',
  deleteRecords: 'org.apache.kafka.tools.DeleteRecordsCommand',
  logDirs: 'org.apache.kafka.tools.LogDirsCommand',
  leaderElection: 'org.apache.kafka.tools.LeaderElectionCommand',
  reassignPartitions: 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
  metadataQuorum: 'org.apache.kafka.tools.MetadataQuorumCommand',
  features: 'org.apache.kafka.tools.FeatureCommand',
  cluster: 'org.apache.kafka.tools.ClusterTool',
  brokerApiVersions: 'org.apache.kafka.tools.BrokerApiVersionsCommand',
  transactions: 'org.apache.kafka.tools.TransactionsCommand',
  groups: 'org.apache.kafka.tools.GroupsCommand',
  shareGroups: 'org.apache.kafka.tools.consumer.group.ShareGroupCommand',
  streamsGroups: 'org.apache.kafka.tools.streams.StreamsGroupCommand',
  streamsReset: 'org.apache.kafka.tools.StreamsResetter',
  clientMetrics: 'org.apache.kafka.tools.ClientMetricsCommand',
  verifiableProducer: 'org.apache.kafka.tools.VerifiableProducer',
  verifiableConsumer: 'org.apache.kafka.tools.VerifiableConsumer',
  metadataShell: 'org.apache.kafka.shell.MetadataShell'
} as const

export interface ToolResult {
  exitCode: number | null
  stdout: string
  stderr: string
}

export async function runProcess(
  program: string,
  args: string[],
  options: { stdin?: string; timeoutMs?: number; env?: Record<string, string> } = {}
): Promise<ToolResult> {
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...options.env } })
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 120_000)
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8')
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8')
    })
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.once('close', (exitCode) => {
      clearTimeout(timer)
      resolve({ exitCode, stdout, stderr })
    })
    child.stdin.on('error', () => {}) // the tool may end before it has read everything
    child.stdin.end(options.stdin ?? '')
  })
}

/** Runs one of Apache's tools to its end. */
export async function javaTool(
  tool: keyof typeof javaTools,
  args: string[],
  options: { stdin?: string; timeoutMs?: number } = {}
): Promise<ToolResult> {
  return await runProcess('java', ['-Xmx512m', ...quickJava(), '-cp', kafkaClassPath(), javaTools[tool], ...args], options)
}
