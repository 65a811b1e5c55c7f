// npm run build: the packages as they are published, plain JavaScript with types for Node 22.15 and later, in dist/<package>.
// --out FOLDER writes elsewhere; --pack makes the tarballs of `npm pack` in <out>/packs.
//
// The sources are TypeScript that Node 24 runs as it is; publishing only takes the types off (tsc), turns `./x.ts` into `./x.js`, and
// writes a package.json that points there. CommonJS callers use Node's own require() of ES modules.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

/** What people install; all that these depend on is published with them. */
const roots = ['odradek', '@odradek/client', '@odradek/cli', '@odradek/schema-registry']
const oldestNode = '22.15.0'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly license: string
  readonly type: string
  readonly exports: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const root = join(import.meta.dirname, '..')
const { values } = parseArgs({
  options: { out: { type: 'string', default: join(root, 'dist') }, pack: { type: 'boolean', default: false } }
})
const out = resolve(values.out)

function run(program: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (status === 0) return
  console.error(`${program} ${args.join(' ')} failed:\n${error?.message ?? ''}${stdout}${stderr}`)
  process.exit(1)
}

const folders = new Map<string, { folder: string; manifest: Manifest }>()
for (const folder of readdirSync(join(root, 'packages'))) {
  const file = join(root, 'packages', folder, 'package.json')
  if (!existsSync(file)) continue
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest
  folders.set(manifest.name, { folder, manifest })
}

/** `roots` and their dependencies, each once. */
function published(): string[] {
  const found = new Set(roots)
  for (const name of found)
    for (const dependency of Object.keys(folders.get(name)?.manifest.dependencies ?? {})) if (folders.has(dependency)) found.add(dependency)
  return [...found]
}

/** `./src/node/index.ts` → the JavaScript and the types of it. */
const target = (source: string): string => source.replace(/^\.\/src\//, './lib/').replace(/\.ts$/, '.js')

function exportsOf(manifest: Manifest): Record<string, unknown> {
  const entries = Object.entries(manifest.exports).map(([name, source]) => {
    const file = target(source)
    return [name, file === source ? source : { types: file.replace(/\.js$/, '.d.ts'), default: file }]
  })
  return Object.fromEntries(entries)
}

function manifestOf(manifest: Manifest): Record<string, unknown> {
  const { name, version, description, license, type, bin, dependencies = {}, optionalDependencies } = manifest
  const pinned = Object.entries(dependencies).map(([dependency, range]) => [dependency, folders.get(dependency)?.manifest.version ?? range])
  return {
    ...{ name, version, description, license, type, engines: { node: `>=${oldestNode}` }, exports: exportsOf(manifest), bin },
    ...{ dependencies: Object.fromEntries(pinned), optionalDependencies, files: ['lib', 'bin'] }
  }
}

/** tsc leaves `./x.ts` in declarations, and Node's types to the reader's settings: the default of `tsc --init` takes in none. */
function completeTypes(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.d.ts')) continue
    const file = join(entry.parentPath, entry.name)
    const types = readFileSync(file, 'utf8').replace(/((?:from |import\()['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2')
    writeFileSync(file, entry.name === 'index.d.ts' ? `/// <reference types="node" />\n${types}` : types)
  }
}

function copyBin(from: string, to: string): void {
  cpSync(from, to, { recursive: true })
  for (const name of readdirSync(to)) {
    const file = join(to, name)
    const text = readFileSync(file, 'utf8')
      .replace(/\.\.\/src\/([^'"]*)\.ts/g, '../lib/$1.js')
      // in a checkout it is 24, for the types
      .replace(/const oldestNode = \d+/, `const oldestNode = ${oldestNode.split('.')[0]}`)
    writeFileSync(file, text)
  }
}

rmSync(out, { recursive: true, force: true })
const emitted = join(out, '.emitted')
run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json'), '--outDir', emitted], root)
const names = published()
for (const name of names) {
  const { folder, manifest } = folders.get(name) ?? { folder: '', manifest: undefined }
  if (manifest === undefined) throw new Error(`there is no package ${name}`)
  const to = join(out, folder)
  mkdirSync(to, { recursive: true })
  cpSync(join(emitted, 'packages', folder, 'src'), join(to, 'lib'), { recursive: true })
  completeTypes(join(to, 'lib'))
  const isData = (file: string): boolean => statSync(file).isDirectory() || file.endsWith('.json')
  cpSync(join(root, 'packages', folder, 'src'), join(to, 'lib'), { recursive: true, filter: isData })
  const bin = join(root, 'packages', folder, 'bin')
  if (existsSync(bin)) copyBin(bin, join(to, 'bin'))
  writeFileSync(join(to, 'package.json'), `${JSON.stringify(manifestOf(manifest), null, 2)}\n`)
  const readme = join(root, 'packages', folder, 'README.md')
  writeFileSync(
    join(to, 'README.md'),
    existsSync(readme) ? readFileSync(readme) : `# ${name}\n\n${manifest.description}. A part of Odradek, Apache Kafka in TypeScript.\n`
  )
  cpSync(join(root, 'LICENSE'), join(to, 'LICENSE'))
}
rmSync(emitted, { recursive: true })
if (values.pack) {
  const packs = join(out, 'packs')
  mkdirSync(packs)
  const sources = names.map((name) => `./${folders.get(name)?.folder ?? ''}`)
  run('npm', ['pack', '--silent', '--pack-destination', packs, ...sources], out)
}
