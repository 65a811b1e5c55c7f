import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { decodeSnapshot } from '@odradek/raft'
import { main } from '../src/kafka-storage.ts'

function setUp(
  t: TestContext,
  voters: 'static' | 'dynamic'
): { run(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }>; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'kafka-storage-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const quorum = voters === 'static' ? 'controller.quorum.voters=1@localhost:19531' : 'controller.quorum.bootstrap.servers=localhost:19531'
  writeFileSync(
    join(folder, 's.properties'),
    `process.roles=broker,controller\nnode.id=1\nlisteners=PLAINTEXT://localhost:19530,CONTROLLER://localhost:19531\ncontroller.listener.names=CONTROLLER\n${quorum}\nlog.dirs=${folder}/d1,${folder}/d2\n`
  )
  return {
    folder,
    async run(...args) {
      let [stdout, stderr] = ['', '']
      const exitCode = await main(args, { out: (text) => (stdout += text), err: (text) => (stderr += text) })
      return { exitCode, stdout: stdout.replaceAll(folder, ''), stderr: stderr.replaceAll(folder, '') }
    }
  }
}

const config = (folder: string): string[] => ['-c', join(folder, 's.properties')]

test('a controller without static voters must say how its quorum begins', async (t) => {
  const { run, folder } = setUp(t, 'dynamic')
  assert.deepEqual(await run('format', '-t', 'abc', ...config(folder)), {
    exitCode: 1,
    stdout: '',
    stderr:
      'Because controller.quorum.voters is not set on this controller, you must specify one of the following: --standalone, --initial-controllers, or --no-initial-controllers.\n'
  })
})

test('--standalone makes the metadata directory the only voter', async (t) => {
  const { run, folder } = setUp(t, 'dynamic')
  const { exitCode, stdout } = await run('format', '-t', 'abc', '--standalone', ...config(folder))
  assert.equal(exitCode, 0)
  assert.match(
    stdout,
    /Formatting dynamic metadata voter directory \/d1 with metadata\.version 4\.3-IV0\.\nFormatting data directory \/d2 with/
  )
  const path = join(folder, 'd1/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint')
  const { membership } = decodeSnapshot(readFileSync(path), path)
  const directoryId = /directory\.id=(.*)/.exec(readFileSync(join(folder, 'd1/meta.properties'), 'utf8'))?.[1]
  assert.equal(membership?.kraftVersion, 1)
  assert.deepEqual(
    membership?.voters.map(({ id, directoryId, endpoints }) => ({ id, directoryId, endpoints })),
    [{ id: 1, directoryId, endpoints: [{ name: 'CONTROLLER', host: 'localhost', port: 19531 }] }]
  )
})

test('--initial-controllers names voters by id, address and directory', async (t) => {
  const { run, folder } = setUp(t, 'dynamic')
  const voter = '1@localhost:19531:MvDxzVmcRsaTz33bUuRU6A'
  assert.equal((await run('format', '-t', 'abc', '-I', voter, ...config(folder))).exitCode, 0)
  assert.match(readFileSync(join(folder, 'd1/meta.properties'), 'utf8'), /directory\.id=MvDxzVmcRsaTz33bUuRU6A/)
  for (const [text, problem] of [
    ['bad', 'No @ found in dynamic voter string.'],
    ['@a:1:x', 'Invalid @ at beginning of dynamic voter string.'],
    ['1@localhost:19531:xx', 'Failed to parse directory ID in dynamic voter string.'],
    [`${voter},${voter}`, 'Node id 1 was specified more than once.']
  ]) {
    assert.deepEqual(await run('format', '-t', 'abc', '-I', text, ...config(folder)), { exitCode: 1, stdout: '', stderr: `${problem}\n` })
  }
})

