import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OdradekError } from '@odradek/base'
import {
  describeBrokerConfig,
  developmentProperties,
  loadBrokerConfig,
  type ProviderSources,
  resolveConfigProviders
} from '../src/index.ts'

type Texts = Record<string, string>

const to = (reference: string): string => `$\{${reference}}`
const classOf = (kind: string): string => `org.apache.kafka.common.config.provider.${kind}ConfigProvider`
const env: Texts = { 'config.providers': 'env', 'config.providers.env.class': classOf('EnvVar') }
const file: Texts = { 'config.providers': 'file', 'config.providers.file.class': classOf('File') }
const directory: Texts = { 'config.providers': 'dir', 'config.providers.dir.class': classOf('Directory') }

/** A machine of texts by path; a path that only begins others is a directory. */
function machine(files: Texts, variables: Texts = {}): ProviderSources & { reads: string[] } {
  const reads: string[] = []
  return {
    reads,
    env: variables,
    kindOf(path) {
      if (Object.hasOwn(files, path)) return 'file'
      return Object.keys(files).some((each) => each.startsWith(`${path}/`)) ? 'directory' : undefined
    },
    readText(path) {
      reads.push(path)
      if (!Object.hasOwn(files, path)) throw new Error('there is no such file')
      return files[path]
    }
  }
}

const secrets = {
  '/run/s.properties': 'retention=1234567\npw = hunter2\nnested=$' + '{env:A}\n',
  '/run/d/pw': 'from a file\n',
  '/run/d/sub/x': ''
}
const resolve = (texts: Texts, sources = machine(secrets, { A: 'a value', B: 'b' })) =>
  Object.fromEntries(resolveConfigProviders(new Map(Object.entries(texts)), sources).texts)

function refusal(texts: Texts, sources?: ReturnType<typeof machine>): string {
  try {
    resolve(texts, sources)
  } catch (error) {
    assert.equal((error as OdradekError).code, 'CONFIG_INVALID', String(error))
    return (error as OdradekError).message
  }
  assert.fail('taken')
}

describe('references to providers', () => {
  test('become values of the environment, of properties files and of the files of a directory', () => {
    const value = (texts: Texts, text: string) => resolve({ ...texts, x: text }).x
    assert.equal(value(env, `${to('env:A')} and ${to('env::B')}`), 'a value and b')
    assert.equal(value(file, to('file:/run/s.properties:pw')), 'hunter2')
    assert.equal(value(directory, to('dir:/run/d:pw')), 'from a file\n')
    assert.equal(value(env, `no reference: $A, ${to('A')}, {env:A}`), `no reference: $A, ${to('A')}, {env:A}`)
  })

  test('are looked up once: what a provider gives is taken literally', () => {
    const all = { ...env, ...file, 'config.providers': 'env,file' }
    assert.equal(resolve({ ...all, x: to('file:/run/s.properties:nested') }).x, to('env:A'))
  })

  test('of one file read it once', () => {
    const sources = machine(secrets)
    resolve({ ...file, a: to('file:/run/s.properties:pw'), b: to('file:/run/s.properties:retention') }, sources)
    assert.deepEqual(sources.reads, ['/run/s.properties'])
  })

  test('stay as they are where no provider is named', () => {
    assert.deepEqual(resolve({ x: to('env:A'), 'config.providers': '' }), { x: to('env:A'), 'config.providers': '' })
  })

  test('that nothing is found for are refused, with what to do and without what may be a password', () => {
    const of = (texts: Texts, reference: string) => refusal({ ...texts, x: to(reference) })
    assert.equal(of(env, 'env:NOPE'), `x: ${to('env:NOPE')} was not found: the environment of this process has no such variable`)
    assert.match(of(file, 'file:/run/s.properties:nope'), /\/run\/s\.properties has no key "nope"$/)
    assert.match(of(file, 'file:pw'), /it has no path/)
    assert.match(of(directory, 'dir:/run/d:nope'), /\/run\/d has no file "nope"$/)
    for (const key of ['sub', '../s.properties', 'sub/x', '..', '']) assert.match(of(directory, `dir:/run/d:${key}`), /has no file/, key)
    assert.match(of(directory, 'dir:/run/nope:pw'), /is not a directory/)
    assert.equal(of(env, 'other:secret'), `x: ${to('other:…')} was not found: config.providers names no provider "other", only "env"`)
    assert.match(refusal({ 'config.providers': 'env', x: to('env:A') }), /config\.providers\.env\.class is not set/)
  })

  test('cannot read what the parameters of a provider do not allow', () => {
    const some = { ...env, 'config.providers.env.param.allowlist.pattern': 'A|B.*' }
    assert.equal(resolve({ ...some, x: to('env:A') }).x, 'a value')
    const sources = machine({}, { AB: 'x', '': 'y' })
    for (const key of ['AB', ''])
      assert.match(refusal({ ...some, x: to(`env:${key}`) }, sources), /allowlist\.pattern does not allow this variable/)
    for (const texts of [file, directory]) {
      const name = texts['config.providers']
      const key = name === 'file' ? 'k' : 'a'
      const allowed = { ...texts, [`config.providers.${name}.param.allowed.paths`]: '/run/d/,/opt/x' }
      const disk = machine({ '/run/d/a': 'k=1', '/run/db/a': 'k=2', '/opt/x/a': 'k=3', '/etc/a': 'k=4' })
      const path = (folder: string) => (name === 'file' ? `${folder}/a` : folder)
      for (const folder of ['/run/d', '/opt/x', '/run/db/../d', '/run/d/.'])
        assert.match(resolve({ ...allowed, x: to(`${name}:${path(folder)}:${key}`) }, disk).x, /[13]$/, folder)
      for (const folder of ['/run/db', '/etc', '/run/d/../../etc', 'run/d', '/run'])
        assert.match(refusal({ ...allowed, x: to(`${name}:${path(folder)}:${key}`) }, disk), /allowed\.paths does not allow/, folder)
      assert.deepEqual(
        disk.reads.filter((each) => !/^\/(run\/d|opt\/x)\/a$/.test(each)),
        []
      )
    }
  })
})

