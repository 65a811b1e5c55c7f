// The same command lines through Apache Kafka's tools and through our commands, against the same Apache Kafka: the same text, the same
// exit codes. ADMIN_COMMANDS=kafka-acls runs only those of that command.
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { Kafka } from '@odradek/client'
import { comparable } from '../../packages/cli/test/support/comparable.ts'
import { masked, runCommand } from '../../packages/cli/test/support/transcripts.ts'
import { commandLines, files, loginModule } from './support/admin-command-lines.ts'
import { freePort, startBroker, temporaryDir } from './support/brokers.ts'
import type { ToolResult } from './support/java-tools.ts'
import { ToolRunner } from './support/tool-runner.ts'
import { kafkaClassPath, toolchain } from './support/toolchains.ts'

/** Words of one length, because of the widths of columns. */
const WHO = { java: 'jjjj', node: 'nnnn' }
const asked = process.env.ADMIN_COMMANDS?.split(',')

/** A listener without and one with authentication, which delegation tokens ask for. */
function settings({
  port,
  securedPort,
  controllerPort
}: Record<'port' | 'securedPort' | 'controllerPort', number>): Record<string, string> {
  const listeners = `PLAINTEXT://localhost:${port},SASL_PLAINTEXT://localhost:${securedPort}`
  return {
    'controller.quorum.voters': `1@localhost:${controllerPort}`,
    listeners: `${listeners},CONTROLLER://localhost:${controllerPort}`,
    'advertised.listeners': listeners,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${loginModule} required user_alice="alice-secret";`,
    'delegation.token.secret.key': 'secret',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
    'transaction.state.log.num.partitions': '4'
  }
}

/** Topics, records, and transactions in three states. */
async function prepare(bootstrap: string): Promise<AsyncDisposable> {
  const kafka = new Kafka({ brokers: bootstrap })
  const admin = kafka.admin()
  await admin.createTopics([
    { name: 'three', numPartitions: 5 },
    { name: 'tx-topic', numPartitions: 2 }
  ])
  for (const id of ['tx-open', 'tx-aborted', 'tx-committed']) {
    const producer = kafka.producer({ transactionalId: id })
    await producer.initTransactions()
    await producer.beginTransaction()
    await producer.send('three', { partition: 1, value: Buffer.from('x') })
    await producer.send('tx-topic', { partition: 0, value: Buffer.from('y') })
    if (id === 'tx-aborted') await producer.abortTransaction()
    if (id === 'tx-committed') await producer.commitTransaction()
  }
  return kafka
}

function text(tool: string, output: string): string {
  const recorded = output.replace(/(?:^\t(?:at .*|\.\.\. \d+ more)\n)+/gm, '\t<STACK>\n')
  return masked(comparable(tool, recorded))
    .replace(/^\t<STACK>\n/gm, '')
    .replace(/\n+$/, '\n')
}

test("commands that administer a cluster answer as Apache Kafka's tools do", { timeout: 300_000 }, async (t) => {
  if (toolchain(t, 'Java and Apache Kafka', kafkaClassPath) === undefined) return
  const folder = temporaryDir('commands')
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  const [port, securedPort, controllerPort] = [await freePort(), await freePort(), await freePort()]
  await using broker = await startBroker({ kind: 'apache', port, overrides: settings({ port, securedPort, controllerPort }) })
  const [bootstrap, secured, controller] = [broker.bootstrapServers, `localhost:${securedPort}`, `localhost:${controllerPort}`]
  await using _ = await prepare(bootstrap)
  await using java = new ToolRunner(folder)
  for (const [tool, { mainClass, lines }] of Object.entries(commandLines)) {
    if (asked?.includes(tool) === false) continue
    for (const line of lines) {
      await t.test(`${tool} ${line}`, { timeout: 60_000 }, async () => {
        const wordsFor = (who: string): string[] =>
          line
            .split(' ')
            .map((word) => word.replace('<B>', bootstrap).replace('<S>', secured).replace('<C>', controller).replaceAll('<who>', who))
        const named = (output: string, who: string): string => text(tool, output.replaceAll(who, '<who>'))
        const asTheirs = (): Promise<ToolResult> => java.run(mainClass, wordsFor(WHO.java))
        const asOurs = (): Promise<ToolResult> => runCommand({ tool, args: wordsFor(WHO.node) }, { bootstrap, controller, cwd: folder })
        // Those that wait for nobody change nothing, and can wait together.
        const [theirs, ours] = line.includes('hurry.props') ? await Promise.all([asTheirs(), asOurs()]) : [await asTheirs(), await asOurs()]
        const outcome = ({ exitCode, stdout, stderr }: ToolResult, who: string): object => ({
          exitCode,
          stdout: named(stdout.replaceAll(bootstrap, '<BOOTSTRAP>').replaceAll(controller, '<CONTROLLER>'), who),
          stderr: named(stderr, who)
        })
        assert.deepEqual(outcome(ours, WHO.node), outcome(theirs, WHO.java))
      })
    }
  }
  if (asked?.includes('kafka-acls') === false) return
  await t.test('kafka-acls removes what a person confirms', async () => {
    const acls = async (args: string, stdin?: string): Promise<string> =>
      (await runCommand({ tool: 'kafka-acls', args: `--bootstrap-server ${bootstrap} ${args}`.split(' '), stdin }, around)).stdout
    const around = { bootstrap, controller, cwd: folder }
    const question = `Are you sure you want to delete all ACLs for resource filter \`ResourcePattern(resourceType=TOPIC, name=asked, patternType=LITERAL)\`? (y/n)\n`
    const entry = '(principal=User:x, host=*, operation=READ, permissionType=ALLOW)'
    await acls('--add --topic asked --operation Read --allow-principal User:x')
    assert.equal(await acls('--remove --topic asked', 'n\n'), question)
    assert.match(await acls('--remove --topic asked'), /nobody answers; --force removes without being asked\n$/)
    assert.ok((await acls('--list --topic asked')).includes(entry))
    assert.equal(await acls('--remove --topic asked', 'Y\n'), question)
    assert.equal(await acls('--list --topic asked'), '')
  })
})
