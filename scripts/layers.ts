// The one table of the layers (see ARCHITECTURE.md) and what reads imports against it. test/house/layers.test.ts runs it.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** Lowest first. A package may import what it names here, and what those may import. `testkit` is for tests only. */
export const layers: Readonly<Record<string, { layer: number; mayImport: readonly string[] }>> = {
  base: { layer: 0, mayImport: [] },
  config: { layer: 1, mayImport: ['base'] },
  protocol: { layer: 1, mayImport: ['base'] },
  world: { layer: 1, mayImport: ['base'] },
  transport: { layer: 2, mayImport: ['protocol', 'world', 'config'] },
  storage: { layer: 2, mayImport: ['protocol', 'world', 'config'] },
  raft: { layer: 2, mayImport: ['protocol', 'world', 'config'] },
  metadata: { layer: 3, mayImport: ['raft', 'storage'] },
  coordinator: { layer: 3, mayImport: ['storage', 'metadata'] },
  client: { layer: 3, mayImport: ['transport'] },
  'schema-registry': { layer: 4, mayImport: ['client'] },
  broker: { layer: 4, mayImport: ['transport', 'coordinator'] },
  streams: { layer: 4, mayImport: ['client'] },
  connect: { layer: 4, mayImport: ['client'] },
  mirror: { layer: 5, mayImport: ['connect'] },
  console: { layer: 5, mayImport: ['client'] },
  cli: { layer: 6, mayImport: ['broker', 'client', 'storage', 'streams', 'connect', 'mirror', 'console'] },
  odradek: { layer: 7, mayImport: ['cli'] }
}

// The outside world is reached through ports: in sources only world/src/node may touch it, and the entry files of the commands.
const outsideAllowed = /^packages\/(world\/src\/node|cli\/src|odradek\/src|testkit\/src)\//
// The simulated world guards and turns the real event loop, which needs the real functions.
const globalsAllowed = /^packages\/world\/src\/sim\//
const outsideModules =
  /^(node:)?(fs|fs\/promises|net|tls|dgram|http|http2|https|dns|timers|timers\/promises|child_process|worker_threads|os|readline|process|cluster)$/
const outsideGlobals =
  /\b(Date\.now|new Date\(\)|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|process\.(env|hrtime|nextTick))\b/

/** Every violation in the sources and tests of the packages, one line each. */
export function findViolations(root: string): string[] {
  const files = globSync(['packages/*/{src,test}/**/*.ts', 'test/**/*.ts'], { cwd: root, exclude: ['**/node_modules/**'] }).sort()
  return files.flatMap((file) => violationsOf(file.replaceAll('\\', '/'), readFileSync(join(root, file), 'utf8'), exportsOf(root)))
}

function exportsOf(root: string): (name: string) => readonly string[] {
  return (name) => {
    const folder = name.replace('@odradek/', '')
    try {
      return Object.keys(JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')).exports)
    } catch {
      return []
    }
  }
}

/** Exported for its own test: violations of one file. `faces` gives the exports of a package by its npm name. */
export function violationsOf(file: string, text: string, faces: (name: string) => readonly string[]): string[] {
  const [, owner, kind] = /^packages\/([^/]+)\/(src|test)\//.exec(file) ?? [undefined, undefined, 'test']
  const isSource = kind === 'src'
  const violations = importsOf(text).flatMap((specifier) => wrongImport({ file, owner, isSource, specifier, faces }))
  if (isSource && !outsideAllowed.test(file) && !globalsAllowed.test(file) && !file.includes('/generated/')) {
    const match = outsideGlobals.exec(withoutComments(text))
    if (match !== null) violations.push(`${match[0]} outside of world: take it from a port`)
  }
  return violations.map((violation) => `${file}: ${violation}`)
}

interface Import {
  file: string
  owner: string | undefined
  isSource: boolean
  specifier: string
  faces: (name: string) => readonly string[]
}

function wrongImport({ file, owner, isSource, specifier, faces }: Import): string[] {
  if (specifier.startsWith('.')) return owner === undefined ? [] : wrongRelative(file, owner, isSource, specifier)
  const [, name, subpath] = /^(@odradek\/[^/]+|odradek)(\/.*)?$/.exec(specifier) ?? []
  if (name === undefined) {
    const isOutside = isSource && outsideModules.test(specifier) && !outsideAllowed.test(file)
    return isOutside ? [`imports ${specifier}, which only packages/world/src/node may`] : []
  }
  const target = name.replace('@odradek/', '')
  const wrong: string[] = []
  if (!faces(name).includes(`.${subpath ?? ''}`)) wrong.push(`imports ${specifier}, which is not a face of ${name}`)
  if (isSource && target === owner) wrong.push(`imports its own face ${specifier}`)
  else if (isSource && owner !== 'testkit' && !reachable(owner as string).has(target))
    wrong.push(`imports ${specifier}: ${owner} may not use ${target}`)
  return wrong
}

function wrongRelative(file: string, owner: string, isSource: boolean, specifier: string): string[] {
  const target = relative('.', join(dirname(file), specifier)).replaceAll('\\', '/')
  if (!target.startsWith(`packages/${owner}/`)) return [`imports ${specifier}, which is outside of its package`]
  if (isSource && target === `packages/${owner}/src/index.ts`) return ['imports the index.ts of its own package']
  return []
}

function reachable(owner: string): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (name: string) => {
    for (const next of layers[name]?.mayImport ?? []) {
      if (found.has(next)) continue
      found.add(next)
      visit(next)
    }
  }
  visit(owner)
  return found
}

function importsOf(text: string): string[] {
  const code = withoutComments(text)
  const patterns = [
    /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/g,
    /(?:^|\n)\s*import\s*['"]([^'"]+)['"]/g,
    /\bimport\(\s*['"]([^'"]+)['"]/g
  ]
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]))
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/[^\n]*/g, '$1')
}