for (const [args, problem] of [
  [
    ['--standalone'],
    'You cannot specify controller.quorum.voters and format the node with --initial-controllers or --standalone. If you want to use dynamic quorum, please remove controller.quorum.voters and specify controller.quorum.bootstrap.servers instead.'
  ],
  [['-r', '4.4-IV0'], /^Unknown metadata\.version '4\.4-IV0'\. Supported metadata\.version are: 3\.3-IV3, .*, 4\.3-IV0\n$/],
  [
    ['-f', 'nope=1'],
    'Unsupported feature: nope. Supported features are: eligible.leader.replicas.version, group.version, kraft.version, share.version, streams.version, transaction.version'
  ],
  [['-f', 'group.version=9'], 'No feature:group.version with feature level 9'],
  [['-f', 'group.version'], "Can't parse feature=level string group.version: equals sign not found."],
  [['-f', 'group.version=x'], "Can't parse feature=level string group.version=x: unable to parse x as a short."],
  [['-f', 'metadata.version=25', '-r', '4.0'], 'Use --release-version instead of --feature metadata.version=X to avoid ambiguity.'],
  [
    ['-f', 'eligible.leader.replicas.version=1', '-r', '3.9'],
    'eligible.leader.replicas.version could not be set to 1 because it depends on metadata.version level 23'
  ],
  [['-f', 'kraft.version=1'], /^Cannot set kraft\.version to 1 unless controller\.quorum\.voters is empty/],
  [['-r', '3.4', '-S', 'SCRAM-SHA-256=[name=a,password=b]'], 'SCRAM is only supported in metadata.version 3.5-IV2 or later.'],
  [['-S', 'SCRAM-SHA-257=[name=alice,password=pw]'], 'The add-scram mechanism SCRAM-SHA-257 is not supported.'],
  [['-S', 'SCRAM-SHA-256'], "Failed to find equals sign in SCRAM argument 'SCRAM-SHA-256'"],
  [['-S', 'SCRAM-SHA-256=[name=alice]'], "You must supply one of 'password' or 'saltedpassword' to add-scram"],
  [['-S', 'SCRAM-SHA-256=[password=alice]'], "You must supply 'name' to add-scram"],
  [['-S', 'SCRAM-SHA-256=[name=a,password=p,foo=1]'], 'Unknown SCRAM configurations: foo'],
  [['-S', 'SCRAM-SHA-256=[name=a,password=p,iterations=5]'], "The 'iterations' value must be >= 4096 for add-scram using SCRAM_SHA_256"],
  [['-S', 'SCRAM-SHA-256=name=a,password=p'], 'Expected configuration string to start with ['],
  [['-S', 'SCRAM-SHA-256=[name=a,saltedpassword="YCE="]'], "You must supply 'salt' with 'saltedpassword' to add-scram"]
] as [string[], string | RegExp][]) {
  test(`format refuses ${args.join(' ')} and writes nothing`, async (t) => {
    const { run, folder } = setUp(t, 'static')
    const { exitCode, stdout, stderr } = await run('format', '-t', 'abc', ...args, ...config(folder))
    assert.equal(exitCode, 1)
    assert.equal(stdout, '')
    if (typeof problem === 'string') assert.equal(stderr, `${problem}\n`)
    else assert.match(stderr, problem)
    assert.match((await run('info', ...config(folder))).stdout, /d1 does not exist/)
  })
}

test('a feature at level 0 has no record, and the release decides the others', async (t) => {
  const { run, folder } = setUp(t, 'static')
  const { stdout } = await run('format', '-t', 'abc', '-r', '4.0', '-f', 'group.version=0', ...config(folder))
  assert.match(
    stdout,
    /^Bootstrap metadata: BootstrapMetadata\(records=\[ApiMessageAndVersion\(FeatureLevelRecord\(name='metadata\.version', featureLevel=25\) at version 0\), ApiMessageAndVersion\(FeatureLevelRecord\(name='transaction\.version', featureLevel=2\) at version 0\)\], metadataVersionLevel=25, source=format command\)\n/
  )
})

test('credentials given to format are in the bootstrap file, and not on the terminal', async (t) => {
  const { run, folder } = setUp(t, 'static')
  const { stdout } = await run(
    'format',
    '-t',
    'abc',
    '-S',
    'SCRAM-SHA-512=[name=alice,iterations=8192,salt="c2FsdA==",password=alice-secret]',
    ...config(folder)
  )
  assert.match(
    stdout,
    /UserScramCredentialRecord\(name='alice', mechanism=2, salt=\[hidden\], storedKey=\[hidden\], serverKey=\[hidden\], iterations=8192\)/
  )
  const bytes = readFileSync(join(folder, 'd1/bootstrap.checkpoint'))
  assert.equal(decodeSnapshot(bytes, '').records.length, 7)
})

