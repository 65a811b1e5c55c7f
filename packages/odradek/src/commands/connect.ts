// The cluster that a command talks to: --brokers, --profile, ODRADEK_BROKERS, the current profile, localhost:9092.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { closest, OdradekError } from '@odradek/base'
import { withoutReferences } from '@odradek/cli/tool'
import type { Kafka } from '@odradek/client'
import type { Logger } from '@odradek/world'
import { type Arguments, usageError } from './arguments.ts'
import type { CommandIo } from './io.ts'
import { failureLines } from './missing-topic.ts'
import { type Profile, readProfiles } from './profiles.ts'

/** A person is told why nothing happens while the client tries on; what a program gets is the error at the end. */
function loggerOf(io: CommandIo): Logger {
  const isTold: Logger['isEnabled'] = (_level, name) => io.isErrorTerminal && name === 'odradek.client.Connection'
  return { isEnabled: isTold, log: (level, name, message) => void (isTold(level, name) && io.err(`${message}; trying on\n`)) }
}

/** Settings of clients by Kafka's names, and the brokers. */
export async function settingsOf(args: Arguments, io: CommandIo): Promise<{ brokers: string; settings: Record<string, string> }> {
  const profile = profileOf(args, io)
  const settings: Record<string, string> = { ...profile?.settings }
  const file = args.text('command-config')
  if (file !== undefined) {
    const { parseProperties } = await import('@odradek/config')
    Object.assign(settings, Object.fromEntries(parseProperties(readText(file, io))))
  }
  const given = args.pairs('set')
  if (args.has('set')) await checkNames(Object.keys(given))
  Object.assign(settings, given)
  const named = settings['bootstrap.servers']
  delete settings['bootstrap.servers']
  return { brokers: args.text('brokers') ?? named ?? profile?.brokers ?? io.env.ODRADEK_BROKERS ?? 'localhost:9092', settings }
}

/** The same with what references (config.providers) refer to. Not for what is kept: a profile holds the references. */
async function lookedUp({ brokers, settings }: Awaited<ReturnType<typeof settingsOf>>, io: CommandIo): ReturnType<typeof settingsOf> {
  const given = new Map(Object.entries({ ...settings, 'bootstrap.servers': brokers }))
  const { 'bootstrap.servers': found, ...others } = Object.fromEntries(await withoutReferences(given, io))
  return { brokers: found, settings: others }
}

/** What no client has is a mistake. What another kind of client has may stand in a profile or a file, and so here too. */
async function checkNames(names: readonly string[]): Promise<void> {
  const { adminConfigDefinitions, consumerConfigDefinitions, producerConfigDefinitions } = await import('@odradek/config')
  const known = new Set([adminConfigDefinitions, consumerConfigDefinitions, producerConfigDefinitions].flatMap((each) => [...each.keys()]))
  for (const name of names) {
    if (known.has(name) || name.startsWith('config.providers.')) continue
    const meant = closest(name, [...known])
    throw usageError(`No client has a setting ${name}${meant === undefined ? '' : `: did you mean ${meant}?`}`)
  }
}

function profileOf(args: Arguments, io: CommandIo): Profile | undefined {
  const asked = args.text('profile')
  if (asked === undefined && (args.has('brokers') || io.env.ODRADEK_BROKERS !== undefined)) return undefined
  const { current, profiles } = readProfiles(io)
  const name = asked ?? current
  if (name === undefined) return undefined
  const found = profiles[name]
  if (found === undefined)
    throw new OdradekError('PROFILE_UNKNOWN', `There is no profile ${name}. Known: ${Object.keys(profiles).join(', ') || 'none'}.`)
  return found
}

function readText(path: string, io: CommandIo): string {
  try {
    return readFileSync(resolve(io.cwd, path), 'utf8')
  } catch (error) {
    throw new OdradekError('FILE_UNREADABLE', `${path} cannot be read: ${(error as Error).message}`)
  }
}

/** A cluster for the time of `use`. An error of Kafka's says what, at which cluster, and what to do about it. */
export async function withKafka<T>(
  args: Arguments,
  io: CommandIo,
  use: (kafka: Kafka, settings: Readonly<Record<string, string>>) => Promise<T>
): Promise<T> {
  const { brokers, settings } = await lookedUp(await settingsOf(args, io), io)
  const { Kafka, PartialFailureError } = await import('@odradek/client')
  await using kafka = new Kafka({ brokers, logger: loggerOf(io) })
  try {
    return await use(kafka, { 'default.api.timeout.ms': '15000', ...settings })
  } catch (error) {
    if (error instanceof PartialFailureError)
      throw new OdradekError('ITEMS_FAILED', (await failureLines(error.errors, kafka.admin())).join('\n'), { cause: error })
    const { code, message } = error as OdradekError
    if (code === 'REQUEST_TIMED_OUT')
      throw new OdradekError(
        'CLUSTER_UNREACHABLE',
        `No answer from ${brokers}: ${message}\nIs a broker running there? Name another one with --brokers.`,
        { cause: error }
      )
    throw error
  }
}

/** Admin settings only: what a profile has for producers and consumers is passed over. */
export async function adminSettings(settings: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const { adminConfigDefinitions } = await import('@odradek/config')
  return Object.fromEntries(Object.entries(settings).filter(([name]) => adminConfigDefinitions.has(name)))
}