// Apache Kafka 4.3.1 says the same, up to the last colon or comma.
test('providers that cannot be made are refused in the words of Kafka', () => {
  const cases: [Texts, string | RegExp][] = [
    [
      { 'config.providers': 'foo', 'config.providers.foo.class': 'foo.Bar' },
      /^Invalid value foo\.Bar for configuration config\.providers\.foo\.class: Could not load config provider class or one of its dependencies\. Known here: org\.apache/
    ],
    [{ ...file, x: to('file:/nope/x:y') }, 'Could not read properties from file /nope/x: there is no such file'],
    [{ ...file, 'config.providers.file.param.allowed.paths': 'rel' }, /^Path rel is not absolute: /],
    [{ ...directory, 'config.providers.dir.param.allowed.paths': '/run,/nope' }, /^Path \/nope does not exist: /],
    [{ ...env, x: to('env:a:b') }, "Path is not supported for EnvVarConfigProvider, invalid value 'a'"],
    [
      { ...env, 'config.providers.env.param.allowlist.pattern': '(' },
      /^Invalid value \( for configuration config\.providers\.env\.param\.allowlist\.pattern: /
    ]
  ]
  for (const [texts, message] of cases) {
    if (typeof message === 'string') assert.equal(refusal(texts), message)
    else assert.match(refusal(texts), message)
  }
})

test('a parameter that no provider has is told with what was probably meant: it may have been there to keep something out', () => {
  const { warnings } = resolveConfigProviders(
    new Map(Object.entries({ ...file, 'config.providers.file.param.allowed.path': '/run' })),
    machine({})
  )
  assert.deepEqual(warnings, [
    'config.providers.file.param.allowed.path belongs to no provider that config.providers names: it is ignored; ' +
      'did you mean config.providers.file.param.allowed.paths?'
  ])
})

describe('a node', () => {
  const load = (overrides: Texts, sources: ProviderSources = machine(secrets, { RACK: 'r7' })) =>
    loadBrokerConfig({
      properties: { ...developmentProperties({ port: 0, dataDir: 'data' }), ...file, ...env, 'config.providers': 'env, file' },
      env: { KAFKA_LOG_RETENTION_MS: to('file:/run/s.properties:retention') },
      overrides,
      providers: sources
    })

  test('looks its settings up wherever they were given, and describes them as Kafka does', () => {
    const { config, warnings } = load({ 'broker.rack': `rack-${to('env:RACK')}`, 'ssl.key.password': to('file:/run/s.properties:pw') })
    assert.deepEqual(warnings, [])
    assert.equal(config.get('broker.rack'), 'rack-r7')
    assert.equal(config.get('log.retention.ms'), 1_234_567)
    assert.equal(config.get('ssl.key.password'), 'hunter2')
    const described = new Map(describeBrokerConfig(config).map((entry) => [entry.name, entry]))
    assert.equal(described.get('broker.rack')?.value, 'rack-r7')
    assert.equal(described.get('config.providers')?.value, 'env,file')
    assert.deepEqual(
      ['ssl.key.password', 'config.providers.env.class'].map((name) => [described.get(name)?.value, described.get(name)?.isSensitive]),
      [
        [null, true],
        [null, true]
      ]
    )
    assert.doesNotMatch(JSON.stringify([...described.values()]), /hunter2/)
  })

  test('does not show what a provider gave when it refuses it', () => {
    assert.throws(() => load({ 'background.threads': to('file:/run/s.properties:pw') }), {
      message: 'Invalid value [hidden] for configuration background.threads: Not a number of type INT'
    })
  })

  test('takes no reference literally when it names no provider', () => {
    const properties = { ...developmentProperties({ port: 0, dataDir: 'data' }), 'ssl.key.password': to('env:PW') }
    assert.throws(() => loadBrokerConfig({ properties }), /ssl\.key\.password: config\.providers names no provider to look it up$/)
  })
})