test('directories of other clusters and nodes are not touched', async (t) => {
  const { run, folder } = setUp(t, 'static')
  await run('format', '-t', 'abc', ...config(folder))
  assert.equal(
    (await run('format', '-t', 'other', '-g', ...config(folder))).stderr,
    'Invalid cluster.id in: /d1/meta.properties. Expected other, but read abc\n'
  )
  rmSync(join(folder, 'd2'), { recursive: true })
  const { exitCode, stdout } = await run('format', '-t', 'abc', '-g', ...config(folder))
  assert.equal(exitCode, 0)
  assert.match(stdout, /Formatting data directory \/d2/)
  assert.doesNotMatch(stdout, /\/d1/)
})

test('info tells of directories that belong to different clusters', async (t) => {
  const { run, folder } = setUp(t, 'static')
  await run('format', '-t', 'abc', ...config(folder))
  const path = join(folder, 'd2/meta.properties')
  writeFileSync(path, readFileSync(path, 'utf8').replace('cluster.id=abc', 'cluster.id=xyz'))
  const { exitCode, stdout } = await run('info', ...config(folder))
  assert.equal(exitCode, 1)
  assert.match(
    stdout,
    /^Found log directories:\n {2}\/d1\n {2}\/d2\n\nFound metadata: \{cluster\.id=abc, .*\}\n\nFound problem:\n {2}Mismatched cluster IDs between storage directories\.\n\n$/s
  )
})

for (const [args, error] of [
  [[], 'kafka-storage: error: too few arguments'],
  [
    ['bogus'],
    "kafka-storage: error: invalid choice: 'bogus' (choose from 'info', 'format', 'version-mapping', 'feature-dependencies', 'random-uuid')"
  ],
  [['info'], 'kafka-storage: error: argument --config/-c is required'],
  [['random-uuid', 'extra'], "kafka-storage: error: unrecognized arguments: 'extra'"],
  [['format', '-t'], 'kafka-storage: error: argument --cluster-id/-t: expected one argument'],
  [
    ['format', '-t', 'a', '-s', '-N'],
    'kafka-storage: error: argument --no-initial-controllers/-N: not allowed with argument --standalone/-s'
  ]
] as [string[], string][]) {
  test(`kafka-storage ${args.join(' ')} shows the usage and what is wrong`, async (t) => {
    const { exitCode, stdout, stderr } = await setUp(t, 'static').run(...args)
    assert.deepEqual({ exitCode, stdout }, { exitCode: 1, stdout: '' })
    assert.match(stderr, /^usage: kafka-storage/)
    // Long messages are broken into lines, and these filled up.
    assert.equal(/^kafka-storage: .*/ms.exec(stderr)?.[0].replace(/\s+/g, ' ').trim(), error)
  })
}

test('version-mapping and feature-dependencies refuse what they do not know', async (t) => {
  const { run } = setUp(t, 'static')
  assert.match(
    (await run('version-mapping', '-r', '1.0')).stderr,
    /^Unknown metadata\.version '1\.0'\. Supported metadata\.version are: 3\.3-IV3, .*, 4\.4-IV0\n$/
  )
  const asked = async (feature: string): Promise<string> => (await run('feature-dependencies', '-f', feature)).stderr
  assert.equal(await asked('nope=1'), 'Unknown feature: nope\n')
  assert.equal(await asked('group.version=7'), 'Feature level 7 is not supported for feature group.version\n')
  assert.equal(
    await asked('group.version'),
    "Invalid feature format: group.version. Expected format: 'feature=version' (e.g. 'group.version=1')\n"
  )
  assert.equal(await asked('group.version=x'), 'Invalid version format: x for feature group.version\n')
  assert.equal(await asked('metadata.version=99'), 'Unknown metadata.version 99\n')
})
