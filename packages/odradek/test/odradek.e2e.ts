// The odradek command as a user has it: topics, records there and back, groups, settings, profiles, completion; and what it says when
// something is wrong.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { CommandIo } from '../src/commands/io.ts'
import { type EmbeddedKafka, startKafka } from '../src/index.ts'
import { main } from '../src/main.ts'

const folder = mkdtempSync(join(tmpdir(), 'odradek-cli-'))
let kafka: EmbeddedKafka
before(async () => {
  kafka = await startKafka()
})
after(async () => {
  await kafka[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

interface Result {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface Situation {
  readonly input?: string | readonly Buffer[] | AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal
  /** Nobody reads what is written. */
  readonly isUnread?: boolean
  readonly isTerminal?: boolean
  readonly env?: Record<string, string>
}

async function run(
  args: readonly string[],
  { input = '', isTerminal = false, env = {}, signal, isUnread = false }: Situation = {}
): Promise<Result> {
  const [out, err]: [Buffer[], string[]] = [[], []]
  const io: CommandIo = {
    out: (data) => void out.push(Buffer.from(data)),
    err: (text) => void err.push(text),
    drained: async () => !isUnread,
    input: (async function* () {
      yield* typeof input === 'string' ? [Buffer.from(input)] : input
    })(),
    signal: signal ?? new AbortController().signal,
    cwd: folder,
    env: { ODRADEK_BROKERS: kafka.bootstrapServers, ODRADEK_PROFILES: join(folder, 'profiles.json'), NO_COLOR: '1', ...env },
    isOutputTerminal: isTerminal,
    isErrorTerminal: false,
    isInputTerminal: false
  }
  const code = await main(args, io)
  return { code, out: Buffer.concat(out).toString('utf8'), err: err.join('') }
}

const lines = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

describe('odradek topic', () => {
  test('creates, lists, describes, grows and deletes, and tells the one that failed', async () => {
    assert.deepEqual(await run(['topic', 'create', 'a', 'b', '-p', '2', '-c', 'retention.ms=1000']), {
      code: 0,
      out: 'created a\ncreated b\n',
      err: ''
    })
    const again = await run(['topic', 'create', 'a'])
    assert.equal(again.code, 1)
    assert.match(again.err, /^a: .*exists.*\(TOPIC_ALREADY_EXISTS\)\n$/)
    assert.equal((await run(['topic', 'create', 'a', '--if-not-exists'])).code, 0)
    const [first] = lines((await run(['topic', 'ls', '^a$'])).out) as { name: string; partitions: number }[]
    assert.deepEqual([first.name, first.partitions], ['a', 2])
    assert.equal((await run(['topic', 'add-partitions', 'a', '3'])).out, 'a has 3 partitions\n')
    assert.equal(lines((await run(['topic', 'describe', 'a'])).out).length, 3)
    assert.equal((await run(['topic', 'delete', 'b', '--dry-run'])).out, 'would delete b\n')
    assert.equal((await run(['topic', 'delete', 'b'])).out, 'deleted b\n')
    const gone = await run(['topic', 'describe', 'b'])
    assert.equal(gone.code, 1)
    assert.match(gone.err, /^There is no topic b: /)
  })

  test('has its words in any order with the options that all commands share, and by the names that other tools have', async () => {
    await run(['topic', 'create', 'in-order', '-p', '1'])
    const env = { ODRADEK_BROKERS: 'localhost:1' }
    const { out } = await run(['topic', 'ls', 'in-order', '-o', 'yaml'])
    assert.match(out, /^- name: in-order\n/)
    const brokers = kafka.bootstrapServers
    for (const args of [
      ['-b', brokers, 'topic', 'ls', 'in-order', '-o', 'yaml'],
      ['-o', 'yaml', `--brokers=${brokers}`, 'topic', 'list', 'in-order'],
      ['topic', `-b${brokers}`, '-oyaml', 'ls', 'in-order'],
      ['-X', `bootstrap.servers=${brokers}`, 'topic', '-o', 'yaml', 'ls', 'in-order']
    ])
      assert.deepEqual(await run(args, { env: args[0] === '-X' ? {} : env }), { code: 0, out, err: '' }, args.join(' '))
    assert.equal((await run(['config', 'get', 'topic', 'in-order', 'retention.ms', '-o', 'json'])).code, 0)
    assert.equal((await run(['topic', 'show', 'in-order'])).code, 0)
    assert.equal((await run(['topic', 'rm', 'in-order'])).out, 'deleted in-order\n')
  })

  test('prints a table for people, and JSON, YAML and all columns for those who ask', async () => {
    await run(['topic', 'create', 'table-1', '-p', '1'])
    assert.equal((await run(['topic', 'ls', 'table'], { isTerminal: true })).out, 'NAME     PARTITIONS  REPLICAS\ntable-1  1           1\n')
    assert.match(
      (await run(['topic', 'ls', 'table', '-o', 'wide'])).out,
      /^NAME +PARTITIONS +REPLICAS +UNDER-REPLICATED +OFFLINE +TOPIC-ID/
    )
    assert.match((await run(['topic', 'ls', 'table', '-o', 'yaml'])).out, /^- name: table-1\n {2}partitions: 1\n {2}replicas: 1\n/)
    const coloured = await run(['topic', 'ls', 'table'], { isTerminal: true, env: { NO_COLOR: undefined as never } })
    assert.ok(coloured.out.startsWith('\u001b[1mNAME'))
  })
})

describe('records', () => {
  test('go there and back as NDJSON, with keys, headers, tombstones, empty values and bytes that are no text', async () => {
    await run(['topic', 'create', 'from', 'to', '-p', '1'])
    const records = [
      {
        key: 'k',
        value: 'v',
        headers: [
          { key: 'h', value: '1' },
          { key: 'h', value: null }
        ],
        timestamp: 1_700_000_000_000
      },
      { key: null, value: null, timestamp: 1 },
      { key: '', value: '', timestamp: 2 },
      { keyBase64: '/w==', valueBase64: 'gIE=', timestamp: 3 },
      { key: null, value: 'ends of lines elsewhere: \u2028 \u2029 \u0085 \r', timestamp: 4 }
    ]
    const input = records.map((record) => `${JSON.stringify(record)}\n`).join('')
    assert.equal((await run(['produce', 'from', '-i', 'json'], { input })).code, 0)
    const first = await run(['consume', 'from', '--from-beginning', '-e', '-o', 'json'])
    assert.equal((await run(['produce', 'to', '-i', 'json'], { input: first.out })).code, 0)
    const second = await run(['consume', 'to', '--from-beginning', '-e', '-o', 'json'])
    assert.equal(second.out, first.out.replaceAll('"topic":"from"', '"topic":"to"'))
    assert.deepEqual(
      lines(second.out).map((line) => {
        const { topic: _topic, partition: _partition, offset: _offset, ...rest } = line as Record<string, unknown>
        return rest
      }),
      records
    )
  })

  test('are printed by a format of letters, from an offset, from a time, the last ones, and no more than asked for', async () => {
    await run(['topic', 'create', 'format', '-p', '1'])
    const input = 'a=1\nb=2\nc=3\nd=4\n'
    assert.equal((await run(['produce', 'format', '-K', '=', '-H', 'x=y'], { input })).code, 0)
    const consume = (...args: string[]) => run(['consume', 'format', ...args]).then(({ out }) => out)
    assert.equal(
      await consume('--from-beginning', '-e', '-f', '%t %p %o %k=%v %h %K/%V%%\\n'),
      'a 1 b 2 c 3 d 4'.replace(/(\w) (\d) ?/g, (_all, key, value) => `format 0 ${Number(value) - 1} ${key}=${value} x=y 1/1%\n`)
    )
    assert.equal(await consume('--offset', '2', '-e', '-f', '%v,'), '3,4,')
    assert.equal(await consume('--offset', '-1', '-e', '-f', '%v,'), '4,')
    assert.equal(await consume('--offset', '@0', '-n', '2', '-f', '%v\\x21'), '1!2!')
    assert.equal(await consume('-e'), '')
    const wrong = await run(['consume', 'format', '-f', '%q'])
    assert.equal(wrong.code, 1)
    assert.match(wrong.err, /The format has no %q/)
  })

  test('that cannot be read from the input say which line is wrong', async () => {
    const { code, err } = await run(['produce', 'from', '-i', 'json'], { input: '{"value":"a"}\n{"value":\n' })
    assert.equal(code, 1)
    assert.match(err, /^Line 2: no JSON.*\n1 records sent\n$/)
  })

  test('are the bytes of the lines, whatever they are, in one piece or many', async () => {
    await run(['topic', 'create', 'bytes', '-p', '1'])
    const input = ['\u00ff=\u00fe\u0000\r\n', '=\n', 'last', '=', 'x']
    assert.equal((await run(['produce', 'bytes', '-K', '='], { input: input.map((text) => Buffer.from(text, 'latin1')) })).code, 0)
    const { out } = await run(['consume', 'bytes', '--from-beginning', '-e'])
    assert.deepEqual(
      lines(out).map((line) => {
        const { key, keyBase64, value, valueBase64 } = line as Record<string, unknown>
        return [key ?? keyBase64, value ?? valueBase64]
      }),
      [
        ['/w==', '/gA='],
        ['', ''],
        ['last', 'x']
      ]
    )
  })

  test('that were read before the user ends the input are sent', async () => {
    await run(['topic', 'create', 'ended', '-p', '1'])
    const user = new AbortController()
    async function* input() {
      yield Buffer.from('a\nb\nhalf')
      user.abort('SIGINT')
      throw user.signal.reason
    }
    assert.equal((await run(['produce', 'ended'], { input: input(), signal: user.signal })).code, 130)
    assert.equal((await run(['consume', 'ended', '--from-beginning', '-e', '-f', '%v '])).out, 'a b ')
  })

  test('of a topic that does not exist are an error, and make no topic', async () => {
    const { code, err } = await run(['consume', 'mistyped', '-e'])
    assert.deepEqual([code, err], [1, 'There is no topic mistyped: odradek topic ls tells which there are\n'])
    await run(['topic', 'create', 'one-partition', '-p', '1'])
    assert.equal((await run(['consume', 'one-partition', 'mistyped', '-e'])).err, err)
    const meant = 'There is no topic one-partitoin: did you mean one-partition?\n'
    const mistyped = [['consume'], ['topic', 'describe'], ['topic', 'delete'], ['topic', 'delete', '--dry-run'], ['config', 'ls', 'topic']]
    for (const args of mistyped) {
      const told = await run([...args, 'one-partitoin'])
      assert.deepEqual([told.code, told.out, told.err], [1, '', meant], args.join(' '))
    }
    assert.equal((await run(['topic', 'add-partitions', 'one-partitoin', '3'])).err, meant)
    assert.equal((await run(['config', 'set', 'topic', 'one-partitoin', 'retention.ms=5'])).err, meant)
    assert.equal((await run(['consume', 'one-partition', '-p', '0', '-p', '7'])).err, 'one-partition has 1 partition(s), no 7\n')
    assert.equal((await run(['topic', 'ls', 'mistyped'])).out, '')
  })

  test('are read by a group, whose lag and offsets can be seen and moved', async () => {
    await run(['topic', 'create', 'grouped', '-p', '2'])
    await run(['produce', 'grouped', '-p', '1'], { input: '1\n2\n3\n' })
    assert.equal((await run(['consume', 'grouped', '-g', 'readers', '--from-beginning', '-n', '3', '-f', '%v'])).out, '123')
    const rows = async () =>
      lines((await run(['group', 'describe', 'readers'])).out) as { partition: number; offset: number; lag: number }[]
    assert.deepEqual(
      (await rows()).filter(({ partition }) => partition === 1).map(({ offset, lag }) => [offset, lag]),
      [[3, 0]]
    )
    const dry = await run(['group', 'reset', 'readers', '-t', 'grouped:1', '--to', 'start', '--dry-run'])
    assert.deepEqual(lines(dry.out), [{ topic: 'grouped', partition: 1, offset: 0 }])
    assert.equal((await run(['group', 'reset', 'readers', '-t', 'grouped:1', '--to', '1'])).code, 0)
    assert.deepEqual(
      (await rows()).filter(({ partition }) => partition === 1).map(({ offset, lag }) => [offset, lag]),
      [[1, 2]]
    )
    assert.equal((await run(['group', 'delete', 'readers'])).out, 'deleted readers\n')
  })
})

test('odradek config sets, shows and takes back the settings of a topic', async () => {
  await run(['topic', 'create', 'settings'])
  assert.equal(
    (await run(['config', 'set', 'topic', 'settings', 'retention.ms=60000', 'cleanup.policy=compact'])).out,
    'changed retention.ms, cleanup.policy\n'
  )
  const shown = () =>
    run(['config', 'ls', 'topic', 'settings']).then(({ out }) =>
      (out === '' ? [] : lines(out)).map((row) => (row as { name: string }).name)
    )
  assert.deepEqual(await shown(), ['cleanup.policy', 'retention.ms'])
  assert.equal((await run(['config', 'ls', 'topic', 'settings', 'retention.ms'])).code, 0)
  const unknown = await run(['config', 'ls', 'topic', 'settings', 'retention.mss'])
  assert.deepEqual([unknown.code, unknown.err], [1, 'topic settings has no setting retention.mss: did you mean retention.ms?\n'])
  await run(['config', 'unset', 'topic', 'settings', 'retention.ms'])
  assert.deepEqual(await shown(), ['cleanup.policy'])
  const wrong = await run(['config', 'set', 'topic', 'settings', 'retention.ms=soon'])
  assert.equal(wrong.code, 1)
  assert.match(wrong.err, /retention\.ms/)
})

test('odradek cluster tells the brokers and the features', async () => {
  const [broker] = lines((await run(['cluster', 'info'])).out) as { broker: number; isController: boolean }[]
  assert.deepEqual([broker.broker, broker.isController], [1, true])
  assert.ok(lines((await run(['cluster', 'features'])).out).some((row) => (row as { feature: string }).feature === 'metadata.version'))
})

test('--watch shows again until nobody reads, and leaves what stands above the table', async () => {
  const { code, out } = await run(['cluster', 'info', '--watch'], { isTerminal: true, isUnread: true })
  assert.equal(code, 0)
  assert.ok(out.startsWith('\u001b[2J\u001b[Hcluster '))
  assert.match(out, /cluster [\w-]{22}\nBROKER/)
})

test('profiles are kept in a file that only their owner reads, and name the cluster of a command', async () => {
  const env = { ODRADEK_BROKERS: undefined as never }
  assert.equal((await run(['profile', 'create', 'here', '-b', kafka.bootstrapServers, '-X', 'sasl.jaas.config=secret'], { env })).code, 0)
  assert.equal(statSync(join(folder, 'profiles.json')).mode & 0o777, 0o600)
  assert.equal((await run(['profile', 'create', 'nowhere', '-b', 'localhost:1'], { env })).code, 0)
  assert.match(
    (await run(['profile', 'ls', '-o', 'table'], { env })).out,
    /^CURRENT {2}NAME {5}BROKERS\n {9}here +[\w.]+:\d+\n\* +nowhere +localhost:1\n$/
  )
  assert.equal((await run(['profile', 'ls'], { env })).out.includes('secret'), false)
  assert.equal((await run(['cluster', 'info', '--profile', 'here'], { env })).code, 0)
  assert.equal((await run(['profile', 'use', 'here'], { env })).code, 0)
  assert.equal((await run(['cluster', 'info'], { env })).code, 0)
  const unknown = await run(['cluster', 'info', '--profile', 'there'], { env })
  assert.deepEqual([unknown.code, unknown.err], [1, 'There is no profile there. Known: here, nowhere.\n'])
  await run(['profile', 'delete', 'here'], { env })
})

test('a profile holds references to secrets, which are looked up when it is used', async () => {
  const env = { ODRADEK_BROKERS: undefined as never, SECRET_HOST: kafka.bootstrapServers }
  const provider = 'config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider'
  const settings = ['config.providers=env', provider, `client.id=$\{env:SECRET_HOST}`].flatMap((each) => ['-X', each])
  const made = await run(['profile', 'create', 'elsewhere', '-b', `$\{env:SECRET_HOST}`, ...settings], { env })
  assert.equal(made.code, 0, made.err)
  assert.equal(readFileSync(join(folder, 'profiles.json'), 'utf8').includes(kafka.bootstrapServers), false)
  assert.equal((await run(['cluster', 'info', '--profile', 'elsewhere'], { env })).code, 0)
  const { code, err } = await run(['cluster', 'info', '--profile', 'elsewhere'], { env: { ...env, SECRET_HOST: undefined as never } })
  assert.deepEqual([code, err.includes('the environment of this process has no such variable')], [1, true])
  await run(['profile', 'delete', 'elsewhere'], { env })
})

test('completion knows commands, verbs and the names of topics', async () => {
  await run(['topic', 'create', 'complete-me'])
  const complete = (...words: string[]) => run(['__complete', ...words]).then(({ out }) => out.trim().split('\n'))
  assert.deepEqual(await complete('con'), ['config', 'consume'])
  assert.deepEqual(await complete('topic', 'de'), ['delete', 'describe'])
  assert.deepEqual(await complete('consume', 'complete'), ['complete-me'])
  assert.deepEqual(await complete('topic', 'delete', 'complete'), ['complete-me'])
  for (const shell of ['bash', 'zsh', 'fish']) assert.match((await run(['completion', shell])).out, /odradek __complete/)
})

test('completion knows options, what they may be, files, and the cluster that the line names', async () => {
  await run(['topic', 'create', 'complete-options'])
  writeFileSync(join(folder, 'client.properties'), '')
  const complete = (...words: string[]) => run(['__complete', ...words]).then(({ out }) => out.split('\n').slice(0, -1))
  assert.deepEqual(await complete('topic', 'create', '--pa'), ['--partitions'])
  assert.deepEqual(await complete('consume', '--from-beginning', '--from'), [])
  assert.deepEqual(await complete('topic', 'create', '-c', 'a=b', '--conf'), ['--config'])
  assert.deepEqual(await complete('start', '--e'), ['--ephemeral'])
  assert.deepEqual(await complete('topic', 'ls', '-o', ''), ['json', 'table', 'wide', 'yaml'])
  assert.deepEqual(await complete('topic', 'ls', '--output=t'), ['--output=table'])
  assert.deepEqual(await complete('produce', '-z', 'l'), ['lz4'])
  assert.deepEqual(await complete('topic', 'ls', '--command-config', 'cl'), ['client.properties'])
  assert.deepEqual(await complete('start', '--data', 'cl'), [])
  assert.deepEqual(await complete('group', 'reset', 'readers', '-t', 'complete-o'), ['complete-options'])
  assert.deepEqual(await complete('config', 'ls', 'topic', '--all', 'complete-o'), ['complete-options'])
  assert.deepEqual(await complete('consume', '-b', kafka.bootstrapServers, 'complete-o'), ['complete-options'])
  assert.deepEqual(await complete('consume', '-b', 'localhost:1', 'complete-o'), [])
  assert.deepEqual(await complete('consume', 'complete-options', 'complete-o'), [])
  assert.deepEqual(await complete('topic', 'constructor', '--'), [])
})

test('bash completes words that hold : and =', { skip: spawnSync('bash', ['--version']).status !== 0 && 'there is no bash' }, async () => {
  const { out: script } = await run(['completion', 'bash'])
  const reply = (line: string, words: readonly string[]): string => {
    const call = `odradek() { printf '%s\\n' --output=table --output=wide; }; ${script}
      COMP_LINE=${JSON.stringify(line)} COMP_POINT=${line.length} COMP_WORDS=(${words.map((word) => JSON.stringify(word)).join(' ')})
      COMP_CWORD=${words.length - 1}; _odradek; echo "\${COMPREPLY[@]}"`
    const { stdout, stderr } = spawnSync('bash', ['-c', call], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
    assert.equal(stderr, '')
    return stdout.trim()
  }
  assert.equal(
    reply('odradek topic ls -b localhost:9092 --output=', ['odradek', 'topic', 'ls', '-b', 'localhost', ':', '9092', '--output', '=']),
    'table wide'
  )
  assert.equal(reply('odradek topic ls --output=ta', ['odradek', 'topic', 'ls', '--output', '=', 'ta']), 'table wide')
})

describe('what is wrong', () => {
  const cases: [string[], RegExp][] = [
    [['topci', 'ls'], /^topci is no command of odradek: did you mean topic\?/],
    [['topic', 'lst'], /^odradek topic has no lst: did you mean ls\?/],
    [['topic', 'create', 'x', '--partition', '3'], /has no option --partition: did you mean --partitions\?/],
    [['topic', 'create', 'x', '-p', 'many'], /--partitions wants a whole number from 1 on, not many/],
    [['topic', 'ls', '-o', 'xml'], /--output wants one of table, wide, json, yaml, not xml/],
    [['topic', 'kk'], /^odradek topic has no kk\n/],
    [['topic', '-b', 'localhost:1'], /^odradek topic is followed by one of ls, describe, create, add-partitions, delete, and then by -b\n/],
    [['topic', 'constructor'], /^odradek topic has no constructor/],
    [['constructor'], /^constructor is no command of odradek/],
    [['completion', 'constructor'], /^usage: odradek completion/],
    [['topic', 'ls', '('], /^Invalid regular expression/],
    [['group', 'ls', '('], /^Invalid regular expression/],
    [['topic', 'ls', '-X', 'lingr.ms=5'], /^No client has a setting lingr\.ms: did you mean linger\.ms\?/],
    [['consume', 'x', '-g', 'readers', '--offset', '5'], /^--group goes on where it has committed/],
    [['consume'], /^usage: odradek consume TOPIC/],
    [['consume', 'x', '--from-beginning', '--offset', '5'], /^--from-beginning and --offset do not go together/],
    [['config', 'ls', 'user', 'x'], /^user has no settings/],
    [
      ['topic', 'ls', '-X', 'default.api.timeout.ms=500', '-X', 'request.timeout.ms=400', '-b', 'localhost:1'],
      /^No answer from localhost:1/
    ]
  ]
  for (const [args, message] of cases)
    test(`odradek ${args.join(' ')} says what to do, without a stack`, async () => {
      const { code, out, err } = await run(args)
      assert.equal(code, 1)
      assert.equal(out, '')
      assert.match(err, message)
      assert.doesNotMatch(err, /\n +at /)
    })
})
