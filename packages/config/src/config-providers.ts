/**
 * config.providers (KIP-297, KIP-421): values that name where they are: `${provider:path:key}`, `${provider:key}`.
 *
 * The three providers of Apache Kafka, by their class names. Looked up once, when settings are read, and only what the owner of a process
 * wrote: never what a client changes over the network. A value is looked up once; what it holds is not looked at again. Where Kafka leaves
 * a reference as it stands (no such key, path not allowed), this refuses it: a password is never the text of a reference.
 */
import { posix } from 'node:path'
import { closest, OdradekError } from '@odradek/base'
import { configInvalid, invalidValue } from './config-error.ts'
import { parseProperties } from './properties.ts'

/** What providers may read: @odradek/world/node has that of the machine. */
export interface ProviderSources {
  readonly env: Readonly<Record<string, string | undefined>>
  kindOf(path: string): 'file' | 'directory' | 'other' | undefined
  /** Throws when it cannot be read, with the reason for a message. */
  readText(path: string): string
}

export interface ResolvedProviders {
  readonly texts: Map<string, string>
  /** The settings whose value came from a provider. */
  readonly looked: ReadonlySet<string>
  readonly hasProviders: boolean
  readonly warnings: readonly string[]
}

type Texts = ReadonlyMap<string, string>

/** The value, or why there is none. */
type Found = { readonly value: string } | { readonly reason: string }
type Provider = (path: string, key: string) => Found

interface ProviderKind {
  readonly parameter: string
  configure(parameter: string | undefined, name: string, sources: ProviderSources): Provider
}

const PACKAGE = 'org.apache.kafka.common.config.provider.'
const kinds: ReadonlyMap<string, ProviderKind> = new Map([
  [`${PACKAGE}EnvVarConfigProvider`, { parameter: 'allowlist.pattern', configure: environmentProvider }],
  [`${PACKAGE}FileConfigProvider`, { parameter: 'allowed.paths', configure: fileProvider }],
  [`${PACKAGE}DirectoryConfigProvider`, { parameter: 'allowed.paths', configure: directoryProvider }]
])

const SETTING = 'config.providers'
const reference = /\$\{([^:}]*):(?:([^:}]*):)?([^}]*)\}/g

/** `config.providers` and what belongs to it: nothing that a client or broker knows once its settings are looked up. */
export const isProviderSetting = (name: string): boolean => name === SETTING || name.startsWith(`${SETTING}.`)

/** Throws CONFIG_INVALID. Texts stay as they are when no provider is named. */
export function resolveConfigProviders(texts: Texts, sources: ProviderSources): ResolvedProviders {
  const providers = new Map<string, Provider>()
  const names = providerNames(texts)
  for (const name of names) {
    const provider = configuredProvider(name, texts, sources)
    if (provider !== undefined) providers.set(name, provider)
  }
  const resolved = new Map(texts)
  const looked = new Set<string>()
  for (const [setting, text] of names.length === 0 ? [] : texts) {
    if (isProviderSetting(setting)) continue
    const value = text.replace(reference, (whole, name: string, path: string | undefined, key: string) => {
      const found = providers.get(name)?.(path ?? '', key)
      // It may be half of a password.
      if (found === undefined) throw configInvalid(`${setting}: \${${name}:…} was not found: ${noProvider(name, names)}`)
      if ('value' in found) return found.value
      throw configInvalid(`${setting}: ${whole} was not found: ${found.reason}`)
    })
    if (value === text) continue
    resolved.set(setting, value)
    looked.add(setting)
  }
  return { texts: resolved, looked, hasProviders: names.length > 0, warnings: unknownParameters(texts, names) }
}

function providerNames(texts: Texts): string[] {
  const listed = (texts.get(SETTING) ?? '').split(',').map((name) => name.trim())
  return [...new Set(listed.filter((name) => name !== ''))]
}

/** Without a class it is none, as in Kafka. */
function configuredProvider(name: string, texts: Texts, sources: ProviderSources): Provider | undefined {
  const setting = `${SETTING}.${name}.class`
  const className = texts.get(setting)?.trim()
  if (className === undefined) return undefined
  const kind = kinds.get(className)
  if (kind === undefined) {
    const known = [...kinds.keys()].join(', ')
    throw invalidValue(setting, className, `Could not load config provider class or one of its dependencies. Known here: ${known}`)
  }
  const parameter = `${SETTING}.${name}.param.${kind.parameter}`
  return kind.configure(texts.get(parameter), parameter, sources)
}

function noProvider(name: string, names: readonly string[]): string {
  return names.includes(name)
    ? `${SETTING}.${name}.class is not set`
    : `${SETTING} names no provider "${name}", only ${names.map((each) => `"${each}"`).join(', ')}`
}

function unknownParameters(texts: Texts, names: readonly string[]): string[] {
  const known = names.flatMap((name) => {
    const kind = kinds.get(texts.get(`${SETTING}.${name}.class`)?.trim() ?? '')
    return [`${SETTING}.${name}.class`, ...(kind === undefined ? [] : [`${SETTING}.${name}.param.${kind.parameter}`])]
  })
  const unknown = [...texts.keys()].filter((name) => name !== SETTING && isProviderSetting(name) && !known.includes(name))
  return unknown.map((name) => {
    const meant = closest(name, known)
    return `${name} belongs to no provider that ${SETTING} names: it is ignored${meant === undefined ? '' : `; did you mean ${meant}?`}`
  })
}

function environmentProvider(pattern: string | undefined, parameter: string, { env }: ProviderSources): Provider {
  const isAllowed = pattern === undefined ? undefined : wholeMatch(pattern, parameter)
  return (path, key) => {
    if (path !== '') throw configInvalid(`Path is not supported for EnvVarConfigProvider, invalid value '${path}'`)
    if (isAllowed?.test(key) === false) return { reason: `${parameter} does not allow this variable` }
    const value = env[key]
    return value === undefined ? { reason: 'the environment of this process has no such variable' } : { value }
  }
}

function wholeMatch(pattern: string, parameter: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`)
  } catch (error) {
    throw invalidValue(parameter, pattern, (error as Error).message)
  }
}

function fileProvider(allowedPaths: string | undefined, parameter: string, sources: ProviderSources): Provider {
  const allow = pathsAllowed(allowedPaths, parameter, sources)
  const files = new Map<string, Texts>()
  return (path, key) => {
    if (path === '') return { reason: 'it has no path between provider and key' }
    const allowed = allow(path)
    if (typeof allowed !== 'string') return allowed
    let properties = files.get(allowed)
    if (properties === undefined) {
      properties = parseProperties(readText(sources, allowed, `Could not read properties from file ${path}`))
      files.set(allowed, properties)
    }
    const value = properties.get(key)
    return value === undefined ? { reason: `${path} has no key "${key}"` } : { value }
  }
}

function directoryProvider(allowedPaths: string | undefined, parameter: string, sources: ProviderSources): Provider {
  const allow = pathsAllowed(allowedPaths, parameter, sources)
  return (path, key) => {
    if (path === '') return { reason: 'it has no path between provider and key' }
    const allowed = allow(path)
    if (typeof allowed !== 'string') return allowed
    if (sources.kindOf(allowed) !== 'directory') return { reason: `${path} is not a directory` }
    const file = posix.join(allowed, key)
    const isNameOfFile = key !== '' && !key.includes('/') && sources.kindOf(file) === 'file'
    if (!isNameOfFile) return { reason: `${path} has no file "${key}"` }
    return { value: readText(sources, file, `Could not read file ${file} for property ${key}`) }
  }
}

/** The path to read, or why not. Links are followed, as Kafka follows them: who may write there may name what is read. */
function pathsAllowed(
  list: string | undefined,
  parameter: string,
  sources: ProviderSources
): (path: string) => string | { reason: string } {
  if (list === undefined || list === '') return (path) => path
  const roots = list.split(',').map(normalized)
  for (const root of roots) {
    if (!root.startsWith('/'))
      throw configInvalid(`Path ${root} is not absolute: ${parameter} takes absolute paths, with commas between them`)
    if (sources.kindOf(root) === undefined) throw configInvalid(`Path ${root} does not exist: make it, or take it out of ${parameter}`)
  }
  return (path) => {
    const asked = normalized(path)
    const isInside = roots.some((root) => asked === root || asked.startsWith(root === '/' ? root : `${root}/`))
    return isInside ? asked : { reason: `${parameter} does not allow the path ${path}` }
  }
}

const normalized = (path: string): string => posix.normalize(path).replace(/(.)\/+$/, '$1')

function readText(sources: ProviderSources, path: string, failure: string): string {
  try {
    return sources.readText(path)
  } catch (error) {
    throw new OdradekError('CONFIG_INVALID', `${failure}: ${(error as Error).message}`, { cause: error })
  }
}
